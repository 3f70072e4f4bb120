//! Statuses and bodies of refusals.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::Instance;

use super::{BULK, GROUPS, KEYS, USERS, as_user};
use crate::answers::all;
use crate::client::{call_as, delete, get, jane, post, put};

answers! { dss, govern: {
    "A1" members_of_a_refusal {
        "none" => ["errorType", "message", "detailedMessage"],
        "extra" => ["errorType", "message", "detailedMessage", "detailedMessageHTML", "code", "stackTraceStr"],
    }
    "A2" a_duplicate_an_invalid_value_and_a_self_deletion { 400 => 400, 409 => 409 }
    "A3" a_bad_key_and_a_missing_right { "401/403" => [401, 403], "401/401" => [401, 401], "403/403" => [403, 403] }
    "A6" a_bulk_of_which_a_part_fails { 200 => [200, 200], 207 => [200, 207] }
    "A8" what_is_unknown { 404 => 404, 500 => 500 }
    "A11" a_caller_who_is_no_user { 400 => 400, 403 => 403 }
} }

async fn members_of_a_refusal(node: &Instance) -> Value {
    let (status, refusal) = get(node, "/admin/users/nobody").await;
    assert_eq!(status, 404);
    refusal.as_object().unwrap().keys().cloned().collect()
}

async fn a_duplicate_an_invalid_value_and_a_self_deletion(node: &Instance) -> Value {
    node.switch("futures", json!("inline")).unwrap();
    node.patch_state(json!({"directory": {"LDAP": {"users": {"admin": {}}}}}))
        .unwrap();
    let group = |name: &str| json!({"name": name, "description": null, "sourceType": "LOCAL"});
    let mut invalid = jane();
    invalid["login"] = json!("no spaces");
    assert_eq!(post(node, USERS, jane()).await.0, 200);
    let provisioned = json!({"userSourceType": "LDAP", "users": [{"login": "admin"}]});
    let seen = [
        post(node, USERS, jane()).await.0,
        post(node, USERS, invalid).await.0,
        post(node, GROUPS, group("readers")).await.0,
        post(node, GROUPS, group("no spaces")).await.0,
        post(node, "/admin/users/actions/provision", provisioned).await.0,
        as_user(node, "admin", Method::DELETE, "/admin/users/admin").await,
    ];
    assert!(node.state_at("/users/admin").is_some());
    all(seen)
}

async fn a_bad_key_and_a_missing_right(node: &Instance) -> Value {
    let list = async |key| call_as(node, key, Method::GET, USERS, None).await.0;
    json!([list("wrong").await, list(node.non_admin_api_key()).await])
}

async fn a_bulk_of_which_a_part_fails(node: &Instance) -> Value {
    let whole = post(node, BULK, json!([jane()])).await.0;
    json!([whole, post(node, BULK, json!([jane()])).await.0])
}

async fn what_is_unknown(node: &Instance) -> Value {
    let (key, future) = (format!("{KEYS}none"), "/futures/none");
    all([
        put(node, "/admin/users/nobody", json!({})).await.0,
        delete(node, "/admin/users/nobody").await.0,
        put(node, "/admin/groups/none", json!({})).await.0,
        delete(node, "/admin/groups/none").await.0,
        get(node, &key).await.0,
        put(node, &key, json!({})).await.0,
        delete(node, &key).await.0,
        get(node, future).await.0,
        delete(node, future).await.0,
    ])
}

async fn a_caller_who_is_no_user(node: &Instance) -> Value {
    all([
        get(node, "/current-user").await.0,
        put(node, "/current-user", json!({})).await.0,
        as_user(node, "nobody", Method::GET, "/users").await,
    ])
}
