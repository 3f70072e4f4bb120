//! Drift is found by sweeps, and an object in sync costs nothing.

use serde_json::json;

use super::{
    rig::Rig,
    toy::{Fault, Remotely},
};

#[tokio::test(start_paused = true)]
async fn objects_in_sync_cost_no_request_and_no_write() {
    let rig = Rig::ready().await;
    for n in 0..20 {
        rig.widget(&format!("w{n:02}"), json!({ "groups": ["readers"] }));
    }
    for n in 0..20 {
        rig.widget_is(&format!("w{n:02}"), "InSync").await;
    }
    rig.pass(120).await;
    rig.server.clear_log();
    let (sent, sweeps) = (rig.world.sent().len(), *rig.world.sweeps.lock().unwrap());
    rig.pass(600).await;
    assert_eq!(rig.world.sent().len(), sent);
    let swept = *rig.world.sweeps.lock().unwrap() - sweeps;
    assert!((9..=11).contains(&swept), "{swept} sweeps in ten minutes");
    let log = rig.server.log();
    let writes: Vec<_> = log.iter().filter(|request| request.is_write()).collect();
    assert!(writes.is_empty(), "{writes:?}");
}

#[tokio::test(start_paused = true)]
async fn drift_is_repaired_after_the_next_sweep() {
    let rig = Rig::ready().await;
    rig.widget("jane", json!({ "enabled": true }));
    rig.widget_is("jane", "InSync").await;
    rig.world.widgets.lock().unwrap().get_mut("jane").unwrap().enabled = false;
    rig.pass(65).await;
    assert!(rig.world.get("jane").unwrap().enabled);
    assert_eq!(rig.world.count("edit"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_list_alone_never_justifies_a_refusal() {
    let rig = Rig::ready().await;
    rig.world
        .widgets
        .lock()
        .unwrap()
        .insert("jane".into(), Remotely::default());
    rig.pass(65).await;
    // The list of the last sweep still has it.
    rig.world.widgets.lock().unwrap().clear();
    rig.widget("jane", json!({}));
    rig.pass(10).await;
    assert_eq!(rig.reason("jane"), "InSync");
}

#[tokio::test(start_paused = true)]
async fn observe_never_writes_and_shows_the_plan() {
    let rig = Rig::ready().await;
    rig.world
        .widgets
        .lock()
        .unwrap()
        .insert("jane".into(), Remotely::default());
    rig.widget("jane", json!({ "managementPolicy": "Observe", "groups": ["readers"] }));
    let object = rig.widget_is("jane", "Observed").await;
    assert_eq!(object["status"]["plan"], json!(["add to group readers"]));
    let writes = rig.status_writes("jane");
    rig.pass(300).await;
    assert_eq!((rig.world.sent().len(), rig.status_writes("jane")), (0, writes));
}

#[tokio::test(start_paused = true)]
async fn an_object_of_somebody_else_is_not_disclosed() {
    let rig = Rig::ready().await;
    rig.world
        .widgets
        .lock()
        .unwrap()
        .insert("jane".into(), Remotely::default());
    rig.widget("jane", json!({}));
    let object = rig.widget_is("jane", "AlreadyExists").await;
    assert_eq!(object["status"].get("remote"), None);
}

#[tokio::test(start_paused = true)]
async fn an_outage_shows_after_three_failures_and_on_objects_that_were_not_ready() {
    let rig = Rig::ready().await;
    rig.widget("jane", json!({}));
    rig.widget_is("jane", "InSync").await;
    *rig.world.reachable.lock().unwrap() = false;
    rig.wait("hubs", "hub", "Unavailable").await;
    rig.pass(60).await;
    assert_eq!(rig.reason("jane"), "InSync");
    rig.widget("joe", json!({}));
    rig.widget_is("joe", "DependencyNotReady").await;
    *rig.world.reachable.lock().unwrap() = true;
    rig.widget_is("joe", "InSync").await;
}

#[tokio::test(start_paused = true)]
async fn the_operator_serves_again_soon_after_an_outage_of_the_apiserver() {
    let rig = Rig::ready().await;
    rig.widget("jane", json!({ "enabled": true }));
    rig.widget_is("jane", "InSync").await;
    for seconds in [20, 60, 300] {
        rig.server.outage(true);
        rig.pass(seconds).await;
        rig.server.outage(false);
        let enabled = !rig.world.get("jane").unwrap().enabled;
        rig.edit("jane", json!({ "enabled": enabled }));
        rig.pass(15).await;
        assert_eq!(rig.world.get("jane").unwrap().enabled, enabled, "after {seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_was_refused_once_is_attempted_with_the_next_sweep() {
    let rig = Rig::ready().await;
    rig.world.next_faults(&[Fault::Rejected]);
    rig.widget("jane", json!({}));
    rig.widget_is("jane", "Rejected").await;
    rig.pass(65).await;
    assert_eq!(rig.reason("jane"), "InSync");
}

#[tokio::test(start_paused = true)]
async fn a_connection_shows_whether_its_side_is_called() {
    let rig = Rig::ready().await;
    let breaker = || rig.server.get("hubs", "team", "hub")["status"]["breaker"].clone();
    assert_eq!(breaker(), "Closed");
    *rig.world.reachable.lock().unwrap() = false;
    let hub = rig.wait("hubs", "hub", "Unavailable").await;
    assert_eq!(hub["status"]["breaker"], "Open");
    *rig.world.reachable.lock().unwrap() = true;
    let hub = rig.wait("hubs", "hub", "InSync").await;
    assert_eq!(hub["status"]["breaker"], "Closed");
}
