//! Many users in one call.

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{call, dss, jane, post, put};

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
    let (_, results) = call(&dss, Method::DELETE, BULK, Some(json!(["jane", "nobody"]))).await;
    assert_eq!(
        (&results[0]["status"], &results[1]["status"]),
        (&json!("SUCCESS"), &json!("FAILURE"))
    );
    assert_eq!(dss.state_at("/users/jane"), None);
    assert_eq!((dss.count("D6"), dss.count("D8")), (1, 1));
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
