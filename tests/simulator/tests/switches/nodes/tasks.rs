//! Long tasks and directories.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Instance, Product};

use super::RESYNC;
use crate::client::{call, get, post};

answers! { dss, govern: {
    "A17" whom_an_empty_list_reaches { "everybody" => [200, "New"], "nobody" => [200, "Ana"], "refuse" => [400, "Ana"] }
    "A28" members_of_a_state {
        "full" => ["jobId", "hasResult", "alive", "aborted", "owner", "startTime", "runningTime", "payload", "progress"],
        "bare" => ["jobId", "hasResult"],
    }
    "A29" a_second_read_of_a_result { "consumed" => 404, "kept" => 200 }
    "A30" the_read_of_a_failed_task { 500 => 500, 400 => 400 }
    "futures" how_a_task_goes {
        "inline" => [true, {"syncedUsers": []}],
        "delayed" => [false, 200, true, false],
        "failing" => [false, 500, null, null],
        "aborted" => [false, 200, false, true],
    }
    "futureMillis" whether_a_task_has_ended_after_a_second { 100 => true, 60_000 => false }
    "futureExpiryMillis" a_result_after_a_minute { 3_600_000 => 200, 1_000 => 404 }
    "resyncOfMissing" who_left_the_directory_is_enabled { "disable" => false, "keep" => true }
} }

/// Starts a resync of everybody; the first answer, and the path of the task when there is one.
async fn started(node: &Instance) -> (Value, String) {
    let (status, state) = call(node, Method::POST, RESYNC, None).await;
    assert_eq!(status, 200);
    let path = format!("/futures/{}", state["jobId"].as_str().unwrap_or_default());
    (state, path)
}

fn pass(node: &Instance) {
    node.advance(Duration::from_mins(1));
}

/// A user who once came from a directory.
fn ana(node: &Instance) {
    node.switch("futures", json!("inline")).unwrap();
    node.patch_state(json!({"users": {"ana": {"sourceType": "LDAP", "displayName": "Ana"}}}))
        .unwrap();
}

async fn whom_an_empty_list_reaches(node: &Instance) -> Value {
    ana(node);
    node.patch_state(json!({"directory": {"LDAP": {"users": {"ana": {"displayName": "New"}}}}}))
        .unwrap();
    let status = post(node, RESYNC, json!([])).await.0;
    let (some, everybody) = match node.product() {
        Product::Dss => ("D17", "D18"),
        _ => ("G16", "G17"),
    };
    assert_eq!((node.count(some), node.count(everybody)), (1, 0));
    json!([status, node.state_at("/users/ana/displayName")])
}

async fn members_of_a_state(node: &Instance) -> Value {
    node.switch("futureMillis", json!(60_000)).unwrap();
    let (_, future) = started(node).await;
    let (_, state) = get(node, &future).await;
    state.as_object().unwrap().keys().cloned().collect()
}

async fn a_second_read_of_a_result(node: &Instance) -> Value {
    let (_, future) = started(node).await;
    pass(node);
    assert_eq!(get(node, &future).await.1["hasResult"], true);
    json!(get(node, &future).await.0)
}

async fn the_read_of_a_failed_task(node: &Instance) -> Value {
    node.switch("futures", json!("failing")).unwrap();
    let (_, future) = started(node).await;
    pass(node);
    json!(get(node, &future).await.0)
}

async fn how_a_task_goes(node: &Instance) -> Value {
    node.switch("futureMillis", json!(60_000)).unwrap();
    let (first, future) = started(node).await;
    if first["jobId"].is_null() {
        return json!([first["hasResult"], first["result"]]);
    }
    pass(node);
    let (status, state) = get(node, &future).await;
    json!([first["hasResult"], status, state["hasResult"], state["aborted"]])
}

async fn whether_a_task_has_ended_after_a_second(node: &Instance) -> Value {
    let (_, future) = started(node).await;
    node.advance(Duration::from_secs(1));
    get(node, &format!("{future}?peek=true")).await.1["hasResult"].clone()
}

async fn a_result_after_a_minute(node: &Instance) -> Value {
    let (_, future) = started(node).await;
    pass(node);
    json!(get(node, &future).await.0)
}

async fn who_left_the_directory_is_enabled(node: &Instance) -> Value {
    ana(node);
    started(node).await;
    assert_eq!(
        node.state_at("/users/admin/enabled").unwrap(),
        true,
        "local users are nobody's"
    );
    node.state_at("/users/ana/enabled").unwrap()
}
