//! The node goes away and comes back.

use std::time::Duration;

use serde_json::{Value, json};

use crate::ground::Ground;
use crate::{
    bed::{Bed, user},
    history::History,
};

in_memory!(an_outage_shows_on_the_connection_and_not_on_what_was_ready);
async fn an_outage_shows_on_the_connection_and_not_on_what_was_ready(ground: &Ground) {
    let bed = ground.ready("outage").await;
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

in_memory!(one_failure_is_no_outage);
async fn one_failure_is_no_outage(ground: &Ground) {
    let bed = ground.ready("hiccup").await;
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

in_memory!(an_outage_under_load_shows_on_the_connection_and_ends_when_the_node_is_back);
async fn an_outage_under_load_shows_on_the_connection_and_ends_when_the_node_is_back(ground: &Ground) {
    let bed = Bed::one_by_one(ground, "underload").await;
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

in_memory!(a_node_that_only_asks_for_patience_is_unavailable_all_the_same);
async fn a_node_that_only_asks_for_patience_is_unavailable_all_the_same(ground: &Ground) {
    let bed = ground.ready("patience").await;
    let fault = json!({ "kind": "status", "status": 503, "retryAfter": "1" });
    bed.remote.fault(json!({ "match": {}, "times": 0, "fault": fault }));
    bed.wait("DssInstance", "design", "Ready=False/Unavailable").await;
    bed.remote.clear_faults();
    bed.wait("DssInstance", "design", "Ready=True/InSync").await;
}

in_memory!(a_slow_allowance_starves_neither_the_objects_nor_the_look_at_the_node);
async fn a_slow_allowance_starves_neither_the_objects_nor_the_look_at_the_node(ground: &Ground) {
    let bed = ground.ready("allowance").await;
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

in_memory!(a_server_that_closes_idle_connections_is_no_outage);
async fn a_server_that_closes_idle_connections_is_no_outage(ground: &Ground) {
    let bed = ground.ready("idle").await;
    bed.apply(&user("jane", json!({ "email": "a@example.com" }))).await;
    let jane = bed.wait("DssUser", "jane", "Ready=True/InSync").await;
    bed.sweeps(1).await;
    let before = transition(&bed).await;
    let history = History::of(&bed.namespace, "DssInstance", "design").await;
    // Whatever comes on a connection that was used before is lost with it.
    bed.remote.fault(json!({
        "match": { "method": "GET", "reused": true }, "times": 0, "fault": { "kind": "dropBefore" },
    }));
    bed.remote.reset_requests();
    tokio::time::sleep(Duration::from_secs(22)).await;
    assert!(bed.looks() >= 3, "sweeps go on: {:?}", bed.remote.requests().counts);
    assert_eq!(
        transition(&bed).await,
        before,
        "Ready never went: {:?}",
        history.states()
    );
    let during = bed.namespace.get("DssUser", "jane").await.unwrap();
    assert_eq!(
        during["metadata"]["resourceVersion"],
        jane["metadata"]["resourceVersion"]
    );
    // A read that is lost is read again, so an edit needs no second try.
    for (number, email) in ["b@example.com", "c@example.com", "d@example.com"]
        .into_iter()
        .enumerate()
    {
        bed.apply(&user("jane", json!({ "email": email }))).await;
        bed.until("the edit", || bed.user("jane").unwrap()["email"] == email)
            .await;
        bed.wait("DssUser", "jane", "Ready=True/InSync").await;
        let writes = bed.remote.writes();
        assert_eq!(writes, number as u64 + 1, "{:?}", bed.remote.requests().counts);
    }
}

in_memory!(a_sweep_comes_back_when_it_was_told_to);

/// Six connections to one node, each told once to come back in ten seconds.
async fn a_sweep_comes_back_when_it_was_told_to(ground: &Ground) {
    let bed = ground.start("retryafter", &[]).await;
    bed.give_credentials().await;
    let fault = json!({ "kind": "status", "status": 429, "retryAfter": "10" });
    bed.remote.fault(json!({ "match": {}, "times": 0, "fault": fault }));
    let mut connection = bed.connection_with(json!({}));
    for n in 0..6 {
        connection["metadata"]["name"] = json!(format!("design-{n}"));
        bed.apply(&connection).await;
    }
    bed.until("the refusals", || bed.remote.requests().total >= 6).await;
    tokio::time::sleep(Duration::from_secs(14)).await;
    let log = bed.remote.requests().log;
    let began = log[0].at;
    let times: Vec<_> = log.iter().map(|call| call.at - began).collect();
    let early = times.iter().filter(|after| (3_000..9_500).contains(*after));
    assert_eq!(early.count(), 0, "before the time: {times:?}");
    let again = times.iter().filter(|after| (9_500..14_000).contains(*after));
    assert!(again.count() >= 6, "each is back in time: {times:?}");
}
