//! Every kind of fault, and which calls a rule is about.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{create, dss, get, request};

#[tokio::test]
async fn a_call_dropped_before_handling_does_nothing_and_is_counted() {
    let dss = dss().await;
    dss.fault(json!({"match": {"operation": "D2"}, "fault": {"kind": "dropBefore"}}));
    assert!(create(&dss, "jane").send().await.is_err());
    assert_eq!(dss.state_at("/users/jane"), None);
    assert_eq!((dss.count("D2"), dss.writes(), dss.requests().log[0].status), (1, 1, 0));
    assert_eq!(
        create(&dss, "jane").send().await.unwrap().status(),
        200,
        "a rule fires once"
    );
}

#[tokio::test]
async fn a_call_dropped_after_handling_has_changed_the_state() {
    let dss = dss().await;
    dss.fault(json!({"match": {"writes": true}, "nth": 2, "fault": {"kind": "dropAfter"}}));
    assert_eq!(create(&dss, "first").send().await.unwrap().status(), 200);
    assert_eq!(
        get(&dss, "/users").send().await.unwrap().status(),
        200,
        "a read does not count"
    );
    assert!(create(&dss, "second").send().await.is_err());
    assert!(dss.state_at("/users/second").is_some());
    let requests = dss.requests();
    assert_eq!((requests.total, requests.writes), (3, 2));
    assert_eq!(
        (requests.log[2].status, requests.log[2].fault.as_deref()),
        (0, Some("dropAfter"))
    );
}

#[tokio::test]
async fn a_client_that_leaves_during_the_latency_has_asked_for_nothing() {
    let dss = dss().await;
    dss.fault(json!({"match": {"operation": "D2"}, "fault": {"kind": "latency", "millis": 500}}));
    let impatient = create(&dss, "jane").timeout(Duration::from_millis(50)).send().await;
    assert!(impatient.unwrap_err().is_timeout());
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert_eq!(dss.state_at("/users/jane"), None);
    assert_eq!((dss.count("D2"), dss.writes()), (1, 1));
}

#[tokio::test]
async fn a_late_call_is_handled_after_its_client_has_left() {
    let dss = dss().await;
    dss.fault(json!({"match": {"operation": "D2"}, "fault": {"kind": "late", "millis": 300}}));
    let impatient = create(&dss, "jane").timeout(Duration::from_millis(50)).send().await;
    assert!(impatient.unwrap_err().is_timeout());
    assert_eq!(dss.state_at("/users/jane"), None);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(dss.state_at("/users/jane").is_some());
    assert_eq!((dss.count("D2"), dss.requests().log[0].status), (1, 0));
}

#[tokio::test]
async fn a_call_on_a_connection_that_was_used_before_is_told_apart() {
    let dss = dss().await;
    dss.fault(json!({"match": {"reused": true}, "times": 0, "fault": {"kind": "dropBefore"}}));
    let client = reqwest::Client::new();
    let url = format!("{}/public/api/users", dss.url());
    let ask = || client.get(&url).bearer_auth(dss.api_key()).send();
    // Read to its end, so that the connection may be used again.
    ask().await.unwrap().bytes().await.unwrap();
    assert!(ask().await.is_err(), "the connection was closed meanwhile");
    assert_eq!(ask().await.unwrap().status(), 200, "on another one");
}

#[tokio::test]
async fn the_elements_of_a_list_are_changed() {
    let dss = dss().await;
    let fault =
        json!({"kind": "elements", "each": {"displayName": 5, "email": null}, "append": [{"login": 7}, "text", null]});
    dss.fault(json!({"times": 0, "fault": fault}));
    let listed: Value = get(&dss, "/admin/users").send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (&listed[0]["login"], &listed[0]["displayName"]),
        (&json!("admin"), &json!(5))
    );
    assert_eq!(listed[0].get("email"), None);
    assert_eq!(
        listed.as_array().unwrap()[1..],
        [json!({"login": 7}), json!("text"), json!(null)]
    );
    let one: Value = get(&dss, "/admin/users/admin")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        one["displayName"], "Administrator",
        "an answer that is no list stays as it is"
    );
    assert_eq!(dss.state_at("/users/admin/displayName").unwrap(), "Administrator");
}

#[tokio::test]
async fn a_refusal_quotes_a_secret_in_a_form() {
    let dss = dss().await;
    let quote =
        |of: &str, encoding: &str| json!({"fault": {"kind": "quote", "status": 400, "of": of, "encoding": encoding}});
    let refusal = async |rule: Value| {
        dss.fault(rule);
        let answer: Value = create(&dss, "jane").send().await.unwrap().json().await.unwrap();
        answer["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        refusal(quote("/password", "hex")).await,
        "Not accepted: 73336372657421 is refused"
    );
    assert_eq!(
        refusal(quote("/password", "percent")).await,
        "Not accepted: s3cret%21 is refused"
    );
    let key = format!("Not accepted: {} is refused", dss.api_key());
    assert_eq!(refusal(quote("credential", "plain")).await, key);
    assert_eq!(dss.state_at("/users/jane"), None);
    assert!(dss.try_fault(quote("/password", "rot13")).is_err());
}

#[tokio::test]
async fn latency_is_fixed_or_drawn() {
    let dss = dss().await;
    dss.fault(json!({"fault": {"kind": "latency", "millis": 150}}));
    let start = Instant::now();
    get(&dss, "/users").send().await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(150));
    dss.fault(json!({"times": 0, "fault": {"kind": "latency", "logNormal": {"p50Millis": 20, "p99Millis": 40}}}));
    let mut waits = Vec::new();
    for _ in 0..9 {
        let start = Instant::now();
        get(&dss, "/users").send().await.unwrap();
        waits.push(start.elapsed());
    }
    waits.sort();
    assert!(waits[4] >= Duration::from_millis(10), "{waits:?}");
    assert!(waits[0] < waits[8]);
}

#[tokio::test]
async fn a_status_may_say_when_to_come_back_in_any_form() {
    let dss = dss().await;
    let waits = ["2", "Wed, 21 Oct 2026 07:28:00 GMT", "999999999"];
    for (retry_after, status) in waits.iter().flat_map(|wait| [(wait, 429), (wait, 503)]) {
        dss.fault(
            json!({"match": {"method": "POST"}, "fault": {"kind": "status", "status": status, "retryAfter": retry_after}}),
        );
        let answer = create(&dss, "jane").send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["Retry-After"]),
            (status, &retry_after.parse().unwrap())
        );
        let body: Value = answer.json().await.unwrap();
        assert!(body["errorType"].is_string(), "the body has the shape of the product");
    }
    dss.fault(json!({"fault": {"kind": "status", "status": 500, "body": {"my": "own"}}}));
    let answer = get(&dss, "/users").send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap()),
        (500, json!({"my": "own"}))
    );
    assert_eq!(dss.state_at("/users/jane"), None);
}

#[tokio::test]
async fn a_gateway_answers_with_a_page() {
    let dss = dss().await;
    for (page, status) in [("login", 200), ("error", 502)] {
        dss.fault(json!({"fault": {"kind": "html", "page": page, "status": status}}));
        let answer = create(&dss, "jane").send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["Content-Type"]),
            (status, &"text/html".parse().unwrap())
        );
        assert!(answer.text().await.unwrap().starts_with('<'));
    }
    assert_eq!(dss.state_at("/users/jane"), None);
}

#[tokio::test]
async fn a_truncated_answer_is_a_whole_message_with_half_a_document() {
    let dss = dss().await;
    dss.fault(json!({"fault": {"kind": "truncate"}}));
    let text = get(&dss, "/admin/users/admin")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(text.starts_with('{') && serde_json::from_str::<Value>(&text).is_err());
}

#[tokio::test]
async fn a_slow_answer_trickles_after_the_commit() {
    let dss = dss().await;
    dss.fault(json!({"fault": {"kind": "slowDrip", "bytesPerSecond": 100}}));
    let start = Instant::now();
    let answer = create(&dss, "jane").send().await.unwrap();
    assert!(dss.state_at("/users/jane").is_some());
    let length = u32::try_from(answer.bytes().await.unwrap().len()).unwrap();
    assert!(start.elapsed() >= Duration::from_millis(10) * length / 2);
}

#[tokio::test]
async fn an_endless_answer_goes_on() {
    let dss = dss().await;
    dss.fault(json!({"fault": {"kind": "endless"}}));
    let mut answer = get(&dss, "/users").send().await.unwrap();
    let mut length = 0;
    while length < 1 << 20 {
        length += answer.chunk().await.unwrap().unwrap().len();
    }
}

#[tokio::test]
async fn somebody_edits_between_a_read_and_a_write() {
    let dss = dss().await;
    let edit = json!({"users": {"admin": {"email": "human@example.com"}}});
    dss.fault(json!({"match": {"operation": "D3"}, "fault": {"kind": "edit", "when": "after", "patch": edit}}));
    let read: Value = get(&dss, "/admin/users/admin")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(read["email"], "admin@example.com");
    assert_eq!(dss.state_at("/users/admin/email").unwrap(), "human@example.com");
    let edit = json!({"users": {"admin": {"email": "again@example.com"}}});
    dss.fault(json!({"match": {"operation": "D3"}, "fault": {"kind": "edit", "when": "before", "patch": edit}}));
    let read: Value = get(&dss, "/admin/users/admin")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(read["email"], "again@example.com");
    let gone = json!({"users": {"admin": null}});
    dss.fault(json!({"match": {"operation": "D4"}, "fault": {"kind": "edit", "when": "before", "patch": gone}}));
    let put = request(&dss, Method::PUT, "/admin/users/admin")
        .body(read.to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(put.status(), 404);
}

#[tokio::test]
async fn a_rule_matches_by_template_parameters_and_product() {
    let dss = dss().await;
    let status = json!({"kind": "status", "status": 503});
    dss.fault(
        json!({"match": {"path": "/admin/users/{login}", "params": {"login": "admin"}, "product": "dss"},
                     "times": 0, "fault": status}),
    );
    dss.fault(json!({"match": {"product": "govern"}, "times": 0, "fault": status}));
    assert_eq!(get(&dss, "/admin/users/other").send().await.unwrap().status(), 404);
    for _ in 0..3 {
        assert_eq!(get(&dss, "/admin/users/admin").send().await.unwrap().status(), 503);
    }
    assert_eq!(
        (&dss.faults()[0]["hits"], &dss.faults()[1]["hits"]),
        (&json!(3), &json!(0))
    );
    dss.clear_faults();
    assert_eq!(get(&dss, "/admin/users/admin").send().await.unwrap().status(), 200);
    assert!(dss.try_fault(json!({"fault": {"kind": "earthquake"}})).is_err());
    assert!(
        dss.try_fault(json!({"match": {"operatoin": "D1"}, "fault": {"kind": "dropAfter"}}))
            .is_err()
    );
}
