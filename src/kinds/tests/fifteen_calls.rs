//! Five hundred users of Govern, created and edited in at most fifteen calls about users, lists included.

use serde_json::json;

use super::node::Rig;

const USERS: usize = 500;
const CALLS: u64 = 15;
/// On a busy machine, reconciles may come too far apart to be put together. So many rounds are tried until one keeps within the
/// number.
const ROUNDS: usize = 5;

fn calls(rig: &Rig) -> u64 {
    (1..=8).map(|number| rig.node.count(&format!("G{number}"))).sum()
}

/// The connection lets nothing through until all objects have a plan, so that all of them are due at once.
fn freeze(rig: &Rig, freeze: bool) {
    let spec = json!({ "spec": { "freeze": freeze } });
    rig.server.patch("governinstances", "team", "govern", spec);
}

async fn all_are(rig: &Rig, round: usize, reason: &str) {
    for n in 0..USERS {
        rig.wait("governusers", &login(round, n), reason).await;
    }
}

fn login(round: usize, n: usize) -> String {
    format!("round-{round}-{n:03}")
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_govern_users_are_created_and_edited_in_fifteen_calls() {
    let rig = Rig::govern().await;
    let spec = json!({ "driftInterval": "1h", "inventory": { "interval": "24h" } });
    rig.server
        .patch("governinstances", "team", "govern", json!({ "spec": spec }));
    let mut fewest = u64::MAX;
    for round in 0..ROUNDS {
        freeze(&rig, true);
        rig.wait("governinstances", "govern", "InSync").await;
        for n in 0..USERS {
            let spec = json!({
                "instanceRef": { "name": "govern" }, "sourceType": "LOCAL_NO_AUTH", "userProfile": "READER",
                "displayName": "Before", "groups": [{ "name": "readers" }], "adminProperties": { "costCenter": "4711" },
            });
            rig.create("GovernUser", &login(round, n), spec);
        }
        all_are(&rig, round, "Frozen").await;
        rig.node.reset_requests();
        freeze(&rig, false);
        all_are(&rig, round, "InSync").await;
        let created = calls(&rig);
        let counts = rig.node.requests().counts;
        freeze(&rig, true);
        rig.wait("governinstances", "govern", "InSync").await;
        for n in 0..USERS {
            let spec = json!({ "spec": { "displayName": "After", "adminProperties": { "costCenter": "4712" } } });
            rig.server.patch("governusers", "team", &login(round, n), spec);
        }
        all_are(&rig, round, "Frozen").await;
        rig.node.reset_requests();
        freeze(&rig, false);
        all_are(&rig, round, "InSync").await;
        let edited = calls(&rig);
        println!(
            "{USERS} users are created in {created} calls ({counts:?}) and edited in {edited} ({:?})",
            rig.node.requests().counts
        );
        for n in 0..USERS {
            let user = rig.at(&format!("/users/{}", login(round, n)));
            assert_eq!(
                (&user["displayName"], &user["adminProperties"]["costCenter"]),
                (&json!("After"), &json!("4712"))
            );
        }
        fewest = fewest.min(created.max(edited));
        if fewest <= CALLS {
            return;
        }
    }
    panic!("the fewest calls of {ROUNDS} rounds were {fewest}");
}
