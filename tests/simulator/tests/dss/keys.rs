//! Global and personal API keys.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::Instance;

use crate::client::{call_as, dss, get, jane, post, put};

const GLOBAL: &str = "/admin/global-api-keys/";
const PERSONAL: &str = "/personal-api-keys/";

async fn create(dss: &Instance, body: Value) -> Value {
    let (status, key) = post(dss, GLOBAL, body).await;
    assert_eq!(status, 200, "{key}");
    key
}

fn id(key: &Value) -> String {
    format!("{GLOBAL}{}", key["id"].as_str().unwrap())
}

async fn lists_users(dss: &Instance, key: &Value) -> u16 {
    call_as(dss, key["key"].as_str().unwrap(), Method::GET, "/admin/users/", None)
        .await
        .0
}

/// A user and a personal key of that user.
async fn of_jane(dss: &Instance) -> Value {
    post(dss, "/admin/users/", jane()).await;
    let (status, key) = post(
        dss,
        "/admin/personal-api-keys/",
        json!({"user": "jane", "label": "l", "description": "d"}),
    )
    .await;
    assert_eq!(status, 200);
    key
}

#[tokio::test]
async fn a_hash_does_not_turn_back_into_a_secret() {
    let dss = dss().await;
    let key = create(
        &dss,
        json!({"label": "ci", "description": null, "globalPermissions": {"admin": true}}),
    )
    .await;
    dss.switch("hashedKeys", json!(false)).unwrap();
    let (_, shown) = get(&dss, &id(&key)).await;
    assert_eq!(shown["key"], "************");
    let clear = create(&dss, json!({"label": "ci", "globalPermissions": {}})).await;
    assert_eq!(get(&dss, &id(&clear)).await.1["key"], clear["key"]);
    assert_eq!(clear.get("storedHashed"), None);
}

#[tokio::test]
async fn a_definition_is_replaced_but_for_what_the_server_owns() {
    let dss = dss().await;
    let key = create(
        &dss,
        json!({"label": "ci", "globalPermissions": {"mayCreateProjects": true}}),
    )
    .await;
    let sent = json!({"id": "other", "key": "other", "createdOn": 1, "expiresOn": 1, "label": "cd", "future": {"kept": 1},
                      "globalPermissions": {"mayManageUDM": true}});
    assert_eq!(put(&dss, &id(&key), sent).await.0, 200);
    let stored = dss
        .state_at(&format!("/globalApiKeys/{}", key["id"].as_str().unwrap()))
        .unwrap();
    for own in ["id", "key", "createdOn", "createdBy"] {
        assert_eq!(stored[own], key[own], "{own}");
    }
    assert_eq!(
        (&stored["label"], &stored["expiresOn"], &stored["future"]),
        (&json!("cd"), &json!(0), &json!({"kept": 1}))
    );
    let permissions = &stored["globalPermissions"];
    assert_eq!(
        (&permissions["mayCreateProjects"], &permissions["mayManageUDM"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(put(&dss, &id(&key), json!({"groups": "readers"})).await.0, 400);
    assert_eq!(put(&dss, &format!("{GLOBAL}unknown"), json!({})).await.0, 404);
}

#[tokio::test]
async fn a_key_expires_after_its_days() {
    let dss = dss().await;
    let key = create(&dss, json!({"label": "ci", "globalPermissions": {"admin": true}})).await;
    let body = json!({"globalPermissions": {"admin": true}, "expiry": "2"});
    assert_eq!(put(&dss, &id(&key), body).await.0, 200);
    let (_, got) = get(&dss, &id(&key)).await;
    assert_eq!(got["expiry"], "2");
    assert_eq!(
        got["expiresOn"].as_u64().unwrap() - got["createdOn"].as_u64().unwrap(),
        2 * 86_400_000
    );
    dss.advance(Duration::from_hours(24));
    assert_eq!(lists_users(&dss, &key).await, 200);
    dss.advance(Duration::from_hours(24));
    assert_eq!(lists_users(&dss, &key).await, 401);
    assert_eq!(put(&dss, &id(&key), json!({"expiry": "soon"})).await.0, 400);
}

#[tokio::test]
async fn a_key_of_groups_has_their_rights_of_now() {
    let dss = dss().await;
    let body = json!({"label": "grouped", "groups": ["administrators"]});
    let key = create(&dss, body).await;
    assert_eq!(lists_users(&dss, &key).await, 200);
    dss.patch_state(json!({"groups": {"administrators": {"admin": false}}}))
        .unwrap();
    assert_eq!(
        lists_users(&dss, &key).await,
        403,
        "the rights are those of the groups now"
    );
}

#[tokio::test]
async fn a_key_is_found_by_its_secret_in_both_modes() {
    let dss = dss().await;
    let key = create(&dss, json!({"label": "ci", "globalPermissions": {}})).await;
    let path = format!("/admin/globalAPIKeys/{}", key["key"].as_str().unwrap());
    assert_eq!(get(&dss, &path).await.1["id"], key["id"]);
    let (status, error) = get(&dss, "/admin/globalAPIKeys/not-a-secret").await;
    assert_eq!(status, 404);
    assert!(!error.to_string().contains("not-a-secret"));
    assert_eq!(dss.requests().log.last().unwrap().path, "/admin/globalAPIKeys/{secret}");
}

#[tokio::test]
async fn a_personal_key_acts_as_its_user_and_reaches_its_own_kind_only() {
    let dss = dss().await;
    let key = of_jane(&dss).await;
    let secret = key["key"].as_str().unwrap();
    let as_jane = async |method, path: String, body| {
        let path = format!("{PERSONAL}{path}");
        call_as(&dss, secret, method, &path, body).await
    };
    let (status, own) = as_jane(
        Method::POST,
        String::new(),
        Some(json!({"label": "laptop", "description": ""})),
    )
    .await;
    assert_eq!(
        (status, &own["user"], &own["createdBy"]),
        (200, &json!("jane"), &json!("jane"))
    );
    assert_eq!(
        as_jane(Method::GET, String::new(), None)
            .await
            .1
            .as_array()
            .unwrap()
            .len(),
        2
    );

    let (_, other) = post(
        &dss,
        "/admin/personal-api-keys/",
        json!({"user": "admin", "label": "x", "description": ""}),
    )
    .await;
    let other = other["id"].as_str().unwrap().to_owned();
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(as_jane(method, other.clone(), None).await.0, 403);
    }
    assert_eq!(as_jane(Method::PUT, other, Some(json!({}))).await.0, 403);
    assert_eq!(as_jane(Method::GET, "unknown".to_owned(), None).await.0, 404);
    assert_eq!(get(&dss, PERSONAL).await.0, 400, "a global key is no user");
    let unknown = json!({"user": "nobody", "label": "", "description": ""});
    assert_eq!(post(&dss, "/admin/personal-api-keys/", unknown).await.0, 404);
}
