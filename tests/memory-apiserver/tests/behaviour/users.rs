//! Edits by somebody else.

use memory_apiserver::MemoryApiserver;
use serde_json::json;

use crate::widget::{NAMESPACE, manifest, served};

#[tokio::test(start_paused = true)]
async fn an_edit_takes_effect_at_once_and_no_fault_touches_it() {
    let (server, widgets) = served();
    server.outage(true);
    assert_eq!(server.create(manifest("one"))["metadata"]["generation"], 1);
    let edited = server.patch("widgets", NAMESPACE, "one", json!({ "spec": { "size": 2 } }));
    assert_eq!(edited["metadata"]["generation"], 2);
    let noted = server.annotate("widgets", NAMESPACE, "one", "example.com/note", "edited");
    assert_eq!(noted["metadata"]["annotations"]["example.com/note"], "edited");
    let reported = server.patch_status("widgets", NAMESPACE, "one", json!({ "phase": "On" }));
    assert_eq!(
        (&reported["status"]["phase"], &reported["metadata"]["generation"]),
        (&json!("On"), &json!(2))
    );
    server.outage(false);
    assert_eq!(widgets.get("one").await.unwrap().spec.size, 2);
    assert_eq!(server.get("widgets.example.com", NAMESPACE, "one")["spec"]["size"], 2);
    assert_eq!(server.list("widgets").len(), 1);
    server.delete("widgets", NAMESPACE, "one");
    assert_eq!(server.find("widgets", NAMESPACE, "one"), None);
    assert_eq!(server.log().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn clones_share_their_state_and_servers_do_not() {
    let (server, _) = served();
    server.clone().create(manifest("one"));
    assert_eq!(server.list("widgets").len(), 1);
    assert!(MemoryApiserver::new().list("secrets").is_empty());
}

#[test]
#[should_panic(expected = "widgets.example.com \"one\" already exists")]
fn an_edit_that_is_refused_panics_with_the_reason() {
    let server = MemoryApiserver::new();
    server.register(memory_apiserver::Registered {
        group: "example.com".into(),
        version: "v1".into(),
        kind: "Widget".into(),
        plural: "widgets".into(),
        namespaced: true,
        status: true,
    });
    server.create(manifest("one"));
    server.create(manifest("one"));
}

#[test]
#[should_panic(expected = "gadgets are not registered")]
fn an_edit_of_an_unknown_kind_panics() {
    MemoryApiserver::new().get("gadgets", NAMESPACE, "one");
}
