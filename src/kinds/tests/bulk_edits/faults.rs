//! Bulk edits that go wrong, and what happens while they are gathered.

use std::time::Duration;

use serde_json::{Value, json};
use testbed::simulator::{InstanceConfig, Product};

use super::{BULK, Bed, LIST, PRODUCTS, SINGLE, login};

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_edit_among_many_fails_alone_whatever_the_status_of_the_answer() {
    const USERS: usize = 30;
    for status in [200, 207, 400, 500] {
        let config = InstanceConfig::new(Product::Dss);
        let config = config.switch("A6", json!(status)).switch("A9", json!("refuse"));
        let bed = Bed::with(config, USERS).await;
        bed.rig
            .node
            .patch_state(json!({ "groups": { "fleeting": { "name": "fleeting", "sourceType": "LOCAL" } } }))
            .unwrap();
        bed.sweep().await;
        bed.rig
            .node
            .patch_state(json!({ "groups": { "fleeting": null } }))
            .unwrap();
        bed.rig.node.reset_requests();
        bed.edit(
            13,
            json!({ "displayName": "After", "groups": [{ "name": "staff" }, { "name": "fleeting" }] }),
        );
        for n in (0..USERS).filter(|n| *n != 13) {
            bed.edit(n, json!({ "displayName": "After" }));
        }
        for n in (0..USERS).filter(|n| *n != 13) {
            bed.rig.wait(bed.plural(), &login(n), "InSync").await;
        }
        bed.rig.wait(bed.plural(), &login(13), "Rejected").await;
        assert_eq!(bed.named("After"), USERS - 1, "{status}");
        assert!(bed.count(BULK) >= 1, "{status}");
        assert_eq!(bed.stored(13)["groups"], json!(["staff"]), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_lost_answer_each_user_is_read_and_edited_exactly_once() {
    const USERS: usize = 30;
    for product in PRODUCTS {
        for fault in ["dropBefore", "dropAfter"] {
            let bed = Bed::new(product, USERS).await;
            bed.rig.node.reset_requests();
            bed.fault(BULK, json!({ "kind": fault }));
            bed.edit_all(json!({ "displayName": "After" }));
            bed.in_sync().await;
            assert_eq!(bed.named("After"), USERS, "{fault}");
            let counts = bed.rig.node.requests().counts;
            assert!(bed.count(BULK) >= 1, "{counts:?}");
            if fault == "dropAfter" {
                // Those that went by themselves.
                assert!(bed.count(SINGLE) < USERS as u64, "{counts:?}");
            }
            bed.rig.node.reset_requests();
            bed.sweep().await;
            bed.sweep().await;
            assert_eq!(bed.rig.node.writes(), 0, "{product:?} {fault}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_missing_is_read_before_it_is_believed() {
    const USERS: usize = 30;
    for executed in [true, false] {
        let bed = Bed::new(Product::Dss, USERS).await;
        bed.rig.node.reset_requests();
        if executed {
            bed.fault(
                BULK,
                json!({ "kind": "elements", "each": { "login": "somebody-else" } }),
            );
        } else {
            // The node says nothing of anybody, and did nothing.
            bed.fault(BULK, json!({ "kind": "status", "status": 200 }));
        }
        bed.edit_all(json!({ "displayName": "After" }));
        bed.in_sync().await;
        let counts = bed.rig.node.requests().counts;
        assert_eq!(bed.named("After"), USERS, "{counts:?}");
        if executed {
            assert!(
                bed.count(SINGLE) < USERS as u64 / 2,
                "nothing is written twice: {counts:?}"
            );
        }
        assert!(bed.count(BULK) >= 1, "{counts:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn half_of_a_bulk_edit_that_fails_is_made_later() {
    const USERS: usize = 20;
    let bed = Bed::new(Product::Dss, USERS).await;
    bed.rig.node.reset_requests();
    bed.fault(BULK, json!({ "kind": "halfFailedBulk" }));
    bed.drift_interval("5s");
    bed.edit_all(json!({ "displayName": "After" }));
    bed.in_sync().await;
    assert!(bed.count(BULK) >= 1);
    assert_eq!(bed.named("After"), USERS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_while_edits_are_gathered_makes_none_of_them() {
    const USERS: usize = 30;
    let bed = Bed::new(Product::Dss, USERS).await;
    bed.rig.node.reset_requests();
    // The first one is read by itself, and the others by a list, which takes a while.
    bed.fault(LIST, json!({ "kind": "latency", "millis": 8000 }));
    bed.edit_all(json!({ "displayName": "After" }));
    bed.rig
        .until("the list", || bed.count(LIST) >= 1 || bed.calls() >= 3)
        .await;
    bed.patch_connection(json!({ "freeze": true }));
    let frozen = |n: &usize| bed.reason(*n) == "Frozen";
    bed.rig
        .until("the freeze", || (0..USERS).filter(frozen).count() >= USERS - 5)
        .await;
    assert_eq!(bed.count(BULK), 0);
    assert!(bed.named("After") <= 5, "only those that were under way");
    bed.patch_connection(json!({ "freeze": false }));
    bed.in_sync().await;
    assert_eq!(bed.named("After"), USERS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_overtakes_the_edits_that_are_gathered() {
    const USERS: usize = 30;
    let bed = Bed::new(Product::Dss, USERS).await;
    bed.rig.node.reset_requests();
    bed.fault(LIST, json!({ "kind": "latency", "millis": 8000 }));
    bed.edit_all(json!({ "displayName": "After" }));
    bed.rig.until("the first edit", || bed.named("After") >= 1).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    // One of those that wait, whose object now takes access away.
    let waiting = (0..USERS)
        .rev()
        .find(|n| bed.stored(*n)["displayName"] == "Before")
        .unwrap();
    bed.edit(waiting, json!({ "enabled": false }));
    bed.rig
        .until("the withdrawal", || bed.stored(waiting)["enabled"] == false)
        .await;
    assert_eq!(bed.count(BULK), 0, "the others are still gathered");
    bed.in_sync().await;
    assert_eq!(bed.named("After"), USERS);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_wrote_into_a_map_stays_whether_the_node_merges_or_replaces_maps() {
    const USERS: usize = 20;
    for maps in ["replace", "merge"] {
        let bed = Bed::with(InstanceConfig::new(Product::Dss).switch("A7", json!(maps)), USERS).await;
        bed.edit_all(json!({ "adminProperties": { "ours": "1", "also": "1" } }));
        bed.in_sync().await;
        // From now on, lists have the properties.
        bed.sweep().await;
        for n in 0..USERS {
            bed.by_hand(
                n,
                json!({ "adminProperties": { "theirs": "stays" }, "secrets": [{ "name": "s", "value": "v" }] }),
            );
        }
        bed.rig.node.reset_requests();
        bed.edit_all(json!({ "displayName": "After", "adminProperties": { "ours": "2" } }));
        bed.in_sync().await;
        let bulk = bed.count(BULK);
        assert!(bulk >= 1, "{maps}");
        for n in 0..USERS {
            let properties = &bed.stored(n)["adminProperties"];
            assert_eq!(
                (&properties["ours"], &properties["theirs"]),
                (&json!("2"), &json!("stays")),
                "{maps}"
            );
            assert_eq!(bed.stored(n)["secrets"][0]["value"], "v");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_fails_costs_a_read_for_each_and_no_edit() {
    const USERS: usize = 30;
    let bed = Bed::new(Product::Dss, USERS).await;
    bed.rig.node.reset_requests();
    bed.fault(LIST, json!({ "kind": "status", "status": 400 }));
    bed.edit_all(json!({ "displayName": "After" }));
    bed.in_sync().await;
    assert_eq!(bed.named("After"), USERS);
    assert_eq!(bed.count(BULK), 0);
    assert_eq!(bed.count(SINGLE), USERS as u64, "each is edited by itself, once");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_of_somebody_else_is_not_taken_when_the_answer_is_silent_about_it() {
    let bed = Bed::new(Product::Dss, 0).await;
    // The account comes after the last sweep, and the answer of the call that cannot create it names nobody.
    bed.rig
        .node
        .patch_state(json!({ "users": { "theirs": {
        "login": "theirs", "sourceType": "LOCAL_NO_AUTH", "userProfile": "READER", "displayName": "Their own",
        "creationDate": 1_700_000_000_000_i64,
    } } }))
        .unwrap();
    bed.fault("2", json!({ "kind": "latency", "millis": 1500 }));
    bed.fault("6", json!({ "kind": "elements", "each": { "login": "somebody-else" } }));
    for login in ["first", "ann", "theirs", "ben"] {
        bed.rig.create("DssUser", login, json!({
            "instanceRef": { "name": "design" }, "sourceType": "LOCAL_NO_AUTH", "userProfile": "READER", "displayName": "Ours",
        }));
    }
    let object = bed.rig.wait("dssusers", "theirs", "AlreadyExists").await;
    assert_eq!(object["status"]["remote"]["origin"], Value::Null);
    for login in ["first", "ann", "ben"] {
        let object = bed.rig.wait("dssusers", login, "InSync").await;
        assert_eq!(object["status"]["remote"]["origin"], "Created", "{login}");
    }
    assert_eq!(bed.rig.at("/users/theirs")["displayName"], "Their own");
    assert!(bed.count("6") >= 1, "nobody was created together with others");
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_from_a_list_that_took_long_are_made_one_by_one_from_a_fresh_read() {
    const USERS: usize = 30;
    let bed = Bed::new(Product::Dss, USERS).await;
    bed.rig.node.reset_requests();
    bed.fault(LIST, json!({ "kind": "latency", "millis": 7000 }));
    bed.edit_all(json!({ "displayName": "After" }));
    bed.in_sync().await;
    assert_eq!(bed.named("After"), USERS);
    let counts = bed.rig.node.requests().counts;
    assert_eq!((bed.count(BULK), bed.count(SINGLE)), (0, USERS as u64), "{counts:?}");
}
