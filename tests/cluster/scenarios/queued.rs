//! A write that waits for its turn is sent only if it still holds when the turn comes.

use std::time::Duration;

use serde_json::json;

use super::{Scenario, subject::Subject};
use crate::{bed::PATIENCE, ground::Ground};

/// Objects that wait for one another.
const MANY: usize = 12;
/// Calls that the connection makes at one time.
const CONCURRENCY: usize = 3;

/// Operations that create many users in one call.
const BULK: [&str; 2] = ["D6", "G6"];

pub async fn a_freeze_stops_every_write_that_waits<S: Scenario>(ground: &Ground) {
    let subject = Subject::<S>::ready(ground, "busy").await;
    let bed = &subject.bed;
    let connection =
        |freeze: bool| bed.connection_with(json!({ "limits": { "concurrency": CONCURRENCY }, "freeze": freeze }));
    bed.apply(&connection(false)).await;
    bed.wait(bed.connection.kind, bed.connection.name, "Ready=True/InSync")
        .await;
    bed.remote.reset_requests();
    // A write that is that of many waits for the one before, so long that the freeze comes in between.
    let latency = Duration::from_millis(if S::ONE_DOCUMENT { 3_000 } else { 1_500 });
    bed.remote.fault(json!({
        "match": { "writes": true }, "times": 0, "fault": { "kind": "latency", "millis": latency.as_millis() },
    }));
    let names: Vec<_> = (0..MANY).map(|n| format!("busy-{n:02}")).collect();
    for name in &names {
        subject.prepare(name);
    }
    let apply_all = |names: &[String]| {
        let all: Vec<_> = names.iter().map(|name| subject.object(name, json!({}))).collect();
        async move { futures::future::join_all(all.iter().map(|object| bed.apply(object))).await }
    };
    if S::ONE_DOCUMENT {
        // Together, all of them could be in the first write.
        apply_all(&names[..1]).await;
        bed.until("the first write", || bed.remote.writes() >= 1).await;
        apply_all(&names[1..]).await;
    } else {
        apply_all(&names).await;
        bed.until("the first writes", || bed.remote.writes() >= 2).await;
    }

    bed.apply(&connection(true)).await;
    bed.wait(bed.connection.kind, bed.connection.name, "Ready=True/InSync")
        .await;
    // What was sent before the status acknowledged the freeze may still arrive.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let sent = bed.remote.writes();
    assert!(sent < MANY as u64, "all {sent} writes were sent before the freeze");
    tokio::time::sleep(latency + Duration::from_millis(2_500)).await;
    assert_eq!(bed.remote.writes(), sent, "writes after the freeze was acknowledged");
    let mut frozen = 0;
    for name in &names {
        let at_rest = |object: &serde_json::Value| {
            let conditions = object["status"]["conditions"].to_string();
            conditions.contains("\"Frozen\"") || conditions.contains("\"InSync\"")
        };
        let object = bed.namespace.wait_for(S::KIND, name, at_rest, PATIENCE).await.unwrap();
        frozen += usize::from(object["status"]["conditions"].to_string().contains("\"Frozen\""));
    }
    // One document, or one call that creates many.
    let many_at_once = S::ONE_DOCUMENT || BULK.iter().any(|operation| bed.remote.count(operation) > 0);
    let written = if many_at_once {
        MANY - 1
    } else {
        usize::try_from(sent).unwrap()
    };
    assert!(frozen >= MANY - written, "{frozen} objects are frozen");

    bed.remote.clear_faults();
    bed.apply(&connection(false)).await;
    for name in &names {
        subject.converged(name).await;
    }
    if BULK.iter().any(|operation| bed.remote.count(operation) > 0) {
        return;
    }
    let creates = subject.creates_that_succeeded();
    let fewest = if S::ONE_DOCUMENT { 1 } else { MANY };
    assert!((fewest..=MANY).contains(&creates), "{creates} writes that create");
}

pub async fn what_waits_is_written_by_the_current_spec<S: Scenario>(ground: &Ground) {
    let subject = Subject::<S>::ready(ground, "current").await;
    let bed = &subject.bed;
    subject.create("current", json!({})).await;
    bed.sweeps(1).await;
    subject.prepare("other");
    bed.remote.reset_requests();
    // The answer to the write of another object suspends the whole connection.
    bed.remote.fault(json!({
        "match": { "writes": true }, "fault": { "kind": "status", "status": 429, "retryAfter": "4" },
    }));
    subject.apply("other", json!({})).await;
    bed.until("the refused write", || bed.remote.writes() == 1).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    subject.apply("current", S::varied("current")).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    subject.apply("current", json!({})).await;

    subject.converged("other").await;
    bed.sweeps(1).await;
    subject.converged("current").await;
    assert_eq!(
        bed.remote.writes(),
        1 + S::WRITES,
        "only the other object was written: {:?}",
        bed.remote.requests().log
    );
}
