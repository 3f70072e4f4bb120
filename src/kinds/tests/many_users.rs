//! Thousands of users with properties and secrets: what a repair and a changed Secret cost, to the call.
//!
//! `DATAIKU_OPERATOR_TEST_USERS` sets their number; 10,000 takes minutes in a build for development. The time is simulated, the
//! seconds that are printed are those of the machine.

use std::{collections::BTreeMap, time::Instant};

use serde_json::{Value, json};

use super::{node::Rig, simulated_time};

const FEW: usize = 1000;
/// One in so many users shares the Secret that is changed.
const SHARE: usize = 10;
/// One in so many users is changed by hand.
const CHANGED: usize = 100;

/// Calls of a sweep and of the inventory: none of them names a user.
const LISTS: [&str; 14] = [
    "D1", "D14", "D23", "D29", "D34", "D35", "D46", "D48", "D59", "D68", "D69", "D70", "D71", "D72",
];

fn many() -> usize {
    let wanted = std::env::var("DATAIKU_OPERATOR_TEST_USERS").ok();
    wanted.map_or(FEW, |number| number.parse().unwrap())
}

fn login(n: usize) -> String {
    format!("user-{n:05}")
}

struct Crowd {
    rig: Rig,
    users: usize,
}

impl Crowd {
    async fn new(users: usize) -> Self {
        let crowd = Self {
            rig: Rig::dss().await,
            users,
        };
        let spec = json!({
            "driftInterval": "1h", "inventory": { "interval": "24h" },
            "limits": { "concurrency": 32, "requestsPerSecond": 2000 },
        });
        crowd.patch_connection(json!({ "spec": spec }));
        crowd.sweep().await;
        for (name, value) in [("shared", "first"), ("others", "others")] {
            crowd.rig.server.create(json!({
                "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "namespace": "team" },
                "stringData": { "token": value },
            }));
        }
        let began = Instant::now();
        for n in 0..users {
            let secret = if n % SHARE == 0 { "shared" } else { "others" };
            let spec = json!({
                "instanceRef": { "name": "design" }, "sourceType": "LOCAL_NO_AUTH", "userProfile": "READER",
                "groups": [{ "name": "readers" }],
                "userProperties": { "team": "risk" }, "adminProperties": { "costCenter": n.to_string() },
                "secrets": [{ "name": "token", "valueSecretRef": { "name": secret, "key": "token" } }],
            });
            crowd.rig.create("DssUser", &login(n), spec);
        }
        crowd.in_sync().await;
        println!(
            "{users} users are created with properties and secrets in {:?}: {:?}",
            began.elapsed(),
            crowd.counts()
        );
        crowd
    }

    fn patch_connection(&self, patch: Value) {
        self.rig.server.patch("dssinstances", "team", "design", patch);
    }

    async fn in_sync(&self) {
        for n in 0..self.users {
            self.rig.wait("dssusers", &login(n), "InSync").await;
        }
    }

    /// Asks for a sweep, and waits for it.
    async fn sweep(&self) {
        let at = format!("{}", self.rig.node.count("D1") + 1);
        self.patch_connection(json!({ "metadata": { "annotations": { "dataiku-operator.io/reconcile-at": at } } }));
        self.rig
            .until("the end of the sweep", || {
                self.rig.server.get("dssinstances", "team", "design")["status"]["lastHandledReconcileAt"] == at
            })
            .await;
    }

    fn counts(&self) -> BTreeMap<String, u64> {
        self.rig.node.requests().counts.into_iter().collect()
    }

    fn stored(&self, n: usize) -> Value {
        self.rig.at(&format!("/users/{}", login(n)))
    }

    fn by_hand(&self, users: &[usize]) {
        let patch = json!({
            "displayName": "By hand", "userProperties": { "team": "x" },
            "adminProperties": { "costCenter": "0", "theirs": "stays" },
        });
        let users: serde_json::Map<String, Value> = users.iter().map(|n| (login(*n), patch.clone())).collect();
        self.rig.node.patch_state(json!({ "users": users })).unwrap();
    }

    fn is_repaired(&self, n: usize) -> bool {
        let user = self.stored(n);
        user["userProperties"]["team"] == "risk" && user["adminProperties"]["costCenter"] == n.to_string().as_str()
    }
}

#[test]
fn of_thousands_of_users_those_changed_by_hand_are_repaired_by_lists_and_bulk_edits_alone() {
    simulated_time::run(repair);
}

async fn repair() {
    let crowd = Crowd::new(many()).await;
    let changed: Vec<usize> = (0..crowd.users).step_by(CHANGED).collect();
    crowd.by_hand(&changed);
    crowd.rig.node.reset_requests();
    let began = Instant::now();
    crowd.sweep().await;
    crowd
        .rig
        .until("the repair", || changed.iter().all(|n| crowd.is_repaired(*n)))
        .await;
    let took = began.elapsed();
    crowd.sweep().await;
    crowd.sweep().await;
    let counts = crowd.counts();
    println!("{} of {} repaired in {took:?}: {counts:?}", changed.len(), crowd.users);
    let others: Vec<&String> = counts
        .keys()
        .filter(|id| *id != "D7" && !LISTS.contains(&id.as_str()))
        .collect();
    assert_eq!(others, Vec::<&String>::new(), "{counts:?}");
    assert_eq!(counts["D7"], 1, "{counts:?}");
    // One for each of three sweeps, one to edit from and one to read back.
    assert!(counts["D1"] <= 6, "{counts:?}");
    for n in &changed {
        assert_eq!(crowd.stored(*n)["adminProperties"]["theirs"], "stays");
        assert_eq!(crowd.stored(*n)["secrets"].as_array().map(Vec::len), Some(1));
    }
    crowd.rig.node.reset_requests();
    crowd.sweep().await;
    assert_eq!(crowd.rig.node.writes(), 0);
}

#[test]
fn a_secret_that_many_users_share_is_written_to_exactly_those_when_it_changes() {
    simulated_time::run(change_of_a_secret);
}

async fn change_of_a_secret() {
    let crowd = Crowd::new(many()).await;
    let sharing: Vec<usize> = (0..crowd.users).step_by(SHARE).collect();
    crowd.sweep().await;
    crowd.rig.node.reset_requests();
    let value = |n: &usize| crowd.stored(*n)["secrets"][0]["value"].clone();
    let began = Instant::now();
    crowd.rig.server.patch(
        "secrets",
        "team",
        "shared",
        json!({ "data": null, "stringData": { "token": "second" } }),
    );
    crowd
        .rig
        .until("the new value", || sharing.iter().all(|n| value(n) == "second"))
        .await;
    println!(
        "a Secret of {} of {} users in {:?}: {:?}",
        sharing.len(),
        crowd.users,
        began.elapsed(),
        crowd.counts()
    );
    crowd.in_sync().await;
    crowd.sweep().await;
    crowd.sweep().await;
    let counts = crowd.counts();
    // No call carries secrets of several users: a bulk edit would replace those of others.
    assert_eq!(counts["D4"], sharing.len() as u64, "{counts:?}");
    assert_eq!(crowd.rig.node.writes(), sharing.len() as u64, "{counts:?}");
    for n in (0..crowd.users).filter(|n| n % SHARE != 0).step_by(7) {
        assert_eq!(value(&n), "others");
    }
}
