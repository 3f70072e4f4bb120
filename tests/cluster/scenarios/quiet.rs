//! What fails again and again says so once.

use std::time::Duration;

use serde_json::json;

use super::{Scenario, subject::Subject};
use crate::{bed::Findings, ground::Ground, history::History};

/// Long enough for three sweeps, and for the tries that follow three failures.
const WHILE: Duration = Duration::from_secs(17);

pub async fn what_fails_again_is_told_once<S: Scenario>(ground: &Ground) {
    let subject = Subject::<S>::ready(ground, "quiet").await;
    let bed = &subject.bed;
    subject.create("unstored", json!({})).await;
    subject.prepare("failing");
    bed.sweeps(1).await;
    let broken = S::broken(&bed.remote, "unstored");
    bed.remote.fault(json!({
        "match": { "writes": true }, "times": 0,
        "fault": { "kind": "edit", "when": "after", "patch": broken },
    }));
    bed.remote.fault(json!({
        "match": { "operation": S::CREATES[0] }, "times": 0,
        "fault": { "kind": "status", "status": 500, "body": { "errorType": "x.y.NoSeat", "message": "no seat left" } },
    }));
    let told = bed.events("unstored", "Normal").await.len();
    subject.edit(broken);
    subject.apply("failing", json!({})).await;
    subject.wait("unstored", "Ready=False/AcceptedButNotStored").await;
    subject.wait("failing", "Ready=False/Unavailable").await;
    tokio::time::sleep(Duration::from_millis(500)).await;

    bed.remote.reset_requests();
    let unstored = History::of(&bed.namespace, S::KIND, "unstored").await;
    let failing = History::of(&bed.namespace, S::KIND, "failing").await;
    tokio::time::sleep(WHILE).await;
    let mut findings = Findings::default();
    let writes = bed.remote.writes() - subject.creates();
    findings.check(writes == 0, &format!("unstored: written {writes} times more"));
    findings.check(
        unstored.status_writes() == 0,
        &format!(
            "unstored: {} status writes: {:?}",
            unstored.status_writes(),
            unstored.changes()
        ),
    );
    let updates = bed.events("unstored", "Normal").await.split_off(told);
    findings.check(updates.is_empty(), &format!("unstored: told as done: {updates:?}"));
    let warnings = bed.events("unstored", "Warning").await;
    findings.check(warnings.len() <= 1, &format!("unstored: {warnings:?}"));
    findings.check(
        failing.status_writes() == 0,
        &format!(
            "failing: {} status writes: {:?}",
            failing.status_writes(),
            failing.changes()
        ),
    );
    let warnings = bed.events("failing", "Warning").await;
    findings.check(warnings.len() <= 1, &format!("failing: {warnings:?}"));
    findings.none();

    // A change of the remote object is a reason to write again.
    bed.remote.clear_faults();
    subject.edit(S::disturbed(&bed.remote, "unstored"));
    subject.until_expected("unstored").await;
    subject.converged("unstored").await;
    subject.converged("failing").await;
}
