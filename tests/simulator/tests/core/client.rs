//! A small HTTP client, so that a test says only what it is about.

use reqwest::{Client, Method, RequestBuilder};
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

/// A request as the admin key.
pub fn request(dss: &Instance, method: Method, path: &str) -> RequestBuilder {
    Client::new()
        .request(method, format!("{}/public/api{path}", dss.url()))
        .bearer_auth(dss.api_key())
}

/// A GET that may fail.
pub fn get(dss: &Instance, path: &str) -> RequestBuilder {
    request(dss, Method::GET, path)
}

/// The creation of a user.
pub fn create(dss: &Instance, login: &str) -> RequestBuilder {
    let body = json!({"login": login, "password": "s3cret!", "displayName": login, "sourceType": "LOCAL",
                      "groups": [], "userProfile": "READER", "email": null});
    request(dss, Method::POST, "/admin/users").body(body.to_string())
}

/// A call of the control port with a JSON body: status and answer.
pub async fn control(simulator: &Simulator, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    let mut request = Client::new().request(method, format!("{}{path}", simulator.control_url()));
    if let Some(body) = body {
        request = request.body(body.to_string());
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}
