//! What a test does in its namespace is what a user does with kubectl.

use std::time::Duration;

use serde_json::json;
use testbed::{Condition, Namespace};

use crate::{SOON, installation};

const WIDGET: &str = "{apiVersion: example.org/v1, kind: Widget, metadata: {name: a}, spec: {low: 1, high: 2}}";

async fn with_widgets(hint: &str) -> Namespace {
    installation().await;
    Namespace::create(hint).await.unwrap()
}

#[tokio::test]
async fn two_namespaces_hold_objects_of_the_same_name() {
    let (one, other) = tokio::join!(with_widgets("twin"), with_widgets("twin"));
    assert_ne!(one.name(), other.name());
    let (a, b) = tokio::join!(one.apply(WIDGET), other.apply(WIDGET));
    assert_ne!(a.unwrap()[0]["metadata"]["uid"], b.unwrap()[0]["metadata"]["uid"]);
    one.delete("Widget", "a").await.unwrap();
    assert!(one.find("Widget", "a").await.unwrap().is_none());
    assert_eq!(other.list("widgets").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_cel_rule_of_a_crd_refuses_what_breaks_it() {
    let namespace = with_widgets("cel").await;
    let error = namespace.apply(&WIDGET.replace("low: 1", "low: 3")).await.unwrap_err();
    assert!(format!("{error:#}").contains("low is above high"), "{error:#}");
    assert!(namespace.find("Widget", "a").await.unwrap().is_none());
}

#[tokio::test]
async fn a_field_that_the_schema_does_not_know_is_refused() {
    let namespace = with_widgets("strict").await;
    let error = namespace
        .apply(&WIDGET.replace("low: 1", "colour: 1"))
        .await
        .unwrap_err();
    assert!(format!("{error:#}").contains("spec.colour"), "{error:#}");
}

#[tokio::test]
async fn applying_again_changes_a_field_and_drops_one_left_out() {
    let namespace = with_widgets("again").await;
    namespace
        .apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: old, b: old}}")
        .await
        .unwrap();
    namespace
        .patch("ConfigMap", "c", json!({"data": {"c": "old"}}))
        .await
        .unwrap();
    namespace
        .apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: new}}")
        .await
        .unwrap();
    assert_eq!(
        namespace.get("configmaps", "c").await.unwrap()["data"],
        json!({"a": "new", "c": "old"})
    );
}

#[tokio::test]
async fn kubectl_sees_the_namespace() {
    let namespace = with_widgets("kubectl").await;
    namespace
        .kubectl_with_input(&["apply", "--server-side", "-f", "-"], WIDGET)
        .await
        .unwrap();
    assert_eq!(
        namespace.kubectl(&["get", "widgets", "-o", "name"]).await.unwrap(),
        "widget.example.org/a\n"
    );
    let error = namespace.kubectl(&["get", "widget", "b"]).await.unwrap_err();
    assert!(error.to_string().contains("NotFound"), "{error}");
}

#[tokio::test]
async fn a_secret_is_replaced_with_all_its_keys() {
    let namespace = with_widgets("secret").await;
    namespace.secret("key", &[("a", "1"), ("b", "2")]).await.unwrap();
    namespace.secret("key", &[("a", "3")]).await.unwrap();
    assert_eq!(
        namespace.get("secret", "key").await.unwrap()["data"],
        json!({"a": "Mw=="})
    );
}

#[tokio::test]
async fn a_wait_in_vain_says_what_was_there() {
    let namespace = with_widgets("vain").await;
    namespace.apply(WIDGET).await.unwrap();
    let wait = namespace.wait_for("Widget", "a", |a| a["spec"]["high"] == 7, Duration::from_millis(50));
    let error = wait.await.unwrap_err().to_string();
    assert!(
        error.contains("\"high\": 2") && !error.contains("managedFields"),
        "{error}"
    );
    let error = namespace
        .wait_gone("Widget", "a", Duration::from_millis(50))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("still there"), "{error}");
    let error = namespace.get("Gadget", "a").await.unwrap_err();
    assert!(error.to_string().contains("the apiserver serves no Gadget"), "{error}");
}

/// Writes a condition as a controller does.
async fn report(namespace: &Namespace, generation: i64) {
    let condition = json!({"type": "Ready", "status": "False", "reason": "Waiting", "message": "not yet",
        "observedGeneration": generation, "lastTransitionTime": "2026-01-01T00:00:00Z"});
    let status = json!({"status": {"conditions": [condition]}}).to_string();
    let words = [
        "patch",
        "widget",
        "a",
        "--subresource=status",
        "--type=merge",
        "-p",
        &status,
    ];
    namespace.kubectl(&words).await.unwrap();
}

#[tokio::test]
async fn a_condition_counts_once_it_speaks_of_the_newest_generation() {
    let namespace = with_widgets("condition").await;
    namespace.apply(WIDGET).await.unwrap();
    assert_eq!(namespace.condition("Widget", "a", "Ready").await.unwrap(), None);
    report(&namespace, 1).await;
    namespace
        .wait_for_condition("Widget", "a", "Ready=False/Waiting", SOON)
        .await
        .unwrap();

    namespace
        .patch("Widget", "a", json!({"spec": {"high": 9}}))
        .await
        .unwrap();
    let soon = Duration::from_millis(50);
    let error = namespace
        .wait_for_condition("Widget", "a", "Ready=False", soon)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("\"generation\": 2"), "{error}");
    report(&namespace, 2).await;
    let object = namespace
        .wait_for_condition("Widget", "a", "Ready=False", SOON)
        .await
        .unwrap();
    assert_eq!(Condition::of(&object, "Ready").unwrap().message, "not yet");
    let error = namespace
        .wait_for_condition("Widget", "a", "Ready=False/Other", soon)
        .await;
    assert!(error.is_err());
}

#[tokio::test]
async fn events_are_those_about_the_object() {
    let namespace = with_widgets("events").await;
    for about in ["a", "b"] {
        let event = json!({"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": about},
            "eventTime": "2026-01-01T00:00:00.000000Z", "type": "Warning", "reason": "Left", "action": "Deleting",
            "note": "left behind", "reportingController": "test", "reportingInstance": "test",
            "regarding": {"kind": "Widget", "name": about, "namespace": namespace.name()}});
        namespace.apply_object(&event).await.unwrap();
    }
    let event = namespace.wait_for_event("a", "Left", SOON).await.unwrap();
    assert_eq!(
        (event.kind.as_str(), event.note.as_str(), event.count),
        ("Warning", "left behind", 1)
    );
    assert_eq!(namespace.events("a").await.unwrap(), [event]);
    let error = namespace
        .wait_for_event("a", "Gone", Duration::from_millis(50))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("left behind"), "{error}");
}
