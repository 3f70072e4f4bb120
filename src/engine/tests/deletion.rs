//! Deletion always terminates, and leaves no access behind.

use std::time::Duration;

use serde_json::json;

use super::{rig::Rig, toy::Fault};

async fn gone(rig: &Rig, name: &str) {
    rig.until("the object is gone", || {
        rig.server.find("widgets", "team", name).is_none()
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_create_that_completes_after_the_deletion_is_withdrawn() {
    let rig = Rig::ready().await;
    rig.world.next_faults(&[Fault::CommitsLater(Duration::from_secs(13))]);
    rig.widget("jane", json!({}));
    rig.until("the create is sent", || rig.world.count("create") == 1).await;
    rig.pass(1).await;
    rig.server.delete("widgets", "team", "jane");
    gone(&rig, "jane").await;
    rig.pass(60).await;
    assert_eq!(rig.world.get("jane"), None, "a widget is left that nobody knows");
}

#[tokio::test(start_paused = true)]
async fn deletions_wait_for_an_unreachable_side_without_polling() {
    let rig = Rig::ready().await;
    for n in 0..100 {
        rig.widget(&format!("w{n:02}"), json!({}));
    }
    for n in 0..100 {
        rig.widget_is(&format!("w{n:02}"), "InSync").await;
    }
    *rig.world.reachable.lock().unwrap() = false;
    rig.pass(120).await;
    for n in 0..100 {
        rig.server.delete("widgets", "team", &format!("w{n:02}"));
    }
    rig.pass(10).await;
    let log = rig.server.log().len();
    rig.pass(240).await;
    let requests = rig.server.log().len() - log;
    assert!(requests < 100, "{requests} requests while nothing can be done");
    *rig.world.reachable.lock().unwrap() = true;
    rig.pass(120).await;
    rig.acknowledge().await;
    for n in 0..100 {
        gone(&rig, &format!("w{n:02}")).await;
    }
    assert!(rig.world.widgets.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_frozen_connection_holds_deletions_and_the_annotation_releases_them() {
    let rig = Rig::ready().await;
    rig.widget("jane", json!({}));
    rig.widget_is("jane", "InSync").await;
    rig.hub(json!({ "freeze": true }));
    rig.pass(2).await;
    rig.server.delete("widgets", "team", "jane");
    rig.pass(300).await;
    assert_eq!(rig.reason("jane"), "Deleting");
    rig.server
        .annotate("widgets", "team", "jane", "dataiku-operator.io/force-release", "true");
    gone(&rig, "jane").await;
    assert!(rig.world.get("jane").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_connection_goes_after_the_objects_that_use_it() {
    let rig = Rig::ready().await;
    rig.widget("jane", json!({}));
    rig.widget_is("jane", "InSync").await;
    rig.server.delete("hubs", "team", "hub");
    rig.pass(30).await;
    assert!(rig.server.find("hubs", "team", "hub").is_some());
    rig.server.delete("widgets", "team", "jane");
    gone(&rig, "jane").await;
    rig.until("the hub is gone", || rig.server.find("hubs", "team", "hub").is_none())
        .await;
    assert_eq!(rig.world.get("jane"), None);
}

#[tokio::test(start_paused = true)]
async fn an_object_stays_until_its_deletion_succeeded() {
    for fault in [
        Fault::Rejected,
        Fault::RateLimited,
        Fault::OwnError,
        Fault::LostAfterCommit,
    ] {
        let rig = Rig::ready().await;
        rig.widget("jane", json!({ "deletionPolicy": "Delete" }));
        rig.widget_is("jane", "InSync").await;
        rig.world.next_faults(&[fault; 2]);
        rig.server.delete("widgets", "team", "jane");
        rig.until("the first attempt", || rig.world.count("delete") == 1).await;
        // Right after it, before anything may be tried again.
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(rig.server.find("widgets", "team", "jane").is_some(), "{fault:?}");
        gone(&rig, "jane").await;
        assert_eq!(rig.world.get("jane"), None, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_kind_stops_only_itself() {
    let mut rig = Rig::stopped();
    rig.server.unregister("widgets");
    rig.start().await;
    rig.wait("hubs", "hub", "InSync").await;
    rig.server.delete("hubs", "team", "hub");
    rig.until("the hub is gone", || rig.server.find("hubs", "team", "hub").is_none())
        .await;
}
