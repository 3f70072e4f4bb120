//! One's own user, and what everybody sees of the others.

use reqwest::Client;
use serde_json::{Value, json};
use simulator::Instance;

use crate::client::{call_as, dss, get, jane, post};

async fn as_user(dss: &Instance, login: &str, path: &str) -> (u16, Value) {
    let request = Client::new()
        .get(format!("{}/dip/publicapi{path}", dss.url()))
        .basic_auth(dss.api_key(), Some(""));
    let answer = request.header("X-DKU-ProxyUser", login).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn the_own_user_needs_a_user() {
    let dss = dss().await;
    post(&dss, "/admin/users", jane()).await;
    assert_eq!(get(&dss, "/current-user").await.0, 400);
    let (status, mut own) = as_user(&dss, "jane", "/current-user").await;
    assert_eq!((status, own.get("adminProperties")), (200, None));
    own["userProperties"] = json!({"team": "x"});
    own["groups"] = json!(["administrators"]);
    let url = format!("{}/public/api/current-user", dss.url());
    let request = Client::new()
        .put(url)
        .basic_auth(dss.api_key(), Some(""))
        .header("X-Dku-ProxyUser", "jane");
    assert_eq!(request.body(own.to_string()).send().await.unwrap().status(), 200);
    let stored = dss.state_at("/users/jane").unwrap();
    assert_eq!(
        (&stored["userProperties"], &stored["groups"]),
        (&json!({"team": "x"}), &json!(["readers"]))
    );
    assert_eq!(dss.requests().log.last().unwrap().proxy_user.as_deref(), Some("jane"));
}

#[tokio::test]
async fn everybody_sees_cards_of_users() {
    let dss = dss().await;
    post(&dss, "/admin/users", jane()).await;
    let key = dss.non_admin_api_key();
    let (_, card) = call_as(&dss, key, reqwest::Method::GET, "/users/jane", None).await;
    let whole = json!({"login": "jane", "displayName": "Jane", "groups": ["readers"], "email": "", "enabled": true});
    assert_eq!(card, whole, "an absent email is an empty text");
    let (_, admin) = call_as(&dss, key, reqwest::Method::GET, "/users/admin", None).await;
    assert_eq!(admin["email"], "admin@example.com");
}

#[tokio::test]
async fn secrets_are_clear_for_the_identity_that_owns_them() {
    let dss = dss().await;
    post(&dss, "/admin/users", jane()).await;
    dss.patch_state(json!({"users": {"jane": {"secrets": [{"name": "s", "value": "clear", "secret": true}]}}}))
        .unwrap();
    let (_, info) = as_user(&dss, "jane", "/auth/info?withSecrets=True").await;
    assert_eq!(
        info,
        json!({"authIdentifier": "jane", "groups": ["readers"], "secrets": [{"key": "s", "value": "clear"}]})
    );
    assert!(get(&dss, "/auth/info").await.1.get("groups").is_none());
}
