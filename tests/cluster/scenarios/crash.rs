//! The operator killed at each remote write, and answers that get lost.

use serde_json::{Value, json};

use super::{
    Scenario,
    subject::{Subject, is_ours},
};
use crate::ground::Ground;

pub async fn killed_after_each_write_was_committed<S: Scenario>(ground: &Ground) {
    // The answer drips so slowly that the operator is killed while it waits for it.
    let fault = json!({ "kind": "slowDrip", "bytesPerSecond": 1 });
    killed_at_each_write::<S>(ground, "committed", fault, true).await;
}

pub async fn killed_before_each_write_was_handled<S: Scenario>(ground: &Ground) {
    let fault = json!({ "kind": "latency", "millis": 60_000 });
    killed_at_each_write::<S>(ground, "unhandled", fault, false).await;
}

/// One object for each write, one after the other: what was made before has to outlive the crashes that follow.
async fn killed_at_each_write<S: Scenario>(ground: &Ground, hint: &str, fault: Value, committed: bool) {
    let mut subject = Subject::<S>::ready(ground, hint).await;
    for n in 1..=S::WRITES {
        let name = format!("killed-{n}");
        spoil_write(&subject, n, &fault);
        subject.prepare(&name);
        subject.apply(&name, json!({})).await;
        subject
            .bed
            .until("the write", || subject.bed.remote.writes() == n)
            .await;
        subject.bed.operator.kill().await.unwrap();
        subject.bed.remote.clear_faults();
        subject.bed.operator.restart().await.unwrap();
        let object = subject.converged(&name).await;
        assert!(is_ours::<S>(&object), "killed at write {n}: it is ours");
        assert_eq!(
            subject.creates_that_succeeded(),
            // A committed write of which nobody knows what it has shown.
            1 + usize::from(is_made_again::<S>(n) && committed),
            "killed at write {n}: {:?}",
            subject.bed.remote.requests().log
        );
    }
    stays_as_it_is(&subject, "killed").await;
}

pub async fn answers_lost_at_each_write<S: Scenario>(ground: &Ground) {
    let subject = Subject::<S>::ready(ground, "lost").await;
    for n in 1..=S::WRITES {
        let name = format!("lost-{n}");
        spoil_write(&subject, n, &json!({ "kind": "dropAfter" }));
        let object = subject.create(&name, json!({})).await;
        assert!(subject.bed.remote.writes() >= n, "the answer to write {n} was lost");
        assert!(is_ours::<S>(&object), "answer {n} lost: it is ours");
        assert_eq!(
            subject.creates(),
            1 + u64::from(is_made_again::<S>(n)),
            "answer {n} lost: {:?}",
            subject.bed.remote.requests().counts
        );
        subject.bed.remote.clear_faults();
    }
    stays_as_it_is(&subject, "lost").await;
}

/// Whether this write is made again where its answer is lost.
fn is_made_again<S: Scenario>(n: u64) -> bool {
    (S::SHOWN_ONCE || S::STARTS_AGAIN) && n == 1
}

fn spoil_write<S: Scenario>(subject: &Subject<S>, n: u64, fault: &Value) {
    subject.bed.remote.reset_requests();
    subject
        .bed
        .remote
        .fault(json!({ "match": { "writes": true }, "nth": n, "fault": fault }));
}

async fn stays_as_it_is<S: Scenario>(subject: &Subject<S>, prefix: &str) {
    subject.stays_in_sync().await;
    for n in 1..=S::WRITES {
        subject.converged(&format!("{prefix}-{n}")).await;
    }
}
