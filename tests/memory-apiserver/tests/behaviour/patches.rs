//! Merge patches, JSON patches and the status.

use kube::{
    ResourceExt,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;

use crate::widget::{NAMESPACE, WidgetStatus, refusal, with_one};

#[tokio::test(start_paused = true)]
async fn only_the_spec_counts_as_a_generation() {
    let (_, widgets, one) = with_one().await;
    let params = PatchParams::default();
    let labelled = Patch::Merge(json!({ "metadata": { "labels": { "a": "b" } } }));
    let labelled = widgets.patch("one", &params, &labelled).await.unwrap();
    assert_eq!(labelled.metadata.generation, Some(1));
    assert_ne!(labelled.resource_version(), one.resource_version());
    let bigger = widgets
        .patch("one", &params, &Patch::Merge(json!({ "spec": { "size": 2 } })))
        .await
        .unwrap();
    assert_eq!(bigger.metadata.generation, Some(2));
    let reported = Patch::Merge(json!({ "status": { "phase": "On" } }));
    let reported = widgets.patch_status("one", &params, &reported).await.unwrap();
    assert_eq!(reported.metadata.generation, Some(2));
    assert_ne!(reported.resource_version(), bigger.resource_version());
}

#[tokio::test(start_paused = true)]
async fn the_status_and_the_rest_are_written_apart() {
    let (_, widgets, _) = with_one().await;
    let params = PatchParams::default();
    let both = json!({ "spec": { "size": 5 }, "status": { "phase": "On" }, "metadata": { "labels": { "a": "b" } } });
    let patched = widgets
        .patch_status("one", &params, &Patch::Merge(&both))
        .await
        .unwrap();
    assert_eq!((patched.spec.size, patched.labels().len()), (1, 0));
    assert_eq!(patched.status.unwrap().phase.as_deref(), Some("On"));
    let other = json!({ "spec": { "size": 5 }, "status": { "phase": "Off" } });
    let mut patched = widgets.patch("one", &params, &Patch::Merge(&other)).await.unwrap();
    assert_eq!(patched.spec.size, 5);
    assert_eq!(patched.status.as_ref().unwrap().phase.as_deref(), Some("On"));
    patched.spec.size = 7;
    patched.status = Some(WidgetStatus::default());
    let replaced = widgets
        .replace_status("one", &PostParams::default(), &patched)
        .await
        .unwrap();
    assert_eq!((replaced.spec.size, replaced.status.unwrap().phase), (5, None));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_changes_nothing_is_not_stored() {
    let (server, widgets, one) = with_one().await;
    let params = PatchParams::default();
    for same in [
        json!({ "spec": { "size": 1 } }),
        json!({ "metadata": { "annotations": {} } }),
        json!({}),
    ] {
        let patched = widgets.patch("one", &params, &Patch::Merge(&same)).await.unwrap();
        assert_eq!(patched.resource_version(), one.resource_version(), "{same}");
    }
    let replaced = widgets.replace("one", &PostParams::default(), &one).await.unwrap();
    assert_eq!(replaced.resource_version(), one.resource_version());
    assert_eq!(server.log().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_patch_with_a_version_conflicts_with_what_came_in_between() {
    let (server, widgets, one) = with_one().await;
    server.annotate("widgets", NAMESPACE, "one", "example.com/note", "edited");
    let stale = json!({ "metadata": { "resourceVersion": one.resource_version() }, "spec": { "size": 2 } });
    let params = PatchParams::default();
    assert!(refusal(widgets.patch("one", &params, &Patch::Merge(&stale)).await).is_conflict());
    let stale = json!({ "metadata": { "resourceVersion": one.resource_version() }, "status": { "phase": "On" } });
    assert!(refusal(widgets.patch_status("one", &params, &Patch::Merge(&stale)).await).is_conflict());
}

#[tokio::test(start_paused = true)]
async fn a_patch_with_another_uid_is_invalid_but_one_of_the_status_ignores_it() {
    let (_, widgets, _) = with_one().await;
    let params = PatchParams::default();
    let other = json!({ "metadata": { "uid": "another" }, "status": { "phase": "On" } });
    assert!(refusal(widgets.patch("one", &params, &Patch::Merge(&other)).await).is_invalid());
    let patched = widgets
        .patch_status("one", &params, &Patch::Merge(&other))
        .await
        .unwrap();
    assert_eq!(patched.status.unwrap().phase.as_deref(), Some("On"));
}

#[tokio::test(start_paused = true)]
async fn a_json_patch_is_applied_as_a_whole_or_not_at_all() {
    let (_, widgets, one) = with_one().await;
    let patch =
        |operations: serde_json::Value| -> Patch<()> { Patch::Json(serde_json::from_value(operations).unwrap()) };
    let params = PatchParams::default();
    let half = patch(json!([
        { "op": "replace", "path": "/spec/size", "value": 3 },
        { "op": "test", "path": "/spec/colour", "value": "red" },
    ]));
    assert_eq!(refusal(widgets.patch("one", &params, &half).await).code, 422);
    assert_eq!(
        widgets.get("one").await.unwrap().resource_version(),
        one.resource_version()
    );
    let absent = patch(json!([
        { "op": "test", "path": "/metadata/finalizers", "value": null },
        { "op": "add", "path": "/metadata/finalizers", "value": ["example.com/a"] },
    ]));
    assert_eq!(
        widgets.patch("one", &params, &absent).await.unwrap().finalizers(),
        ["example.com/a"]
    );
    assert_eq!(refusal(widgets.patch("one", &params, &absent).await).code, 422);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_patch_is_refused() {
    let (_, widgets, _) = with_one().await;
    let params = PatchParams::default();
    let strategic = Patch::Strategic(json!({ "spec": { "size": 2 } }));
    assert_eq!(refusal(widgets.patch("one", &params, &strategic).await).code, 415);
    assert!(refusal(widgets.patch("absent", &params, &Patch::Merge(json!({}))).await).is_not_found());
}
