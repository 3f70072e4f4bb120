//! What it costs to delete or disable many users, and what comes of it when such a call goes wrong.

use serde_json::{Value, json};
use testbed::simulator::{InstanceConfig, Product};

use super::{BULK, Bed, OLD, PRODUCTS, READ, SINGLE, login};

/// The calls that delete one user, and many.
const DELETE: &str = "5";
const DELETE_MANY: &str = "8";
/// How many users may lose their accounts within ten minutes.
const BRAKE: usize = 10;

impl Bed {
    /// Deletes all objects, and the users with them if `deletes` is true.
    fn remove_all(&self, deletes: bool) {
        for n in 0..self.users {
            if deletes {
                self.edit(n, json!({ "deletionPolicy": "Delete" }));
            }
            self.rig.server.delete(self.plural(), "team", &login(n));
        }
    }

    fn left(&self) -> usize {
        self.rig
            .at("/users")
            .as_object()
            .unwrap()
            .keys()
            .filter(|login| login.starts_with("user-"))
            .count()
    }

    /// Waits until the brake holds so many, and releases them.
    async fn release(&self, pending: usize) {
        let (plural, name) = self.connection();
        let brake = || self.rig.server.get(plural, "team", name)["status"]["brake"].clone();
        self.rig
            .until("the brake", || brake()["pending"] == json!(pending))
            .await;
        let token = brake()["token"].as_str().unwrap().to_owned();
        self.rig
            .server
            .annotate(plural, "team", name, "dataiku-operator.io/acknowledge", &token);
    }

    async fn all_gone(&self) {
        for n in 0..self.users {
            self.rig.gone(self.plural(), &login(n)).await;
        }
    }

    /// Nothing but what the brake lets pass is written, and everything once it is released.
    async fn removes(&self, deletes: bool) {
        self.drift_interval("5s");
        self.rig.node.reset_requests();
        self.remove_all(deletes);
        self.release(self.users - BRAKE).await;
        self.all_gone().await;
    }

    fn counts(&self) -> Value {
        json!(self.rig.node.requests().counts)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_users_are_deleted_in_few_calls_and_the_brake_counts_each() {
    const USERS: usize = 120;
    for product in PRODUCTS {
        let bed = Bed::new(product, USERS).await;
        bed.drift_interval("5s");
        bed.rig.node.reset_requests();
        bed.remove_all(true);
        let (plural, name) = bed.connection();
        let pending = json!(USERS - BRAKE);
        let brake = || bed.rig.server.get(plural, "team", name)["status"]["brake"]["pending"].clone();
        bed.rig.until("the brake", || brake() == pending).await;
        assert_eq!(bed.left(), USERS - BRAKE, "exactly what the brake lets pass");
        bed.rig.node.reset_requests();
        bed.release(USERS - BRAKE).await;
        bed.all_gone().await;
        println!("{product:?}: {}", bed.counts());
        assert_eq!(bed.left(), 0);
        let (single, many) = (bed.count(DELETE), bed.count(DELETE_MANY));
        assert!(many >= 1 && single + many <= 30, "{}", bed.counts());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_users_are_disabled_by_bulk_edits() {
    const USERS: usize = 80;
    let bed = Bed::new(Product::Dss, USERS).await;
    bed.removes(false).await;
    println!("{}", bed.counts());
    assert_eq!(bed.left(), USERS);
    for n in 0..USERS {
        let user = bed.stored(n);
        assert_eq!(
            (&user["enabled"], &user["groups"]),
            (&json!(false), &json!([])),
            "{user}"
        );
    }
    assert!(bed.count(BULK) >= 1, "{}", bed.counts());
    assert!(bed.count(SINGLE) <= 30, "{}", bed.counts());
    assert_eq!(bed.count(DELETE) + bed.count(DELETE_MANY), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_by_itself_costs_what_it_always_did() {
    for deletes in [true, false] {
        let bed = Bed::new(Product::Dss, 1).await;
        bed.rig.node.reset_requests();
        bed.remove_all(deletes);
        bed.all_gone().await;
        let write = if deletes { DELETE } else { SINGLE };
        let found = (bed.count(READ), bed.count(write), bed.calls());
        assert_eq!(found, (2, 1, 3), "{}", bed.counts());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_lost_answer_each_user_is_read_and_nobody_is_deleted_twice() {
    const USERS: usize = 40;
    for fault in ["dropBefore", "dropAfter"] {
        let bed = Bed::new(Product::Dss, USERS).await;
        bed.fault(DELETE_MANY, json!({ "kind": fault }));
        bed.removes(true).await;
        assert_eq!(bed.left(), 0, "{fault}");
        assert!(bed.count(DELETE_MANY) >= 1, "{}", bed.counts());
        if fault == "dropAfter" {
            assert!(bed.count(DELETE) < USERS as u64, "{}", bed.counts());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_cannot_be_deleted_with_the_others_is_deleted_alone() {
    const USERS: usize = 40;
    for fault in [
        json!({ "kind": "halfFailedBulk" }),
        json!({ "kind": "elements", "each": { "login": "somebody-else" } }),
        json!({ "kind": "status", "status": 400 }),
    ] {
        let bed = Bed::new(Product::Dss, USERS).await;
        bed.fault(DELETE_MANY, fault.clone());
        bed.removes(true).await;
        assert_eq!(bed.left(), 0, "{fault}");
        assert!(bed.count(DELETE_MANY) >= 1, "{fault}: {}", bed.counts());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_bulk_deletions_gets_single_ones() {
    const USERS: usize = 30;
    let old = InstanceConfig::new(Product::Dss).switch("release", json!(OLD));
    let bed = Bed::with(old, USERS).await;
    bed.removes(true).await;
    assert_eq!(
        (bed.left(), bed.count(DELETE_MANY), bed.count(DELETE)),
        (0, 0, USERS as u64)
    );
    let bed = Bed::new(Product::Dss, USERS).await;
    bed.rig.node.fault(json!({
        "match": { "operation": "D8" }, "times": 0, "fault": { "kind": "status", "status": 405 },
    }));
    bed.removes(true).await;
    assert_eq!(
        (bed.left(), bed.count(DELETE_MANY), bed.count(DELETE)),
        (0, 1, USERS as u64)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_administrators_are_not_deleted_together_with_others() {
    const USERS: usize = 12;
    let bed = Bed::new(Product::Dss, USERS).await;
    // They are the only administrators, each of them as good as the other.
    let admins: Value = (3..6)
        .map(|n| (login(n), json!({ "groups": ["staff", "administrators"] })))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let users = bed.rig.at("/users");
    let others = users
        .as_object()
        .unwrap()
        .keys()
        .filter(|login| !login.starts_with("user-"));
    let mut patch = json!({});
    for other in others {
        patch[other] = json!({ "enabled": false });
    }
    json_patch::merge(&mut patch, &admins);
    bed.rig.node.patch_state(json!({ "users": patch })).unwrap();
    bed.sweep().await;
    bed.remove_all(true);
    bed.rig
        .until("all but two objects are gone", || {
            bed.rig.server.list(bed.plural()).len() <= 2
        })
        .await;
    let enabled = (3..6).filter(|n| bed.stored(*n)["enabled"] == true);
    assert!(enabled.count() >= 1);
}
