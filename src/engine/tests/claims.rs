//! One remote object has one owner, whatever the connection.

use serde_json::{Value, json};

use super::rig::{Rig, ready};

fn elsewhere(rig: &Rig, name: &str, hub: &Value, extra: &Value) {
    let mut spec = json!({ "hubRef": hub });
    json_patch::merge(&mut spec, extra);
    rig.server.create(json!({
        "apiVersion": "dataiku-operator.io/v1alpha1", "kind": "Widget",
        "metadata": { "name": name, "namespace": "other" }, "spec": spec,
    }));
}

async fn is(rig: &Rig, namespace: &str, name: &str, reason: &str) -> Value {
    for _ in 0..2400 {
        let object = rig.server.get("widgets", namespace, name);
        if ready(&object)["reason"] == reason {
            return object;
        }
        rig.pass(1).await;
    }
    panic!(
        "{namespace}/{name} is not {reason}: {:#}",
        rig.server.get("widgets", namespace, name)["status"]
    );
}

async fn shared() -> Rig {
    let rig = Rig::ready().await;
    rig.hub(json!({
        "allowedNamespaces": { "from": "All" },
        "delegations": [{ "namespaces": { "from": "All" }, "adopt": true, "delete": true }],
    }));
    rig.widget("jane", json!({ "enabled": true, "groups": ["readers", "writers"] }));
    rig.widget_is("jane", "InSync").await;
    rig.pass(1).await;
    rig
}

#[tokio::test(start_paused = true)]
async fn the_older_object_owns_and_the_other_one_writes_nothing() {
    let rig = shared().await;
    let hub = json!({ "name": "hub", "namespace": "team" });
    elsewhere(
        &rig,
        "jane",
        &hub,
        &json!({ "adoptionPolicy": "Adopt", "enabled": false }),
    );
    let object = is(&rig, "other", "jane", "Conflict").await;
    assert!(ready(&object)["message"].as_str().unwrap().contains("team/jane"));
    let sent = rig.world.sent().len();
    rig.pass(600).await;
    assert_eq!(rig.world.sent().len(), sent);
    assert!(rig.world.get("jane").unwrap().enabled);
    // Deleting the one that owns nothing touches nothing.
    rig.server.delete("widgets", "other", "jane");
    rig.pass(30).await;
    assert_eq!(rig.world.sent().len(), sent);
    assert_eq!(rig.reason("jane"), "InSync");
}

#[tokio::test(start_paused = true)]
async fn another_connection_to_the_same_side_is_no_way_around() {
    let rig = shared().await;
    rig.server.create(json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": "hub-key", "namespace": "other",
            "annotations": { "dataiku-operator.io/allowed-hosts": "127.0.0.1" } },
        "stringData": { "apiKey": "admin-key-one" },
    }));
    let spec = rig.server.get("hubs", "team", "hub")["spec"].clone();
    rig.server.create(json!({
        "apiVersion": "dataiku-operator.io/v1alpha1", "kind": "Hub",
        "metadata": { "name": "mirror", "namespace": "other" }, "spec": spec,
    }));
    elsewhere(
        &rig,
        "jane",
        &json!({ "name": "mirror" }),
        &json!({ "adoptionPolicy": "Adopt", "enabled": false }),
    );
    is(&rig, "other", "jane", "Conflict").await;
    assert!(rig.world.get("jane").unwrap().enabled);
}

#[tokio::test(start_paused = true)]
async fn a_move_between_namespaces_withdraws_nothing_that_the_new_object_declares() {
    let rig = shared().await;
    let hub = json!({ "name": "hub", "namespace": "team" });
    elsewhere(&rig, "jane", &hub, &json!({ "groups": ["readers"] }));
    is(&rig, "other", "jane", "Conflict").await;
    let sent = rig.world.sent().len();
    rig.server.delete("widgets", "team", "jane");
    let object = is(&rig, "other", "jane", "InSync").await;
    assert_eq!(object["status"]["remote"]["origin"], "Created");
    let jane = rig.world.get("jane").unwrap();
    assert!(jane.enabled, "the person was locked out");
    assert_eq!(
        jane.groups.into_iter().collect::<Vec<_>>(),
        ["readers"],
        "what is declared no more is withdrawn"
    );
    assert!(rig.world.sent()[sent..].iter().all(|sent| sent.operation == "edit"));
    // The new owner has the right to delete.
    rig.server.delete("widgets", "other", "jane");
    rig.until("the widget is gone", || rig.world.get("jane").is_none())
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_object_that_only_observes_claims_nothing() {
    let rig = Rig::ready().await;
    rig.hub(json!({ "allowedNamespaces": { "from": "All" } }));
    rig.widget("jane", json!({ "managementPolicy": "Observe" }));
    rig.pass(5).await;
    let hub = json!({ "name": "hub", "namespace": "team" });
    elsewhere(&rig, "jane", &hub, &json!({}));
    is(&rig, "other", "jane", "InSync").await;
}
