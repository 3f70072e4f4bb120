//! The mark in a user: it outlives the status of the object that created the user.

use serde_json::{Value, json};

use super::{Rig, ready};

const PLURAL: &str = "dssusers";
const OWNER: &str = "dataiku-operator.io/owner";

impl Rig {
    fn mark(&self, login: &str) -> Value {
        self.stored(login)["adminProperties"][OWNER].clone()
    }

    /// Deletes an object and leaves its remote object behind, as a lost cluster does; then creates it again.
    async fn restore(&mut self, login: &str, spec: Value) {
        self.kill().await;
        self.server
            .patch(PLURAL, "team", login, json!({ "metadata": { "finalizers": null } }));
        self.server.delete(PLURAL, "team", login);
        self.user(login, spec);
        self.start().await;
    }
}

fn marked() -> Value {
    json!({ "adminProperties": { "costCenter": "4711" } })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_object_recognises_its_user_and_may_still_disable_it() {
    let mut rig = Rig::dss().await;
    rig.user("jane", marked());
    rig.wait(PLURAL, "jane", "InSync").await;
    let uid = rig.server.get(PLURAL, "team", "jane")["metadata"]["uid"].clone();
    let expected = format!("c0ffee/team/jane/{}", uid.as_str().unwrap());
    assert_eq!(rig.mark("jane"), json!(expected));
    assert_eq!(rig.stored("jane")["adminProperties"]["costCenter"], "4711");
    assert_eq!(rig.idle_writes().await, 0);
    rig.restore("jane", marked()).await;
    let object = rig.wait(PLURAL, "jane", "InSync").await;
    assert_eq!(object["status"]["remote"]["origin"], "Created");
    assert_eq!(rig.idle_writes().await, 0, "a mark is no difference");
    rig.edit_user("jane", json!({ "displayName": "Jane" }));
    rig.until("the edit", || rig.stored("jane")["displayName"] == "Jane")
        .await;
    assert_ne!(rig.mark("jane"), json!(expected), "the uid of the restored object");
    rig.server.delete(PLURAL, "team", "jane");
    rig.gone(PLURAL, "jane").await;
    assert_eq!(rig.stored("jane")["enabled"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mark_of_another_cluster_or_object_is_a_conflict_and_that_of_a_deleted_object_is_none() {
    let rig = Rig::dss().await;
    rig.user("joe", json!({}));
    rig.wait(PLURAL, "joe", "InSync").await;
    let mut spec = marked();
    spec["adoptionPolicy"] = json!("Adopt");
    for (login, mark) in [("kim", "beef/team/kim/u1"), ("lou", "c0ffee/team/joe/u1")] {
        rig.user_by_hand(
            login,
            json!({ "sourceType": "LOCAL_NO_AUTH", "adminProperties": { OWNER: mark } }),
        );
        let writes = rig.node.writes();
        rig.user(login, spec.clone());
        let object = rig.wait(PLURAL, login, "Conflict").await;
        let message = ready(&object)["message"].as_str().unwrap().to_owned();
        assert!(
            message.contains(if login == "kim" { "beef" } else { "team/joe" }),
            "{message}"
        );
        // The lists do not show the user yet, so the node may refuse one creation.
        assert!(rig.node.writes() <= writes + 1);
        assert_eq!(rig.mark(login), mark);
    }
    rig.user_by_hand(
        "max",
        json!({ "sourceType": "LOCAL_NO_AUTH", "adminProperties": { OWNER: "c0ffee/team/gone/u1" } }),
    );
    rig.user("max", spec);
    let object = rig.wait(PLURAL, "max", "InSync").await;
    assert_eq!(object["status"]["remote"]["origin"], "Adopted");
    assert_eq!(rig.mark("max"), "c0ffee/team/gone/u1", "an adopted user gets no mark");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_marks_sets_none() {
    let rig = Rig::dss().await;
    rig.server.patch(
        "dssinstances",
        "team",
        "design",
        json!({ "spec": { "ownershipMark": false } }),
    );
    rig.wait("dssinstances", "design", "InSync").await;
    rig.user("jane", marked());
    rig.wait(PLURAL, "jane", "InSync").await;
    assert_eq!(rig.mark("jane"), Value::Null);
    assert_eq!(rig.stored("jane")["adminProperties"]["costCenter"], "4711");
}
