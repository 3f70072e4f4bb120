use serde_json::{Value, json};

use super::{
    Rig,
    keys::{PLURAL, created, dss},
    ready,
};

const PERSONAL: &str = "dsspersonalapikeys";
const GOVERN: &str = "governglobalapikeys";

fn personal(rig: &Rig, extra: Value) {
    let mut spec = json!({ "instanceRef": { "name": "design" }, "user": "jane", "secretName": "ci-key" });
    json_patch::merge(&mut spec, &extra);
    rig.create("DssPersonalApiKey", "ci", spec);
}

/// Personal keys of jane.
fn of_jane(rig: &Rig) -> Vec<Value> {
    let keys = rig.node.state_at("/personalApiKeys").unwrap_or_default();
    let keys = keys.as_object().cloned().unwrap_or_default().into_iter();
    keys.map(|(_, key)| key).filter(|key| key["user"] == "jane").collect()
}

fn jane(rig: &Rig) {
    let jane = json!({ "instanceRef": { "name": "design" }, "sourceType": "LOCAL_NO_AUTH", "userProfile": "READER" });
    rig.create("DssUser", "jane", jane);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_personal_key_waits_for_its_user_is_published_rotated_and_deleted() {
    for hashed in [true, false] {
        let rig = Rig::with(dss().switch("hashedKeys", json!(hashed))).await;
        personal(
            &rig,
            json!({ "description": "notebooks", "rotation": { "interval": "10s", "overlap": "3s" } }),
        );
        let object = rig.wait(PERSONAL, "ci", "DependencyNotReady").await;
        assert_eq!(ready(&object)["message"], "user jane does not exist yet");
        assert_eq!(rig.node.count("D47"), 0);
        jane(&rig);
        rig.wait(PERSONAL, "ci", "InSync").await;
        let first = of_jane(&rig);
        assert_eq!(first.len(), 1);
        assert!(
            first[0]["description"]
                .as_str()
                .unwrap()
                .starts_with("notebooks [dataiku-operator.io/owner: c0ffee/team/ci ")
        );
        assert_eq!(rig.published("apiKey").as_deref(), first[0]["key"].as_str());
        rig.until("a rotation", || {
            let keys = of_jane(&rig);
            keys.len() == 1 && keys[0]["id"] != first[0]["id"]
        })
        .await;
        assert_eq!(rig.published("apiKeyId").as_deref(), of_jane(&rig)[0]["id"].as_str());
        assert!(!rig.texts().contains(of_jane(&rig)[0]["key"].as_str().unwrap()));
        rig.server.delete(PERSONAL, "team", "ci");
        rig.gone(PERSONAL, "ci").await;
        assert_eq!(of_jane(&rig), Vec::<Value>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_personal_key_whose_value_was_lost_is_replaced() {
    let rig = Rig::dss().await;
    jane(&rig);
    rig.wait("dssusers", "jane", "InSync").await;
    rig.node
        .fault(json!({ "match": { "operation": "D47" }, "fault": { "kind": "dropAfter" } }));
    personal(&rig, json!({}));
    rig.wait(PERSONAL, "ci", "InSync").await;
    rig.until("the deletion of the lost key", || of_jane(&rig).len() == 1)
        .await;
    assert_eq!(rig.node.count("D47"), 2);
    assert_eq!(rig.published("apiKey").as_deref(), of_jane(&rig)[0]["key"].as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_a_govern_node_is_created_published_and_deleted() {
    let rig = Rig::govern().await;
    let spec = json!({
        "instanceRef": { "name": "govern" }, "secretName": "ci-key", "permissions": { "admin": false },
    });
    rig.create("GovernGlobalApiKey", "ci", spec);
    rig.wait(GOVERN, "ci", "InSync").await;
    rig.agrees();
    assert!(!rig.texts().contains(rig.sole()["key"].as_str().unwrap()));
    let writes = rig.node.writes();
    rig.server.delete("secrets", "team", "ci-key");
    rig.until("another key", || {
        rig.node.writes() >= writes + 2 && rig.marked().len() == 1
    })
    .await;
    rig.wait(GOVERN, "ci", "InSync").await;
    rig.agrees();
    rig.server.delete(GOVERN, "team", "ci");
    rig.gone(GOVERN, "ci").await;
    assert!(rig.marked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_existing_key_is_managed_by_its_id_and_stays_when_the_object_goes() {
    let rig = Rig::dss().await;
    let theirs =
        json!({ "label": "theirs", "description": "by hand", "globalPermissions": { "mayCreateProjects": true } });
    rig.node
        .patch_state(json!({ "globalApiKeys": { "k1": theirs } }))
        .unwrap();
    let before = rig.node.state_at("/globalApiKeys/k1").unwrap();
    let adopt = |extra: Value| {
        let mut spec = json!({ "secretName": null, "id": "k1", "adoptionPolicy": "Adopt" });
        json_patch::merge(&mut spec, &extra);
        spec
    };
    let scoped = json!({ "projects": { "RISK": { "readProjectContent": true } } });
    rig.key(adopt(
        json!({ "permissions": { "mayCreateProjects": false }, "scopedPermissions": scoped }),
    ));
    let object = rig.wait(PLURAL, "ci", "InSync").await;
    assert_eq!(object["status"]["remote"]["origin"], "Adopted");
    let mut expected = before;
    expected["globalPermissions"]["mayCreateProjects"] = json!(false);
    expected["projects"]["RISK"] = json!({ "readProjectContent": true });
    assert_eq!(rig.node.state_at("/globalApiKeys/k1").unwrap(), expected);
    assert!(rig.server.find("secrets", "team", "ci-key").is_none());
    let writes = rig.node.writes();
    rig.swept().await;
    assert_eq!(rig.node.writes(), writes);
    rig.server
        .patch(PLURAL, "team", "ci", json!({ "spec": { "scopedPermissions": null } }));
    rig.until("the withdrawal", || {
        rig.node.state_at("/globalApiKeys/k1/projects/RISK/readProjectContent") == Some(json!(false))
    })
    .await;
    rig.wait(PLURAL, "ci", "InSync").await;
    rig.server.delete(PLURAL, "team", "ci");
    rig.gone(PLURAL, "ci").await;
    assert!(rig.node.state_at("/globalApiKeys/k1").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_that_the_operator_uses_is_neither_narrowed_nor_deleted() {
    let rig = Rig::dss().await;
    let connection = rig.server.get("dssinstances", "team", "design");
    let own = connection["status"]["identity"]["id"].as_str().unwrap().to_owned();
    let adopt = json!({
        "secretName": null, "id": own, "adoptionPolicy": "Adopt", "deletionPolicy": "Delete",
        "permissions": { "admin": false },
    });
    rig.key(adopt);
    rig.wait(PLURAL, "ci", "Guarded").await;
    rig.server.delete(PLURAL, "team", "ci");
    rig.gone(PLURAL, "ci").await;
    assert!(rig.node.state_at(&format!("/globalApiKeys/{own}")).is_some());
    assert_eq!(rig.node.writes(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overlap_longer_than_the_interval_is_invalid_and_creates_nothing() {
    let rig = Rig::dss().await;
    rig.key(json!({ "rotation": { "interval": "1h", "overlap": "2h" } }));
    let object = rig.wait(PLURAL, "ci", "Invalid").await;
    assert!(ready(&object)["message"].as_str().unwrap().contains("rotation.overlap"));
    assert_eq!(rig.node.writes(), 0);
    let rig = created(dss(), json!({ "rotation": { "interval": "1h", "overlap": "1h" } })).await;
    assert_eq!(rig.node.count("D36"), 1);
}
