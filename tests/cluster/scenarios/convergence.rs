//! From nothing to what is declared, and then nothing more.

use std::time::Duration;

use serde_json::{Value, json};
use testbed::{Event, simulator::Product};

use super::{
    Scenario,
    subject::{Subject, is_ours},
};
use crate::{bed::PATIENCE, ground::Ground};

pub async fn converges_from_empty<S: Scenario>(ground: &Ground) {
    let subject = Subject::<S>::ready(ground, "empty").await;
    subject.bed.remote.reset_requests();
    let object = subject.create("empty", json!({})).await;
    let status = &object["status"];
    assert_eq!(status["observedGeneration"], object["metadata"]["generation"]);
    assert!(is_ours::<S>(&object), "{status}");
    assert_eq!(status["plan"], Value::Null);
    assert!(status["lastChangeTime"].is_string(), "{status}");
    let conditions = status["conditions"].to_string();
    assert!(
        !conditions.contains("Reconciling") && !conditions.contains("Stalled"),
        "{conditions}"
    );
    assert_eq!(
        subject.bed.remote.writes(),
        S::WRITES,
        "{:?}",
        subject.bed.remote.requests().counts
    );
    assert_eq!(subject.creates(), 1);
    each_write_is_told(&subject, "empty").await;
}

/// One record in the log and one Event for each write.
async fn each_write_is_told<S: Scenario>(subject: &Subject<S>, name: &str) {
    let writes = usize::try_from(S::WRITES).unwrap();
    let logs = subject.bed.operator.logs();
    let name_in_log = format!("\"name\":\"{name}\"");
    let records = logs
        .lines()
        .filter(|line| line.contains("\"remote write\"") && line.contains(&name_in_log));
    assert_eq!(records.count(), writes);
    let expected = usize::try_from(S::EVENTS).unwrap();
    let normal = |events: &[Event]| events.iter().filter(|event| event.kind == "Normal").count();
    let began = tokio::time::Instant::now();
    loop {
        let events = subject.bed.namespace.events(name).await.unwrap();
        if normal(&events) == expected {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "not {expected} Events: {events:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

pub async fn in_sync_writes_nothing<S: Scenario>(ground: &Ground) {
    let mut subject = Subject::<S>::ready(ground, "insync").await;
    subject.create("insync", json!({})).await;
    if S::PRODUCT != Product::Launchpad {
        // A restart reads the slower lists anew: what they count must not have changed since they were read last.
        let inventory = json!({ "inventory": { "interval": "5s" } });
        subject.bed.apply(&subject.bed.connection_with(inventory)).await;
        subject.bed.sweeps(2).await;
    }
    // What the object has changed in the numbers of its connection follows with the next look.
    subject.bed.sweeps(1).await;
    subject.bed.remote.reset_requests();
    let before = versions(&subject, "insync").await;
    subject.bed.sweeps(2).await;
    // Looks alone lead to no pass where nothing differs; a start does.
    subject.bed.operator.terminate().await.unwrap();
    subject.bed.operator.restart().await.unwrap();
    passed(&subject, "insync").await;
    subject.bed.sweeps(1).await;
    assert_eq!(
        subject.bed.remote.writes(),
        0,
        "{:?}",
        subject.bed.remote.requests().counts
    );
    assert_eq!(versions(&subject, "insync").await, before, "no status was written");
}

/// Waits until this process has passed over the object and found it in sync.
async fn passed<S: Scenario>(subject: &Subject<S>, name: &str) {
    let began = tokio::time::Instant::now();
    while subject.bed.reconciles_of_this_process(S::KIND).await == 0 {
        assert!(began.elapsed() < PATIENCE, "no reconcile of a {}", S::KIND);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    subject.wait(name, "Ready=True/InSync").await;
}

async fn versions<S: Scenario>(subject: &Subject<S>, name: &str) -> Vec<Value> {
    let connection = subject.bed.connection;
    let mut versions = Vec::new();
    for (kind, name) in [(S::KIND, name), (connection.kind, connection.name)] {
        let object = subject.bed.namespace.get(kind, name).await.unwrap();
        versions.push(object["metadata"]["resourceVersion"].clone());
    }
    versions
}
