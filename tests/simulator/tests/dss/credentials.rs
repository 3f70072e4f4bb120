//! Credentials that refer to connections and presets, where the switch `A16` has them checked.

use serde_json::{Value, json};
use simulator::Instance;

use crate::client::{dss, get, jane, post, put};

const JANE: &str = "/admin/users/jane";

/// A DSS that checks, with a connection and a user.
async fn checking() -> Instance {
    let dss = dss().await;
    dss.switch("A16", json!("refuse")).unwrap();
    dss.patch_state(json!({"connections": {"known": {}}})).unwrap();
    assert_eq!(post(&dss, "/admin/users/", jane()).await.0, 200);
    dss
}

fn basic() -> Value {
    json!({"type": "BASIC", "user": "u", "password": "p"})
}

#[tokio::test]
async fn a_refusal_names_the_connection_and_changes_nothing() {
    let dss = checking().await;
    let before = dss.state();
    let (_, mut user) = get(&dss, JANE).await;
    user["displayName"] = json!("Other");
    user["credentials"] = json!({"known": basic(), "unknown": basic()});
    let (status, error) = put(&dss, JANE, user.clone()).await;
    assert_eq!(status, 400);
    assert!(error["message"].as_str().unwrap().contains("'unknown'"), "{error}");
    assert_eq!(dss.state(), before);
    dss.patch_state(json!({"connections": {"unknown": {}}})).unwrap();
    assert_eq!(put(&dss, JANE, user).await.0, 200);
}

#[tokio::test]
async fn the_own_user_is_checked_too() {
    let dss = checking().await;
    dss.patch_state(json!({"personalApiKeys": {"k": {"key": "secret", "user": "jane"}}}))
        .unwrap();
    let url = format!("{}/public/api/current-user", dss.url());
    let write = async |credentials: Value| {
        let body = json!({"displayName": "Jane", "credentials": credentials}).to_string();
        let request = reqwest::Client::new().put(&url).bearer_auth("secret").body(body);
        request.send().await.unwrap().status()
    };
    assert_eq!(write(json!({"unknown": basic()})).await, 400);
    assert_eq!(dss.state_at("/users/jane/credentials/unknown"), None);
    assert_eq!(write(json!({"known": basic()})).await, 200);
    assert_eq!(dss.state_at("/users/jane/credentials/known").unwrap(), basic());
}

#[tokio::test]
async fn a_connection_that_goes_leaves_its_credentials_behind() {
    let dss = checking().await;
    dss.patch_state(json!({"users": {"jane": {"credentials": {"known": basic()}}}}))
        .unwrap();
    dss.patch_state(json!({"connections": {"known": null}})).unwrap();
    let (_, user) = get(&dss, JANE).await;
    assert!(user["credentials"]["known"].is_object());
    assert_eq!(put(&dss, JANE, user).await.0, 400, "the echo is refused");
    let edit = json!([{"login": "jane", "displayName": "Other"}]);
    let (_, results) = put(&dss, "/admin/users/actions/bulk", edit).await;
    assert_eq!(results[0]["status"], "SUCCESS", "a bulk edit sends no credentials");
}

#[tokio::test]
async fn a_preset_is_called_as_its_credential() {
    let dss = dss().await;
    let put = |key: &str| dss.patch_state(json!({"pluginPresets": {key: {}}}));
    assert!(put(r#""PLUGIN", "plugin", "set", "preset", "parameter""#).is_ok());
    for wrong in [
        "plugin",
        r#""PLUGIN", "plugin""#,
        r#""OTHER", "plugin", "set", "preset", "parameter""#,
    ] {
        assert!(put(wrong).is_err(), "{wrong}");
    }
}
