//! A small HTTP client, so that a test says only what it is about.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Instance, InstanceConfig, Product, Simulator};

/// A fresh DSS.
pub async fn dss() -> Instance {
    Simulator::start()
        .await
        .unwrap()
        .instance(InstanceConfig::new(Product::Dss))
        .await
        .unwrap()
}

/// One call as the admin key: the status and the JSON of the answer.
pub async fn call(instance: &Instance, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    call_as(instance, instance.api_key(), method, path, body).await
}

/// One call with a key.
pub async fn call_as(instance: &Instance, key: &str, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    let url = format!("{}/public/api{path}", instance.url());
    let mut request = reqwest::Client::new().request(method, url).basic_auth(key, Some(""));
    if let Some(body) = body {
        request = request.body(body.to_string());
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
}

pub async fn get(instance: &Instance, path: &str) -> (u16, Value) {
    call(instance, Method::GET, path, None).await
}

pub async fn post(instance: &Instance, path: &str, body: Value) -> (u16, Value) {
    call(instance, Method::POST, path, Some(body)).await
}

pub async fn put(instance: &Instance, path: &str, body: Value) -> (u16, Value) {
    call(instance, Method::PUT, path, Some(body)).await
}

pub async fn delete(instance: &Instance, path: &str) -> (u16, Value) {
    call(instance, Method::DELETE, path, None).await
}

/// A body of D2.
pub fn jane() -> Value {
    json!({"login": "jane", "password": "s3cret!", "displayName": "Jane", "sourceType": "LOCAL",
           "groups": ["readers"], "userProfile": "READER", "email": null})
}
