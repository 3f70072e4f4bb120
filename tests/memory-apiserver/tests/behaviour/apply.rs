//! Server-side apply.

use kube::{
    ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::widget::{NAMESPACE, manifest, refusal, served, with_one};

fn by(manager: &str) -> PatchParams {
    PatchParams::apply(manager)
}

fn status(status: &Value) -> Patch<Value> {
    let mut widget = manifest("one");
    widget.as_object_mut().unwrap().remove("spec");
    widget["status"] = status.clone();
    Patch::Apply(widget)
}

fn spec(spec: &Value) -> Patch<Value> {
    let mut widget = manifest("one");
    widget["spec"] = spec.clone();
    Patch::Apply(widget)
}

fn condition(type_: &str, reason: &str) -> Value {
    json!({ "type": type_, "status": "True", "reason": reason, "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z" })
}

#[tokio::test(start_paused = true)]
async fn an_apply_creates_what_is_not_there() {
    let (_, widgets) = served();
    let created = widgets
        .patch("one", &by("me"), &spec(&json!({ "size": 1 })))
        .await
        .unwrap();
    assert_eq!(created.metadata.generation, Some(1));
    let again = widgets
        .patch("one", &by("me"), &spec(&json!({ "size": 1 })))
        .await
        .unwrap();
    assert_eq!(again.resource_version(), created.resource_version());
}

#[tokio::test(start_paused = true)]
async fn a_status_is_not_applied_to_what_is_not_there() {
    let (_, widgets) = served();
    let absent = widgets
        .patch_status("one", &by("me"), &status(&json!({ "phase": "On" })))
        .await;
    assert!(refusal(absent).is_not_found());
}

#[tokio::test(start_paused = true)]
async fn a_field_goes_when_its_only_owner_no_longer_applies_it() {
    let (_, widgets, _) = with_one().await;
    let applied = spec(&json!({ "size": 1, "colour": "red" }));
    assert_eq!(
        widgets
            .patch("one", &by("me"), &applied)
            .await
            .unwrap()
            .spec
            .colour
            .as_deref(),
        Some("red")
    );
    let applied = widgets
        .patch("one", &by("me"), &spec(&json!({ "size": 1 })))
        .await
        .unwrap();
    assert_eq!(applied.spec.colour, None);
}

#[tokio::test(start_paused = true)]
async fn a_field_that_two_apply_stays_until_both_let_go() {
    let (_, widgets, _) = with_one().await;
    let red = spec(&json!({ "size": 1, "colour": "red" }));
    let plain = spec(&json!({ "size": 1 }));
    widgets.patch("one", &by("me"), &red).await.unwrap();
    widgets.patch("one", &by("you"), &red).await.unwrap();
    assert!(
        widgets
            .patch("one", &by("me"), &plain)
            .await
            .unwrap()
            .spec
            .colour
            .is_some()
    );
    assert!(
        widgets
            .patch("one", &by("you"), &plain)
            .await
            .unwrap()
            .spec
            .colour
            .is_none()
    );
}

#[tokio::test(start_paused = true)]
async fn a_field_of_somebody_else_is_taken_by_force_only() {
    let (_, widgets, _) = with_one().await;
    widgets
        .patch("one", &by("me"), &spec(&json!({ "size": 1, "colour": "red" })))
        .await
        .unwrap();
    let blue = spec(&json!({ "size": 1, "colour": "blue" }));
    let conflict = refusal(widgets.patch("one", &by("you"), &blue).await);
    assert!(conflict.is_conflict());
    assert!(
        conflict.message.contains("conflict with \"me\": .spec.colour"),
        "{}",
        conflict.message
    );
    widgets.patch("one", &by("you").force(), &blue).await.unwrap();
    // It no longer belongs to the first, and does not go with it.
    let plain = widgets
        .patch("one", &by("me"), &spec(&json!({ "size": 1 })))
        .await
        .unwrap();
    assert_eq!(plain.spec.colour.as_deref(), Some("blue"));
}

#[tokio::test(start_paused = true)]
async fn an_edit_takes_a_field_away_from_who_applied_it() {
    let (server, widgets, _) = with_one().await;
    widgets
        .patch_status("one", &by("me"), &status(&json!({ "phase": "On" })))
        .await
        .unwrap();
    server.patch_status("widgets", NAMESPACE, "one", json!({ "phase": "Edited" }));
    let on = status(&json!({ "phase": "On" }));
    assert!(refusal(widgets.patch_status("one", &by("me"), &on).await).is_conflict());
    let forced = widgets.patch_status("one", &by("me").force(), &on).await.unwrap();
    assert_eq!(forced.status.unwrap().phase.as_deref(), Some("On"));
}

#[tokio::test(start_paused = true)]
async fn conditions_are_merged_by_their_type() {
    let (_, widgets, _) = with_one().await;
    let conditions = |conditions: &[Value]| status(&json!({ "conditions": conditions }));
    let shown = |widget: crate::widget::Widget| {
        let conditions = widget.status.unwrap().conditions.into_iter();
        conditions
            .map(|one| format!("{}/{}", one.type_, one.reason))
            .collect::<Vec<_>>()
    };
    let mine = conditions(&[condition("Ready", "InSync"), condition("Stalled", "No")]);
    widgets.patch_status("one", &by("me"), &mine).await.unwrap();
    let yours = conditions(&[condition("Seen", "ByYou")]);
    let both = widgets.patch_status("one", &by("you"), &yours).await.unwrap();
    assert_eq!(shown(both), ["Ready/InSync", "Stalled/No", "Seen/ByYou"]);
    let mine = conditions(&[condition("Ready", "Waiting")]);
    let after = widgets.patch_status("one", &by("me"), &mine).await.unwrap();
    assert_eq!(shown(after), ["Ready/Waiting", "Seen/ByYou"]);
}

#[tokio::test(start_paused = true)]
async fn an_apply_of_the_status_leaves_labels_and_spec_alone() {
    let (_, widgets, one) = with_one().await;
    let mut widget = manifest("one");
    widget["metadata"]["labels"] = json!({ "a": "b" });
    widget["spec"]["size"] = json!(9);
    widget["status"] = json!({ "phase": "On" });
    let applied = widgets
        .patch_status("one", &by("me").force(), &Patch::Apply(widget))
        .await
        .unwrap();
    assert_eq!((applied.spec.size, applied.labels().len()), (1, 0));
    assert_eq!(applied.metadata.generation, one.metadata.generation);
}

#[tokio::test(start_paused = true)]
async fn a_version_in_an_apply_must_be_the_current_one() {
    let (server, widgets, one) = with_one().await;
    server.annotate("widgets", NAMESPACE, "one", "example.com/note", "edited");
    let mut widget = manifest("one");
    widget["metadata"]["resourceVersion"] = json!(one.resource_version());
    widget["status"] = json!({ "phase": "On" });
    let params = by("me").force();
    assert!(refusal(widgets.patch_status("one", &params, &Patch::Apply(&widget)).await).is_conflict());
    widget["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    widgets
        .patch_status("one", &params, &Patch::Apply(&widget))
        .await
        .unwrap();
}
