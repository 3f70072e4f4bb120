//! What the labels and annotations of namespaces decide.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    permit::nothing_is_sent_after,
    rig::{Rig, ready},
};
use crate::crd::common::DeletionPolicy;

const DEFAULT_POLICY: &str = "dataiku-operator.io/default-deletion-policy";

fn label(rig: &Rig, team: Option<&str>) {
    let labels = json!({ "metadata": { "labels": { "team": team } } });
    rig.server.patch("namespaces", "", "team", labels);
}

/// A hub in another namespace, which lets those with the label in.
async fn shared(rig: &Rig) {
    for namespace in ["home", "team"] {
        rig.server.create(json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace },
        }));
    }
    rig.server.create(json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": "hub-key", "namespace": "home", "annotations": { "dataiku-operator.io/allowed-hosts": "127.0.0.1" } },
        "stringData": { "apiKey": "admin-key-one" },
    }));
    let mut spec = rig.server.get("hubs", "team", "hub")["spec"].clone();
    spec["allowedNamespaces"] = json!({ "from": "Selector", "selector": { "matchLabels": { "team": "risk" } } });
    rig.server.create(json!({
        "apiVersion": "dataiku-operator.io/v1alpha1", "kind": "Hub",
        "metadata": { "name": "shared", "namespace": "home" }, "spec": spec,
    }));
    rig.until("the shared hub is ready", || {
        ready(&rig.server.get("hubs", "home", "shared"))["reason"] == "InSync"
    })
    .await;
}

fn through_shared() -> Value {
    json!({ "hubRef": { "name": "shared", "namespace": "home" } })
}

#[tokio::test(start_paused = true)]
async fn a_label_lets_a_namespace_in_and_its_removal_stops_every_write_that_was_not_sent() {
    let rig = Rig::ready().await;
    shared(&rig).await;
    rig.widget("first", through_shared());
    rig.widget_is("first", "NotAllowed").await;
    label(&rig, Some("risk"));
    rig.widget_is("first", "InSync").await;
    *rig.world.latency.lock().unwrap() = Duration::from_secs(1);
    for n in 0..40 {
        rig.widget(&format!("w{n:02}"), through_shared());
    }
    rig.pass(6).await;
    assert!(rig.world.count("create") > 1);
    label(&rig, None);
    nothing_is_sent_after(&rig).await;
    rig.widget_is("w39", "NotAllowed").await;
    *rig.world.latency.lock().unwrap() = Duration::ZERO;
    label(&rig, Some("risk"));
    rig.widget_is("w39", "InSync").await;
}

#[tokio::test(start_paused = true)]
async fn a_selector_that_cannot_be_read_is_invalid() {
    let rig = Rig::ready().await;
    let expression = json!({ "key": "team", "operator": "Resembles", "values": ["x"] });
    let allowed = json!({ "from": "Selector", "selector": { "matchExpressions": [expression] } });
    rig.hub(json!({ "allowedNamespaces": allowed }));
    let hub = rig.wait("hubs", "hub", "Invalid").await;
    assert!(ready(&hub)["message"].as_str().unwrap().contains("selector"));
}

async fn gone(rig: &Rig, name: &str) {
    rig.server.delete("widgets", "team", name);
    rig.until("the object is gone", || {
        rig.server.find("widgets", "team", name).is_none()
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_object_decides_what_its_deletion_does_then_its_namespace_then_the_installation() {
    let mut rig = Rig::stopped();
    rig.policy.default_deletion = Some(DeletionPolicy::Retain);
    rig.start().await;
    rig.wait("hubs", "hub", "InSync").await;
    for (name, spec) in [
        ("one", json!({})),
        ("two", json!({})),
        ("three", json!({ "deletionPolicy": "Delete" })),
        ("four", json!({})),
    ] {
        rig.widget(name, spec);
        rig.widget_is(name, "InSync").await;
    }
    gone(&rig, "one").await;
    assert!(rig.world.get("one").is_some(), "the installation retains");
    let namespace = json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "team", "annotations": { DEFAULT_POLICY: "Delete" } },
    });
    rig.server.create(namespace);
    rig.pass(1).await;
    gone(&rig, "two").await;
    assert_eq!(rig.world.get("two"), None, "the namespace deletes");
    let annotate = |policy: &str| {
        let annotations = json!({ "metadata": { "annotations": { DEFAULT_POLICY: policy } } });
        rig.server.patch("namespaces", "", "team", annotations);
    };
    annotate("Retain");
    rig.pass(1).await;
    gone(&rig, "three").await;
    assert_eq!(rig.world.get("three"), None, "the object deletes");
    // A default that cannot be read holds the deletion up until it is corrected.
    annotate("Retian");
    rig.pass(1).await;
    rig.server.delete("widgets", "team", "four");
    rig.pass(120).await;
    let waiting = rig.get("four");
    assert_eq!(ready(&waiting)["reason"], "Deleting");
    assert!(ready(&waiting)["message"].as_str().unwrap().contains(DEFAULT_POLICY));
    annotate("Delete");
    rig.until("the object is gone", || {
        rig.server.find("widgets", "team", "four").is_none()
    })
    .await;
    assert_eq!(rig.world.get("four"), None);
}

#[tokio::test(start_paused = true)]
async fn no_default_deletes_what_was_adopted() {
    let rig = Rig::ready().await;
    rig.server.create(json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "team", "annotations": { DEFAULT_POLICY: "Delete" } },
    }));
    rig.world
        .widgets
        .lock()
        .unwrap()
        .insert("old".into(), super::toy::Remotely::default());
    rig.widget("old", json!({ "adoptionPolicy": "Adopt" }));
    rig.widget_is("old", "InSync").await;
    gone(&rig, "old").await;
    assert!(rig.world.get("old").is_some());
}

#[tokio::test(start_paused = true)]
async fn an_operator_that_may_not_read_namespaces_starts_and_lets_nobody_in_by_label() {
    let mut rig = Rig::stopped();
    let refusal = memory_apiserver::Action::Status(403, "Forbidden".into());
    let refusal = memory_apiserver::Rule::new(refusal).when(|request| request.path == "/api/v1/namespaces");
    let refusal = rig.server.fault(refusal);
    rig.start().await;
    shared(&rig).await;
    label(&rig, Some("risk"));
    rig.widget("jane", through_shared());
    let jane = rig.widget_is("jane", "DependencyNotReady").await;
    assert!(
        ready(&jane)["message"]
            .as_str()
            .unwrap()
            .contains("may not read namespaces")
    );
    assert_eq!(rig.world.get("jane"), None);
    // Once it may, nobody has to touch the object.
    refusal.remove();
    rig.widget_is("jane", "InSync").await;
}
