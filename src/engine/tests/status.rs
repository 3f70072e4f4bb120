//! The status belongs to the operator and can always be written.

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
