//! Long tasks on the clock of the instance.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::Instance;

use crate::client::{call, call_as, delete, dss, get};

const RESYNC: &str = "/admin/users/actions/resync-multi";
const PUSH: &str = "/admin/container-exec/actions/push-base-images";

/// A DSS whose tasks take a minute of its clock.
async fn slow() -> Instance {
    let dss = dss().await;
    dss.switch("futureMillis", json!(60_000)).unwrap();
    dss
}

async fn start(dss: &Instance, path: &str) -> Value {
    let (status, state) = call(dss, Method::POST, path, None).await;
    assert_eq!(status, 200);
    state
}

async fn started(dss: &Instance) -> String {
    let state = start(dss, RESYNC).await;
    assert_eq!(state["hasResult"], false);
    format!("/futures/{}", state["jobId"].as_str().unwrap())
}

fn minute(dss: &Instance) {
    dss.advance(Duration::from_mins(1));
}

#[tokio::test]
async fn a_result_comes_with_the_clock_and_goes_with_its_read() {
    let dss = slow().await;
    let future = started(&dss).await;
    assert_eq!(
        get(&dss, &future).await.1["hasResult"],
        false,
        "a read too early takes nothing"
    );
    minute(&dss);
    let (_, peeked) = get(&dss, &format!("{future}?peek=True")).await;
    assert_eq!((&peeked["hasResult"], peeked.get("result")), (&json!(true), None));
    let (_, read) = get(&dss, &format!("{future}?peek=False")).await;
    assert_eq!(read["result"], json!({"syncedUsers": []}));
    assert_eq!(get(&dss, &future).await.0, 404);
}

#[tokio::test]
async fn the_state_tells_what_runs_and_whether_it_does() {
    let dss = slow().await;
    let future = started(&dss).await;
    let (_, state) = get(&dss, &future).await;
    assert_eq!((&state["alive"], &state["aborted"]), (&json!(true), &json!(false)));
    assert_eq!(state["payload"]["displayName"], "Resync users");
}

#[tokio::test]
async fn a_failed_task_is_an_error_of_the_read() {
    let dss = slow().await;
    dss.switch("futures", json!("failing")).unwrap();
    let future = started(&dss).await;
    minute(&dss);
    assert_eq!(get(&dss, &format!("{future}?peek=true")).await.1["hasResult"], false);
    let (answered, error) = get(&dss, &future).await;
    assert_eq!(answered, 500);
    assert!(error["errorType"].is_string());
}

#[tokio::test]
async fn an_aborted_task_never_does_its_work() {
    let dss = slow().await;
    dss.patch_state(json!({"users": {"ana": {"sourceType": "LDAP"}}}))
        .unwrap();
    let future = started(&dss).await;
    assert_eq!(delete(&dss, &future).await.0, 200);
    minute(&dss);
    let (_, state) = get(&dss, &future).await;
    assert_eq!((&state["hasResult"], &state["aborted"]), (&json!(false), &json!(true)));
    assert_eq!(dss.state_at("/users/ana/enabled").unwrap(), true);

    dss.switch("futures", json!("aborted")).unwrap();
    let future = started(&dss).await;
    minute(&dss);
    assert_eq!(get(&dss, &future).await.1["aborted"], true);
    assert_eq!(dss.state_at("/users/ana/enabled").unwrap(), true);
}

#[tokio::test]
async fn a_list_has_what_runs_of_the_asked_kind_and_owner() {
    let dss = slow().await;
    let scenario = json!({"scenario": true, "payload": {"extras": {"scenarioId": "S"}}});
    dss.patch_state(
        json!({"futures": {"run1": scenario}, "users": {"jane": {"groups": ["readers"]}},
        "personalApiKeys": {"k": {"user": "jane", "key": "jane's secret"}}}),
    )
    .unwrap();
    let task = started(&dss).await;
    let jobs = |list: Value| -> Vec<String> {
        let states = list.as_array().unwrap().iter();
        states
            .map(|state| format!("/futures/{}", state["jobId"].as_str().unwrap()))
            .collect()
    };
    let list = |query: &'static str| get(&dss, query);
    assert_eq!(
        jobs(list("/futures/?withNotScenarios=True&withScenarios=False").await.1),
        std::slice::from_ref(&task)
    );
    let scenarios = list("/futures/?withNotScenarios=False&withScenarios=True&allUsers=True")
        .await
        .1;
    assert_eq!(scenarios[0]["payload"]["extras"]["scenarioId"], "S");
    assert_eq!(jobs(scenarios), ["/futures/run1"]);
    assert_eq!(
        list("/futures/?withScenarios=True&withNotScenarios=False").await.1,
        json!([]),
        "not the caller's"
    );

    let as_jane = |path: &'static str| call_as(&dss, "jane's secret", Method::GET, path, None);
    assert_eq!(as_jane("/futures/?withNotScenarios=true").await.1, json!([]));
    assert_eq!(as_jane("/futures/?allUsers=true").await.0, 403);
    assert_eq!(call_as(&dss, "jane's secret", Method::GET, &task, None).await.0, 404);

    minute(&dss);
    assert_eq!(
        list("/futures/?withNotScenarios=True&allUsers=True").await.1,
        json!([]),
        "it has ended"
    );
}

#[tokio::test]
async fn a_push_of_base_images_tells_its_messages() {
    let dss = slow().await;
    let state = start(&dss, PUSH).await;
    minute(&dss);
    let (_, read) = get(&dss, &format!("/futures/{}", state["jobId"].as_str().unwrap())).await;
    assert_eq!(read["result"]["messages"]["error"], false);
}
