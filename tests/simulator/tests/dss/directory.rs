//! Users and groups of a directory.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::Instance;

use crate::client::{call, dss, get, post};

/// A DSS that answers at once, with two people in a directory and a group that is mapped.
async fn mapped() -> Instance {
    let dss = dss().await;
    dss.switch("futures", json!("inline")).unwrap();
    dss.patch_state(json!({
        "directory": {"LDAP": {
            "users": {
                "ana": {"displayName": "Ana", "email": "ana@corp.example", "groups": ["cn=analysts"], "dn": "uid=ana"},
                "bob": {"displayName": "Bob", "email": "bob@corp.example", "groups": ["cn=ops"]},
            },
            "groups": ["cn=analysts", "cn=ops"],
        }},
        "groups": {
            "analysts": {"sourceType": "LDAP", "ldapGroupNames": ["cn=analysts"]},
            "ops": {"sourceType": "LDAP", "ldapGroupNames": ["cn=ops"]},
            "azure": {"sourceType": "AZURE_AD", "ldapGroupNames": ["cn=ops"]},
        },
    }))
    .unwrap();
    dss
}

async fn found(dss: &Instance, filter: &str) -> Value {
    let (status, state) = get(dss, &format!("/admin/external-users?userSourceType=LDAP{filter}")).await;
    assert_eq!(status, 200);
    state["result"].clone()
}

async fn provision(dss: &Instance, users: &Value) -> u16 {
    let body = json!({"userSourceType": "LDAP", "users": users});
    post(dss, "/admin/users/actions/provision", body).await.0
}

fn groups(dss: &Instance, login: &str) -> Value {
    dss.state_at(&format!("/users/{login}/groups")).unwrap()
}

#[tokio::test]
async fn users_of_a_directory_are_found_by_email_group_or_login() {
    let dss = mapped().await;
    assert_eq!(found(&dss, "&email=bob@corp.example").await[0]["login"], "bob");
    assert_eq!(found(&dss, "&groupName=cn=ops").await[0]["login"], "bob");
    assert_eq!(
        found(&dss, "&login=ana").await[0]["dn"],
        "uid=ana",
        "what the directory holds comes along"
    );
    assert_eq!(get(&dss, "/admin/external-users").await.0, 400);
    assert_eq!(get(&dss, "/admin/external-groups?userSourceType=LOCAL").await.0, 400);
}

#[tokio::test]
async fn provisioned_users_are_in_the_mapped_groups_of_their_source() {
    let dss = mapped().await;
    let people = found(&dss, "").await;
    assert_eq!(provision(&dss, &people).await, 200);
    assert_eq!(
        (groups(&dss, "ana"), groups(&dss, "bob")),
        (json!(["analysts"]), json!(["ops"]))
    );
    assert_eq!(provision(&dss, &people).await, 400, "they exist");
    assert_eq!(
        provision(&dss, &json!([{"login": "eve"}])).await,
        404,
        "the directory does not know her"
    );
    assert_eq!(dss.state_at("/users/eve"), None);
}

#[tokio::test]
async fn a_resync_recomputes_mapped_groups_and_keeps_local_ones() {
    let dss = mapped().await;
    provision(&dss, &found(&dss, "").await).await;
    dss.patch_state(json!({
        "users": {"ana": {"groups": ["readers", "analysts"]}},
        "directory": {"LDAP": {"users": {"ana": {"groups": ["cn=ops"], "displayName": "Ana B."}}}},
    }))
    .unwrap();
    assert_eq!(
        call(&dss, Method::POST, "/admin/users/ana/actions/resync", None)
            .await
            .0,
        200
    );
    assert_eq!(groups(&dss, "ana"), json!(["readers", "ops"]));
    assert_eq!(dss.state_at("/users/ana/displayName").unwrap(), "Ana B.");
    assert_eq!(
        call(&dss, Method::POST, "/admin/users/admin/actions/resync", None)
            .await
            .0,
        400
    );
    assert_eq!(
        call(&dss, Method::POST, "/admin/users/eve/actions/resync", None)
            .await
            .0,
        404
    );
}

#[tokio::test]
async fn a_resync_changes_nothing_before_its_task_is_due() {
    let dss = mapped().await;
    provision(&dss, &found(&dss, "").await).await;
    dss.patch_state(json!({"directory": {"LDAP": {"users": {"ana": {"email": "new@corp.example"}}}}}))
        .unwrap();
    dss.switch("futures", json!("delayed")).unwrap();
    dss.switch("futureMillis", json!(60_000)).unwrap();
    call(&dss, Method::POST, "/admin/users/ana/actions/resync", None).await;
    assert_eq!(dss.state_at("/users/ana/email").unwrap(), "ana@corp.example");
    dss.advance(std::time::Duration::from_mins(1));
    assert_eq!(dss.state_at("/users/ana/email").unwrap(), "new@corp.example");
}

#[tokio::test]
async fn a_resync_by_the_control_handle_moves_users() {
    let dss = mapped().await;
    provision(&dss, &found(&dss, "").await).await;
    dss.patch_state(json!({"directory": {"LDAP": {"users": {"bob": {"enabled": false}}}}}))
        .unwrap();
    assert_eq!(
        dss.act("resync", &json!({})).unwrap(),
        json!({"syncedUsers": ["ana", "bob"]})
    );
    assert_eq!(dss.state_at("/users/bob/enabled").unwrap(), false);
    assert!(
        dss.patch_state(json!({"directory": {"NIS": {"users": {}, "groups": []}}}))
            .is_err()
    );
}
