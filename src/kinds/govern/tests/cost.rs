//! A measurement, not a test: what role assignments in sync cost at each sweep.

use std::time::Duration;

use serde_json::json;

use super::Rig;
use crate::engine::tests::cost::{processor, since};

const SWEEPS: u32 = 4;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures processor time and asserts nothing: run it with --ignored --nocapture on an idle machine"]
async fn a_sweep_of_six_hundred_assignments_of_one_role() {
    let rig = Rig::govern().await;
    for number in 0..600 {
        rig.create(
            "GovernRoleAssignment",
            &format!("assignment-{number}"),
            json!({
                "instanceRef": { "name": "govern" }, "blueprintId": "bp.system.business_initiative",
                "roleId": "ro.contributor", "rules": [{ "users": [format!("user-{number}")] }],
            }),
        );
    }
    for number in 0..600 {
        rig.wait("governroleassignments", &format!("assignment-{number}"), "InSync")
            .await;
    }
    rig.swept().await;
    let (began, writes) = (processor(), rig.node.count("G19"));
    tokio::time::sleep(Duration::from_secs(5) * SWEEPS).await;
    println!(
        "600 assignments of one role: {:?} of processor time a sweep, {} writes",
        since(began) / SWEEPS,
        rig.node.count("G19") - writes
    );
}
