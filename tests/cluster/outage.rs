//! The node goes away and comes back.

use std::time::Duration;

use serde_json::{Value, json};

use crate::bed::{Bed, user};

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_shows_on_the_connection_and_not_on_what_was_ready() {
    let bed = Bed::ready("outage").await;
    bed.apply(&user("jane", json!({ "displayName": "Jane" }))).await;
    let before = bed.wait("DssUser", "jane", "Ready=True/InSync").await;
    bed.remote
        .fault(json!({ "match": {}, "times": 0, "fault": { "kind": "dropBefore" } }));
    bed.wait("DssInstance", "design", "Ready=False/Unavailable").await;
    bed.remote.reset_requests();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(
        bed.remote.requests().total <= 6,
        "a dead node is not hammered: {:?}",
        bed.remote.requests().counts
    );
    let during = bed.namespace.get("DssUser", "jane").await.unwrap();
    assert_eq!(
        during["metadata"]["resourceVersion"],
        before["metadata"]["resourceVersion"]
    );

    bed.remote.clear_faults();
    bed.remote
        .patch_state(json!({ "users": { "jane": { "displayName": "Changed meanwhile" } } }))
        .unwrap();
    bed.until("the repair", || {
        bed.user("jane").is_some_and(|jane| jane["displayName"] == "Jane")
    })
    .await;
    bed.wait("DssInstance", "design", "Ready=True/InSync").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_failure_is_no_outage() {
    let bed = Bed::ready("hiccup").await;
    let before = transition(&bed).await;
    bed.remote
        .fault(json!({ "match": { "operation": "D1" }, "times": 2, "fault": { "kind": "status", "status": 500 } }));
    bed.until("two failures", || {
        bed.remote.requests().log.iter().filter(|one| one.status == 500).count() == 2
    })
    .await;
    bed.sweeps(1).await;
    bed.wait("DssInstance", "design", "Ready=True/InSync").await;
    assert_eq!(transition(&bed).await, before, "Ready never went");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_under_load_shows_on_the_connection_and_ends_when_the_node_is_back() {
    let bed = Bed::ready("underload").await;
    bed.remote
        .fault(json!({ "match": {}, "times": 0, "fault": { "kind": "dropBefore" } }));
    for n in 0..40 {
        bed.apply(&user(&format!("user-{n}"), json!({}))).await;
    }
    bed.wait("DssInstance", "design", "Ready=False/Unavailable").await;
    bed.remote.clear_faults();
    bed.wait("DssInstance", "design", "Ready=True/InSync").await;
    for n in 0..40 {
        bed.wait("DssUser", &format!("user-{n}"), "Ready=True/InSync").await;
    }
    assert_eq!(
        bed.remote
            .requests()
            .log
            .iter()
            .filter(|one| one.operation == "D2" && one.status == 200)
            .count(),
        40
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_only_asks_for_patience_is_unavailable_all_the_same() {
    let bed = Bed::ready("patience").await;
    let fault = json!({ "kind": "status", "status": 503, "retryAfter": "1" });
    bed.remote.fault(json!({ "match": {}, "times": 0, "fault": fault }));
    bed.wait("DssInstance", "design", "Ready=False/Unavailable").await;
    bed.remote.clear_faults();
    bed.wait("DssInstance", "design", "Ready=True/InSync").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_allowance_starves_neither_the_objects_nor_the_look_at_the_node() {
    let bed = Bed::ready("allowance").await;
    bed.apply(&bed.connection_with(json!({ "limits": { "concurrency": 2, "requestsPerSecond": 10 } })))
        .await;
    bed.wait("DssInstance", "design", "Ready=True/InSync").await;
    for n in 0..60 {
        bed.apply(&user(&format!("user-{n}"), json!({}))).await;
    }
    let looks = bed.remote.count("D1");
    for n in 0..60 {
        bed.wait("DssUser", &format!("user-{n}"), "Ready=True/InSync").await;
    }
    assert!(bed.remote.count("D1") > looks, "the node was looked at meanwhile");
    let counts = bed.remote.requests().counts;
    assert!(counts["D3"] <= 60 * 3, "no pass gave up and began anew: {counts:?}");
}

async fn transition(bed: &Bed) -> Value {
    let instance = bed.namespace.get("DssInstance", "design").await.unwrap();
    instance["status"]["conditions"][0]["lastTransitionTime"].clone()
}
