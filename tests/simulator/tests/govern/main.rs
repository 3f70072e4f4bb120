//! Govern as a client sees it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics, in its helpers too")]

mod administration;
mod assignments;
#[path = "../dss/client.rs"]
#[expect(dead_code, reason = "the tests of DSS use all of it")]
mod client;
mod permissions;
mod roles;
mod rules;
mod shared;

use serde_json::{Value, json};
use simulator::{Instance, InstanceConfig, Product, Simulator};

/// A fresh Govern.
async fn govern() -> Instance {
    started(InstanceConfig::new(Product::Govern)).await
}

async fn started(config: InstanceConfig) -> Instance {
    Simulator::start().await.unwrap().instance(config).await.unwrap()
}

/// The secret of a new key with this right.
fn key_with(govern: &Instance, right: &str) -> String {
    let secret = format!("secret of {right}");
    let key = json!({"id": right, "key": secret, "label": right, "globalPermissions": {right: true}});
    govern.patch_state(json!({"globalApiKeys": {right: key}})).unwrap();
    secret
}

/// A rule that gives a role to a user.
fn rule_for(login: &str) -> Value {
    json!({"criteria": [], "fieldIds": [], "userContainers": [{"type": "user", "login": login}]})
}
