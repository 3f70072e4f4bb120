//! What may happen while writes wait for their turn: the connection changes, the object changes, others want to read.

use std::time::Duration;

use serde_json::{Value, json};
use testbed::simulator::{InstanceConfig, Product, Simulator};

use crate::bed::{Bed, Findings, user};
use crate::ground::Ground;

/// Every call takes its time, so that many users wait for one another.
fn slow(millis: u64) -> Value {
    json!({ "match": { "writes": true }, "times": 0, "fault": { "kind": "latency", "millis": millis } })
}

async fn apply_many(bed: &Bed, prefix: &str, count: usize) -> Vec<String> {
    let names: Vec<_> = (0..count).map(|n| format!("{prefix}-{n:02}")).collect();
    let objects: Vec<_> = names.iter().map(|name| user(name, json!({}))).collect();
    futures::future::join_all(objects.iter().map(|object| bed.apply(object))).await;
    names
}

/// Few calls at one time, and the rest of the spec as given.
fn narrow(bed: &Bed, extra: Value) -> Value {
    let limits = json!({ "limits": { "concurrency": 3 } });
    bed.connection_with(crate::bed::merged(limits, extra))
}

in_memory!(a_key_that_is_taken_back_and_a_url_that_changes_stop_every_write_that_waits);
async fn a_key_that_is_taken_back_and_a_url_that_changes_stop_every_write_that_waits(ground: &Ground) {
    let bed = Bed::one_by_one(ground, "takenback").await;
    let simulator = Simulator::start().await.unwrap();
    let elsewhere = simulator.instance(InstanceConfig::new(Product::Dss)).await.unwrap();
    let mut findings = Findings::default();
    for change in ["key", "url"] {
        bed.apply(&narrow(&bed, json!({}))).await;
        bed.give_credentials().await;
        bed.wait("DssInstance", "design", "Ready=True/InSync").await;
        bed.remote.reset_requests();
        bed.remote.fault(slow(1_500));
        let names = apply_many(&bed, change, 16).await;
        bed.until("the first writes", || bed.remote.writes() >= 2).await;
        // The old key still works on the old node: that nothing is written is up to the operator.
        if change == "key" {
            let wrong = [("apiKey", "taken-back")];
            bed.namespace.secret("design-admin", &wrong).await.unwrap();
        } else {
            bed.apply(&narrow(&bed, json!({ "url": elsewhere.url() }))).await;
        }
        bed.wait("DssInstance", "design", "Ready=False/Forbidden").await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let sent = bed.remote.writes();
        assert!(sent < 16, "{change}: all {sent} writes were sent before");
        tokio::time::sleep(Duration::from_secs(4)).await;
        let later = bed.remote.writes() - sent;
        findings.check(
            later == 0,
            &format!("{change}: {later} writes with what was no longer in force"),
        );

        bed.remote.clear_faults();
        bed.apply(&narrow(&bed, json!({}))).await;
        bed.give_credentials().await;
        for name in &names {
            bed.wait("DssUser", name, "Ready=True/InSync").await;
        }
    }
    assert_eq!(elsewhere.writes(), 0, "the key of one node means nothing to another");
    findings.none();
}

in_memory!(an_account_that_was_enabled_for_a_moment_is_not_enabled_later);
async fn an_account_that_was_enabled_for_a_moment_is_not_enabled_later(ground: &Ground) {
    let bed = Bed::one_by_one(ground, "enabled").await;
    bed.apply(&narrow(&bed, json!({}))).await;
    bed.apply(&user("xavier", json!({ "enabled": false }))).await;
    bed.wait("DssUser", "xavier", "Ready=True/InSync").await;
    bed.wait("DssInstance", "design", "Ready=True/InSync").await;
    bed.remote.reset_requests();
    bed.remote.fault(slow(1_000));
    bed.remote
        .fault(json!({ "match": { "operation": "D3" }, "times": 0, "fault": { "kind": "latency", "millis": 700 } }));
    apply_many(&bed, "queued", 12).await;
    bed.until("a queue", || bed.remote.writes() >= 3).await;
    bed.apply(&user("xavier", json!({ "enabled": true }))).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    bed.apply(&user("xavier", json!({ "enabled": false }))).await;

    // A write that was sent while the spec asked for it may arrive now; a later one may not enable anybody.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let enabled = || bed.user("xavier").unwrap()["enabled"] == true;
    bed.until("the last word", || !enabled()).await;
    let began = tokio::time::Instant::now();
    while began.elapsed() < Duration::from_secs(14) {
        assert!(!enabled(), "enabled {:?} after the spec said no", began.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bed.remote.clear_faults();
    bed.wait("DssUser", "xavier", "Ready=True/InSync").await;
}

in_memory!(no_more_calls_are_under_way_than_the_connection_allows);
async fn no_more_calls_are_under_way_than_the_connection_allows(ground: &Ground) {
    let bed = ground.ready("atonce").await;
    bed.apply(&bed.connection_with(json!({ "limits": { "concurrency": 2 } })))
        .await;
    bed.wait("DssInstance", "design", "Ready=True/InSync").await;
    bed.remote
        .fault(json!({ "match": {}, "times": 0, "fault": { "kind": "latency", "millis": 250 } }));
    tokio::time::sleep(Duration::from_secs(1)).await;
    bed.remote.reset_requests();
    let names = apply_many(&bed, "user", 24).await;
    bed.sweeps(2).await;
    // The sweep and the two readings of the inventory come in addition, as the schema says.
    assert!(bed.remote.requests().peak <= 5, "{}", bed.remote.requests().peak);
    bed.remote.clear_faults();
    for name in names {
        bed.wait("DssUser", &name, "Ready=True/InSync").await;
    }
}

in_memory!(a_change_of_terms_interrupts_nothing_and_is_no_reason_to_reconcile_every_object);

/// How often it is read, for example, says nothing about how the node is reached or what it holds.
async fn a_change_of_terms_interrupts_nothing_and_is_no_reason_to_reconcile_every_object(ground: &Ground) {
    let bed = Bed::one_by_one(ground, "terms").await;
    bed.remote.fault(slow(400));
    let names = apply_many(&bed, "user", 20).await;
    for seconds in 6..9 {
        let terms = json!({ "driftInterval": format!("{seconds}s"), "allowedNamespaces": { "from": "Same" } });
        bed.apply(&bed.connection_with(terms)).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    for name in &names {
        bed.wait("DssUser", name, "Ready=True/InSync").await;
    }
    let log = bed.remote.requests().log;
    let creates: Vec<_> = log.iter().filter(|call| call.method == "POST").collect();
    assert_eq!(
        creates.len(),
        20,
        "each user is made by one call: {:?}",
        bed.remote.requests().counts
    );

    bed.remote.clear_faults();
    bed.wait("DssInstance", "design", "Ready=True/InSync").await;
    bed.sweeps(1).await;
    let before = bed.reconciles("DssUser").await;
    bed.apply(&bed.connection_with(json!({ "driftInterval": "5s" }))).await;
    bed.wait("DssInstance", "design", "Ready=True/InSync").await;
    bed.sweeps(2).await;
    let reconciles = bed.reconciles("DssUser").await - before;
    assert!(reconciles <= 5, "{reconciles} reconciles of 20 users in sync");
}
