//! Scopes, filters, types, and the shape of refusals.

use serde_json::{Value, json};
use simulator::Instance;

use crate::cloud::{found, group, invite, post};

answers! { launchpad: {
    "A4" members_of_a_422 {
        "envelope" => ["code", "status", "errors"],
        "bare" => ["errors"],
        "message" => ["code", "status", "message"],
    }
    "A38" which_scope_writes_groups {
        "write_groups" => [200, 403, 403],
        "write_users" => [403, 200, 403],
        "manage_groups" => [403, 403, 200],
    }
    "A39" what_an_empty_filter_finds { "nothing" => [0, 0, 0], "everything" => [1, 1, 5] }
    "A42" types_of_nodes {
        "own" => [["design", "automation", "deployer", "govern"], 200],
        "dataiku" => [["dataiku", "dataiku", "dataiku", "govern"], 422],
    }
    "A44" an_item_in_errors {
        "object" => {"email": "owner@example.com", "message": "owner@example.com is already a user"},
        "text" => "owner@example.com: owner@example.com is already a user",
        "nested" => {"email": "owner@example.com", "errors": {"email": ["owner@example.com is already a user"]}},
        "422" => {"1": {"email": ["owner@example.com is already a user"]}},
    }
    "A45" an_atomic_batch_that_fails { 200 => [200, 1, null], 422 => [422, null, ["owner@example.com is already a user"]] }
} }

fn batch() -> Value {
    json!([
        invite("new@example.com", "reader"),
        invite("owner@example.com", "reader")
    ])
}

fn invites(space: &Instance) -> usize {
    space.state_at("/invites").unwrap().as_object().unwrap().len()
}

async fn members_of_a_422(space: &Instance) -> Value {
    let (status, answer) = post(space, "/invites", json!([invite("not-an-email", "reader")])).await;
    assert_eq!(status, 422);
    assert!(answer.to_string().contains("Not a valid email address"), "{answer}");
    answer.as_object().unwrap().keys().cloned().collect()
}

async fn which_scope_writes_groups(space: &Instance) -> Value {
    let (status, _) = post(space, "/group", group("by-a-fresh-key")).await;
    assert_eq!(status, 200, "a fresh key has every scope");
    let mut seen = Vec::new();
    for scope in ["write_groups", "write_users", "manage_groups"] {
        space
            .patch_state(json!({"apiKeys": {space.api_key_id(): {"scopes": [scope]}}}))
            .unwrap();
        seen.push(post(space, "/group", group(scope)).await.0);
    }
    json!(seen)
}

async fn what_an_empty_filter_finds(space: &Instance) -> Value {
    post(space, "/invites", json!([invite("new@example.com", "reader")])).await;
    let empty = async |path: &str, filter: &str| found(space, path, json!({filter: []})).await.len();
    json!([
        empty("/users/search", "emails").await,
        empty("/invites/search", "emails").await,
        empty("/groups/search", "names").await,
    ])
}

/// The types that are shown, and whether one of them can be asked for.
async fn types_of_nodes(space: &Instance) -> Value {
    let all = found(space, "/nodes/search", json!({})).await;
    let types: Vec<&Value> = all.iter().map(|node| &node["type"]).collect();
    let asked = post(space, "/nodes/search", json!({"type": "automation"})).await.0;
    json!([types, asked])
}

async fn an_item_in_errors(space: &Instance) -> Value {
    let (status, answer) = post(space, "/invites", batch()).await;
    if status == 422 {
        assert_eq!(invites(space), 0, "nothing of a refused batch stays");
        return answer["errors"]["json"].clone();
    }
    assert_eq!((status, invites(space)), (200, 1));
    answer["errors"][0].clone()
}

/// The status, how many errors are in a list of items, and what stands under `errors.json`.
async fn an_atomic_batch_that_fails(space: &Instance) -> Value {
    let (status, answer) = post(space, "/invites?failAllOnError=True", batch()).await;
    assert_eq!(invites(space), 0);
    let items = answer["errors"].as_array().map(Vec::len);
    json!([status, items, answer.pointer("/errors/json/1/email")])
}
