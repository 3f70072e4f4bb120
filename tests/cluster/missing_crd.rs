//! A kind whose definition is missing stops nothing but itself.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use testbed::{
    ControlPlane, Installation, Namespace, Operator, repository,
    simulator::{Instance, InstanceConfig, Product, Simulator},
};
use tokio::time::Instant;

use crate::bed::{INTERVAL, PATIENCE, group, object, user};

/// A control plane without the definition of `DssGroup`, an operator that has just been started, and a node.
struct Partial {
    control_plane: Arc<ControlPlane>,
    dss: Instance,
    operator: Operator,
    _simulator: Simulator,
}

/// The file that holds a definition.
fn definition(plural: &str) -> String {
    let path = repository().join(format!("crds/{plural}.dataiku-operator.io.yaml"));
    std::fs::read_to_string(path).unwrap()
}

async fn started() -> Partial {
    let folder = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(repository().join("crds")).unwrap() {
        let file = file.unwrap();
        if !file.file_name().to_string_lossy().starts_with("dssgroups.") {
            std::fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
        }
    }
    let control_plane = ControlPlane::start().await.unwrap();
    let folders = [folder.path().to_owned(), repository().join("deploy/kustomize/base")];
    let installation = Installation::apply(&control_plane, &folders).await.unwrap();
    let simulator = Simulator::start().await.unwrap();
    let dss = simulator.instance(InstanceConfig::new(Product::Dss)).await.unwrap();
    // Whether it is ready without one of its definitions is not what this is about.
    let operator = Operator::builder(env!("CARGO_BIN_EXE_dataiku-operator"))
        .control_plane(&control_plane)
        .installation(&installation)
        .log(crate::bed::LOG)
        .spawn()
        .await
        .unwrap();
    Partial {
        control_plane,
        dss,
        operator,
        _simulator: simulator,
    }
}

async fn connect(home: &Namespace, dss: &Instance) {
    home.secret("design-admin", &[("apiKey", dss.api_key())]).await.unwrap();
    let spec = json!({
        "url": dss.url(), "tls": { "allowInsecureHttp": true },
        "credentials": { "apiKeySecretRef": { "name": "design-admin" } },
        "driftInterval": format!("{}s", INTERVAL.as_secs()), "defaultUserProfile": "READER",
    });
    home.apply_object(&object("DssInstance", "design", spec)).await.unwrap();
}

async fn in_sync(home: &Namespace, kind: &str, name: &str) {
    home.wait_for_condition(kind, name, "Ready=True/InSync", PATIENCE)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_definition_stops_its_own_kind_alone() {
    let mut bed = started().await;
    let home = bed.control_plane.namespace("home").await.unwrap();
    connect(&home, &bed.dss).await;
    home.apply_object(&user("jane", json!({ "deletionPolicy": "Delete" })))
        .await
        .unwrap();
    in_sync(&home, "DssUser", "jane").await;
    in_sync(&home, "DssInstance", "design").await;

    let told = readiness(&bed.operator).await;
    assert!(told.to_lowercase().contains("dssgroup"), "{told}");
    let warned = bed.operator.logs().lines().any(|line| {
        let line: Value = serde_json::from_str(line).unwrap_or_default();
        ["WARN", "ERROR"].contains(&line["level"].as_str().unwrap_or_default())
            && line.to_string().to_lowercase().contains("dssgroup")
    });
    assert!(warned, "nothing at WARN names the kind");
    let began = Instant::now();
    assert_eq!(bed.operator.terminate().await.unwrap(), 0);
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "SIGTERM took {:?}",
        began.elapsed()
    );
    // A start that finds everything but one kind goes on all the same; the definition may come later.
    let restarted = bed.operator.restart();
    let _ = tokio::time::timeout(Duration::from_secs(5), restarted).await;
    home.apply_object(&user("max", json!({}))).await.unwrap();
    in_sync(&home, "DssUser", "max").await;
    home.apply(&definition("dssgroups")).await.unwrap();
    let analysts = group("analysts", json!({}));
    let applying = Instant::now();
    while home.apply_object(&analysts).await.is_err() {
        assert!(applying.elapsed() < PATIENCE, "the definition is not served");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    in_sync(&home, "DssGroup", "analysts").await;
    goes_on_without_a_definition_that_was_taken(&bed, &home).await;
}

/// Somebody deletes a definition, and every object of the kind with it; then the connection.
async fn goes_on_without_a_definition_that_was_taken(bed: &Partial, home: &Namespace) {
    let crd = "dssusers.dataiku-operator.io";
    let delete = [
        "delete",
        "customresourcedefinition",
        crd,
        "--wait=true",
        "--timeout=60s",
    ];
    bed.control_plane.kubectl(&delete).await.unwrap();
    assert_eq!(bed.dss.state_at("/users/jane"), None, "its policy was Delete");
    assert_eq!(bed.dss.state_at("/users/max/enabled"), Some(json!(false)));
    home.delete("DssGroup", "analysts").await.unwrap();
    home.wait_gone("DssGroup", "analysts", PATIENCE).await.unwrap();
    assert_eq!(bed.dss.state_at("/groups/analysts"), None);
    home.delete("DssInstance", "design").await.unwrap();
    home.wait_gone("DssInstance", "design", PATIENCE).await.unwrap();
}

/// What `/readyz?verbose` says, whatever the status, once it says something of a kind.
async fn readiness(operator: &Operator) -> String {
    let answer = reqwest::Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .get(operator.url("/readyz?verbose"))
        .send()
        .await
        .unwrap();
    answer.text().await.unwrap()
}
