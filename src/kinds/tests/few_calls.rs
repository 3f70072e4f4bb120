//! Five hundred users of Govern, created and edited in at most fifteen calls about users, lists included.

use serde_json::json;

use super::{node::Rig, simulated_time};

const USERS: usize = 500;
/// Without calls for many it were a thousand.
const CALLS: u64 = 15;

fn calls(rig: &Rig) -> u64 {
    (1..=8).map(|number| rig.node.count(&format!("G{number}"))).sum()
}

/// The connection lets nothing through until all objects have a plan, so that all of them are due at once.
fn freeze(rig: &Rig, freeze: bool) {
    let spec = json!({ "spec": { "freeze": freeze } });
    rig.server.patch("governinstances", "team", "govern", spec);
}

async fn all_are(rig: &Rig, reason: &str) {
    for n in 0..USERS {
        rig.wait("governusers", &login(n), reason).await;
    }
}

fn login(n: usize) -> String {
    format!("user-{n:03}")
}

#[test]
fn five_hundred_govern_users_are_created_and_edited_in_fifteen_calls_each() {
    simulated_time::run(create_and_edit);
}

async fn create_and_edit() {
    let rig = Rig::govern().await;
    let spec = json!({ "driftInterval": "1h", "inventory": { "interval": "24h" } });
    rig.server
        .patch("governinstances", "team", "govern", json!({ "spec": spec }));
    freeze(&rig, true);
    rig.wait("governinstances", "govern", "InSync").await;
    for n in 0..USERS {
        let spec = json!({
            "instanceRef": { "name": "govern" }, "sourceType": "LOCAL_NO_AUTH", "userProfile": "READER",
            "displayName": "Before", "groups": [{ "name": "readers" }], "adminProperties": { "costCenter": "4711" },
        });
        rig.create("GovernUser", &login(n), spec);
    }
    all_are(&rig, "Frozen").await;
    rig.node.reset_requests();
    freeze(&rig, false);
    all_are(&rig, "InSync").await;
    let created = calls(&rig);
    let counts = rig.node.requests().counts;
    freeze(&rig, true);
    rig.wait("governinstances", "govern", "InSync").await;
    for n in 0..USERS {
        let spec = json!({ "spec": { "displayName": "After", "adminProperties": { "costCenter": "4712" } } });
        rig.server.patch("governusers", "team", &login(n), spec);
    }
    all_are(&rig, "Frozen").await;
    rig.node.reset_requests();
    freeze(&rig, false);
    all_are(&rig, "InSync").await;
    let edited = calls(&rig);
    println!(
        "{USERS} users are created in {created} calls ({counts:?}) and edited in {edited} ({:?})",
        rig.node.requests().counts
    );
    for n in 0..USERS {
        let user = rig.at(&format!("/users/{}", login(n)));
        assert_eq!(
            (&user["displayName"], &user["adminProperties"]["costCenter"]),
            (&json!("After"), &json!("4712"))
        );
    }
    assert!(created.max(edited) <= CALLS, "{created} and {edited} calls");
}
