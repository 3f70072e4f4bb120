//! An apiserver that cannot be reached.

use std::{pin::pin, time::Duration};

use futures::StreamExt;
use kube::{
    api::{ListParams, PostParams},
    runtime::{WatchStreamExt, watcher},
};
use memory_apiserver::{Action, Rule};
use serde_json::json;
use tokio::time::Instant;

use crate::widget::{NAMESPACE, is_broken, with_one};

#[tokio::test(start_paused = true)]
async fn nothing_gets_through_and_nothing_is_logged() {
    let (server, widgets, one) = with_one().await;
    server.outage(true);
    assert!(is_broken(&widgets.get("one").await));
    assert!(is_broken(&widgets.list(&ListParams::default()).await));
    assert!(is_broken(&widgets.replace("one", &PostParams::default(), &one).await));
    assert_eq!(server.log().len(), 1);
    server.outage(false);
    widgets.get("one").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn requests_under_way_break() {
    let (server, widgets, _) = with_one().await;
    for action in [
        Action::Hang,
        Action::Hold,
        Action::Delay(Duration::from_mins(1)),
        Action::DelayAnswer(Duration::from_mins(1)),
    ] {
        let fault = server.fault(Rule::new(action));
        let other = widgets.clone();
        let asking = tokio::spawn(async move { other.get("one").await });
        fault.reached(1).await;
        server.outage(true);
        assert!(is_broken(&asking.await.unwrap()));
        server.outage(false);
        fault.remove();
    }
}

#[tokio::test(start_paused = true)]
async fn a_watcher_comes_back_by_itself_and_misses_nothing() {
    let (server, widgets, _) = with_one().await;
    let mut events = pin!(
        watcher(widgets, watcher::Config::default())
            .default_backoff()
            .touched_objects()
    );
    events.next().await.unwrap().unwrap();
    let began = Instant::now();
    server.outage(true);
    let waiting = server.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_mins(2)).await;
        waiting.patch("widgets", NAMESPACE, "one", json!({ "spec": { "size": 2 } }));
        waiting.outage(false);
    });
    let next = loop {
        if let Ok(widget) = events.next().await.unwrap() {
            break widget;
        }
    };
    assert_eq!(next.spec.size, 2);
    assert!((120..200).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}
