//! What edits of many users cost, in one call and one after the other, and what comes of it when such a call goes wrong. The
//! same for both products.

use serde_json::{Value, json};
use testbed::simulator::{InstanceConfig, Product};

use super::node::{Rig, ready};

mod faults;
mod removals;

/// A release without bulk calls.
const OLD: &str = "14.1.0";
/// The call for many edits.
const BULK: &str = "7";
/// The call for one document.
const SINGLE: &str = "4";
const READ: &str = "3";
const LIST: &str = "1";

/// Users of one node.
struct Bed {
    rig: Rig,
    product: Product,
    users: usize,
}

fn login(n: usize) -> String {
    format!("user-{n:04}")
}

impl Bed {
    async fn new(product: Product, users: usize) -> Self {
        Self::with(InstanceConfig::new(product), users).await
    }

    /// In sync, and swept only if somebody asks for it.
    async fn with(config: InstanceConfig, users: usize) -> Self {
        let product = config.product;
        let bed = Self {
            rig: Rig::with(config).await,
            product,
            users,
        };
        bed.drift_interval("1h");
        bed.rig
            .node
            .patch_state(json!({ "groups": { "staff": { "name": "staff", "sourceType": "LOCAL" } } }))
            .unwrap();
        bed.sweep().await;
        for n in 0..users {
            let spec = json!({
                "instanceRef": { "name": bed.connection().1 }, "sourceType": "LOCAL_NO_AUTH", "userProfile": "READER",
                "displayName": "Before", "groups": [{ "name": "staff" }],
            });
            bed.rig.create(bed.kind(), &login(n), spec);
        }
        bed.in_sync().await;
        bed.slow();
        bed
    }

    /// Calls take as long as on a node that is not next door.
    fn slow(&self) {
        self.rig
            .node
            .fault(json!({ "times": 0, "fault": { "kind": "latency", "millis": 50 } }));
    }

    fn govern(&self) -> bool {
        self.product == Product::Govern
    }

    fn kind(&self) -> &'static str {
        if self.govern() { "GovernUser" } else { "DssUser" }
    }

    fn plural(&self) -> &'static str {
        if self.govern() { "governusers" } else { "dssusers" }
    }

    /// Plural and name of the connection.
    fn connection(&self) -> (&'static str, &'static str) {
        if self.govern() {
            ("governinstances", "govern")
        } else {
            ("dssinstances", "design")
        }
    }

    fn operation(&self, number: &str) -> String {
        format!("{}{number}", if self.govern() { "G" } else { "D" })
    }

    fn count(&self, number: &str) -> u64 {
        self.rig.node.count(&self.operation(number))
    }

    /// Calls about users, lists included.
    fn calls(&self) -> u64 {
        (1..=8).map(|number| self.count(&number.to_string())).sum()
    }

    fn fault(&self, number: &str, fault: Value) {
        let operation = self.operation(number);
        self.rig
            .node
            .fault(json!({ "match": { "operation": operation }, "fault": fault }));
    }

    fn patch_connection(&self, spec: Value) {
        let (plural, name) = self.connection();
        self.rig.server.patch(plural, "team", name, json!({ "spec": spec }));
    }

    fn drift_interval(&self, interval: &str) {
        self.patch_connection(json!({ "driftInterval": interval }));
    }

    /// Asks for a sweep, and waits for it.
    async fn sweep(&self) {
        let (plural, name) = self.connection();
        let before = self.count(LIST);
        let at = format!("{}", before + 1);
        self.rig.server.patch(
            plural,
            "team",
            name,
            json!({ "metadata": { "annotations": { "dataiku-operator.io/reconcile-at": at } } }),
        );
        self.rig.until("the sweep", || self.count(LIST) > before).await;
        self.rig
            .until("the end of the sweep", || {
                self.rig.server.get(plural, "team", name)["status"]["lastHandledReconcileAt"] == at
            })
            .await;
    }

    fn edit(&self, n: usize, spec: Value) {
        self.rig
            .server
            .patch(self.plural(), "team", &login(n), json!({ "spec": spec }));
    }

    fn edit_all(&self, spec: Value) {
        for n in 0..self.users {
            self.edit(n, spec.clone());
        }
    }

    async fn in_sync(&self) {
        for n in 0..self.users {
            self.rig.wait(self.plural(), &login(n), "InSync").await;
        }
    }

    fn stored(&self, n: usize) -> Value {
        self.rig.at(&format!("/users/{}", login(n)))
    }

    /// How many users the node shows with this display name.
    fn named(&self, name: &str) -> usize {
        let users = self.rig.at("/users");
        let users = users.as_object().unwrap();
        users.values().filter(|user| user["displayName"] == name).count()
    }

    fn by_hand(&self, n: usize, patch: Value) {
        self.rig
            .node
            .patch_state(json!({ "users": { login(n): patch } }))
            .unwrap();
    }

    fn reason(&self, n: usize) -> Value {
        ready(&self.rig.server.get(self.plural(), "team", &login(n)))["reason"].clone()
    }
}

const PRODUCTS: [Product; 2] = [Product::Dss, Product::Govern];

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_users_are_edited_in_few_calls() {
    const USERS: usize = 500;
    for product in PRODUCTS {
        let bed = Bed::new(product, USERS).await;
        println!("{product:?}: {USERS} users are created in {} calls", bed.calls());
        bed.rig.node.reset_requests();
        bed.edit_all(json!({ "displayName": "After" }));
        bed.in_sync().await;
        let counts = bed.rig.node.requests().counts;
        println!(
            "{product:?}: {USERS} users are edited in {} calls: {counts:?}",
            bed.calls()
        );
        assert_eq!(bed.named("After"), USERS);
        // Thirteen on an idle machine; on a busy one, reconciles come too far apart to be put together as well. Single calls
        // would be 1,500.
        assert!(bed.calls() <= 75, "{counts:?}");
        bed.rig.node.reset_requests();
        bed.sweep().await;
        bed.sweep().await;
        assert_eq!(bed.rig.node.writes(), 0, "{product:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_were_changed_by_hand_are_repaired_by_lists_and_bulk_edits() {
    const USERS: usize = 1000;
    let bed = Bed::new(Product::Dss, USERS).await;
    let changed: Vec<usize> = (0..USERS).step_by(20).collect();
    for n in &changed {
        bed.by_hand(
            *n,
            json!({ "displayName": "By hand", "adminProperties": { "theirs": "stays" } }),
        );
    }
    bed.rig.node.reset_requests();
    bed.sweep().await;
    bed.rig.until("the repair", || bed.named("Before") == USERS).await;
    bed.sweep().await;
    let counts = bed.rig.node.requests().counts;
    println!("{} of {USERS} repaired: {counts:?}", changed.len());
    // None on an idle machine; on a busy one, a few may come after the others.
    assert!(bed.count(READ) + bed.count(SINGLE) <= 60, "{counts:?}");
    assert!(bed.count(BULK) >= 1, "{counts:?}");
    for n in changed {
        assert_eq!(bed.stored(n)["adminProperties"]["theirs"], "stays");
    }
    bed.in_sync().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_by_itself_costs_what_it_always_did() {
    for product in PRODUCTS {
        let bed = Bed::new(product, 3).await;
        bed.rig.node.reset_requests();
        bed.edit(1, json!({ "displayName": "After" }));
        bed.rig.until("the edit", || bed.named("After") == 1).await;
        bed.in_sync().await;
        let counts = bed.rig.node.requests().counts;
        assert_eq!(
            (bed.count(READ), bed.count(SINGLE), bed.calls()),
            (2, 1, 3),
            "{counts:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_bulk_edits_gets_single_ones_and_still_creates_in_bulk() {
    const USERS: usize = 40;
    let bed = Bed::with(InstanceConfig::new(Product::Dss).switch("release", json!(OLD)), USERS).await;
    bed.edit_all(json!({ "displayName": "After" }));
    bed.in_sync().await;
    assert_eq!(
        (bed.count(BULK), bed.count(SINGLE)),
        (0, USERS as u64),
        "an old release"
    );

    for status in [404, 405, 501] {
        let mut bed = Bed::new(Product::Dss, USERS).await;
        bed.rig.node.fault(json!({
            "match": { "operation": "D7" }, "times": 0, "fault": { "kind": "status", "status": status },
        }));
        bed.rig.node.reset_requests();
        bed.edit_all(json!({ "displayName": "After" }));
        bed.in_sync().await;
        assert_eq!(bed.named("After"), USERS);
        assert_eq!(bed.count(SINGLE), USERS as u64, "{status}");
        // Those that are put together while the first call is under way make no second one.
        assert_eq!(bed.count(BULK), 1, "{status}");
        // The other call is another matter.
        bed.fault("2", json!({ "kind": "latency", "millis": 1500 }));
        for n in USERS..2 * USERS {
            let spec = json!({
                "instanceRef": { "name": "design" }, "sourceType": "LOCAL_NO_AUTH", "userProfile": "READER",
            });
            bed.rig.create("DssUser", &login(n), spec);
        }
        bed.users = 2 * USERS;
        bed.in_sync().await;
        assert!(bed.count("6") >= 1, "{status}");
    }
}
