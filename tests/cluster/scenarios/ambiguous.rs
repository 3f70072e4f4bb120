//! Writes whose outcome is unknown: the answer was lost, or the remote side goes on after we gave up.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    Scenario,
    subject::{Subject, is_ours, origin},
};
use crate::{
    bed::{Findings, PATIENCE},
    ground::Ground,
};

/// Longer than a call may take, and than the next try takes to come.
const LATE: Duration = Duration::from_secs(14);
/// Long enough for two sweeps, and for a task that waits 15 s after its lost call before it writes again.
const SOON: Duration = Duration::from_secs(20);

pub async fn a_write_whose_outcome_is_unknown_stays_on_record<S: Scenario>(ground: &Ground) {
    let subject = Subject::<S>::ready(ground, "ambiguous").await;
    let bed = &subject.bed;
    let mut findings = Findings::default();
    for name in ["dropped", "late"] {
        subject.create(name, json!({})).await;
    }
    for name in ["gone", "throttled"] {
        subject.prepare(name);
    }
    bed.sweeps(1).await;
    dropped(&subject, &mut findings).await;

    widen_and_go_back(
        &subject,
        "late",
        &[json!({ "kind": "late", "millis": LATE.as_millis() })],
    )
    .await;
    let began = Instant::now();
    late_creates(&subject, &mut findings).await;

    bed.until("the late write", || {
        S::surplus(&bed.remote, "late") || began.elapsed() > LATE + Duration::from_secs(1)
    })
    .await;
    let withdrawn = becomes(SOON, || !S::surplus(&bed.remote, "late")).await;
    findings.check(
        withdrawn,
        "late: what was written after we gave up stays although it is not declared",
    );
    findings.none();
    for name in ["dropped", "late", "throttled"] {
        subject.converged(name).await;
    }
}

/// The spec changes and changes back while the answer to the write of the first change is on its way.
async fn widen_and_go_back<S: Scenario>(subject: &Subject<S>, name: &str, faults: &[Value]) {
    subject.bed.remote.clear_faults();
    subject.bed.remote.reset_requests();
    for fault in faults {
        subject
            .bed
            .remote
            .fault(json!({ "match": { "writes": true }, "fault": fault }));
    }
    subject.apply(name, S::widened(name)).await;
    subject
        .bed
        .until("the write", || subject.bed.remote.writes() == 1)
        .await;
    subject.apply(name, json!({})).await;
}

async fn dropped<S: Scenario>(subject: &Subject<S>, findings: &mut Findings) {
    let faults = [
        json!({ "kind": "latency", "millis": 1_500 }),
        json!({ "kind": "dropAfter" }),
    ];
    widen_and_go_back(subject, "dropped", &faults).await;
    let remote = &subject.bed.remote;
    let log = || remote.requests().log;
    let dropped = || {
        log()
            .iter()
            .any(|call| call.fault.as_deref() == Some("latency+dropAfter"))
    };
    assert!(dropped(), "the write met the fault: {:?}", log());
    becomes(Duration::from_secs(4), || S::surplus(remote, "dropped")).await;
    let withdrawn = becomes(SOON, || !S::surplus(remote, "dropped")).await;
    findings.check(withdrawn, "dropped: what was written stays although it is not declared");
}

/// One object goes while it is made; another one has to wait before its next try.
async fn late_creates<S: Scenario>(subject: &Subject<S>, findings: &mut Findings) {
    let remote = &subject.bed.remote;
    let create = S::CREATES[0];
    let late = json!({ "kind": "late", "millis": LATE.as_millis() });
    remote.fault(json!({ "match": { "operation": create }, "times": 2, "fault": late }));
    remote.fault(json!({
        "match": { "operation": create }, "nth": 3, "times": 3,
        "fault": { "kind": "status", "status": 429, "retryAfter": "5" },
    }));
    for (name, creates) in [("gone", 1), ("throttled", 2)] {
        subject.apply(name, json!({})).await;
        subject
            .bed
            .until("the create", || remote.count(create) >= creates)
            .await;
        if name == "gone" {
            subject.bed.namespace.delete(S::KIND, name).await.unwrap();
        }
    }
    let created = Instant::now();
    let gone = subject.bed.namespace.wait_gone(S::KIND, "gone", PATIENCE).await;
    findings.check(gone.is_ok(), "gone: the deletion does not end");
    tokio::time::sleep_until(created + LATE + Duration::from_secs(1)).await;
    let left = subject.declared("gone");
    let harmless = becomes(Duration::from_secs(2), || is_taken_away::<S>(&subject.declared("gone"))).await;
    findings.check(harmless, &format!("gone: left behind: {left}"));

    let in_sync = subject
        .bed
        .namespace
        .wait_for_condition(S::KIND, "throttled", "Ready=True/InSync", Duration::from_secs(30))
        .await;
    match in_sync {
        Ok(object) => findings.check(
            is_ours::<S>(&object),
            &format!("throttled: origin {} of what we made", origin(&object)),
        ),
        Err(error) => findings.check(false, &format!("throttled: {error:#}")),
    }
}

/// Whether nothing is left that the deletion of an object that we made takes away.
fn is_taken_away<S: Scenario>(declared: &Value) -> bool {
    let leaves = S::deletions("gone")
        .into_iter()
        .find(|deletion| !deletion.adopted && deletion.policy.is_none())
        .map(|deletion| deletion.leaves)
        .unwrap();
    match (declared, leaves) {
        (Value::Null, _) => true,
        // The deletion of a task takes nothing away.
        (declared, leaves) if *declared == leaves => true,
        (_, Value::Object(leaves)) => leaves
            .iter()
            .filter(|(_, value)| **value == false)
            .all(|(name, _)| declared[name] == false),
        _ => false,
    }
}

/// Whether something comes about within a time.
async fn becomes(within: Duration, holds: impl Fn() -> bool) -> bool {
    let began = Instant::now();
    while began.elapsed() < within {
        if holds() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    holds()
}
