//! What another namespace may do, by the terms of the moment.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    rig::{Rig, ready},
    toy::Remotely,
};

const GUEST: &str = "guest";

/// The hub of `team` with these delegations, for every namespace.
async fn delegating(delegations: Value) -> Rig {
    let rig = Rig::ready().await;
    rig.hub(json!({ "allowedNamespaces": { "from": "All" }, "delegations": delegations }));
    rig.wait("hubs", "hub", "InSync").await;
    rig
}

/// A widget of another namespace.
#[allow(clippy::needless_pass_by_value, reason = "tests pass json! literals")]
fn guest(rig: &Rig, name: &str, extra: Value) {
    let mut spec = json!({ "hubRef": { "name": "hub", "namespace": "team" } });
    json_patch::merge(&mut spec, &extra);
    rig.server.create(json!({
        "apiVersion": "dataiku-operator.io/v1alpha1", "kind": "Widget",
        "metadata": { "name": name, "namespace": GUEST }, "spec": spec,
    }));
}

async fn guest_is(rig: &Rig, name: &str, reason: &str) -> Value {
    for _ in 0..600 {
        let object = rig.server.get("widgets", GUEST, name);
        let current = object["status"]["observedGeneration"] == object["metadata"]["generation"];
        if current && ready(&object)["reason"] == reason {
            return object;
        }
        rig.pass(1).await;
    }
    panic!(
        "{name} is not {reason}: {:#}",
        rig.server.get("widgets", GUEST, name)["status"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_delegation_that_is_taken_away_stops_every_write_that_was_not_sent() {
    let rig = delegating(json!([{ "namespaces": { "from": "All" }, "kinds": ["Widget"] }])).await;
    *rig.world.latency.lock().unwrap() = Duration::from_secs(1);
    for n in 0..40 {
        guest(&rig, &format!("w{n:02}"), json!({}));
    }
    rig.pass(6).await;
    let sent = rig.world.count("create");
    assert!(sent > 0 && sent < 40, "{sent}");
    rig.hub(json!({ "delegations": [{ "namespaces": { "from": "All" }, "kinds": ["Gadget"] }] }));
    rig.pass(2).await;
    let sent = rig.world.sent().len();
    rig.pass(120).await;
    assert_eq!(rig.world.sent().len(), sent, "{:?}", rig.world.sent());
    let object = guest_is(&rig, "w39", "NotAllowed").await;
    assert_eq!(
        object["status"]["remote"],
        Value::Null,
        "nothing says that the object created something"
    );
    *rig.world.latency.lock().unwrap() = Duration::ZERO;
    rig.hub(json!({ "delegations": null }));
    for n in 0..40 {
        guest_is(&rig, &format!("w{n:02}"), "InSync").await;
    }
    assert_eq!(rig.world.count("create"), 40, "each is created once");
}

#[tokio::test(start_paused = true)]
async fn an_object_that_may_not_declare_something_does_not_keep_it_from_others() {
    let rig = delegating(json!([])).await;
    let found = Remotely {
        enabled: true,
        ..Remotely::default()
    };
    rig.world.widgets.lock().unwrap().insert("admin".into(), found);
    guest(&rig, "admin", json!({ "adoptionPolicy": "Adopt", "enabled": false }));
    guest_is(&rig, "admin", "NotAllowed").await;
    rig.pass(5).await;
    rig.widget("admin", json!({ "adoptionPolicy": "Adopt", "groups": ["readers"] }));
    rig.widget_is("admin", "InSync").await;
    assert!(rig.world.get("admin").unwrap().enabled);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_was_turned_away_does_not_keep_the_owner_of_the_connection_out() {
    let rig = delegating(json!([])).await;
    rig.world
        .widgets
        .lock()
        .unwrap()
        .insert("jane".into(), Remotely::default());
    guest(&rig, "jane", json!({}));
    guest_is(&rig, "jane", "AlreadyExists").await;
    rig.pass(5).await;
    rig.widget("jane", json!({ "adoptionPolicy": "Adopt", "enabled": true }));
    rig.widget_is("jane", "InSync").await;
    assert!(rig.world.get("jane").unwrap().enabled);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_handed_over_to_a_namespace_that_may_not_adopt() {
    let rig = delegating(json!([])).await;
    rig.widget(
        "jane",
        json!({ "enabled": true, "groups": ["readers"], "deletionPolicy": "Retain" }),
    );
    rig.widget_is("jane", "InSync").await;
    rig.pass(5).await;
    rig.secret_in(GUEST, "password", "of-the-guest");
    guest(&rig, "jane", json!({ "passwordRef": { "name": "password" } }));
    guest_is(&rig, "jane", "Conflict").await;
    rig.server.delete("widgets", "team", "jane");
    rig.until("the end of the object", || {
        rig.server.find("widgets", "team", "jane").is_none()
    })
    .await;
    let object = guest_is(&rig, "jane", "AlreadyExists").await;
    assert_eq!(object["status"]["remote"], Value::Null);
    rig.pass(120).await;
    assert_eq!(rig.world.get("jane").unwrap().password, None);
}

#[tokio::test(start_paused = true)]
async fn what_was_shown_goes_when_it_may_not_be_seen_any_more() {
    let rig = delegating(json!([{ "namespaces": { "from": "All" }, "observe": "All" }])).await;
    rig.world
        .widgets
        .lock()
        .unwrap()
        .insert("ceo".into(), Remotely::default());
    guest(&rig, "ceo", json!({ "managementPolicy": "Observe" }));
    let object = guest_is(&rig, "ceo", "InSync").await;
    assert_ne!(object["status"]["remote"], Value::Null, "{object:#}");
    rig.hub(json!({ "delegations": null }));
    let object = guest_is(&rig, "ceo", "NotAllowed").await;
    assert_eq!(object["status"]["remote"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_allowed_costs_nothing_while_nothing_changes() {
    let rig = delegating(json!([])).await;
    guest(&rig, "jane", json!({ "groups": ["administrators"] }));
    guest(&rig, "joe", json!({ "managementPolicy": "Observe" }));
    for name in ["jane", "joe"] {
        guest_is(&rig, name, "NotAllowed").await;
    }
    rig.pass(5).await;
    let writes = rig.status_writes("jane") + rig.status_writes("joe");
    rig.pass(600).await;
    assert_eq!(rig.status_writes("jane") + rig.status_writes("joe"), writes);
    assert_eq!(rig.world.sent(), []);
}

#[tokio::test(start_paused = true)]
async fn an_edit_of_the_terms_is_enough_to_go_on() {
    let rig = delegating(json!([])).await;
    guest(&rig, "jane", json!({ "groups": ["administrators"] }));
    guest_is(&rig, "jane", "NotAllowed").await;
    rig.hub(json!({ "delegations": [{ "namespaces": { "from": "All" }, "privileges": ["administrators"] }] }));
    guest_is(&rig, "jane", "InSync").await;
    assert!(rig.world.get("jane").unwrap().groups.contains("administrators"));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_decided_is_not_written() {
    let rig = delegating(json!([])).await;
    *rig.world.privileged.lock().unwrap() = None;
    rig.pass(65).await;
    guest(&rig, "jane", json!({ "groups": ["readers"] }));
    guest_is(&rig, "jane", "DependencyNotReady").await;
    rig.pass(300).await;
    assert_eq!(rig.world.sent(), []);
    *rig.world.privileged.lock().unwrap() = Some(std::collections::BTreeSet::new());
    guest_is(&rig, "jane", "InSync").await;
}

#[tokio::test(start_paused = true)]
async fn what_was_adopted_and_became_privileged_since_is_not_changed_any_more() {
    let rig = delegating(json!([{ "namespaces": { "from": "All" }, "kinds": ["Widget"], "adopt": true }])).await;
    let found = Remotely {
        enabled: true,
        ..Remotely::default()
    };
    rig.world.widgets.lock().unwrap().insert("boss".into(), found);
    guest(&rig, "boss", json!({ "adoptionPolicy": "Adopt" }));
    guest_is(&rig, "boss", "InSync").await;
    // Somebody makes them an administrator.
    *rig.world.privileged.lock().unwrap() = Some(["admins".to_owned()].into());
    let admins = ["admins".to_owned()];
    rig.world
        .widgets
        .lock()
        .unwrap()
        .get_mut("boss")
        .unwrap()
        .groups
        .extend(admins);
    rig.pass(70).await;
    let sent = rig.world.sent().len();
    rig.server
        .patch("widgets", GUEST, "boss", json!({ "spec": { "enabled": false } }));
    guest_is(&rig, "boss", "NotAllowed").await;
    rig.pass(120).await;
    assert_eq!(rig.world.sent().len(), sent, "{:?}", rig.world.sent());
    assert!(rig.world.get("boss").unwrap().enabled);
}
