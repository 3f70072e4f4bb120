//! What a release leaves on the remote side is listed on its connection, until it is gone or declared again.

use serde_json::{Value, json};

use super::{rig::Rig, toy::Remotely};

/// The list of the hub, as kind, key and reason.
fn listed(rig: &Rig) -> Vec<(String, String)> {
    let hub = rig.server.get("hubs", "team", "hub");
    let orphans = &hub["status"]["orphans"];
    let sample = orphans["sample"].as_array().cloned().unwrap_or_default();
    assert_eq!(orphans["total"].as_u64().unwrap_or_default(), sample.len() as u64);
    let text = |orphan: &Value, field: &str| orphan[field].as_str().unwrap_or_default().to_owned();
    let entries = sample.iter().map(|one| {
        assert_eq!(text(one, "kind"), "Widget");
        (text(one, "key"), text(one, "reason"))
    });
    entries.collect()
}

fn entry(key: &str, reason: &str) -> Vec<(String, String)> {
    vec![(key.to_owned(), reason.to_owned())]
}

async fn delete(rig: &Rig, name: &str) {
    rig.server.delete("widgets", "team", name);
    rig.until("the object is gone", || {
        rig.server.find("widgets", "team", name).is_none()
    })
    .await;
}

async fn with_widget(name: &str, extra: Value) -> Rig {
    let rig = Rig::ready().await;
    rig.widget(name, extra);
    rig.widget_is(name, "InSync").await;
    rig.pass(65).await;
    rig
}

#[tokio::test(start_paused = true)]
async fn a_retained_object_is_listed_without_a_call_and_until_it_is_gone() {
    let rig = with_widget("jane", json!({ "deletionPolicy": "Retain" })).await;
    let calls = rig.world.calls();
    delete(&rig, "jane").await;
    rig.pass(3).await;
    assert_eq!(listed(&rig), entry("jane", "Retained"));
    assert_eq!(rig.world.calls(), calls, "the list alone needs no call");
    let hub = rig.server.get("hubs", "team", "hub");
    assert_eq!(hub["status"]["orphans"]["sample"][0]["name"], "jane");
    rig.pass(130).await;
    assert_eq!(listed(&rig), entry("jane", "Retained"), "it is still there");
    let sweeps = *rig.world.sweeps.lock().unwrap();
    rig.pass(120).await;
    let more = *rig.world.sweeps.lock().unwrap() - sweeps;
    assert!((1..=3).contains(&more), "{more} sweeps in two minutes");
    rig.world.widgets.lock().unwrap().remove("jane");
    rig.pass(65).await;
    assert_eq!(listed(&rig), []);
    assert_eq!(rig.server.get("hubs", "team", "hub")["status"]["orphans"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn what_is_declared_again_is_no_orphan() {
    let rig = with_widget("jane", json!({ "deletionPolicy": "Retain" })).await;
    delete(&rig, "jane").await;
    rig.pass(3).await;
    assert_eq!(listed(&rig), entry("jane", "Retained"));
    rig.widget("jane", json!({ "adoptionPolicy": "Adopt" }));
    rig.widget_is("jane", "InSync").await;
    rig.pass(65).await;
    assert_eq!(listed(&rig), []);
}

#[tokio::test(start_paused = true)]
async fn the_list_survives_a_restart_and_shrinks_afterwards() {
    let mut rig = with_widget("jane", json!({ "deletionPolicy": "Retain" })).await;
    delete(&rig, "jane").await;
    rig.pass(3).await;
    rig.kill().await;
    rig.start().await;
    rig.pass(130).await;
    assert_eq!(listed(&rig), entry("jane", "Retained"));
    rig.world.widgets.lock().unwrap().remove("jane");
    rig.pass(65).await;
    assert_eq!(listed(&rig), []);
}

#[tokio::test(start_paused = true)]
async fn every_way_to_leave_something_behind_has_its_reason() {
    // Released by annotation.
    let rig = with_widget("jane", json!({})).await;
    rig.hub(json!({ "freeze": true }));
    rig.pass(2).await;
    rig.server.delete("widgets", "team", "jane");
    rig.pass(5).await;
    assert_eq!(listed(&rig), [], "it only waits");
    rig.server
        .annotate("widgets", "team", "jane", "dataiku-operator.io/force-release", "true");
    rig.pass(5).await;
    assert_eq!(listed(&rig), entry("jane", "ForceReleased"));

    // Guarded.
    let rig = with_widget("admin-1", json!({})).await;
    delete(&rig, "admin-1").await;
    rig.pass(3).await;
    assert_eq!(listed(&rig), entry("admin-1", "Guarded"));

    // Only observed at the end.
    let rig = with_widget("jane", json!({})).await;
    rig.edit("jane", json!({ "managementPolicy": "Observe" }));
    rig.pass(2).await;
    delete(&rig, "jane").await;
    rig.pass(3).await;
    assert_eq!(listed(&rig), entry("jane", "Observed"));

    // The credentials do not come back.
    let rig = with_widget("jane", json!({})).await;
    rig.server.delete("secrets", "team", "hub-key");
    rig.wait("hubs", "hub", "DependencyNotReady").await;
    // Until then, the last credentials serve deletions.
    rig.pass(601).await;
    rig.server.delete("widgets", "team", "jane");
    rig.pass(5).await;
    assert!(rig.server.find("widgets", "team", "jane").is_none());
    rig.pass(300).await;
    assert_eq!(listed(&rig), entry("jane", "CredentialsMissing"));
}

#[tokio::test(start_paused = true)]
async fn what_was_withdrawn_or_belongs_to_somebody_else_is_not_listed() {
    let rig = with_widget("jane", json!({ "deletionPolicy": "Delete" })).await;
    delete(&rig, "jane").await;
    let theirs = Remotely {
        enabled: true,
        ..Remotely::default()
    };
    rig.world.widgets.lock().unwrap().insert("max".into(), theirs);
    rig.widget("max", json!({ "adoptionPolicy": "Adopt" }));
    rig.widget_is("max", "InSync").await;
    delete(&rig, "max").await;
    rig.pass(130).await;
    assert_eq!(rig.world.get("jane"), None);
    assert!(rig.world.get("max").is_some());
    assert_eq!(listed(&rig), []);
}

#[tokio::test(start_paused = true)]
async fn a_delegation_that_is_taken_away_shows_what_remains() {
    let rig = Rig::ready().await;
    rig.hub(json!({ "allowedNamespaces": { "from": "All" } }));
    rig.server.create(json!({
        "apiVersion": "dataiku-operator.io/v1alpha1", "kind": "Widget",
        "metadata": { "name": "jane", "namespace": "guest" },
        "spec": { "hubRef": { "name": "hub", "namespace": "team" } },
    }));
    rig.until("the create", || rig.world.get("jane").is_some()).await;
    rig.pass(65).await;
    rig.hub(json!({ "allowedNamespaces": { "from": "Same" } }));
    rig.pass(130).await;
    assert_eq!(listed(&rig), entry("jane", "Undelegated"));
    rig.server.delete("widgets", "guest", "jane");
    rig.pass(130).await;
    assert!(rig.server.find("widgets", "guest", "jane").is_none());
    assert_eq!(listed(&rig), entry("jane", "NotAllowed"));
    rig.world.widgets.lock().unwrap().remove("jane");
    rig.pass(65).await;
    assert_eq!(listed(&rig), []);
}

#[tokio::test(start_paused = true)]
async fn many_releases_at_once_take_few_writes_of_the_status() {
    let rig = Rig::ready().await;
    for n in 0..250 {
        rig.widget(&format!("w{n:03}"), json!({ "deletionPolicy": "Retain" }));
    }
    for n in 0..250 {
        rig.widget_is(&format!("w{n:03}"), "InSync").await;
    }
    rig.pass(65).await;
    let before = rig.status_writes_of("hubs", "hub");
    for n in 0..250 {
        rig.server.delete("widgets", "team", &format!("w{n:03}"));
    }
    rig.pass(20).await;
    let hub = rig.server.get("hubs", "team", "hub");
    let orphans = &hub["status"]["orphans"];
    assert_eq!(orphans["total"], 250);
    assert_eq!(orphans["sample"].as_array().unwrap().len(), 200);
    let writes = rig.status_writes_of("hubs", "hub") - before;
    assert!(writes <= 5, "{writes} writes");
}
