//! Rights that change after an object was written.

use serde_json::{Value, json};

use super::rig::{Rig, TENANT, ready};

fn user(groups: &[&str]) -> Value {
    let groups: Value = groups.iter().map(|name| json!({ "name": name })).collect();
    json!({ "passwordSecretRef": { "name": "password" }, "groups": groups })
}

fn groups_of(rig: &Rig, login: &str) -> Value {
    rig.dss_user(login).unwrap()["groups"].clone()
}

fn rotate(rig: &Rig, password: &str) {
    let data = json!({ "data": null, "stringData": { "password": password } });
    rig.server.patch("secrets", TENANT, "password", data);
}

#[tokio::test]
async fn the_password_of_a_user_whom_somebody_made_an_administrator_is_not_set() {
    let rig = Rig::with(json!({})).await;
    rig.tenant("DssUser", "t-new", user(&["readers"]));
    rig.tenant_is("dssusers", "t-new", &["InSync"]).await;
    let promoted = json!({ "users": { "t-new": { "groups": ["administrators", "readers"] } } });
    rig.dss.patch_state(promoted).unwrap();
    let before = rig.written();
    rotate(&rig, "known-to-the-tenant");
    let object = rig.tenant_is("dssusers", "t-new", &["NotAllowed"]).await;
    let message = ready(&object)["message"].as_str().unwrap().to_owned();
    assert!(!message.contains("administrators"), "{message}");
    rig.swept().await;
    assert_eq!(rig.dss_user("t-new").unwrap()["password"], "of-the-tenant");
    // Nor is the account taken down with the object: it is not the tenant's alone any more.
    rig.server.delete("dssusers", TENANT, "t-new");
    rig.gone("dssusers", "t-new").await;
    assert_ne!(rig.dss_user("t-new").unwrap()["enabled"], false);
    assert_eq!(rig.written(), before, "{:?}", rig.writes());
    let events = rig.server.list("events").into_iter();
    assert!(
        events
            .into_iter()
            .any(|event| event["reason"] == "Released" && event["regarding"]["name"] == "t-new")
    );
}

#[tokio::test]
async fn a_group_that_became_privileged_is_not_joined_and_a_membership_can_be_withdrawn() {
    let rig = Rig::with(json!({})).await;
    rig.tenant("DssUser", "t-one", user(&["data_team"]));
    rig.tenant_is("dssusers", "t-one", &["InSync"]).await;
    rig.dss
        .patch_state(json!({ "groups": { "data_team": { "admin": true } } }))
        .unwrap();
    rig.tenant_is("dssusers", "t-one", &["NotAllowed"]).await;
    rig.tenant("DssUser", "t-two", user(&["data_team"]));
    rig.tenant_is("dssusers", "t-two", &["NotAllowed"]).await;
    assert_eq!(rig.dss_user("t-two"), None);
    assert_eq!(
        groups_of(&rig, "t-one"),
        json!(["data_team"]),
        "nothing is withdrawn by itself"
    );
    rig.server.patch(
        "dssusers",
        TENANT,
        "t-one",
        json!({ "spec": { "groups": [{ "name": "readers" }] } }),
    );
    rig.tenant_is("dssusers", "t-one", &["InSync"]).await;
    assert_eq!(groups_of(&rig, "t-one"), json!(["readers"]));
}

#[tokio::test]
async fn a_delegation_that_is_removed_stops_writes_and_leaves_what_was_adopted() {
    let delegation = json!({ "namespaces": { "from": "All" }, "adopt": true, "delete": true,
        "privileges": ["administrators"] });
    let rig = Rig::with(json!({ "delegations": [delegation] })).await;
    rig.tenant(
        "DssUser",
        "joe",
        json!({ "adoptionPolicy": "Adopt", "deletionPolicy": "Delete", "displayName": "Joe" }),
    );
    rig.tenant("DssUser", "t-new", user(&["administrators"]));
    rig.tenant_is("dssusers", "joe", &["InSync"]).await;
    rig.tenant_is("dssusers", "t-new", &["InSync"]).await;
    rig.terms(json!({ "delegations": null }));
    rig.tenant_is("dssusers", "joe", &["NotAllowed"]).await;
    rig.tenant_is("dssusers", "t-new", &["NotAllowed"]).await;
    rig.swept().await;
    assert_eq!(
        groups_of(&rig, "t-new"),
        json!(["administrators"]),
        "nothing is revoked by itself"
    );
    rig.server.delete("dssusers", TENANT, "joe");
    rig.server.delete("dssusers", TENANT, "t-new");
    rig.gone("dssusers", "joe").await;
    rig.gone("dssusers", "t-new").await;
    assert_eq!(rig.dss_user("joe").unwrap()["displayName"], "Joe");
    // What the object created and gave itself, it withdraws.
    let created = rig.dss_user("t-new").unwrap();
    assert_eq!((&created["enabled"], &created["groups"]), (&json!(false), &json!([])));
}

#[tokio::test]
async fn without_a_readable_list_of_groups_nothing_is_written() {
    let rig = Rig::with(json!({})).await;
    let odd = json!({ "kind": "elements", "each": { "admin": "perhaps" } });
    rig.dss
        .fault(json!({ "match": { "operation": "D23" }, "times": 0, "fault": odd }));
    rig.swept().await;
    rig.tenant("DssUser", "t-new", user(&["data_team"]));
    let object = rig.tenant_is("dssusers", "t-new", &["DependencyNotReady"]).await;
    assert!(
        ready(&object)["message"]
            .as_str()
            .unwrap()
            .contains("cannot be decided"),
        "{object:#}"
    );
    rig.swept().await;
    assert_eq!(rig.written(), 0, "{:?}", rig.writes());
    rig.dss.clear_faults();
    rig.tenant_is("dssusers", "t-new", &["InSync"]).await;
}
