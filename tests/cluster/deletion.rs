//! Deletion ends, whatever is missing, and does what the policy says.

use std::time::Duration;

use serde_json::json;

use crate::bed::{Bed, PATIENCE, group, user};
use crate::ground::Ground;

async fn delete(bed: &Bed, kind: &str, name: &str) {
    bed.namespace.delete(kind, name).await.unwrap();
    bed.namespace.wait_gone(kind, name, PATIENCE).await.unwrap();
}

in_memory!(a_connection_in_use_stays_and_says_by_whom);
async fn a_connection_in_use_stays_and_says_by_whom(ground: &Ground) {
    let bed = ground.ready("inuse").await;
    bed.apply(&user("jane", json!({ "deletionPolicy": "Delete" }))).await;
    bed.wait("DssUser", "jane", "Ready=True/InSync").await;
    bed.namespace.delete("DssInstance", "design").await.unwrap();
    bed.wait("DssInstance", "design", "Ready=False/Deleting").await;
    let message = bed.message("DssInstance", "design").await;
    assert_eq!(message, format!("in use by DssUser {}/jane", bed.namespace.name()));
    delete(&bed, "DssUser", "jane").await;
    assert!(bed.user("jane").is_none(), "the connection still worked");
    bed.namespace
        .wait_gone("DssInstance", "design", PATIENCE)
        .await
        .unwrap();
}

in_memory!(without_its_connection_an_object_goes_with_a_warning);
async fn without_its_connection_an_object_goes_with_a_warning(ground: &Ground) {
    let bed = ground.ready("orphan").await;
    bed.apply(&user("jane", json!({ "deletionPolicy": "Delete" }))).await;
    bed.wait("DssUser", "jane", "Ready=True/InSync").await;
    // Somebody takes the connection away by force.
    bed.namespace.delete("DssInstance", "design").await.unwrap();
    bed.namespace
        .patch(
            "DssInstance",
            "design",
            json!({ "metadata": { "annotations": { "dataiku-operator.io/force-release": "true" } } }),
        )
        .await
        .unwrap();
    bed.namespace
        .wait_gone("DssInstance", "design", PATIENCE)
        .await
        .unwrap();
    delete(&bed, "DssUser", "jane").await;
    let event = bed
        .namespace
        .wait_for_event("jane", "Released", PATIENCE)
        .await
        .unwrap();
    assert_eq!(event.kind, "Warning");
    assert!(event.note.contains("user jane stays as it is"), "{}", event.note);
    assert!(bed.user("jane").is_some());
}

in_cluster!(an_object_goes_with_the_last_credentials_after_the_connections_secret_is_gone);
async fn an_object_goes_with_the_last_credentials_after_the_connections_secret_is_gone(ground: &Ground) {
    let bed = ground.start("lastkey", &[]).await;
    bed.connect().await;
    bed.apply(&user("jane", json!({ "deletionPolicy": "Delete" }))).await;
    bed.wait("DssUser", "jane", "Ready=True/InSync").await;
    bed.namespace.delete("Secret", "design-admin").await.unwrap();
    bed.wait("DssInstance", "design", "Ready=False/DependencyNotReady")
        .await;
    bed.namespace.delete("DssUser", "jane").await.unwrap();
    bed.namespace.wait_gone("DssUser", "jane", PATIENCE).await.unwrap();
    assert_eq!(bed.user("jane"), None);
}

in_cluster!(a_restarted_operator_without_the_connections_secret_releases_an_object_after_a_while);
async fn a_restarted_operator_without_the_connections_secret_releases_an_object_after_a_while(ground: &Ground) {
    let mut bed = ground.start("nosecret", &["--release-after", "15s"]).await;
    bed.connect().await;
    bed.apply(&user("jane", json!({ "deletionPolicy": "Delete" }))).await;
    bed.wait("DssUser", "jane", "Ready=True/InSync").await;
    bed.namespace.delete("Secret", "design-admin").await.unwrap();
    bed.wait("DssInstance", "design", "Ready=False/DependencyNotReady")
        .await;
    // The last credentials are in memory only.
    bed.operator.restart().await.unwrap();
    bed.namespace.delete("DssUser", "jane").await.unwrap();
    bed.wait("DssUser", "jane", "Ready=False/Deleting").await;
    let message = bed.message("DssUser", "jane").await;
    assert!(
        message.contains("design-admin not found") && message.contains("force-release"),
        "{message}"
    );
    bed.namespace.wait_gone("DssUser", "jane", PATIENCE).await.unwrap();
    bed.namespace
        .wait_for_event("jane", "Released", PATIENCE)
        .await
        .unwrap();
    assert!(bed.user("jane").is_some());
}

in_cluster!(a_whole_namespace_goes);
async fn a_whole_namespace_goes(ground: &Ground) {
    let bed = ground.start("wholens", &["--release-after", "3s"]).await;
    bed.connect().await;
    bed.apply(&group("analysts", json!({}))).await;
    bed.apply(&user("jane", json!({ "groups": [{ "name": "analysts" }] })))
        .await;
    bed.wait("DssUser", "jane", "Ready=True/InSync").await;
    bed.namespace.remove(PATIENCE).await.unwrap();
    // The Secret goes with the namespace, and before what needs it.
    assert_eq!(bed.user("jane").unwrap()["enabled"], false, "nobody keeps access");
    assert_eq!(bed.group("analysts"), None);
}

in_memory!(a_deletion_waits_while_the_node_is_away_and_can_be_forced);
async fn a_deletion_waits_while_the_node_is_away_and_can_be_forced(ground: &Ground) {
    let bed = ground.ready("away").await;
    for name in ["jane", "max"] {
        bed.apply(&user(name, json!({ "deletionPolicy": "Delete" }))).await;
        bed.wait("DssUser", name, "Ready=True/InSync").await;
    }
    bed.remote
        .fault(json!({ "match": {}, "times": 0, "fault": { "kind": "dropBefore" } }));
    bed.wait("DssInstance", "design", "Ready=False/Unavailable").await;
    bed.namespace.delete("DssUser", "jane").await.unwrap();
    bed.namespace.delete("DssUser", "max").await.unwrap();
    bed.wait("DssUser", "jane", "Ready=False/Deleting").await;
    bed.namespace
        .patch(
            "DssUser",
            "jane",
            json!({ "metadata": { "annotations": { "dataiku-operator.io/force-release": "true" } } }),
        )
        .await
        .unwrap();
    bed.namespace.wait_gone("DssUser", "jane", PATIENCE).await.unwrap();
    bed.namespace
        .wait_for_event("jane", "Released", PATIENCE)
        .await
        .unwrap();
    bed.remote.clear_faults();
    bed.namespace.wait_gone("DssUser", "max", PATIENCE).await.unwrap();
    assert!(bed.user("jane").is_some() && bed.user("max").is_none());
}

in_memory!(a_connection_and_its_objects_go_also_after_a_restart);
async fn a_connection_and_its_objects_go_also_after_a_restart(ground: &Ground) {
    let mut bed = ground.ready("restartdel").await;
    bed.apply(&user("jane", json!({ "deletionPolicy": "Delete" }))).await;
    bed.wait("DssUser", "jane", "Ready=True/InSync").await;
    bed.namespace.delete("DssInstance", "design").await.unwrap();
    bed.wait("DssInstance", "design", "Ready=False/Deleting").await;
    bed.operator.terminate().await.unwrap();
    bed.operator.restart().await.unwrap();
    delete(&bed, "DssUser", "jane").await;
    assert!(bed.user("jane").is_none());
    bed.namespace
        .wait_gone("DssInstance", "design", PATIENCE)
        .await
        .unwrap();
}

in_memory!(a_removal_that_is_not_kept_is_not_tried_in_a_hot_loop);
async fn a_removal_that_is_not_kept_is_not_tried_in_a_hot_loop(ground: &Ground) {
    let bed = ground.ready("notkept").await;
    bed.apply(&user("jane", json!({ "groups": [{ "name": "readers" }] })))
        .await;
    bed.wait("DssUser", "jane", "Ready=True/InSync").await;
    // A directory that maps the group gives it back each time.
    bed.remote.fault(json!({
        "match": { "operation": "D4" }, "times": 0,
        "fault": { "kind": "edit", "when": "after", "patch": { "users": { "jane": { "groups": ["readers"] } } } },
    }));
    bed.remote.reset_requests();
    bed.namespace.delete("DssUser", "jane").await.unwrap();
    bed.wait("DssUser", "jane", "Ready=False/Deleting").await;
    tokio::time::sleep(Duration::from_secs(12)).await;
    let writes = bed.remote.writes();
    assert!((2..=14).contains(&writes), "{writes} writes in 12 s");
    let message = bed.message("DssUser", "jane").await;
    assert!(
        message.contains("remove from group readers") && message.contains("force-release"),
        "{message}"
    );
    bed.remote.clear_faults();
    bed.namespace.wait_gone("DssUser", "jane", PATIENCE).await.unwrap();
}

in_memory!(deletions_on_a_frozen_connection_wait_without_calls);
async fn deletions_on_a_frozen_connection_wait_without_calls(ground: &Ground) {
    let bed = ground.ready("frozendel").await;
    let connection = |freeze: bool| bed.connection_with(json!({ "freeze": freeze, "limits": { "concurrency": 2 } }));
    bed.apply(&connection(false)).await;
    let names: Vec<_> = (0..10).map(|n| format!("user-{n}")).collect();
    for name in &names {
        bed.apply(&user(name, json!({ "deletionPolicy": "Delete" }))).await;
    }
    for name in &names {
        bed.wait("DssUser", name, "Ready=True/InSync").await;
    }
    bed.remote.reset_requests();
    bed.remote
        .fault(json!({ "match": { "writes": true }, "times": 0, "fault": { "kind": "latency", "millis": 2_000 } }));
    // The freeze comes while some are deleted and the others wait for them.
    for name in &names {
        bed.namespace.delete("DssUser", name).await.unwrap();
    }
    bed.until("the first deletions", || bed.remote.writes() >= 1).await;
    bed.apply(&connection(true)).await;
    bed.wait("DssInstance", "design", "Ready=True/InSync").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let sent = bed.remote.writes();
    assert!(sent < 10, "all {sent} deletions were sent before the freeze");
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(bed.remote.writes(), sent, "deletions after the freeze was acknowledged");
    // At rest, they wait without any call.
    let left = bed.namespace.list("DssUser").await.unwrap();
    assert!(left.len() >= 10 - usize::try_from(sent).unwrap(), "{}", left.len());
    for user in &left {
        let name = user["metadata"]["name"].as_str().unwrap();
        bed.wait("DssUser", name, "Ready=False/Deleting").await;
    }
    bed.remote.reset_requests();
    bed.sweeps(1).await;
    assert_eq!((bed.remote.count("D3"), bed.remote.writes()), (0, 0));
    bed.remote.clear_faults();
    bed.apply(&connection(false)).await;
    for name in &names {
        bed.namespace.wait_gone("DssUser", name, PATIENCE).await.unwrap();
        assert!(bed.user(name).is_none());
    }
}

in_memory!(deletions_do_not_poll_a_node_that_is_away);
async fn deletions_do_not_poll_a_node_that_is_away(ground: &Ground) {
    let bed = ground.ready("polling").await;
    // As many as the mass-change brake lets pass.
    let names: Vec<_> = (0..10).map(|n| format!("user-{n}")).collect();
    let objects: Vec<_> = names
        .iter()
        .map(|name| user(name, json!({ "deletionPolicy": "Delete" })))
        .collect();
    futures::future::join_all(objects.iter().map(|object| bed.apply(object))).await;
    for name in &names {
        bed.wait("DssUser", name, "Ready=True/InSync").await;
    }
    bed.remote
        .fault(json!({ "match": {}, "times": 0, "fault": { "kind": "dropBefore" } }));
    bed.wait("DssInstance", "design", "Ready=False/Unavailable").await;
    for name in &names {
        bed.namespace.delete("DssUser", name).await.unwrap();
    }
    for name in &names {
        bed.wait("DssUser", name, "Ready=False/Deleting").await;
    }
    let before = bed.reconciles("DssUser").await;
    tokio::time::sleep(Duration::from_secs(12)).await;
    let reconciles = bed.reconciles("DssUser").await - before;
    assert!(reconciles <= 20, "{reconciles} reconciles of 10 objects in 12 s");
    bed.remote.clear_faults();
    for name in &names {
        bed.namespace.wait_gone("DssUser", name, PATIENCE).await.unwrap();
        assert!(bed.user(name).is_none());
    }
}
