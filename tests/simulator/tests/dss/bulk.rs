//! Many users in one call.

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{call, dss, get, jane, post, put};

const BULK: &str = "/admin/users/actions/bulk";

fn john() -> Value {
    json!({"login": "john", "displayName": "John", "sourceType": "LDAP", "groups": [], "userProfile": "READER", "email": null})
}

#[tokio::test]
async fn each_item_has_its_own_result() {
    let dss = dss().await;
    let (status, results) = post(&dss, BULK, json!([jane(), john(), jane()])).await;
    assert_eq!(status, 200);
    let statuses: Vec<_> = results
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["status"].as_str().unwrap())
        .collect();
    assert_eq!(statuses, ["SUCCESS", "SUCCESS", "FAILURE"]);
    assert_eq!(
        (&results[0]["login"], &results[0]["error"]),
        (&json!("jane"), &json!(""))
    );
    assert!(
        results[2]["error"]
            .as_str()
            .unwrap()
            .contains("ERR_SECURITY_USER_EXISTS")
    );
    dss.switch("A6", json!(207)).unwrap();
    assert_eq!(post(&dss, BULK, json!([jane()])).await.0, 207);
    let (_, results) = call(&dss, Method::DELETE, BULK, Some(json!(["jane", "nobody"]))).await;
    assert_eq!(
        (&results[0]["status"], &results[1]["status"]),
        (&json!("SUCCESS"), &json!("FAILURE"))
    );
    assert_eq!(dss.state_at("/users/jane"), None);
    assert_eq!((dss.count("D6"), dss.count("D8")), (2, 1));
}

#[tokio::test]
async fn an_edit_leaves_alone_what_is_not_sent() {
    let dss = dss().await;
    post(&dss, BULK, json!([jane()])).await;
    dss.patch_state(
        json!({"users": {"jane": {"adminProperties": {"a": "1"}, "secrets": [{"name": "s", "value": "v"}]}}}),
    )
    .unwrap();
    let before = dss.state_at("/users/jane").unwrap();
    let edit = json!([{"login": "jane", "email": "j@example.com", "password": "ignored", "credentials": {"c": {}}}]);
    put(&dss, BULK, edit).await;
    let mut expected = before;
    expected["email"] = json!("j@example.com");
    assert_eq!(dss.state_at("/users/jane").unwrap(), expected);
}

#[tokio::test]
async fn a_map_is_replaced_or_merged_by_an_edit() {
    let dss = dss().await;
    post(&dss, BULK, json!([jane()])).await;
    let edit = |key: &str| json!([{"login": "jane", "adminProperties": {key: "1"}}]);
    put(&dss, BULK, edit("a")).await;
    put(&dss, BULK, edit("b")).await;
    assert_eq!(dss.state_at("/users/jane/adminProperties").unwrap(), json!({"b": "1"}));
    dss.switch("A7", json!("merge")).unwrap();
    put(&dss, BULK, edit("c")).await;
    assert_eq!(
        dss.state_at("/users/jane/adminProperties").unwrap(),
        json!({"b": "1", "c": "1"})
    );
}

#[tokio::test]
async fn releases_before_14_2_have_no_bulk_and_no_settings_in_the_list() {
    let dss = dss().await;
    let (_, whole) = get(&dss, "/admin/users/?includeSettings=True").await;
    assert!(whole[0].get("adminProperties").is_some());
    assert!(
        get(&dss, "/admin/users/?includeSettings=False").await.1[0]
            .get("adminProperties")
            .is_none()
    );
    dss.switch("release", json!("14.1.3")).unwrap();
    assert_eq!(post(&dss, BULK, json!([jane()])).await.0, 404);
    assert!(
        get(&dss, "/admin/users/?includeSettings=true").await.1[0]
            .get("adminProperties")
            .is_none()
    );
}

#[tokio::test]
async fn every_second_item_fails_by_a_fault() {
    let dss = dss().await;
    dss.fault(json!({"match": {"operation": "D6"}, "fault": {"kind": "halfFailedBulk"}}));
    let (_, results) = post(&dss, BULK, json!([jane(), john()])).await;
    assert_eq!(
        (&results[0]["status"], &results[1]["status"]),
        (&json!("SUCCESS"), &json!("FAILURE"))
    );
    assert_eq!(dss.state_at("/users/john"), None);
}

#[tokio::test]
async fn on_dataiku_cloud_users_are_not_written() {
    let dss = dss().await;
    dss.switch("cloud", json!(true)).unwrap();
    assert_eq!(post(&dss, BULK, json!([jane()])).await.0, 403);
    assert_eq!(post(&dss, "/admin/users", jane()).await.0, 403);
    assert_eq!(put(&dss, "/admin/users/admin", json!({})).await.0, 403);
}
