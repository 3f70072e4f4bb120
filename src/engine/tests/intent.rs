//! Writes whose answers are lost, refused or late.

use std::time::Duration;

use serde_json::json;

use super::{
    rig::{Rig, ready},
    toy::{Fault, Remotely},
};

fn origin(object: &serde_json::Value) -> &serde_json::Value {
    &object["status"]["remote"]["origin"]
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_answer_was_lost_is_ours_and_made_once() {
    let rig = Rig::ready().await;
    rig.world.next_faults(&[Fault::LostAfterCommit]);
    rig.widget("jane", json!({}));
    let object = rig.widget_is("jane", "InSync").await;
    assert_eq!(origin(&object), "Created");
    assert_eq!(rig.world.count("create"), 1);
}

#[tokio::test(start_paused = true)]
async fn an_intent_stays_while_the_fate_of_its_create_is_unknown() {
    let rig = Rig::ready().await;
    rig.world
        .next_faults(&[Fault::CommitsLater(Duration::from_secs(13)), Fault::RateLimited]);
    rig.widget("jane", json!({}));
    rig.until("the late commit", || rig.world.get("jane").is_some()).await;
    let object = rig.widget_is("jane", "InSync").await;
    assert_eq!(
        origin(&object),
        "Created",
        "our own widget is taken for somebody else's"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_create_changes_the_status_once() {
    let rig = Rig::ready().await;
    rig.world.next_faults(&[Fault::Rejected; 50]);
    rig.widget("jane", json!({}));
    let object = rig.widget_is("jane", "Rejected").await;
    assert_eq!(origin(&object), &serde_json::Value::Null);
    let writes = rig.status_writes("jane");
    rig.pass(1200).await;
    assert_eq!(rig.status_writes("jane"), writes, "nothing changed for the reader");
    assert!(rig.world.count("create") > 2, "it is attempted again");
    assert!(rig.world.count("create") < 12, "with a back-off");
    assert_eq!(rig.events("jane"), [("Warning".to_owned(), "Rejected".to_owned())]);
    // What appears meanwhile is not ours.
    rig.world.faults.lock().unwrap().clear();
    rig.world
        .widgets
        .lock()
        .unwrap()
        .insert("jane".into(), Remotely::default());
    rig.widget_is("jane", "AlreadyExists").await;
}

#[tokio::test(start_paused = true)]
async fn a_create_that_fails_in_the_node_does_not_flicker() {
    let rig = Rig::ready().await;
    rig.world.next_faults(&[Fault::OwnError; 40]);
    rig.widget("jane", json!({}));
    rig.widget_is("jane", "Unavailable").await;
    let writes = rig.status_writes("jane");
    rig.pass(240).await;
    assert_eq!(rig.status_writes("jane"), writes);
    rig.world.faults.lock().unwrap().clear();
    let object = rig.widget_is("jane", "InSync").await;
    assert_eq!(origin(&object), "Created");
}

#[tokio::test(start_paused = true)]
async fn access_that_a_lost_write_gave_is_withdrawn_although_the_spec_changed_back() {
    for fault in [Fault::LostAfterCommit, Fault::CommitsLater(Duration::from_secs(12))] {
        let rig = Rig::ready().await;
        rig.widget("jane", json!({ "groups": ["readers"] }));
        rig.widget_is("jane", "InSync").await;
        rig.world.next_faults(&[fault]);
        rig.edit("jane", json!({ "groups": ["readers", "scientists"] }));
        rig.until("the lost write", || rig.world.count("edit") == 1).await;
        rig.edit("jane", json!({ "groups": ["readers"] }));
        rig.pass(120).await;
        rig.widget_is("jane", "InSync").await;
        let groups = rig.world.get("jane").unwrap().groups;
        assert!(!groups.contains("scientists"), "{fault:?}: {groups:?}");
        assert!(groups.contains("readers"));
    }
}

/// A reconcile has a minute. A write that hangs for longer may still be executed.
#[tokio::test(start_paused = true)]
async fn access_that_a_write_gave_after_the_deadline_of_its_reconcile_is_withdrawn_although_the_spec_changed_back() {
    for seconds in [61, 63, 66] {
        let rig = Rig::ready().await;
        rig.widget("jane", json!({ "groups": ["readers"] }));
        rig.widget_is("jane", "InSync").await;
        rig.world.next_faults(&[Fault::Hangs(Duration::from_secs(seconds))]);
        rig.edit("jane", json!({ "groups": ["readers", "scientists"] }));
        rig.until("the write that hangs", || rig.world.count("edit") == 1).await;
        rig.edit("jane", json!({ "groups": ["readers"] }));
        rig.pass(180).await;
        rig.widget_is("jane", "InSync").await;
        let groups = rig.world.get("jane").unwrap().groups;
        assert!(!groups.contains("scientists"), "after {seconds} s: {groups:?}");
        assert!(groups.contains("readers"));
    }
}

#[tokio::test(start_paused = true)]
async fn killed_at_any_moment_of_a_create_it_ends_in_sync_and_ours() {
    for milliseconds in (0..2000).step_by(100) {
        let mut rig = Rig::ready().await;
        *rig.world.latency.lock().unwrap() = Duration::from_millis(300);
        rig.secret("pw", "password", "hunter2222");
        rig.widget(
            "jane",
            json!({ "groups": ["readers"], "passwordRef": { "name": "pw" } }),
        );
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        rig.kill().await;
        rig.start().await;
        let object = rig.widget_is("jane", "InSync").await;
        assert_eq!(origin(&object), "Created", "killed after {milliseconds} ms");
        assert!(rig.world.count("create") <= 2);
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_remote_side_does_not_store_is_sent_once() {
    let mut rig = Rig::ready().await;
    rig.widget("jane", json!({}));
    rig.widget_is("jane", "InSync").await;
    rig.world.next_faults(&[Fault::Ignored; 50]);
    rig.edit("jane", json!({ "groups": ["readers"] }));
    let object = rig.widget_is("jane", "AcceptedButNotStored").await;
    assert!(
        ready(&object)["message"]
            .as_str()
            .unwrap()
            .contains("add to group readers")
    );
    let writes = rig.status_writes("jane");
    rig.pass(600).await;
    assert_eq!(rig.world.count("edit"), 1);
    assert_eq!(rig.status_writes("jane"), writes);
    let events = rig.events("jane");
    assert!(
        !events.contains(&("Normal".to_owned(), "Updated".to_owned())),
        "{events:?}"
    );
    assert_eq!(events.iter().filter(|(type_, _)| type_ == "Warning").count(), 1);
    rig.kill().await;
    rig.start().await;
    rig.pass(600).await;
    assert_eq!(rig.world.count("edit"), 1, "nor after a restart");
    assert_eq!(rig.status_writes("jane"), writes);
    rig.world.faults.lock().unwrap().clear();
    rig.edit("jane", json!({ "groups": ["readers", "writers"] }));
    rig.widget_is("jane", "InSync").await;
}

#[tokio::test(start_paused = true)]
async fn a_stale_watch_sends_no_password_twice() {
    let rig = Rig::ready().await;
    rig.server.set_watch_lag(Duration::from_secs(3));
    rig.secret("pw", "password", "hunter2222");
    rig.widget("jane", json!({ "passwordRef": { "name": "pw" } }));
    rig.widget_is("jane", "InSync").await;
    rig.pass(30).await;
    rig.server
        .annotate("widgets", "team", "jane", "dataiku-operator.io/reconcile-at", "now");
    rig.pass(30).await;
    assert_eq!(rig.world.sent().len(), 1, "{:?}", rig.world.sent());
}

#[tokio::test(start_paused = true)]
async fn an_adopted_object_that_somebody_removed_stays_adopted() {
    let rig = Rig::ready().await;
    rig.world
        .widgets
        .lock()
        .unwrap()
        .insert("jane".into(), Remotely::default());
    rig.widget("jane", json!({ "adoptionPolicy": "Adopt" }));
    let object = rig.widget_is("jane", "InSync").await;
    assert_eq!(origin(&object), "Adopted");
    rig.world.widgets.lock().unwrap().clear();
    rig.until("the widget is back", || rig.world.get("jane").is_some())
        .await;
    rig.pass(5).await;
    assert_eq!(origin(&rig.get("jane")), "Adopted");
    rig.server.delete("widgets", "team", "jane");
    rig.until("the object is gone", || {
        rig.server.find("widgets", "team", "jane").is_none()
    })
    .await;
    assert!(
        rig.world.get("jane").is_some(),
        "adopting never implies the right to delete"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_for_a_record_is_invalid_and_can_be_deleted() {
    let rig = Rig::ready().await;
    let groups = |count: usize| -> Vec<String> { (0..count).map(|n| format!("{n:0>100}")).collect() };
    rig.widget("jane", json!({ "groups": groups(100) }));
    rig.widget_is("jane", "InSync").await;
    rig.edit("jane", json!({ "groups": groups(4000) }));
    let object = rig.widget_is("jane", "Invalid").await;
    assert!(
        ready(&object)["message"]
            .as_str()
            .unwrap()
            .ends_with("split the object")
    );
    assert_eq!(rig.world.get("jane").unwrap().groups.len(), 100, "nothing is written");
    rig.server.patch(
        "widgets",
        "team",
        "jane",
        json!({ "spec": { "deletionPolicy": "Delete" } }),
    );
    rig.server.delete("widgets", "team", "jane");
    rig.until("jane is released", || {
        rig.server.find("widgets", "team", "jane").is_none()
    })
    .await;
    assert_eq!(rig.world.get("jane"), None);
}
