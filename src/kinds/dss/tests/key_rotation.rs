use serde_json::{Value, json};

use super::{
    Rig,
    keys::{PLURAL, created, dss},
    ready,
};

fn rotating(extra: Value) -> Value {
    let mut spec = json!({ "rotation": { "interval": "10s", "overlap": "4s" } });
    json_patch::merge(&mut spec, &extra);
    spec
}

/// Waits until another key than this one is published and the only one.
async fn replaced(rig: &Rig, old: &Value) {
    rig.until("another key alone", || {
        let marked = rig.marked();
        marked.len() == 1 && marked[0]["id"] != old["id"]
    })
    .await;
    rig.wait(PLURAL, "ci", "InSync").await;
    rig.agrees();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_rotates_with_an_overlap_on_nodes_that_hash_keys_and_on_those_that_demand_unique_labels() {
    for (hashed, labels, form) in [
        (true, "unique", "masked"),
        (false, "free", "masked"),
        (true, "free", "absent"),
    ] {
        let config = dss().switch("hashedKeys", json!(hashed)).switch("A25", json!(form));
        let config = if labels == "unique" {
            config.switch("A24", json!("unique"))
        } else {
            config
        };
        let rig = created(config, rotating(json!({ "label": "ci", "lifetime": "48h" }))).await;
        let (old, published) = (rig.sole(), rig.published("apiKeyId"));
        let object = rig.server.get(PLURAL, "team", "ci");
        assert!(object["status"]["remote"]["nextRotationAt"].is_string());
        assert!(object["status"]["remote"]["expiresOn"].is_string(), "{object:#}");
        rig.until("the next key", || rig.published("apiKeyId") != published)
            .await;
        assert_eq!(rig.marked().len(), 2, "the old key still works");
        rig.until("the overlap in the status", || {
            let object = rig.server.get(PLURAL, "team", "ci");
            object["status"]["remote"]["retiring"] == json!([old["id"]])
        })
        .await;
        replaced(&rig, &old).await;
        rig.until("the declared label", || rig.sole()["label"] == "ci").await;
        assert_eq!(rig.sole()["expiry"], "2");
        let shown = rig.texts();
        assert!(!shown.contains(rig.sole()["key"].as_str().unwrap()) && !shown.contains(old["key"].as_str().unwrap()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_secret_gets_another_key_and_the_old_one_works_for_the_overlap() {
    let rotation = json!({ "rotation": { "interval": "1h", "overlap": "3s" } });
    let rig = created(dss(), rotation).await;
    let old = rig.sole();
    let edit = json!({ "data": { "apiKeyId": "AAAA" } });
    rig.server.patch("secrets", "team", "ci-key", edit);
    rig.until("a second key", || rig.marked().len() == 2).await;
    replaced(&rig, &old).await;
    assert_eq!(rig.node.count("D36"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_address_of_the_node_reaches_the_secret_without_another_key() {
    let rig = created(dss(), json!({})).await;
    let (key, url) = (rig.sole(), format!("{}/", rig.node.url()));
    let patch = json!({ "spec": { "url": url } });
    rig.server.patch("dssinstances", "team", "design", patch);
    rig.until("the address", || rig.published("url").as_deref() == Some(&url))
        .await;
    rig.wait(PLURAL, "ci", "InSync").await;
    assert_eq!((rig.sole(), rig.node.count("D36")), (key, 1));
    rig.agrees();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_is_lost_costs_no_key() {
    let mut rig = created(dss(), json!({})).await;
    let key = rig.sole();
    rig.kill().await;
    let status = json!({ "applied": null, "remote": null, "conditions": null });
    rig.server.patch_status(PLURAL, "team", "ci", status);
    rig.start().await;
    let object = rig.wait(PLURAL, "ci", "InSync").await;
    assert_eq!(object["status"]["remote"]["origin"], "Created");
    assert_eq!(
        (rig.sole()["id"].clone(), rig.node.count("D36")),
        (key["id"].clone(), 1)
    );
    rig.agrees();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connection_goes_over_to_a_key_that_the_operator_rotates_itself() {
    // The connection sends the key only to hosts that its Secret names.
    let admin = json!({
        "permissions": { "mayCreateProjects": null, "admin": true },
        "secretTemplate": { "annotations": { "dataiku-operator.io/allowed-hosts": "127.0.0.1" } },
    });
    let rig = created(dss(), rotating(admin)).await;
    let patch = json!({ "spec": { "credentials": { "apiKeySecretRef": { "name": "ci-key" } } } });
    rig.server.patch("dssinstances", "team", "design", patch);
    let issued = rig.node.count("D36");
    rig.until("two rotations", || rig.node.count("D36") >= issued + 2).await;
    rig.until("one key", || rig.marked().len() == 1).await;
    let connection = rig.wait("dssinstances", "design", "InSync").await;
    assert!(ready(&connection)["message"].as_str().unwrap().contains("reachable"));
    rig.agrees();
}
