//! Global API keys.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Instance, Product};

use super::{KEYS, key_path};
use crate::client::{call_as, get, post, put};

answers! { dss, govern: {
    "A24" a_label_that_another_key_has { "free" => 200, "unique" => 400 }
    "A25" the_secret_of_a_hashed_key { "masked" => {"key": "************"}, "absent" => {}, "null" => {"key": null} }
    "hashedKeys" whether_a_secret_is_shown_again { true => false, false => true }
} }

async fn created(node: &Instance) -> Value {
    let body = json!({"label": "ci", "description": null, "globalPermissions": {"admin": true}});
    let (status, key) = post(node, KEYS, body).await;
    assert_eq!((status, key["key"].as_str().unwrap().len()), (200, 32), "{key}");
    key
}

/// A key as it is got, which is also how it is listed.
async fn shown(node: &Instance, created: &Value) -> Value {
    let (_, got) = get(node, &key_path(created)).await;
    assert!(get(node, KEYS).await.1.as_array().unwrap().contains(&got));
    got
}

async fn a_label_that_another_key_has(node: &Instance) -> Value {
    let first = created(node).await;
    let body = json!({"label": "ci", "globalPermissions": {}});
    let (status, second) = post(node, KEYS, body.clone()).await;
    assert_ne!(first["id"], second["id"]);
    let own = put(node, &key_path(&first), body).await;
    assert_eq!(own.0, 200, "its own label is no other's");
    json!(status)
}

async fn the_secret_of_a_hashed_key(node: &Instance) -> Value {
    let mut shown = shown(node, &created(node).await).await;
    shown.as_object_mut().unwrap().retain(|name, _| name == "key");
    shown
}

async fn whether_a_secret_is_shown_again(node: &Instance) -> Value {
    let key = created(node).await;
    let secret = key["key"].as_str().unwrap();
    let (status, _) = call_as(node, secret, Method::GET, KEYS, None).await;
    assert_eq!(status, 200, "it opens the door in both modes");
    let again = shown(node, &key).await["key"] == secret;
    if node.product() == Product::Dss {
        let body = json!({"user": "admin", "label": "l", "description": "d"});
        let (_, personal) = post(node, "/admin/personal-api-keys/", body).await;
        let path = format!("/personal-api-keys/{}", personal["id"].as_str().unwrap());
        assert_eq!(get(node, &path).await.1["key"] == personal["key"], again);
    }
    json!(again)
}
