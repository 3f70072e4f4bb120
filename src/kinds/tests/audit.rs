//! What the operator reports to a node's own audit trail.

use std::time::Duration;

use serde_json::{Value, json};
use testbed::simulator::{Instance, InstanceConfig, Product};

use super::node::Rig;

fn trail(node: &Instance) -> Vec<Value> {
    let trail = node.state_at("/auditTrail").unwrap_or_default();
    trail.as_array().cloned().unwrap_or_default()
}

/// All writes in the trail.
fn writes(node: &Instance) -> Vec<Value> {
    let entries = trail(node).into_iter();
    entries
        .flat_map(|entry| {
            entry["customMsgParams"]["writes"]
                .as_array()
                .cloned()
                .unwrap_or_default()
        })
        .collect()
}

fn group(rig: &Rig, name: &str) {
    rig.create(
        if rig.node.product() == Product::Govern {
            "GovernGroup"
        } else {
            "DssGroup"
        },
        name,
        json!({ "instanceRef": { "name": if rig.node.product() == Product::Govern { "govern" } else { "design" } } }),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_are_in_the_audit_trail_of_the_node_in_few_calls_and_without_secrets() {
    let rig = Rig::dss().await;
    rig.server.create(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "jane", "namespace": "team" },
        "stringData": { "password": "canary-password" },
    }));
    let spec = json!({
        "instanceRef": { "name": "design" }, "passwordSecretRef": { "name": "jane" }, "userProfile": "READER",
        "displayName": "Jane",
    });
    rig.create("DssUser", "jane", spec);
    for number in 0..10 {
        group(&rig, &format!("group-{number}"));
    }
    rig.wait("dssusers", "jane", "InSync").await;
    rig.until("all writes are reported", || {
        let names: Vec<_> = writes(&rig.node).iter().map(|one| one["name"].clone()).collect();
        names.contains(&json!("jane")) && (0..10).all(|number| names.contains(&json!(format!("group-{number}"))))
    })
    .await;
    assert!(rig.node.count("D72") <= 2, "{} calls", rig.node.count("D72"));
    let entries = trail(&rig.node);
    assert_eq!(entries[0]["customMsgType"], "dataiku-operator");
    assert!(!json!(entries).to_string().contains("canary"));
    let jane = writes(&rig.node).into_iter().find(|one| one["name"] == "jane").unwrap();
    assert_eq!(
        (&jane["kind"], &jane["namespace"], &jane["remote"], &jane["change"]),
        (&json!("DssUser"), &json!("team"), &json!("jane"), &json!("Created"))
    );
    assert!(!jane["steps"].as_array().unwrap().is_empty(), "{jane:#}");
    // Nothing is written, so nothing is reported.
    let calls = rig.node.count("D72");
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert_eq!(rig.node.count("D72"), calls);
}

#[tokio::test(flavor = "multi_thread")]
async fn govern_has_the_same_trail() {
    let rig = Rig::govern().await;
    group(&rig, "blue");
    rig.until("the write is reported", || !writes(&rig.node).is_empty())
        .await;
    assert_eq!(writes(&rig.node)[0]["kind"], "GovernGroup");
    assert_eq!(rig.node.count("G61"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_takes_no_entries_costs_one_attempt_and_fails_nothing() {
    let rig = Rig::with(InstanceConfig::new(Product::Dss).switch("customAudit", json!("absent"))).await;
    group(&rig, "blue");
    rig.wait("dssgroups", "blue", "InSync").await;
    rig.until("the attempt", || rig.node.count("D72") == 1).await;
    group(&rig, "green");
    rig.wait("dssgroups", "green", "InSync").await;
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert_eq!(rig.node.count("D72"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_the_audit_trail_reports_nothing_and_a_frozen_one_later() {
    let rig = Rig::dss().await;
    let edit = |spec: Value| {
        rig.server
            .patch("dssinstances", "team", "design", json!({ "spec": spec }))
    };
    edit(json!({ "auditTrail": false }));
    rig.wait("dssinstances", "design", "InSync").await;
    group(&rig, "blue");
    rig.wait("dssgroups", "blue", "InSync").await;
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert_eq!(rig.node.count("D72"), 0);
    edit(json!({ "auditTrail": null }));
    rig.wait("dssinstances", "design", "InSync").await;
    group(&rig, "green");
    rig.wait("dssgroups", "green", "InSync").await;
    edit(json!({ "freeze": true }));
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert_eq!(rig.node.count("D72"), 0, "a freeze holds reports too");
    edit(json!({ "freeze": null }));
    rig.until("the write is reported", || !writes(&rig.node).is_empty())
        .await;
    assert_eq!(writes(&rig.node)[0]["name"], "green");
}
