//! Watches, through `Api::watch`, `watcher` and `reflector`.

use std::{pin::pin, time::Duration};

use futures::{Stream, StreamExt, TryStreamExt};
use kube::{
    Api, ResourceExt,
    api::{PartialObjectMeta, WatchEvent, WatchParams},
    runtime::{WatchStreamExt, reflector, watcher},
};
use memory_apiserver::MemoryApiserver;
use serde_json::json;
use tokio::time::{Instant, timeout};

use crate::widget::{NAMESPACE, Widget, manifest, with_one};

/// Longer than anything takes that is not held back.
const SOON: Duration = Duration::from_millis(1);

type Events<'a> = std::pin::Pin<&'a mut dyn Stream<Item = Result<watcher::Event<Widget>, watcher::Error>>>;

fn shown(event: &Result<watcher::Event<Widget>, watcher::Error>) -> String {
    match event {
        Ok(watcher::Event::Apply(widget)) => format!("{} is {}", widget.name_any(), widget.spec.size),
        Ok(event) => event.to_string(),
        Err(watcher::Error::WatchError(status)) => status.code.to_string(),
        Err(_) => "broken".into(),
    }
}

/// Every event that comes without waiting.
async fn soon(events: &mut Events<'_>) -> Vec<String> {
    let mut all = Vec::new();
    while let Ok(Some(event)) = timeout(SOON, events.next()).await {
        all.push(shown(&event));
    }
    all
}

fn resize(server: &MemoryApiserver, size: i64) {
    server.patch("widgets", NAMESPACE, "one", json!({ "spec": { "size": size } }));
}

#[tokio::test(start_paused = true)]
async fn a_watcher_sees_what_is_there_and_what_happens() {
    let (server, widgets, _) = with_one().await;
    let events = pin!(watcher(widgets, watcher::Config::default()));
    let mut events: Events<'_> = events;
    assert_eq!(soon(&mut events).await, ["Init", "InitApply(one)", "InitDone"]);
    server.create(manifest("two"));
    resize(&server, 2);
    server.delete("widgets", NAMESPACE, "two");
    assert_eq!(soon(&mut events).await, ["two is 1", "one is 2", "Delete(two)"]);
}

#[tokio::test(start_paused = true)]
async fn a_streaming_list_ends_with_a_bookmark() {
    let (server, widgets, _) = with_one().await;
    let events = pin!(watcher(widgets, watcher::Config::default().streaming_lists()));
    let mut events: Events<'_> = events;
    assert_eq!(soon(&mut events).await, ["Init", "InitApply(one)", "InitDone"]);
    resize(&server, 2);
    assert_eq!(soon(&mut events).await, ["one is 2"]);
    let reads = server.log().into_iter().filter(|request| !request.is_write());
    assert!(reads.into_iter().all(|request| request.is_watch()));
}

#[tokio::test(start_paused = true)]
async fn a_watch_from_a_version_begins_after_it() {
    let (server, widgets, one) = with_one().await;
    resize(&server, 2);
    resize(&server, 3);
    let events = widgets
        .watch(&WatchParams::default().timeout(10), &one.resource_version().unwrap())
        .await
        .unwrap();
    let events: Vec<_> = events.try_collect().await.unwrap();
    let sizes = events.iter().map(|event| match event {
        WatchEvent::Modified(widget) => widget.spec.size,
        other => panic!("{other:?}"),
    });
    assert_eq!(sizes.collect::<Vec<_>>(), [2, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_from_nowhere_begins_with_what_is_there() {
    let (_, widgets, _) = with_one().await;
    let events = widgets.watch(&WatchParams::default().timeout(10), "0").await.unwrap();
    let events: Vec<_> = events.try_collect().await.unwrap();
    assert!(matches!(events.as_slice(), [WatchEvent::Added(_)]), "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn bookmarks_come_each_minute_and_the_watch_ends_after_its_time() {
    let (server, widgets, one) = with_one().await;
    let began = Instant::now();
    let events = widgets
        .watch(&WatchParams::default().timeout(200), &one.resource_version().unwrap())
        .await
        .unwrap();
    server.create(json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s", "namespace": NAMESPACE } }));
    let events: Vec<_> = events.try_collect().await.unwrap();
    assert_eq!((events.len(), began.elapsed().as_secs()), (3, 200));
    let last: Option<u64> = match &events[2] {
        WatchEvent::Bookmark(bookmark) => bookmark.metadata.resource_version.parse().ok(),
        _ => None,
    };
    // It is ahead of the last widget, because it counts other kinds too.
    assert!(last > one.resource_version().unwrap().parse().ok(), "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn a_watcher_goes_on_for_hours() {
    let (server, widgets, _) = with_one().await;
    let events = pin!(watcher(widgets, watcher::Config::default()));
    let mut events: Events<'_> = events;
    soon(&mut events).await;
    assert!(timeout(Duration::from_hours(4), events.next()).await.is_err());
    resize(&server, 2);
    assert_eq!(soon(&mut events).await, ["one is 2"]);
    let lists = server
        .log()
        .iter()
        .filter(|request| !request.is_watch() && !request.is_write())
        .count();
    assert_eq!(lists, 1);
}

#[tokio::test(start_paused = true)]
async fn what_enters_and_leaves_a_selection_is_added_and_deleted() {
    let (server, widgets, _) = with_one().await;
    let events = pin!(watcher(widgets, watcher::Config::default().labels("seen")));
    let mut events: Events<'_> = events;
    assert_eq!(soon(&mut events).await, ["Init", "InitDone"]);
    let label = |value: Option<&str>| json!({ "metadata": { "labels": { "seen": value } } });
    resize(&server, 2);
    server.patch("widgets", NAMESPACE, "one", label(Some("")));
    server.patch("widgets", NAMESPACE, "one", label(None));
    resize(&server, 3);
    assert_eq!(soon(&mut events).await, ["one is 2", "Delete(one)"]);
}

#[tokio::test(start_paused = true)]
async fn metadata_can_be_watched_alone() {
    let (server, _, one) = with_one().await;
    let metadata: Api<PartialObjectMeta<Widget>> = Api::namespaced(server.client(), NAMESPACE);
    for config in [watcher::Config::default(), watcher::Config::default().streaming_lists()] {
        let mut events = pin!(watcher(metadata.clone(), config).applied_objects());
        let found = events.next().await.unwrap().unwrap();
        assert_eq!(
            (found.uid(), found.types.unwrap().kind.as_str()),
            (one.uid(), "PartialObjectMetadata")
        );
        server.annotate(
            "widgets",
            NAMESPACE,
            "one",
            "example.com/note",
            &server.log().len().to_string(),
        );
        assert_eq!(events.next().await.unwrap().unwrap().annotations().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reflector_holds_what_the_server_has() {
    let (server, widgets, _) = with_one().await;
    let (store, writer) = reflector::store();
    let stream = watcher(widgets, watcher::Config::default())
        .reflect(writer)
        .touched_objects();
    tokio::spawn(stream.for_each(|_| async {}));
    store.wait_until_ready().await.unwrap();
    server.create(manifest("two"));
    server.delete("widgets", NAMESPACE, "one");
    tokio::time::sleep(SOON).await;
    let names: Vec<_> = store.state().iter().map(|widget| widget.name_any()).collect();
    assert_eq!(names, ["two"]);
}

#[tokio::test(start_paused = true)]
async fn a_lagging_watch_delivers_each_event_that_much_later() {
    let (server, widgets, _) = with_one().await;
    server.set_watch_lag(Duration::from_secs(5));
    let mut events = pin!(watcher(widgets, watcher::Config::default()).applied_objects());
    events.next().await.unwrap().unwrap();
    let began = Instant::now();
    resize(&server, 2);
    tokio::time::sleep(Duration::from_secs(2)).await;
    resize(&server, 3);
    assert_eq!(events.next().await.unwrap().unwrap().spec.size, 2);
    assert_eq!(began.elapsed().as_secs(), 5);
    assert_eq!(events.next().await.unwrap().unwrap().spec.size, 3);
    assert_eq!(began.elapsed().as_secs(), 7);
    resize(&server, 4);
    server.set_watch_lag(Duration::ZERO);
    assert_eq!(events.next().await.unwrap().unwrap().spec.size, 4);
    assert_eq!(began.elapsed().as_secs(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_held_delivers_nothing_until_it_is_released() {
    let (server, widgets, _) = with_one().await;
    let events = pin!(watcher(widgets.clone(), watcher::Config::default()));
    let mut events: Events<'_> = events;
    soon(&mut events).await;
    server.hold_watch("widgets");
    resize(&server, 2);
    assert!(timeout(Duration::from_mins(1), events.next()).await.is_err());
    assert_eq!(widgets.get("one").await.unwrap().spec.size, 2);
    server.release_watch("widgets");
    assert_eq!(soon(&mut events).await, ["one is 2"]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_was_cut_goes_on_where_it_was() {
    let (server, widgets, _) = with_one().await;
    let events = pin!(watcher(widgets, watcher::Config::default()));
    let mut events: Events<'_> = events;
    soon(&mut events).await;
    server.cut_watches("widgets");
    resize(&server, 2);
    assert_eq!(soon(&mut events).await, ["broken", "one is 2"]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_expired_begins_anew_with_a_list() {
    let (server, widgets, _) = with_one().await;
    let events = pin!(watcher(widgets.clone(), watcher::Config::default()));
    let mut events: Events<'_> = events;
    soon(&mut events).await;
    server.delete("widgets", NAMESPACE, "one");
    server.expire_watches("widgets");
    assert_eq!(soon(&mut events).await, ["410", "Init", "InitDone"]);
    server.create(manifest("two"));
    assert_eq!(soon(&mut events).await, ["two is 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_from_a_version_that_expired_is_answered_with_410() {
    let (server, widgets, one) = with_one().await;
    server.expire_watches("widgets");
    let events = widgets
        .watch(&WatchParams::default(), &one.resource_version().unwrap())
        .await
        .unwrap();
    match pin!(events).try_next().await.unwrap() {
        Some(WatchEvent::Error(status)) => assert_eq!((status.code, status.reason.as_str()), (410, "Expired")),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn the_watches_of_a_kind_end_when_it_is_no_longer_served() {
    let (server, widgets, _) = with_one().await;
    let secrets: Api<k8s_openapi::api::core::v1::Secret> = Api::namespaced(server.client(), NAMESPACE);
    let others = secrets.watch(&WatchParams::default(), "0").await.unwrap();
    let events = widgets.watch(&WatchParams::default(), "0").await.unwrap();
    server.unregister("widgets");
    let events: Vec<_> = events.try_collect().await.unwrap();
    assert!(events.len() <= 1);
    assert!(timeout(SOON, pin!(others).next()).await.is_err());
    let events = pin!(watcher(widgets, watcher::Config::default()));
    let mut events: Events<'_> = events;
    assert_eq!(shown(&events.next().await.unwrap()), "Init");
    assert_eq!(shown(&events.next().await.unwrap()), "broken");
}
