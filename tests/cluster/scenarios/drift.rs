//! Changes that people make on the other side.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    Scenario,
    subject::{Subject, origin},
};
use crate::{bed::INTERVAL, ground::Ground};

pub async fn drift_is_repaired_within_the_interval<S: Scenario>(ground: &Ground) {
    let subject = Subject::<S>::ready(ground, "drift").await;
    subject.create("drift", json!({})).await;
    subject.bed.remote.reset_requests();
    subject.edit(S::broken(&subject.bed.remote, "drift"));
    let changed = Instant::now();
    assert_ne!(subject.declared("drift"), S::expected("drift"), "it was broken");
    subject.until_expected("drift").await;
    assert!(
        changed.elapsed() < INTERVAL + Duration::from_secs(2),
        "{:?}",
        changed.elapsed()
    );
    subject.bed.sweeps(2).await;
    assert_eq!(
        subject.bed.remote.writes(),
        1,
        "{:?}",
        subject.bed.remote.requests().counts
    );
    subject.converged("drift").await;
}

pub async fn what_somebody_removes_comes_back<S: Scenario>(ground: &Ground) {
    let subject = Subject::<S>::ready(ground, "removed").await;
    subject.create("removed", json!({})).await;
    subject.bed.remote.reset_requests();
    subject.edit(S::gone(&subject.bed.remote, "removed"));
    assert_eq!(subject.declared("removed"), Value::Null, "it was removed");
    subject.until_expected("removed").await;
    subject.bed.sweeps(1).await;
    let object = subject.converged("removed").await;
    assert_eq!(origin(&object), "Created");
    assert_eq!(subject.creates(), 1);
}

pub async fn what_is_not_managed_survives_a_write<S: Scenario>(ground: &Ground) {
    let subject = Subject::<S>::ready(ground, "survives").await;
    subject.create("survives", json!({})).await;
    let ours = subject.rest("survives");
    subject.edit(S::disturbed(&subject.bed.remote, "survives"));
    let theirs = subject.rest("survives");
    assert_ne!(theirs, ours, "it was disturbed");
    assert_eq!(
        subject.declared("survives"),
        S::expected("survives"),
        "outside of what is declared"
    );
    subject.bed.remote.reset_requests();
    subject.edit(S::broken(&subject.bed.remote, "survives"));
    subject.until_expected("survives").await;
    assert_eq!(subject.bed.remote.writes(), 1);
    // As text, so that the order of members and the form of numbers count.
    assert_eq!(subject.rest("survives").to_string(), theirs.to_string());
    subject.bed.sweeps(1).await;
    assert_eq!(
        subject.bed.remote.writes(),
        1,
        "{:?}",
        subject.bed.remote.requests().counts
    );
}
