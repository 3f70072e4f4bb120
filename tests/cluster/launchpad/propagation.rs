//! Tasks that end later.

use std::time::Duration;

use serde_json::{Value, json};

use super::{group, in_sync, propagated};
use crate::bed::Bed;
use crate::ground::Ground;

/// The rights that members have on the node, as the node has them.
fn on_node(bed: &Bed, name: &str) -> Option<Value> {
    bed.remote.state_at(&format!("/propagated/design-0/groups/{name}"))
}

in_memory!(ready_speaks_of_the_launchpad_and_propagated_of_the_nodes);
async fn ready_speaks_of_the_launchpad_and_propagated_of_the_nodes(ground: &Ground) {
    let bed = ground.launchpad("propagates", &[]).await;
    bed.remote.switch("taskMillis", json!(6000)).unwrap();
    let spec = json!({ "nodes": [{ "name": "design-0", "permissions": { "mayCreateProjects": true } }] });
    bed.apply(&group("team", spec)).await;
    in_sync(&bed, "team").await;
    propagated(&bed, "team", "False/Propagating").await;
    assert_eq!(on_node(&bed, "team"), None);
    let object = propagated(&bed, "team", "True/Propagated").await;
    assert!(
        on_node(&bed, "team")
            .unwrap()
            .to_string()
            .contains("\"mayCreateProjects\":true")
    );
    assert_eq!(object["status"]["applied"]["task"]["phase"], "Succeeded");
    assert!(
        (1..=4).contains(&bed.remote.count("L17")),
        "{:?}",
        bed.remote.requests().counts
    );
    let asked = bed.remote.count("L17");
    bed.sweeps(2).await;
    assert_eq!(bed.remote.count("L17"), asked, "a task that is over is not asked for");
}

in_memory!(a_restart_goes_on_with_the_task);
async fn a_restart_goes_on_with_the_task(ground: &Ground) {
    let mut bed = ground.launchpad("resumes", &[]).await;
    bed.remote.switch("taskMillis", json!(10_000)).unwrap();
    bed.apply(&group("team", json!({}))).await;
    let object = propagated(&bed, "team", "False/Propagating").await;
    let task = object["status"]["applied"]["task"]["taskId"].clone();
    bed.operator.terminate().await.unwrap();
    bed.operator.restart().await.unwrap();
    let object = propagated(&bed, "team", "True/Propagated").await;
    assert_eq!(object["status"]["applied"]["task"]["taskId"], task);
    assert_eq!(bed.remote.writes(), 1);
}

in_memory!(a_task_that_fails_is_told_and_submitted_again);
async fn a_task_that_fails_is_told_and_submitted_again(ground: &Ground) {
    let bed = ground.launchpad("fails", &[]).await;
    bed.remote.switch("taskMillis", json!(100)).unwrap();
    bed.remote.switch("tasks", json!("failing")).unwrap();
    bed.apply(&group("team", json!({}))).await;
    propagated(&bed, "team", "False/PropagationFailed").await;
    in_sync(&bed, "team").await;
    bed.until("a second try", || bed.remote.count("L13") == 1).await;
    bed.remote.switch("tasks", json!("normal")).unwrap();
    let object = propagated(&bed, "team", "True/Propagated").await;
    let attempt = object["status"]["applied"]["task"]["attempt"].as_i64().unwrap();
    assert!((2..=3).contains(&attempt), "{attempt}");
    assert!(bed.remote.count("L13") <= 2);
}

in_memory!(a_stopped_space_is_a_state_and_holds_up_nothing);
async fn a_stopped_space_is_a_state_and_holds_up_nothing(ground: &Ground) {
    let bed = ground.launchpad("stopped", &["--propagation-deadline", "3s"]).await;
    bed.remote.switch("taskMillis", json!(100)).unwrap();
    bed.remote.switch("space", json!("stopped")).unwrap();
    bed.apply(&group("team", json!({}))).await;
    let object = propagated(&bed, "team", "False/PropagationTimeout").await;
    assert!(object["status"]["conditions"].to_string().contains("may be stopped"));
    in_sync(&bed, "team").await;
    bed.apply(&group("other", json!({ "description": "meanwhile" }))).await;
    in_sync(&bed, "other").await;
    let asked = bed.remote.count("L17");
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(
        bed.remote.count("L17") - asked <= 4,
        "{:?}",
        bed.remote.requests().counts
    );
    bed.remote.switch("space", json!("running")).unwrap();
    propagated(&bed, "team", "True/Propagated").await;
}

in_memory!(a_failed_task_makes_no_pass_spin_while_nothing_may_be_written);
async fn a_failed_task_makes_no_pass_spin_while_nothing_may_be_written(ground: &Ground) {
    let bed = ground.launchpad("failedfrozen", &[]).await;
    bed.remote.switch("taskMillis", json!(100)).unwrap();
    bed.remote.switch("tasks", json!("failing")).unwrap();
    bed.apply(&group("team", json!({}))).await;
    propagated(&bed, "team", "False/PropagationFailed").await;
    bed.apply(&bed.connection_with(json!({ "freeze": true }))).await;
    bed.wait("LaunchpadSpace", "space", "Ready=True/InSync").await;
    bed.wait("LaunchpadGroup", "team", "Ready=False/Frozen").await;
    let writes = bed.remote.writes();
    let before = bed.reconciles("LaunchpadGroup").await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let reconciles = bed.reconciles("LaunchpadGroup").await - before;
    assert!(reconciles <= 12, "{reconciles} reconciles in 10 s");
    assert_eq!(bed.remote.writes(), writes);
    bed.remote.switch("tasks", json!("normal")).unwrap();
    bed.apply(&bed.connection_with(json!({ "freeze": false }))).await;
    propagated(&bed, "team", "True/Propagated").await;
}
