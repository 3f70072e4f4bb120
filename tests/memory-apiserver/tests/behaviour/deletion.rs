//! Deletion, and what holds it.

use kube::{
    ResourceExt,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
};
use serde_json::json;

use crate::widget::{NAMESPACE, create, refusal, with_one};

#[tokio::test(start_paused = true)]
async fn an_object_without_finalizers_goes_at_once() {
    let (_, widgets, one) = with_one().await;
    let deleted = widgets.delete("one", &DeleteParams::default()).await.unwrap();
    assert_eq!(deleted.right().unwrap().details.unwrap().uid, one.uid().unwrap());
    assert!(refusal(widgets.delete("one", &DeleteParams::default()).await).is_not_found());
    assert_ne!(create(&widgets, "one").await.uid(), one.uid());
}

#[tokio::test(start_paused = true)]
async fn an_object_with_finalizers_waits_for_the_last_of_them() {
    let (_, widgets, _) = with_one().await;
    let params = PatchParams::default();
    let finalizers = |finalizers: &[&str]| Patch::Merge(json!({ "metadata": { "finalizers": finalizers } }));
    widgets
        .patch("one", &params, &finalizers(&["example.com/a", "example.com/b"]))
        .await
        .unwrap();
    let marked = widgets
        .delete("one", &DeleteParams::default())
        .await
        .unwrap()
        .left()
        .unwrap();
    assert!(marked.metadata.deletion_timestamp.is_some());
    assert_eq!(marked.metadata.generation, Some(2));
    let again = widgets
        .delete("one", &DeleteParams::default())
        .await
        .unwrap()
        .left()
        .unwrap();
    assert_eq!(again.resource_version(), marked.resource_version());
    let added = finalizers(&["example.com/a", "example.com/b", "example.com/c"]);
    assert!(refusal(widgets.patch("one", &params, &added).await).is_invalid());
    widgets
        .patch("one", &params, &finalizers(&["example.com/b"]))
        .await
        .unwrap();
    let last = widgets.patch("one", &params, &finalizers(&[])).await.unwrap();
    assert!(last.finalizers().is_empty());
    assert!(widgets.get_opt("one").await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_deletion_cannot_be_taken_back() {
    let (server, widgets, _) = with_one().await;
    server.patch(
        "widgets",
        NAMESPACE,
        "one",
        json!({ "metadata": { "finalizers": ["example.com/a"] } }),
    );
    server.delete("widgets", NAMESPACE, "one");
    let undo = Patch::Merge(json!({ "metadata": { "deletionTimestamp": null } }));
    let patched = widgets.patch("one", &PatchParams::default(), &undo).await.unwrap();
    assert!(patched.metadata.deletion_timestamp.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_deletion_may_be_meant_for_one_object_in_one_state() {
    let (server, widgets, one) = with_one().await;
    server.annotate("widgets", NAMESPACE, "one", "example.com/note", "edited");
    let when = |preconditions: Preconditions| DeleteParams {
        preconditions: Some(preconditions),
        ..DeleteParams::default()
    };
    let stale = Preconditions {
        resource_version: one.resource_version(),
        uid: None,
    };
    assert!(refusal(widgets.delete("one", &when(stale)).await).is_conflict());
    let other = Preconditions {
        resource_version: None,
        uid: Some("another".into()),
    };
    assert!(refusal(widgets.delete("one", &when(other)).await).is_conflict());
    let meant = Preconditions {
        resource_version: None,
        uid: one.uid(),
    };
    assert!(widgets.delete("one", &when(meant)).await.unwrap().is_right());
}

#[tokio::test(start_paused = true)]
async fn what_has_lost_all_of_its_owners_is_collected() {
    let (server, widgets, one) = with_one().await;
    let owner = json!({ "apiVersion": "example.com/v1", "kind": "Widget", "name": "one", "uid": one.uid() });
    for (name, owners) in [("owned", json!([owner])), ("free", json!([]))] {
        server.create(json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": { "name": name, "namespace": NAMESPACE, "ownerReferences": owners },
        }));
    }
    server.collect_garbage();
    assert_eq!(server.list("secrets").len(), 2);
    widgets.delete("one", &DeleteParams::default()).await.unwrap();
    server.collect_garbage();
    let left = server.list("secrets");
    assert_eq!(left.len(), 1);
    assert_eq!(left[0]["metadata"]["name"], "free");
}
