//! The operator runs as a process with the rights of its `ServiceAccount`.

use std::time::Duration;

use testbed::{Namespace, Operator, OperatorBuilder};

use crate::{SOON, example, installation};

async fn stand_in(namespace: &Namespace) -> OperatorBuilder {
    Operator::builder(example("stand_in"))
        .namespace(namespace)
        .installation(installation().await)
}

#[tokio::test]
async fn it_has_the_shipped_rights_and_its_namespace() {
    let namespace = Namespace::create("operator").await.unwrap();
    let mut operator = stand_in(&namespace).await.start().await.unwrap();
    let line = operator.wait_for_log("started", SOON).await.unwrap();
    assert!(line.contains("started in stand-in-system, forbidden: true"), "{line}");
    namespace
        .apply("{apiVersion: example.org/v1, kind: Widget, metadata: {name: a}}")
        .await
        .unwrap();
    assert_eq!(operator.metric(r#"widgets{kind="Widget"}"#).await.unwrap(), Some(1.0));
    assert_eq!(operator.metric("gadgets").await.unwrap(), None);
}

#[tokio::test]
async fn it_stops_on_sigterm_and_starts_again() {
    let namespace = Namespace::create("restart").await.unwrap();
    let mut operator = stand_in(&namespace).await.start().await.unwrap();
    let first = operator.pid().unwrap();
    assert_eq!(operator.terminate().await.unwrap(), 0);
    assert!(!operator.is_running().unwrap());
    operator.restart().await.unwrap();
    assert_ne!(operator.pid().unwrap(), first);
    operator.kill().await.unwrap();
    operator.restart().await.unwrap();
    assert_eq!(operator.logs().matches("started in").count(), 3);
    assert_eq!(operator.logs().matches("stopped").count(), 1);
    // The stop is in the log of an earlier process, so waiting for one is in vain.
    assert!(
        operator
            .wait_for_log("stopped", Duration::from_millis(10))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn its_use_of_memory_and_processor_is_measured() {
    let namespace = Namespace::create("measured").await.unwrap();
    let operator = stand_in(&namespace).await.start().await.unwrap();
    let (rss, peak) = (operator.rss_kib().unwrap(), operator.peak_rss_kib().unwrap());
    assert!((1_000..1_000_000).contains(&rss) && rss <= peak, "{rss} of {peak} KiB");
    assert!((0.0..SOON.as_secs_f64()).contains(&operator.cpu_seconds().unwrap()));
}

#[tokio::test]
async fn one_that_ends_instead_of_being_ready_is_an_error_with_its_log() {
    let namespace = Namespace::create("broken").await.unwrap();
    let builder = stand_in(&namespace).await.env("KUBECONFIG", "/nowhere");
    let error = builder.start().await.unwrap_err().to_string();
    assert!(error.contains("stand_in ended") && error.contains("Error: "), "{error}");

    let mut operator = builder_of_nothing(&namespace).await.spawn().await.unwrap();
    assert_eq!(operator.exit_code().await.unwrap(), 127);
}

async fn builder_of_nothing(namespace: &Namespace) -> OperatorBuilder {
    Operator::builder("/nowhere")
        .namespace(namespace)
        .installation(installation().await)
}

#[tokio::test]
async fn dropping_it_ends_it() {
    let namespace = Namespace::create("dropped").await.unwrap();
    let operator = stand_in(&namespace).await.start().await.unwrap();
    let (pid, log) = (operator.pid().unwrap(), operator.log_file());
    drop(operator);
    assert!(!std::fs::exists(format!("/proc/{pid}")).unwrap());
    assert!(!log.exists());
}
