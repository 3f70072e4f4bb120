//! Secret values are nowhere but where they belong.

use serde_json::json;
use testbed::{
    Namespace, Operator,
    simulator::{InstanceConfig, Product, Simulator},
};

use crate::bed::{PATIENCE, object};

const PASSWORD: &str = "canary-password-93c1";
const NEW_PASSWORD: &str = "canary-password-77ff";

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_value_is_in_logs_events_status_or_metrics_at_trace_level() {
    let namespace = Namespace::create("canary").await.unwrap();
    let simulator = Simulator::start().await.unwrap();
    let dss = simulator.instance(InstanceConfig::new(Product::Dss)).await.unwrap();
    let operator = Operator::builder(env!("CARGO_BIN_EXE_dataiku-operator"))
        .namespace(&namespace)
        .log("trace")
        .start()
        .await
        .unwrap();
    namespace
        .secret("design-admin", &[("apiKey", dss.api_key())])
        .await
        .unwrap();
    namespace.secret("login", &[("password", PASSWORD)]).await.unwrap();
    let url = dss.url();
    namespace
        .apply_object(&object(
            "DssInstance",
            "design",
            json!({
                "url": url, "tls": { "allowInsecureHttp": true }, "driftInterval": "5s",
                "credentials": { "apiKeySecretRef": { "name": "design-admin" } }, "defaultUserProfile": "READER",
            }),
        ))
        .await
        .unwrap();
    let jane = json!({ "instanceRef": { "name": "design" }, "passwordSecretRef": { "name": "login" } });
    // The node quotes the password when it refuses, as a careless server would.
    let body = json!({ "errorType": "x.Refused", "message": format!("no: {PASSWORD} and {}", dss.api_key()) });
    dss.fault(json!({ "match": { "operation": "D2" }, "times": 0, "fault": { "kind": "status", "status": 400, "body": body } }));
    namespace.apply_object(&object("DssUser", "jane", jane)).await.unwrap();
    namespace
        .wait_for_condition("DssUser", "jane", "Ready=False/Rejected", PATIENCE)
        .await
        .unwrap();
    let refused = namespace.get("DssUser", "jane").await.unwrap().to_string();
    dss.clear_faults();
    namespace
        .wait_for_condition("DssUser", "jane", "Ready=True/InSync", PATIENCE)
        .await
        .unwrap();
    namespace.secret("login", &[("password", NEW_PASSWORD)]).await.unwrap();
    let changed = || dss.state_at("/users/jane/password") == Some(json!(NEW_PASSWORD));
    let began = tokio::time::Instant::now();
    while !changed() {
        assert!(began.elapsed() < PATIENCE, "the password was not changed");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    namespace
        .wait_for_condition("DssUser", "jane", "Ready=True/InSync", PATIENCE)
        .await
        .unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;

    let logs = operator.logs();
    assert!(logs.contains("remote write"), "the log was kept");
    let places = [
        ("logs", logs),
        ("metrics", operator.metrics().await.unwrap()),
        (
            "user",
            refused + &namespace.get("DssUser", "jane").await.unwrap().to_string(),
        ),
        (
            "instance",
            namespace.get("DssInstance", "design").await.unwrap().to_string(),
        ),
        (
            "events",
            serde_json::to_string(&namespace.list("Event").await.unwrap()).unwrap(),
        ),
    ];
    let basic = base64(&format!("{}:", dss.api_key()));
    for (place, text) in places {
        assert!(text.len() > 100, "{place} was read");
        for value in [PASSWORD, NEW_PASSWORD, dss.api_key(), basic.as_str()] {
            assert!(!text.contains(value), "a secret value is in {place}");
        }
    }
}

fn base64(text: &str) -> String {
    use k8s_openapi::ByteString;
    let encoded = serde_json::to_string(&ByteString(text.as_bytes().to_vec())).unwrap();
    encoded.trim_matches('"').to_owned()
}
