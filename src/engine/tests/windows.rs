//! Change windows: outside of them changes wait, and whatever takes access away proceeds.

use jiff::{SignedDuration, tz::TimeZone};
use serde_json::{Value, json};

use super::{
    permit::{busy, nothing_is_sent_after},
    rig::{Rig, ready},
};

/// A window that opens every day at the minute that comes after this time, for so many minutes.
fn window(rig: &Rig, minutes_from_now: i64, duration: &str) -> Value {
    let opens = rig.server.now() + SignedDuration::from_mins(minutes_from_now);
    let opens = opens.to_zoned(TimeZone::UTC);
    json!([{ "schedule": format!("{} {} * * *", opens.minute(), opens.hour()), "duration": duration }])
}

fn message(object: &Value) -> String {
    ready(object)["message"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_change_waits_for_the_window_that_its_message_names_and_is_written_when_it_opens() {
    let rig = Rig::ready().await;
    rig.widget("old", json!({}));
    rig.widget_is("old", "InSync").await;
    rig.hub(json!({ "changeWindows": window(&rig, 30, "10m") }));
    rig.pass(2).await;
    rig.widget("new", json!({}));
    rig.edit("old", json!({ "groups": ["readers"] }));
    let new = rig.widget_is("new", "Frozen").await;
    assert!(
        message(&new).starts_with("no change window is open; the next one opens at 20"),
        "{}",
        message(&new)
    );
    assert_eq!(new["status"]["plan"], json!(["create"]));
    let old = rig.widget_is("old", "Frozen").await;
    assert_eq!(old["status"]["plan"], json!(["add to group readers"]));
    let (calls, writes) = (rig.world.calls(), rig.status_writes("new"));
    rig.pass(20 * 60).await;
    assert_eq!(
        rig.world.count("create"),
        1,
        "only the one before the window was declared"
    );
    assert_eq!(
        rig.status_writes("new"),
        writes,
        "a status that says the same is not written again"
    );
    let sweeps = 20 + 2;
    assert!(
        rig.world.calls() - calls <= sweeps,
        "{} calls while nothing can be done",
        rig.world.calls() - calls
    );
    // The window opens between two sweeps, and the connection is reconciled then.
    rig.pass(11 * 60).await;
    assert_eq!(rig.reason("new"), "InSync");
    assert_eq!(rig.reason("old"), "InSync");
    assert_eq!((rig.world.count("create"), rig.world.count("edit")), (2, 1));
    // It closes again.
    rig.pass(12 * 60).await;
    rig.edit("new", json!({ "groups": ["readers"] }));
    rig.widget_is("new", "Frozen").await;
}

#[tokio::test(start_paused = true)]
async fn withdrawals_and_deletions_proceed_outside_of_every_window() {
    let rig = Rig::ready().await;
    for name in ["leaver", "gone", "stays"] {
        rig.widget(name, json!({ "enabled": true }));
        rig.widget_is(name, "InSync").await;
    }
    rig.hub(json!({ "changeWindows": window(&rig, 600, "10m") }));
    rig.pass(2).await;
    rig.edit("leaver", json!({ "enabled": false }));
    rig.widget_is("leaver", "InSync").await;
    assert!(!rig.world.get("leaver").unwrap().enabled);
    rig.server.delete("widgets", "team", "gone");
    rig.until("the deletion", || rig.server.find("widgets", "team", "gone").is_none())
        .await;
    assert_eq!(rig.world.get("gone"), None);
    // What somebody else takes away is a change when it is put back.
    rig.world.widgets.lock().unwrap().get_mut("stays").unwrap().enabled = false;
    rig.widget_is("stays", "Frozen").await;
    rig.pass(300).await;
    assert!(!rig.world.get("stays").unwrap().enabled);
}

#[tokio::test(start_paused = true)]
async fn windows_that_are_declared_meanwhile_stop_every_write_that_was_not_sent() {
    let rig = Rig::ready().await;
    busy(&rig).await;
    rig.hub(json!({ "changeWindows": window(&rig, 600, "10m") }));
    nothing_is_sent_after(&rig).await;
    rig.widget_is("w39", "Frozen").await;
    rig.hub(json!({ "changeWindows": null }));
    rig.widget_is("w39", "InSync").await;
}

#[tokio::test(start_paused = true)]
async fn a_freeze_holds_withdrawals_too() {
    let rig = Rig::ready().await;
    rig.widget("leaver", json!({ "enabled": true }));
    rig.widget_is("leaver", "InSync").await;
    rig.hub(json!({ "freeze": true, "changeWindows": window(&rig, 600, "10m") }));
    rig.pass(2).await;
    rig.edit("leaver", json!({ "enabled": false }));
    let leaver = rig.widget_is("leaver", "Frozen").await;
    assert_eq!(
        message(&leaver),
        "the connection is frozen; 1 changes wait in status.plan"
    );
    rig.hub(json!({ "freeze": false }));
    rig.widget_is("leaver", "InSync").await;
}

#[tokio::test(start_paused = true)]
async fn windows_that_cannot_be_read_are_invalid_and_nothing_is_written() {
    let rig = Rig::ready().await;
    for (schedule, part) in [("evening", "no cron schedule"), ("0 0 30 2 *", "never opens")] {
        rig.hub(json!({ "changeWindows": [{ "schedule": schedule, "duration": "1h" }] }));
        let hub = rig.wait("hubs", "hub", "Invalid").await;
        assert!(message(&hub).contains(part), "{}", message(&hub));
    }
    rig.widget("jane", json!({}));
    rig.pass(120).await;
    assert_eq!(rig.world.count("create"), 0);
    rig.hub(json!({ "changeWindows": null }));
    rig.widget_is("jane", "InSync").await;
}
