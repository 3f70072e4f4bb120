//! Tasks, and what the nodes have.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Instance, InstanceConfig, Product};

use crate::client::{delete, get, group, joined, named, post, put};

/// A space whose tasks do not end by themselves while a test looks, on however busy a machine.
async fn space() -> Instance {
    let config = InstanceConfig::new(Product::Launchpad);
    crate::client::configured(config.switch("taskMillis", json!(50_000))).await
}

async fn task(space: &Instance, answer: &Value) -> Value {
    let (status, task) = get(space, &format!("/task/{}", answer["taskId"].as_str().unwrap())).await;
    assert_eq!(status, 200);
    task
}

fn pass(space: &Instance) {
    space.advance(Duration::from_mins(1));
}

#[tokio::test]
async fn a_write_is_recorded_at_once_and_reaches_the_nodes_with_its_task() {
    let space = space().await;
    let mut user = joined(&space, "jane@example.com").await;
    let designers = named(&space, "designers").await;
    user["groups"] = json!([{"id": designers["id"]}]);
    let (_, answer) = put(&space, "/users", json!([user])).await;
    assert_eq!(
        task(&space, &answer).await,
        json!({"ready": false, "successful": false, "result": null})
    );
    assert_eq!(named(&space, "designers").await["users"][0]["id"], user["id"]);
    let at_node = "/propagated/design-0/users/jane@example.com";
    assert_eq!(space.state_at(at_node), None);
    pass(&space);
    let expected = json!({"profile": {"name": "reader", "isTrial": false}, "groups": ["designers"]});
    assert_eq!(
        space.state_at(at_node).unwrap(),
        expected,
        "the clock alone ends a task"
    );
    assert_eq!(space.state_at("/propagated/govern-0/users/jane@example.com"), None);
    let ended = task(&space, &answer).await;
    assert_eq!((&ended["ready"], &ended["successful"]), (&json!(true), &json!(true)));
    assert!(
        ended["result"]["nodes"]
            .as_array()
            .unwrap()
            .contains(&json!("design-0"))
    );
    let (_, answer) = delete(&space, "/users", json!({"emails": ["jane@example.com"]})).await;
    assert!(space.state_at(at_node).is_some());
    pass(&space);
    assert_eq!(space.state_at(at_node), None);
    assert_eq!(task(&space, &answer).await["ready"], true);
}

#[tokio::test]
async fn a_group_reaches_the_nodes_it_has_access_to() {
    let space = space().await;
    let mut body = group("team");
    body["dataikuPermissions"] = json!({"automation-0": {"mayManageUDM": true}});
    let (_, answer) = post(&space, "/group", body).await;
    assert_eq!(space.state_at("/propagated/automation-0/groups/team"), None);
    pass(&space);
    assert_eq!(
        space
            .state_at("/propagated/automation-0/groups/team/mayManageUDM")
            .unwrap(),
        true
    );
    assert_eq!(space.state_at("/propagated/design-0/groups/team"), None);
    let path = format!("/group/{}", answer["group"]["id"].as_str().unwrap());
    put(&space, &path, group("team")).await;
    pass(&space);
    assert_eq!(
        space.state_at("/propagated/automation-0/groups/team"),
        None,
        "access was revoked"
    );
}

#[tokio::test]
async fn a_failing_task_ends_without_a_result_and_the_record_stays() {
    let space = space().await;
    space.switch("tasks", json!("failing")).unwrap();
    let mut body = group("team");
    body["dataikuPermissions"] = json!({"design-0": {}});
    let (_, answer) = post(&space, "/group", body).await;
    pass(&space);
    assert_eq!(
        task(&space, &answer).await,
        json!({"ready": true, "successful": false, "result": null})
    );
    assert_eq!(named(&space, "team").await, answer["group"]);
    assert_eq!(space.state_at("/propagated/design-0/groups/team"), None);
    space.switch("tasks", json!("normal")).unwrap();
    let path = format!("/group/{}", answer["group"]["id"].as_str().unwrap());
    put(&space, &path, answer["group"].clone()).await;
    pass(&space);
    assert!(
        space.state_at("/propagated/design-0/groups/team").is_some(),
        "the next write brings it"
    );
}

#[tokio::test]
async fn without_tasks_there_is_nothing_to_wait_for() {
    let space = space().await;
    space.switch("tasks", json!("none")).unwrap();
    let (_, answer) = post(&space, "/group", group("team")).await;
    assert_eq!(answer.get("taskId"), None);
    let path = format!("/group/{}", answer["group"]["id"].as_str().unwrap());
    assert_eq!(delete(&space, &path, Value::Null).await, (204, Value::Null));
}

#[tokio::test]
async fn the_tasks_of_a_stopped_space_end_when_it_runs_again() {
    let space = space().await;
    let (_, earlier) = post(&space, "/group", group("earlier")).await;
    space.switch("space", json!("stopped")).unwrap();
    let mut body = group("team");
    body["dataikuPermissions"] = json!({"design-0": {}});
    let (_, answer) = post(&space, "/group", body).await;
    pass(&space);
    assert_eq!(
        task(&space, &earlier).await["ready"],
        true,
        "it was given to a running space"
    );
    assert_eq!(task(&space, &answer).await["ready"], false);
    assert_eq!(space.state_at("/propagated/design-0/groups/team"), None);
    space.switch("space", json!("running")).unwrap();
    assert_eq!(task(&space, &answer).await["successful"], true);
    assert!(space.state_at("/propagated/design-0/groups/team").is_some());
}
