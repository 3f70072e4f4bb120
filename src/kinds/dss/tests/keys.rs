use k8s_openapi::ByteString;
use serde_json::{Value, json};
use testbed::simulator::{InstanceConfig, Product};

use super::{Rig, ready};

pub(super) const PLURAL: &str = "dssglobalapikeys";

impl Rig {
    pub(super) fn key(&self, extra: Value) {
        let mut spec = json!({
            "instanceRef": { "name": "design" }, "secretName": "ci-key", "permissions": { "mayCreateProjects": true }
        });
        for (key, value) in extra.as_object().unwrap() {
            spec[key] = value.clone();
        }
        self.create("DssGlobalApiKey", "ci", spec);
    }

    /// Global keys with the mark of the object.
    pub(super) fn marked(&self) -> Vec<Value> {
        let keys = self.node.state_at("/globalApiKeys").unwrap_or_default();
        let keys = keys.as_object().cloned().unwrap_or_default();
        let marked = |key: &Value| {
            key["description"]
                .as_str()
                .is_some_and(|text| text.contains("team/ci "))
        };
        keys.into_iter().map(|(_, key)| key).filter(marked).collect()
    }

    /// The only one.
    pub(super) fn sole(&self) -> Value {
        let marked = self.marked();
        assert_eq!(marked.len(), 1, "{marked:?}");
        marked[0].clone()
    }

    pub(super) fn published(&self, key: &str) -> Option<String> {
        let secret = self.server.find("secrets", "team", "ci-key")?;
        let bytes: ByteString = serde_json::from_value(secret["data"][key].clone()).ok()?;
        String::from_utf8(bytes.0).ok()
    }

    /// The Secret holds the only key.
    pub(super) fn agrees(&self) {
        let key = self.sole();
        assert_eq!(self.published("apiKey").as_deref(), key["key"].as_str());
        assert_eq!(self.published("apiKeyId").as_deref(), key["id"].as_str());
    }
}

pub(super) async fn created(config: InstanceConfig, extra: Value) -> Rig {
    let rig = Rig::with(config).await;
    rig.key(extra);
    rig.wait(PLURAL, "ci", "InSync").await;
    rig
}

pub(super) fn dss() -> InstanceConfig {
    InstanceConfig::new(Product::Dss)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_created_published_and_deleted_and_its_value_shows_nowhere_else() {
    for hashed in [true, false] {
        let template = json!({ "secretTemplate": { "labels": { "app": "ci" } }, "description": "pipeline" });
        let rig = created(dss().switch("hashedKeys", json!(hashed)), template).await;
        rig.agrees();
        let key = rig.sole();
        assert_eq!(key["label"], "ci");
        assert!(
            key["description"]
                .as_str()
                .unwrap()
                .starts_with("pipeline [dataiku-operator.io/owner: c0ffee/team/ci ")
        );
        assert_eq!(key["globalPermissions"]["mayCreateProjects"], true);
        assert_eq!(rig.published("url").as_deref(), Some(rig.node.url()));
        let secret = rig.server.get("secrets", "team", "ci-key");
        assert_eq!(secret["metadata"]["labels"]["app"], "ci");
        assert_eq!(secret["metadata"]["ownerReferences"][0]["name"], "ci");
        let object = rig.server.get(PLURAL, "team", "ci");
        assert_eq!(object["status"]["remote"]["id"], key["id"]);
        let writes = rig.node.writes();
        rig.swept().await;
        assert_eq!((rig.node.writes(), rig.node.count("D36")), (writes, 1));
        assert!(!rig.texts().contains(key["key"].as_str().unwrap()));
        rig.server.delete(PLURAL, "team", "ci");
        rig.gone(PLURAL, "ci").await;
        assert!(rig.marked().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_and_drift_are_written_into_the_definition() {
    let rig = created(dss(), json!({ "dssUserForImpersonation": "admin" })).await;
    let key = rig.sole();
    assert_eq!(key["dssUserForImpersonation"], "admin");
    let id = key["id"].as_str().unwrap();
    let by_hand =
        json!({ "label": "theirs", "globalPermissions": { "mayCreateProjects": false, "mayWriteSafeCode": true } });
    rig.node
        .patch_state(json!({ "globalApiKeys": { id: by_hand } }))
        .unwrap();
    rig.until("the repair", || {
        rig.sole()["globalPermissions"]["mayCreateProjects"] == true
    })
    .await;
    assert_eq!(rig.sole()["label"], "theirs", "an unset label is not managed");
    rig.server.patch(
        PLURAL,
        "team",
        "ci",
        json!({ "spec": { "label": "ours", "permissions": { "mayCreateProjects": null } } }),
    );
    rig.until("the edit", || rig.sole()["label"] == "ours").await;
    rig.wait(PLURAL, "ci", "InSync").await;
    let flags = rig.sole()["globalPermissions"].clone();
    assert_eq!(
        (&flags["mayCreateProjects"], &flags["mayWriteSafeCode"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(rig.node.count("D36"), 1);
    rig.agrees();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_has_the_rights_of_groups_as_soon_as_they_exist() {
    let rig = Rig::dss().await;
    rig.key(json!({ "permissions": null, "groups": ["deployers"] }));
    rig.wait(PLURAL, "ci", "DependencyNotReady").await;
    assert_eq!(rig.sole()["groups"], json!([]));
    rig.create("DssGroup", "deployers", json!({ "instanceRef": { "name": "design" } }));
    rig.wait(PLURAL, "ci", "InSync").await;
    assert_eq!(rig.sole()["groups"], json!(["deployers"]));
    rig.agrees();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_secret_is_left_alone_and_no_key_is_created() {
    let rig = Rig::dss().await;
    rig.server.create(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "ci-key", "namespace": "team" },
        "stringData": { "apiKey": "theirs" },
    }));
    rig.key(json!({}));
    let object = rig.wait(PLURAL, "ci", "AlreadyExists").await;
    assert!(
        ready(&object)["message"]
            .as_str()
            .unwrap()
            .contains("Secret team/ci-key")
    );
    assert_eq!(
        (rig.node.count("D36"), rig.published("apiKey").as_deref()),
        (0, Some("theirs"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_value_was_lost_is_replaced() {
    let rig = Rig::dss().await;
    rig.node
        .fault(json!({ "match": { "operation": "D36" }, "fault": { "kind": "dropAfter" } }));
    rig.key(json!({}));
    rig.wait(PLURAL, "ci", "InSync").await;
    rig.until("the deletion of the lost key", || rig.marked().len() == 1)
        .await;
    assert_eq!(rig.node.count("D36"), 2);
    rig.agrees();
}

/// Its value is known once. So it is not in sync without its Secret, and another key is created.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_secret_was_refused_is_replaced_and_never_in_sync_without_it() {
    let rig = Rig::dss().await;
    let refused = memory_apiserver::Action::Status(422, "Invalid".into());
    let refused = memory_apiserver::Rule::new(refused).path("/secrets").writes().times(1);
    let _refused = rig.server.fault(refused);
    rig.key(json!({}));
    let in_sync = || {
        let object = rig.server.get(PLURAL, "team", "ci");
        ready(&object)["reason"] == "InSync"
    };
    rig.until("the end", in_sync).await;
    assert_eq!(rig.published("apiKeyId").as_deref(), rig.sole()["id"].as_str());
    rig.agrees();
    assert_eq!(rig.node.count("D36"), 2);
}

/// The apiserver is at fault there, and not the node: the object waits, and says of the node nothing that is not so.
#[tokio::test(flavor = "multi_thread")]
async fn while_the_secret_is_refused_no_key_counts_as_issued_and_the_node_is_blamed_for_nothing() {
    let rig = Rig::dss().await;
    let refused = memory_apiserver::Action::Status(422, "Invalid".into());
    let refused = memory_apiserver::Rule::new(refused).path("/secrets").writes();
    let refused = rig.server.fault(refused);
    rig.key(json!({}));
    rig.until("another attempt", || refused.hits() >= 3).await;
    let object = rig.server.get(PLURAL, "team", "ci");
    assert_eq!(ready(&object)["reason"], "Progressing", "{object:#}");
    // Each attempt is a reconcile of its own, after a back-off.
    assert!(rig.node.count("D36") <= refused.hits() as u64 + 1);
    assert_eq!(rig.published("apiKeyId"), None);
    refused.remove();
    rig.wait(PLURAL, "ci", "InSync").await;
    rig.until("the deletion of what was not published", || rig.marked().len() == 1)
        .await;
    rig.agrees();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_somebody_deleted_is_created_again() {
    let rig = created(dss(), json!({})).await;
    let id = rig.sole()["id"].as_str().unwrap().to_owned();
    rig.node
        .patch_state(json!({ "globalApiKeys": { id.as_str(): null } }))
        .unwrap();
    rig.until("another key", || {
        rig.marked().iter().any(|key| key["id"] != id.as_str())
    })
    .await;
    rig.wait(PLURAL, "ci", "InSync").await;
    rig.until("its value", || {
        rig.published("apiKeyId").is_some_and(|published| published != id)
    })
    .await;
    rig.agrees();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_deleted_or_edited_gets_another_key() {
    let rig = created(dss(), json!({})).await;
    for round in 0..2 {
        let old = rig.sole();
        if round == 0 {
            rig.server.delete("secrets", "team", "ci-key");
        } else {
            rig.server
                .patch("secrets", "team", "ci-key", json!({ "data": { "apiKey": "AAAA" } }));
        }
        rig.until("another key", || {
            let marked = rig.marked();
            marked.len() == 1 && marked[0]["id"] != old["id"]
        })
        .await;
        rig.wait(PLURAL, "ci", "InSync").await;
        rig.agrees();
        assert_eq!(rig.node.count("D36"), round + 2, "one key for each");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_while_a_key_is_created_leaves_one_key() {
    let mut rig = Rig::dss().await;
    rig.node
        .fault(json!({ "match": { "operation": "D36" }, "fault": { "kind": "late", "millis": 1000 } }));
    rig.key(json!({}));
    rig.until("the intent", || {
        rig.server.get(PLURAL, "team", "ci")["status"]["remote"]["origin"] == "Created"
    })
    .await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    rig.kill().await;
    rig.until("the key whose value is lost", || rig.marked().len() == 1)
        .await;
    rig.start().await;
    rig.wait(PLURAL, "ci", "InSync").await;
    rig.until("the deletion of that key", || rig.marked().len() == 1).await;
    rig.agrees();
    assert_eq!(rig.node.count("D36"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_observer_creates_nothing_and_says_what_it_would_do() {
    let rig = Rig::dss().await;
    rig.key(json!({ "managementPolicy": "Observe" }));
    let object = rig.wait(PLURAL, "ci", "Observed").await;
    assert_eq!(object["status"]["plan"], json!(["create API key"]));
    rig.server.delete(PLURAL, "team", "ci");
    rig.gone(PLURAL, "ci").await;
    assert_eq!(rig.node.writes(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_created_anew_issues_another_key_and_names_the_one_that_it_had() {
    let mut rig = created(dss(), json!({ "description": "pipeline" })).await;
    let old = rig.sole();
    let theirs =
        json!({ "id": "theirs", "label": "ci", "description": "[dataiku-operator.io/owner: beef/team/ci u1]" });
    rig.node
        .patch_state(json!({ "globalApiKeys": { "theirs": theirs } }))
        .unwrap();
    // The object and its Secret are lost, and somebody applies the manifest again.
    rig.kill().await;
    rig.server
        .patch(PLURAL, "team", "ci", json!({ "metadata": { "finalizers": null } }));
    rig.server.delete(PLURAL, "team", "ci");
    if rig.server.find("secrets", "team", "ci-key").is_some() {
        rig.server.delete("secrets", "team", "ci-key");
    }
    rig.key(json!({ "description": "pipeline" }));
    rig.start().await;
    let object = rig.wait(PLURAL, "ci", "InSync").await;
    assert_eq!(object["status"]["remote"]["origin"], "Created");
    assert_eq!(object["status"]["remote"]["former"], json!([old["id"]]));
    rig.swept().await;
    let all: Vec<Value> = rig.marked().iter().map(|key| key["id"].clone()).collect();
    assert!(
        all.len() == 3 && all.contains(&json!("theirs")) && all.contains(&old["id"]),
        "{all:?}"
    );
    let is_new = |key: &Value| key["id"] != "theirs" && key["id"] != old["id"];
    let ours = rig.marked().into_iter().find(is_new).unwrap();
    assert_eq!(rig.published("apiKey").as_deref(), ours["key"].as_str());
    assert_eq!(rig.idle_writes().await, 0);
    rig.server.delete(PLURAL, "team", "ci");
    rig.gone(PLURAL, "ci").await;
    assert_eq!(
        rig.marked().len(),
        2,
        "that of the other cluster stays, and so does the former one"
    );
}
