//! Lists, in pages and through selectors.

use kube::{Api, ResourceExt, api::ListParams};
use serde_json::json;

use crate::widget::{NAMESPACE, Widget, manifest, refusal, served};

fn names(widgets: &[Widget]) -> Vec<String> {
    widgets.iter().map(ResourceExt::name_any).collect()
}

#[tokio::test(start_paused = true)]
async fn pages_show_the_state_when_the_first_was_read() {
    let (server, widgets) = served();
    for name in ["a", "b", "c", "d", "e"] {
        server.create(manifest(name));
    }
    let first = widgets.list(&ListParams::default().limit(2)).await.unwrap();
    assert_eq!(names(&first.items), ["a", "b"]);
    assert_eq!(first.metadata.remaining_item_count, Some(3));
    server.delete("widgets", NAMESPACE, "c");
    server.create(manifest("f"));
    let token = first.metadata.continue_.unwrap();
    let second = widgets
        .list(&ListParams::default().limit(2).continue_token(&token))
        .await
        .unwrap();
    assert_eq!(names(&second.items), ["c", "d"]);
    assert_eq!(second.metadata.resource_version, first.metadata.resource_version);
    let token = second.metadata.continue_.unwrap();
    let last = widgets
        .list(&ListParams::default().limit(2).continue_token(&token))
        .await
        .unwrap();
    assert_eq!(
        (names(&last.items), last.metadata.continue_),
        (vec!["e".to_owned()], None)
    );
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_continued_too_late_has_expired() {
    let (server, widgets) = served();
    server.create(manifest("a"));
    server.create(manifest("b"));
    let first = widgets.list(&ListParams::default().limit(1)).await.unwrap();
    server.expire_watches("widgets");
    let next = ListParams::default()
        .limit(1)
        .continue_token(&first.metadata.continue_.unwrap());
    assert_eq!(refusal(widgets.list(&next).await).code, 410);
}

#[tokio::test(start_paused = true)]
async fn selectors_pick_by_label_name_and_namespace() {
    let (server, widgets) = served();
    for (name, colour) in [("a", "red"), ("b", "blue"), ("c", "red")] {
        let mut widget = manifest(name);
        widget["metadata"]["labels"] = json!({ "colour": colour });
        server.create(widget);
    }
    let picked = async |params: ListParams| names(&widgets.list(&params).await.unwrap().items);
    assert_eq!(picked(ListParams::default().labels("colour=red")).await, ["a", "c"]);
    assert_eq!(
        picked(ListParams::default().labels("colour in (blue,green)")).await,
        ["b"]
    );
    assert_eq!(picked(ListParams::default().fields("metadata.name=b")).await, ["b"]);
    assert_eq!(
        picked(ListParams::default().fields("metadata.name!=b").labels("colour")).await,
        ["a", "c"]
    );
    let everywhere: Api<Widget> = Api::all(server.client());
    let elsewhere = ListParams::default().fields("metadata.namespace=elsewhere");
    assert!(everywhere.list(&elsewhere).await.unwrap().items.is_empty());
    assert_eq!(
        refusal(widgets.list(&ListParams::default().fields("spec.size=1")).await).code,
        400
    );
}
