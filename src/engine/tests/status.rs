//! The status belongs to the operator and can always be written.

use std::time::Duration;

use memory_apiserver::{Action, Rule};
use serde_json::json;

use super::rig::{Rig, condition, ready};

#[tokio::test(start_paused = true)]
async fn what_another_manager_wrote_is_gone_after_the_next_reconcile() {
    let rig = Rig::ready().await;
    rig.widget("jane", json!({}));
    rig.widget_is("jane", "InSync").await;
    let writes = rig.status_writes("jane");
    rig.server.patch_status(
        "widgets",
        "team",
        "jane",
        json!({
            "observedGeneration": 1, "plan": ["set email to x@example.com"],
            "conditions": [
                { "type": "Ready", "status": "False", "reason": "Rejected", "message": "m",
                  "lastTransitionTime": "2026-01-01T00:00:00Z" },
                { "type": "Stalled", "status": "True", "reason": "Rejected", "message": "m",
                  "lastTransitionTime": "2026-01-01T00:00:00Z" },
                { "type": "Approved", "status": "True", "reason": "ByHand", "message": "m",
                  "lastTransitionTime": "2026-01-01T00:00:00Z" },
            ],
        }),
    );
    rig.until("the status is ours", || {
        condition(&rig.get("jane"), "Stalled").is_none()
    })
    .await;
    let object = rig.widget_is("jane", "InSync").await;
    assert_eq!(ready(&object)["status"], "True");
    assert_eq!(object["status"].get("plan"), None);
    assert!(condition(&object, "Approved").is_some(), "a foreign condition stays");
    assert!(rig.status_writes("jane") <= writes + 3);
}

/// A second reconcile would conclude from the lists, and overrule what the first one had just read.
#[tokio::test(start_paused = true)]
async fn the_write_that_makes_a_status_ours_again_is_no_reason_for_a_reconcile() {
    let rig = Rig::ready().await;
    rig.widget("jane", json!({}));
    rig.widget_is("jane", "InSync").await;
    rig.pass(1).await;
    rig.counts.reconciles.lock().unwrap().clear();
    rig.server.patch_status(
        "widgets",
        "team",
        "jane",
        json!({ "conditions": [{ "type": "Ready", "status": "False", "reason": "Rejected", "message": "m",
                                 "lastTransitionTime": "2026-01-01T00:00:00Z" }] }),
    );
    rig.pass(2).await;
    rig.server
        .patch("widgets", "team", "jane", json!({ "metadata": { "finalizers": [] } }));
    rig.pass(2).await;
    let reconciles = rig.counts.reconciles.lock().unwrap();
    let reasons: Vec<_> = reconciles
        .iter()
        .filter(|one| one.kind == "Widget")
        .map(|one| one.reason)
        .collect();
    assert_eq!(reasons, ["InSync", "InSync"], "one for each of the two edits by others");
}

#[tokio::test(start_paused = true)]
async fn a_record_of_another_object_is_not_trusted() {
    let rig = Rig::ready().await;
    rig.widget("jane", json!({ "groups": ["readers"] }));
    let status = rig.widget_is("jane", "InSync").await["status"].clone();
    rig.hub(json!({ "freeze": true }));
    rig.pass(2).await;
    // Restored with its status: another uid.
    rig.widget("joe", json!({}));
    rig.server.patch_status("widgets", "team", "joe", status);
    rig.world
        .widgets
        .lock()
        .unwrap()
        .insert("joe".into(), super::toy::Remotely::default());
    rig.hub(json!({ "freeze": false }));
    let object = rig.widget_is("joe", "AlreadyExists").await;
    assert_eq!(object["status"]["remote"].get("origin"), None);
    rig.server.delete("widgets", "team", "joe");
    rig.until("joe is released", || {
        rig.server.find("widgets", "team", "joe").is_none()
    })
    .await;
    assert!(rig.world.get("joe").is_some(), "what is not ours is not deleted");
}

#[tokio::test(start_paused = true)]
async fn a_refused_status_write_backs_off_and_stops_no_remote_work() {
    let rig = Rig::ready().await;
    rig.widget("jane", json!({ "enabled": true }));
    rig.widget_is("jane", "InSync").await;
    let denied = Action::Status(403, "Forbidden".into());
    let _denied = rig
        .server
        .fault(Rule::new(denied).path("/widgets/jane/status").writes());
    rig.edit("jane", json!({ "enabled": false }));
    rig.until("the widget is disabled", || !rig.world.get("jane").unwrap().enabled)
        .await;
    let before = rig.status_writes("jane");
    rig.pass(600).await;
    let attempts = rig.status_writes("jane") - before;
    assert!((1..20).contains(&attempts), "{attempts} attempts in ten minutes");
    assert_eq!(rig.world.count("edit"), 1, "the write is not repeated");
    assert!(rig.counts.status_failures.load(std::sync::atomic::Ordering::Relaxed) > 0);
}

#[tokio::test(start_paused = true)]
async fn a_warning_follows_the_status_that_it_reports() {
    let rig = Rig::ready().await;
    rig.world.next_faults(&[super::toy::Fault::Rejected; 100]);
    let denied = Action::Status(500, "InternalError".into());
    let denied = rig
        .server
        .fault(Rule::new(denied).path("/widgets/jane/status").writes().skip(1));
    rig.widget("jane", json!({}));
    rig.pass(120).await;
    assert_eq!(
        rig.events("jane"),
        [],
        "nothing is reported that the status does not say"
    );
    denied.remove();
    rig.widget_is("jane", "Rejected").await;
    rig.pass(60).await;
    assert_eq!(rig.events("jane").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn two_writers_lose_no_record() {
    let rig = Rig::ready().await;
    rig.widget("jane", json!({ "groups": ["readers"] }));
    rig.widget_is("jane", "InSync").await;
    // Another replica recorded a grant that this process has not seen.
    rig.server.hold_watch("widgets");
    let subject = rig.get("jane")["status"]["applied"]["subject"].clone();
    rig.server.patch_status(
        "widgets",
        "team",
        "jane",
        json!({ "applied": { "subject": subject, "grants": { "groups": ["readers", "secret-society"] } } }),
    );
    rig.world.widgets.lock().unwrap().get_mut("jane").unwrap().enabled = false;
    rig.world
        .widgets
        .lock()
        .unwrap()
        .get_mut("jane")
        .unwrap()
        .groups
        .insert("secret-society".into());
    rig.pass(90).await;
    rig.server.release_watch("widgets");
    rig.pass(200).await;
    assert!(!rig.world.get("jane").unwrap().groups.contains("secret-society"));
}

/// A status that was not written would show with the next sweep alone, a minute later.
#[tokio::test(start_paused = true)]
async fn a_status_that_met_somebody_elses_write_is_written_at_once() {
    for nth in 0..3 {
        let rig = Rig::ready().await;
        let conflict = Action::Status(409, "Conflict".into());
        let conflict = Rule::new(conflict).path("/widgets/jane/status").writes();
        let _conflict = rig.server.fault(conflict.skip(nth).times(1));
        rig.widget("jane", json!({ "groups": ["readers"] }));
        tokio::time::sleep(Duration::from_secs(10)).await;
        let object = rig.get("jane");
        assert_eq!(ready(&object)["reason"], "InSync", "conflict {nth}: {object:#}");
        assert_eq!(object["status"]["applied"]["grants"]["groups"], json!(["readers"]));
        assert_eq!(rig.world.count("create"), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reconcile_that_finds_nothing_new_sends_no_status() {
    let mut rig = Rig::ready().await;
    rig.widget("jane", json!({ "groups": ["readers"] }));
    rig.widget_is("jane", "InSync").await;
    rig.pass(70).await;
    rig.kill().await;
    rig.server.clear_log();
    rig.counts.reconciles.lock().unwrap().clear();
    rig.start().await;
    rig.until("a reconcile", || !rig.counts.reconciles.lock().unwrap().is_empty())
        .await;
    rig.wait("hubs", "hub", "InSync").await;
    rig.pass(5).await;
    let was_reconciled = |kind: &str| rig.counts.reconciles.lock().unwrap().iter().any(|one| one.kind == kind);
    assert!(was_reconciled("Widget"), "the widget was reconciled");
    assert_eq!(rig.status_writes("jane"), 0);
}

#[tokio::test(start_paused = true)]
async fn what_our_own_write_returned_counts_before_the_watch_brings_it() {
    let rig = Rig::ready().await;
    rig.secret("login", "password", "first-password");
    // Slow, so that the watch is held before the outcome is written.
    *rig.world.latency.lock().unwrap() = Duration::from_secs(1);
    rig.widget("jane", json!({ "passwordRef": { "name": "login", "key": "password" } }));
    rig.until("the create", || rig.world.count("create") == 1).await;
    rig.server.hold_watch("widgets");
    *rig.world.latency.lock().unwrap() = Duration::ZERO;
    rig.widget_is("jane", "InSync").await;
    let version = rig.get("jane")["metadata"]["resourceVersion"].clone();
    // Reconciles of an object whose watch lags: another one of its writes, and a sweep that finds a difference.
    rig.world.widgets.lock().unwrap().get_mut("jane").unwrap().visits = 1;
    rig.hub(json!({ "freeze": true }));
    rig.pass(2).await;
    rig.hub(json!({ "freeze": false }));
    rig.pass(200).await;
    assert_eq!(
        rig.world.count("create") + rig.world.count("edit"),
        1,
        "{:?}",
        rig.world.sent()
    );
    assert_eq!(
        rig.get("jane")["metadata"]["resourceVersion"],
        version,
        "nothing was written again"
    );
    let conflicts = rig
        .server
        .log()
        .into_iter()
        .filter(|request| request.status == Some(409));
    assert_eq!(conflicts.count(), 0, "no write began from an older state");
    rig.server.release_watch("widgets");
    rig.pass(5).await;
    assert_eq!(rig.world.count("create") + rig.world.count("edit"), 1);
}
