//! The control port does what a handle does.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::Simulator;

use crate::client::control;

const NONE: Option<Value> = None;

async fn started() -> (Simulator, Value) {
    let simulator = Simulator::start().await.unwrap();
    let body = json!({"product": "dss", "name": "design", "switches": {"A2": 409}, "seed": {"users": 2}});
    let (status, instance) = control(&simulator, Method::POST, "/instances", Some(body)).await;
    assert_eq!(status, 201);
    (simulator, instance)
}

#[tokio::test]
async fn an_instance_is_started_listed_and_stopped() {
    let (simulator, instance) = started().await;
    assert_eq!(
        (&instance["id"], &instance["name"], &instance["product"]),
        (&json!("dss-1"), &json!("design"), &json!("dss"))
    );
    assert_eq!(
        control(&simulator, Method::GET, "/instances", NONE).await.1,
        json!([instance])
    );
    let info = format!("{}/public/api/auth/info", instance["url"].as_str().unwrap());
    let ask = || {
        reqwest::Client::new()
            .get(&info)
            .bearer_auth(instance["apiKey"].as_str().unwrap())
            .send()
    };
    assert_eq!(ask().await.unwrap().status(), 200);
    assert_eq!(
        control(&simulator, Method::DELETE, "/instances/dss-1", NONE).await.0,
        200
    );
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert!(ask().await.is_err());
    assert_eq!(
        control(&simulator, Method::GET, "/instances/dss-1/state", NONE).await.0,
        404
    );
    let unknown = json!({"product": "dss", "colour": "red"});
    assert_eq!(
        control(&simulator, Method::POST, "/instances", Some(unknown)).await.0,
        422
    );
}

#[tokio::test]
async fn state_is_read_and_changed() {
    let (simulator, _) = started().await;
    let url = "/instances/dss-1/state";
    let patch = json!({"users": {"jane": {"password": "clear"}, "user00001": null}});
    assert_eq!(control(&simulator, Method::PATCH, url, Some(patch)).await.0, 200);
    let (_, jane) = control(&simulator, Method::GET, "/instances/dss-1/state?at=/users/jane", NONE).await;
    assert_eq!((&jane["password"], &jane["enabled"]), (&json!("clear"), &json!(true)));
    let (_, state) = control(&simulator, Method::GET, url, NONE).await;
    let logins: Vec<_> = state["users"].as_object().unwrap().keys().collect();
    assert_eq!(logins, ["admin", "user00002", "jane"]);
    let (status, refusal) = control(
        &simulator,
        Method::PATCH,
        url,
        Some(json!({"users": {"new": {}, "jane": {"enabled": "yes"}}})),
    )
    .await;
    assert_eq!(status, 422);
    assert!(refusal["error"].as_str().unwrap().contains("/users/jane"));
    assert_eq!(
        control(&simulator, Method::GET, "/instances/dss-1/state?at=/users/new", NONE)
            .await
            .0,
        404
    );
}

#[tokio::test]
async fn switches_are_changed_together_or_not_at_all() {
    let (simulator, _) = started().await;
    let path = "/instances/dss-1/switches";
    assert_eq!(control(&simulator, Method::GET, path, NONE).await.1["A2"], 409);
    let wrong = json!({"A2": 500, "A3": "maybe"});
    assert_eq!(control(&simulator, Method::PATCH, path, Some(wrong)).await.0, 422);
    assert_eq!(control(&simulator, Method::GET, path, NONE).await.1["A2"], 409);
    let (status, switches) = control(
        &simulator,
        Method::PATCH,
        path,
        Some(json!({"defaultGroup": "readers"})),
    )
    .await;
    assert_eq!((status, &switches["defaultGroup"]), (200, &json!("readers")));
}

#[tokio::test]
async fn faults_requests_and_the_clock_are_steered() {
    let (simulator, instance) = started().await;
    let rule = json!({"match": {"operation": "D68"}, "fault": {"kind": "status", "status": 503}});
    assert_eq!(
        control(&simulator, Method::POST, "/instances/dss-1/faults", Some(rule)).await,
        (201, json!({"id": 1}))
    );
    reqwest::get(format!("{}/public/api/auth/info", instance["url"].as_str().unwrap()))
        .await
        .unwrap();
    assert_eq!(
        control(&simulator, Method::GET, "/instances/dss-1/faults", NONE)
            .await
            .1[0]["hits"],
        1
    );
    assert_eq!(
        control(&simulator, Method::DELETE, "/instances/dss-1/faults/1", NONE)
            .await
            .0,
        200
    );
    assert_eq!(
        control(&simulator, Method::DELETE, "/instances/dss-1/faults/1", NONE)
            .await
            .0,
        404
    );
    let (_, requests) = control(&simulator, Method::GET, "/instances/dss-1/requests", NONE).await;
    assert_eq!(
        (&requests["counts"], &requests["log"][0]["status"]),
        (&json!({"D68": 1}), &json!(503))
    );
    assert_eq!(
        control(&simulator, Method::GET, "/instances/dss-1/requests?log=false", NONE)
            .await
            .1
            .get("log"),
        None
    );
    control(&simulator, Method::DELETE, "/instances/dss-1/requests", NONE).await;
    assert_eq!(
        control(&simulator, Method::GET, "/instances/dss-1/requests", NONE)
            .await
            .1["total"],
        0
    );
    let path = "/instances/dss-1/clock";
    let before = control(&simulator, Method::POST, path, Some(json!({"advanceMillis": 0})))
        .await
        .1["now"]
        .as_u64();
    let after = control(&simulator, Method::POST, path, Some(json!({"advanceMillis": 60_000})))
        .await
        .1["now"]
        .as_u64();
    assert!(after.unwrap() - before.unwrap() >= 60_000);
    assert_eq!(
        control(&simulator, Method::POST, "/instances/dss-1/dance", NONE)
            .await
            .0,
        422
    );
}
