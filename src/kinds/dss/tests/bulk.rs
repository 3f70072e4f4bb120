//! What many new users cost, in one call and one after the other, and what comes of it when such a call goes wrong.

use std::time::Duration;

use serde_json::{Value, json};
use testbed::simulator::{InstanceConfig, Product};

use super::{Rig, ready};

const PLURAL: &str = "dssusers";
const PASSWORD: &str = "correct-horse";

/// A release without bulk calls.
const OLD: &str = "14.1.0";

fn dss() -> InstanceConfig {
    InstanceConfig::new(Product::Dss)
}

fn login(n: usize) -> String {
    format!("user-{n:04}")
}

impl Rig {
    /// Declares users whose passwords are in one Secret.
    fn declare_users(&self, users: usize) {
        for n in 0..users {
            self.user(
                &login(n),
                json!({
                    "sourceType": "LOCAL", "passwordSecretRef": { "name": "shared" }, "groups": [{ "name": "readers" }],
                }),
            );
        }
    }

    async fn all_in_sync(&self, users: usize) {
        for n in 0..users {
            self.wait(PLURAL, &login(n), "InSync").await;
        }
    }

    /// How often the operator read a Secret of users.
    fn secret_reads(&self) -> usize {
        let log = self.server.log();
        let reads = log.iter().filter(|request| !request.is_write());
        reads
            .filter(|request| request.path.ends_with("/secrets/shared"))
            .count()
    }

    /// Writes to users and their status.
    fn kubernetes_writes(&self) -> usize {
        let log = self.server.log();
        let writes = log.iter().filter(|request| request.is_write());
        // The test itself creates the objects by no request.
        writes.filter(|request| request.path.contains("/dssusers/")).count()
    }

    /// Calls about users, those of the sweeps aside.
    fn user_calls(&self) -> u64 {
        ["D2", "D3", "D4", "D5", "D6", "D7", "D8"]
            .iter()
            .map(|operation| self.node.count(operation))
            .sum()
    }

    fn freeze_node(&self, freeze: bool) {
        self.server.patch(
            "dssinstances",
            "team",
            "design",
            json!({ "spec": { "freeze": freeze } }),
        );
    }

    fn users_of_node(&self) -> usize {
        let users = self.at("/users");
        let users = users.as_object().unwrap();
        users.keys().filter(|login| login.starts_with("user-")).count()
    }
}

fn is_stored(user: &Value) -> bool {
    user["password"] == PASSWORD && user["groups"] == json!(["readers"]) && user["enabled"] == true
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_new_users_cost_a_call_for_twenty_and_one_read_of_their_secret_for_many() {
    const USERS: usize = 500;
    let rig = Rig::with(dss()).await;
    rig.secret("shared", json!({ "password": PASSWORD }));
    rig.node
        .fault(json!({ "times": 0, "fault": { "kind": "latency", "millis": 50 } }));
    rig.node.reset_requests();
    rig.server.clear_log();
    rig.declare_users(USERS);
    rig.all_in_sync(USERS).await;
    let (calls, bulk, lists) = (rig.user_calls(), rig.node.count("D6"), rig.node.count("D1"));
    let (reads, writes) = (rig.secret_reads(), rig.kubernetes_writes());
    println!("bulk on: {USERS} users, {calls} calls ({bulk} bulk) and {lists} lists, {reads} reads, {writes} writes");
    assert!(
        rig.at("/users")
            .as_object()
            .unwrap()
            .values()
            .filter(|user| user["login"].as_str().unwrap().starts_with("user-"))
            .all(is_stored)
    );
    assert_eq!(rig.users_of_node(), USERS);
    assert!(
        usize::try_from(calls + lists).unwrap() <= USERS / 4,
        "{calls} calls and {lists} lists"
    );
    assert!(reads <= USERS / 2, "{reads} reads of one Secret");
    assert!(writes <= 3 * USERS, "{writes} writes to the apiserver");
    assert_eq!(rig.idle_writes().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_bulk_calls_a_new_user_costs_a_creation_and_its_read_back() {
    const USERS: usize = 60;
    let rig = Rig::with(dss().switch("release", json!(OLD))).await;
    rig.secret("shared", json!({ "password": PASSWORD }));
    rig.node.reset_requests();
    rig.server.clear_log();
    rig.declare_users(USERS);
    rig.all_in_sync(USERS).await;
    println!(
        "bulk off: {USERS} users, {} calls, {} reads, {} writes",
        rig.user_calls(),
        rig.secret_reads(),
        rig.kubernetes_writes()
    );
    assert_eq!(rig.user_calls(), 2 * USERS as u64);
    assert_eq!((rig.node.count("D2"), rig.node.count("D6")), (USERS as u64, 0));
    assert!(rig.kubernetes_writes() <= 3 * USERS);
    assert_eq!(rig.users_of_node(), USERS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_sync_reads_no_secret_and_a_changed_secret_is_read_and_set_once() {
    const USERS: usize = 20;
    let mut rig = Rig::with(dss()).await;
    rig.secret("shared", json!({ "password": PASSWORD }));
    rig.declare_users(USERS);
    rig.all_in_sync(USERS).await;
    rig.swept().await;
    rig.kill().await;
    rig.server.clear_log();
    rig.node.reset_requests();
    rig.start().await;
    rig.swept().await;
    assert_eq!(
        (rig.secret_reads(), rig.kubernetes_writes(), rig.user_calls()),
        (0, 0, 0)
    );

    // Metadata alone: each object looks once, and nothing is written.
    rig.server.patch(
        "secrets",
        "team",
        "shared",
        json!({ "metadata": { "labels": { "touched": "yes" } } }),
    );
    rig.swept().await;
    let touched = rig.secret_reads();
    assert!((1..=USERS).contains(&touched), "{touched} reads");
    rig.swept().await;
    assert_eq!(
        (rig.secret_reads(), rig.kubernetes_writes(), rig.node.writes()),
        (touched, 0, 0)
    );

    // Another value reaches every user, once.
    rig.server.patch(
        "secrets",
        "team",
        "shared",
        json!({ "stringData": { "password": "another-horse" } }),
    );
    rig.until("the new passwords", || {
        (0..USERS).all(|n| rig.stored(&login(n))["password"] == "another-horse")
    })
    .await;
    rig.all_in_sync(USERS).await;
    rig.swept().await;
    assert_eq!(rig.node.writes(), USERS as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_call_whose_answer_is_lost_creates_every_user_once_and_as_ours() {
    const USERS: usize = 30;
    for fault in ["dropBefore", "dropAfter"] {
        let rig = Rig::with(dss()).await;
        rig.secret("shared", json!({ "password": PASSWORD }));
        // The first user goes alone, slowly enough that the others are together.
        rig.node
            .fault(json!({ "match": { "operation": "D2" }, "fault": { "kind": "latency", "millis": 1500 } }));
        rig.node
            .fault(json!({ "match": { "operation": "D6" }, "fault": { "kind": fault } }));
        rig.declare_users(USERS);
        rig.all_in_sync(USERS).await;
        assert_eq!(rig.users_of_node(), USERS, "{fault}");
        for n in 0..USERS {
            assert!(is_stored(&rig.stored(&login(n))), "{fault}");
            let status = rig.status(&login(n));
            assert_eq!(status["remote"]["origin"], "Created", "{fault}");
        }
        // What was lost is asked for again at times of its own.
        let bulk = usize::try_from(rig.node.count("D6")).unwrap();
        assert!((1..USERS / 2).contains(&bulk), "{fault}: {bulk} bulk calls");
        assert_eq!(rig.idle_writes().await, 0, "{fault}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_user_among_many_fails_alone_whatever_the_status_of_the_answer() {
    const USERS: usize = 30;
    for status in [200, 207, 400, 500] {
        let rig = Rig::with(dss().switch("A6", json!(status))).await;
        rig.secret("shared", json!({ "password": PASSWORD }));
        rig.secret("short", json!({ "password": "abc" }));
        rig.node
            .fault(json!({ "match": { "operation": "D2" }, "fault": { "kind": "latency", "millis": 1000 } }));
        rig.declare_users(USERS);
        rig.user(
            "bad",
            json!({ "sourceType": "LOCAL", "passwordSecretRef": { "name": "short" } }),
        );
        rig.all_in_sync(USERS).await;
        let bad = rig.wait(PLURAL, "bad", "Rejected").await;
        assert!(Rig::message(&bad).contains("5 characters"), "{}", Rig::message(&bad));
        assert_eq!(rig.at("/users/bad"), Value::Null);
        assert!(rig.node.count("D6") >= 1);
        assert!((0..USERS).all(|n| is_stored(&rig.stored(&login(n)))), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn half_of_a_bulk_that_fails_is_created_later() {
    const USERS: usize = 20;
    let rig = Rig::with(dss()).await;
    rig.secret("shared", json!({ "password": PASSWORD }));
    rig.node
        .fault(json!({ "match": { "operation": "D2" }, "fault": { "kind": "latency", "millis": 1000 } }));
    rig.node
        .fault(json!({ "match": { "operation": "D6" }, "fault": { "kind": "halfFailedBulk" } }));
    rig.declare_users(USERS);
    rig.all_in_sync(USERS).await;
    assert_eq!(rig.users_of_node(), USERS);
    assert!((0..USERS).all(|n| rig.status(&login(n))["remote"]["origin"] == "Created"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_version_promises_bulk_calls_that_it_lacks_gets_single_ones() {
    const USERS: usize = 30;
    for status in [404, 405] {
        let rig = Rig::with(dss()).await;
        rig.secret("shared", json!({ "password": PASSWORD }));
        rig.node
            .fault(json!({ "match": { "operation": "D2" }, "fault": { "kind": "latency", "millis": 1000 } }));
        rig.node.fault(
            json!({ "match": { "operation": "D6" }, "times": 0, "fault": { "kind": "status", "status": status } }),
        );
        rig.declare_users(USERS);
        rig.all_in_sync(USERS).await;
        assert_eq!(
            (rig.node.count("D6"), rig.node.count("D2")),
            (1, USERS as u64),
            "{status}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_while_users_wait_for_a_bulk_call_creates_none_of_them() {
    const FIRST: usize = 10;
    const USERS: usize = 30;
    let rig = Rig::with(dss()).await;
    rig.secret("shared", json!({ "password": PASSWORD }));
    rig.node
        .fault(json!({ "match": { "operation": "D6" }, "fault": { "kind": "latency", "millis": 5000 } }));
    rig.declare_users(FIRST);
    rig.until("the first bulk call", || rig.node.count("D6") == 1).await;
    for n in FIRST..USERS {
        rig.user(&login(n), json!({}));
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    rig.freeze_node(true);
    let frozen = |n: &usize| ready(&rig.server.get(PLURAL, "team", &login(*n)))["reason"] == "Frozen";
    rig.until("the freeze", || (FIRST..USERS).filter(frozen).count() == USERS - FIRST)
        .await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(rig.node.count("D6"), 1, "only the call that was under way");
    assert!(rig.users_of_node() <= FIRST);
    rig.freeze_node(false);
    rig.all_in_sync(USERS).await;
    assert_eq!(rig.users_of_node(), USERS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_whose_object_is_deleted_while_it_waits_for_a_bulk_call_is_not_created() {
    const FIRST: usize = 6;
    const USERS: usize = 12;
    const DELETED: usize = 9;
    let rig = Rig::with(dss()).await;
    rig.secret("shared", json!({ "password": PASSWORD }));
    rig.node
        .fault(json!({ "match": { "operation": "D6" }, "fault": { "kind": "latency", "millis": 5000 } }));
    rig.declare_users(FIRST);
    rig.until("the first bulk call", || rig.node.count("D6") == 1).await;
    for n in FIRST..USERS {
        rig.user(&login(n), json!({}));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    rig.server.delete(PLURAL, "team", &login(DELETED));
    rig.gone(PLURAL, &login(DELETED)).await;
    for n in (0..USERS).filter(|n| *n != DELETED) {
        rig.wait(PLURAL, &login(n), "InSync").await;
    }
    assert_eq!(rig.stored(&login(DELETED)), Value::Null);
    assert_eq!(rig.users_of_node(), USERS - 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_that_somebody_created_since_the_last_sweep_stays_theirs() {
    for release in [OLD, "15.2.0"] {
        let rig = Rig::with(dss().switch("release", json!(release))).await;
        rig.user_by_hand(
            "theirs",
            json!({ "login": "theirs", "sourceType": "LOCAL_NO_AUTH", "userProfile": "READER", "displayName": "Their own" }),
        );
        rig.user("theirs", json!({ "displayName": "Ours" }));
        let object = rig.wait(PLURAL, "theirs", "AlreadyExists").await;
        assert_eq!(object["status"]["remote"]["origin"], Value::Null);
        assert_eq!(rig.stored("theirs")["displayName"], "Their own");
        rig.swept().await;
        assert!(rig.node.count("D2") <= 1, "one attempt, and then everybody knows");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_the_node_refuses_as_a_whole_takes_nobody_elses_account() {
    for status in [400, 500] {
        let rig = Rig::with(dss().switch("release", json!("15.2.0"))).await;
        rig.user_by_hand(
            "theirs",
            json!({ "login": "theirs", "sourceType": "LOCAL_NO_AUTH", "userProfile": "READER", "displayName": "Their own",
                    "creationDate": 1_700_000_000_000_i64 }),
        );
        // The first one goes alone, so that the others go together.
        rig.node
            .fault(json!({ "match": { "operation": "D2" }, "fault": { "kind": "latency", "millis": 1500 } }));
        rig.node
            .fault(json!({ "match": { "operation": "D6" }, "fault": { "kind": "status", "status": status } }));
        for login in ["first", "ann", "theirs", "ben"] {
            rig.user(login, json!({ "displayName": "Ours" }));
        }
        let object = rig.wait(PLURAL, "theirs", "AlreadyExists").await;
        assert_eq!(object["status"]["remote"]["origin"], Value::Null, "{status}");
        for login in ["first", "ann", "ben"] {
            rig.wait(PLURAL, login, "InSync").await;
        }
        rig.swept().await;
        rig.server.delete(PLURAL, "team", "theirs");
        rig.gone(PLURAL, "theirs").await;
        let theirs = rig.stored("theirs");
        assert_eq!(
            (&theirs["displayName"], &theirs["enabled"]),
            (&json!("Their own"), &json!(true)),
            "{status}"
        );
        assert!(rig.node.count("D6") >= 1, "nobody was created together with others");
    }
}
