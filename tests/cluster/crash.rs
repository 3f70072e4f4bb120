//! The operator killed at each remote write, and answers that get lost.

use serde_json::{Value, json};

use crate::bed::{Bed, group, object, user};

/// What is declared: a group that takes two writes and users that take one and two.
fn declared() -> Vec<Value> {
    vec![
        group("analysts", json!({ "permissions": { "mayCreateProjects": true } })),
        user("max", json!({ "groups": [{ "name": "readers" }], "enabled": false })),
        object(
            "DssUser",
            "jane",
            json!({
                "instanceRef": { "name": "design" },
                "sourceType": "LOCAL",
                "passwordSecretRef": { "name": "login" },
                "adminProperties": { "costCenter": "4711" },
            }),
        ),
    ]
}

async fn converged(bed: &Bed) -> Value {
    bed.wait("DssGroup", "analysts", "Ready=True/InSync").await;
    for name in ["max", "jane"] {
        let user = bed.wait("DssUser", name, "Ready=True/InSync").await;
        assert_eq!(user["status"]["remote"]["origin"], "Created", "{name} is ours");
    }
    // Creation times and the like differ from run to run; what is declared does not.
    let (jane, max, analysts) = (
        bed.user("jane").unwrap(),
        bed.user("max").unwrap(),
        bed.group("analysts").unwrap(),
    );
    json!({
        "jane": [jane["password"], jane["adminProperties"], jane["groups"], jane["enabled"]],
        "max": [max["groups"], max["enabled"]],
        "analysts": [analysts["mayCreateProjects"], analysts["mayWriteSafeCode"]],
    })
}

fn expected() -> Value {
    json!({
        "jane": ["pass-phrase", { "costCenter": "4711" }, [], true],
        "max": [["readers"], false],
        "analysts": [true, true],
    })
}

/// Kills the operator while its n-th remote write is under way; false if it made fewer.
async fn killed_at(n: u64, fault: Value, committed: bool) -> bool {
    let mut bed = Bed::ready(&format!("crash{n}")).await;
    bed.namespace
        .secret("login", &[("password", "pass-phrase")])
        .await
        .unwrap();
    bed.remote.reset_requests();
    bed.remote
        .fault(json!({ "match": { "writes": true }, "nth": n, "fault": fault }));
    for object in declared() {
        bed.apply(&object).await;
    }
    let mut reached = false;
    for _ in 0..200 {
        if bed.remote.writes() >= n {
            reached = true;
            break;
        }
        let mut done = true;
        for (kind, name) in [("DssGroup", "analysts"), ("DssUser", "max"), ("DssUser", "jane")] {
            let ready = bed.namespace.condition(kind, name, "Ready").await.unwrap();
            done &= ready.is_some_and(|ready| ready.reason == "InSync");
        }
        if done {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    if reached {
        bed.operator.kill().await.unwrap();
        bed.remote.clear_faults();
        bed.operator.restart().await.unwrap();
    }
    assert_eq!(
        converged(&bed).await,
        expected(),
        "killed at write {n}, committed: {committed}"
    );
    let requests = bed.remote.requests();
    let creates = requests
        .log
        .iter()
        .filter(|one| ["D2", "D24"].contains(&one.operation.as_str()) && one.status == 200);
    assert!(creates.count() <= 3, "killed at write {n}: {:?}", requests.counts);
    bed.sweeps(1).await;
    bed.remote.reset_requests();
    bed.sweeps(1).await;
    assert_eq!(bed.remote.writes(), 0, "killed at write {n}: it stays in sync");
    reached
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_any_write_was_committed_it_ends_in_the_same_state() {
    let mut n = 1;
    // The answer drips so slowly that the operator is killed while it waits for it.
    while killed_at(n, json!({ "kind": "slowDrip", "bytesPerSecond": 1 }), true).await {
        n += 1;
    }
    assert!(n > 5, "only {} writes were walked", n - 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_any_write_was_handled_it_ends_in_the_same_state() {
    let mut n = 1;
    while killed_at(n, json!({ "kind": "latency", "millis": 60_000 }), false).await {
        n += 1;
    }
    assert!(n > 5, "only {} writes were walked", n - 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_any_write_leads_to_no_second_create() {
    for n in 1..=6 {
        let bed = Bed::ready(&format!("lost{n}")).await;
        bed.namespace
            .secret("login", &[("password", "pass-phrase")])
            .await
            .unwrap();
        bed.remote
            .fault(json!({ "match": { "writes": true }, "nth": n, "fault": { "kind": "dropAfter" } }));
        for object in declared() {
            bed.apply(&object).await;
        }
        assert_eq!(converged(&bed).await, expected(), "answer {n} lost");
        assert_eq!(
            bed.remote.count("D2") + bed.remote.count("D24"),
            3,
            "answer {n} lost: {:?}",
            bed.remote.requests().counts
        );
    }
}
