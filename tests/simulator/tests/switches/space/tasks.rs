//! Tasks.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::Instance;

use crate::cloud::{created, found, get, group, post};

answers! { launchpad: {
    "A46" a_read_before_and_after_the_task { "recorded" => [[1, 200], [1, 200]], "propagated" => [[0, 404], [1, 200]] }
    "space" whether_a_task_has_ended_after_a_minute { "running" => true, "stopped" => false }
    "taskMillis" whether_a_task_has_ended_after_ten_seconds { 4_000 => true, 60_000 => false }
    "tasks" how_a_task_ends {
        "normal" => [{"ready": true, "successful": true}, true],
        "failing" => [{"ready": true, "successful": false}, false],
        "none" => [null, true],
    }
} }

fn pass(space: &Instance, seconds: u64) {
    space.advance(Duration::from_secs(seconds));
}

async fn task(space: &Instance, answer: &Value) -> Value {
    let (status, task) = get(space, &format!("/task/{}", answer["taskId"].as_str().unwrap())).await;
    assert_eq!(status, 200);
    task
}

/// How many a search finds and the status of a read by id, right after a creation and a minute later.
async fn a_read_before_and_after_the_task(space: &Instance) -> Value {
    space.switch("taskMillis", json!(50_000)).unwrap();
    let team = created(space, "team").await;
    let path = format!("/group/{}", team["id"].as_str().unwrap());
    let mut seen = Vec::new();
    for seconds in [0, 60] {
        pass(space, seconds);
        let found = found(space, "/groups/search", json!({"names": ["team"]})).await.len();
        seen.push(json!([found, get(space, &path).await.0]));
    }
    json!(seen)
}

async fn whether_a_task_has_ended_after_a_minute(space: &Instance) -> Value {
    let (_, answer) = post(space, "/group", group("team")).await;
    pass(space, 60);
    task(space, &answer).await["ready"].clone()
}

async fn whether_a_task_has_ended_after_ten_seconds(space: &Instance) -> Value {
    let (_, answer) = post(space, "/group", group("team")).await;
    pass(space, 10);
    task(space, &answer).await["ready"].clone()
}

/// The task when there is one, and whether the node has the group.
async fn how_a_task_ends(space: &Instance) -> Value {
    let mut body = group("team");
    body["dataikuPermissions"] = json!({"design-0": {}});
    let (_, answer) = post(space, "/group", body).await;
    pass(space, 60);
    let mut ended = Value::Null;
    if answer["taskId"].is_string() {
        ended = task(space, &answer).await;
        ended.as_object_mut().unwrap().remove("result");
    }
    json!([ended, space.state_at("/propagated/design-0/groups/team").is_some()])
}
