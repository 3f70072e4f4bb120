//! A small HTTP client, so that a test says only what it is about.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Instance, InstanceConfig, Product, Simulator};

/// A fresh space.
pub async fn space() -> Instance {
    configured(InstanceConfig::new(Product::Launchpad)).await
}

/// A space made from a configuration.
pub async fn configured(config: InstanceConfig) -> Instance {
    Simulator::start().await.unwrap().instance(config).await.unwrap()
}

/// One call below the space: the status and the JSON of the answer.
pub async fn call(space: &Instance, method: Method, path: &str, body: Value) -> (u16, Value) {
    let url = format!("{}/spaces/{}{path}", space.url(), space.space_id());
    let mut request = reqwest::Client::new()
        .request(method, url)
        .basic_auth(space.api_key_id(), Some(space.api_key_secret()));
    if !body.is_null() {
        request = request.json(&body);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
}

pub async fn get(space: &Instance, path: &str) -> (u16, Value) {
    call(space, Method::GET, path, Value::Null).await
}

pub async fn post(space: &Instance, path: &str, body: Value) -> (u16, Value) {
    call(space, Method::POST, path, body).await
}

pub async fn put(space: &Instance, path: &str, body: Value) -> (u16, Value) {
    call(space, Method::PUT, path, body).await
}

pub async fn delete(space: &Instance, path: &str, body: Value) -> (u16, Value) {
    call(space, Method::DELETE, path, body).await
}

/// What a search finds, by email or name.
pub async fn found(space: &Instance, path: &str, filter: Value) -> Vec<Value> {
    let (status, answer) = post(space, path, filter).await;
    assert_eq!(status, 200, "{answer}");
    answer.as_array().unwrap().clone()
}

/// A body of L3 for one person.
pub fn invite(email: &str, profile: &str) -> Value {
    json!({"id": null, "email": email, "profile": {"name": profile}, "groups": []})
}

/// Somebody who accepted an invite, as the Launchpad shows them.
pub async fn joined(space: &Instance, email: &str) -> Value {
    let (status, answer) = post(space, "/invites", json!([invite(email, "reader")])).await;
    assert_eq!((status, &answer["errors"]), (200, &json!([])), "{answer}");
    space.act("acceptInvite", &json!({"email": email})).unwrap()
}

/// A group that was just created, as the Launchpad shows it.
pub async fn created(space: &Instance, name: &str) -> Value {
    let (status, answer) = post(space, "/group", group(name)).await;
    assert_eq!(status, 200, "{answer}");
    answer["group"].clone()
}

/// A body of L12.
pub fn group(name: &str) -> Value {
    json!({"id": null, "name": name, "description": null, "launchpadPermissions": {}, "dataikuPermissions": {},
           "governPermissions": {}})
}

/// The group of the space with a name.
pub async fn named(space: &Instance, name: &str) -> Value {
    found(space, "/groups/search", json!({"names": [name]})).await.remove(0)
}

/// The owner of the space.
pub async fn owner(space: &Instance) -> Value {
    let users = found(space, "/users/search", json!({"emails": null})).await;
    users.into_iter().find(|user| user["isOwner"] == true).unwrap()
}
