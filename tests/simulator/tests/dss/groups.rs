//! Groups.

use serde_json::json;

use crate::client::{delete, dss, get, post, put};

#[tokio::test]
async fn a_new_group_may_write_safe_code_and_nothing_else() {
    let dss = dss().await;
    let body = json!({"name": "analysts", "description": null, "sourceType": "LOCAL", "mayCreateProjects": true});
    assert_eq!(post(&dss, "/admin/groups/", body.clone()).await.0, 200);
    let (_, group) = get(&dss, "/admin/groups/analysts").await;
    let granted: Vec<_> = group
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, value)| **value == json!(true))
        .collect();
    assert_eq!(granted, [(&"mayWriteSafeCode".to_owned(), &json!(true))]);
    let flags = group
        .as_object()
        .unwrap()
        .keys()
        .filter(|key| key.starts_with("may"))
        .count();
    assert_eq!(flags, 28);
    dss.patch_state(json!({"groups": {"by-hand": {"name": "by-hand", "description": "made in the UI"}}}))
        .unwrap();
    assert_eq!(dss.state_at("/groups/by-hand/mayWriteSafeCode").unwrap(), true);
    let (status, answer) = post(&dss, "/admin/groups/", body).await;
    assert_eq!(status, 400);
    assert!(
        answer["detailedMessage"]
            .as_str()
            .unwrap()
            .contains("ERR_SECURITY_GROUP_EXISTS")
    );
}

#[tokio::test]
async fn a_boolean_that_is_not_sent_becomes_false_and_an_unknown_member_stays() {
    let dss = dss().await;
    let body = json!({"name": "renamed", "mayFly": true, "mayCreateProjects": true, "ldapGroupNames": ["cn=a"]});
    assert_eq!(put(&dss, "/admin/groups/administrators", body).await.0, 200);
    let (_, group) = get(&dss, "/admin/groups/administrators").await;
    assert_eq!(group["name"], "administrators");
    assert_eq!(
        (&group["admin"], &group["mayWriteSafeCode"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(
        (&group["mayFly"], &group["mayCreateProjects"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(group["ldapGroupNames"], json!(["cn=a"]));
}

#[tokio::test]
async fn an_absent_group_is_not_found() {
    let dss = dss().await;
    assert_eq!(get(&dss, "/admin/groups/nobody").await.0, 404);
    assert_eq!(put(&dss, "/admin/groups/nobody", json!({})).await.0, 404);
    let (status, answer) = delete(&dss, "/admin/groups/nobody").await;
    assert_eq!(status, 404);
    assert_eq!(
        answer["errorType"],
        "com.dataiku.dip.server.controllers.NotFoundException"
    );
}

#[tokio::test]
async fn mappings_are_a_text_with_commas_before_12_6() {
    let dss = dss().await;
    dss.patch_state(json!({"groups": {"readers": {"ldapGroupNames": ["a", "b"]}}}))
        .unwrap();
    assert_eq!(
        get(&dss, "/admin/groups/readers").await.1["ldapGroupNames"],
        json!(["a", "b"])
    );
    dss.switch("release", json!("12.5.0")).unwrap();
    let (_, mut group) = get(&dss, "/admin/groups/readers").await;
    assert_eq!(group["ldapGroupNames"], "a,b");
    group["ldapGroupNames"] = json!("c,d");
    assert_eq!(put(&dss, "/admin/groups/readers", group.clone()).await.0, 200);
    assert_eq!(
        dss.state_at("/groups/readers/ldapGroupNames").unwrap(),
        json!(["c", "d"])
    );
    group["ldapGroupNames"] = json!(["c"]);
    assert_eq!(put(&dss, "/admin/groups/readers", group).await.0, 400);
}

#[tokio::test]
async fn everybody_sees_the_names_of_groups() {
    let dss = dss().await;
    let names = get(&dss, "/groups").await.1;
    assert_eq!(
        names,
        json!([{"name": "administrators"}, {"name": "data_team"}, {"name": "readers"}])
    );
    assert_eq!(get(&dss, "/admin/groups/").await.1.as_array().unwrap().len(), 3);
}
