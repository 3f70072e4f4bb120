//! What a look at the node costs does not grow with the number of objects.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;

use crate::bed::{Bed, user};

async fn cost_of_two_sweeps(users: usize) -> BTreeMap<String, u64> {
    let bed = Bed::ready(&format!("scale{users}")).await;
    let objects: Vec<_> = (0..users)
        .map(|n| user(&format!("user-{n:04}"), json!({ "displayName": format!("User {n}") })))
        .collect();
    for chunk in objects.chunks(50) {
        futures::future::join_all(chunk.iter().map(|object| bed.apply(object))).await;
    }
    let all_ready = || async {
        let listed = bed.namespace.list("DssUser").await.unwrap();
        let ready = listed
            .iter()
            .filter(|user| user["status"]["conditions"][0]["reason"] == "InSync")
            .count();
        ready == users
    };
    let began = tokio::time::Instant::now();
    while !all_ready().await {
        assert!(
            began.elapsed() < Duration::from_mins(4),
            "not all ready\n{}",
            bed.operator.logs()
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    bed.sweeps(1).await;
    bed.remote.reset_requests();
    bed.sweeps(2).await;
    let counts = bed.remote.requests().counts;
    assert_eq!(bed.remote.writes(), 0);
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn sweeping_costs_the_same_at_ten_and_at_a_thousand_users() {
    let (few, many) = tokio::join!(cost_of_two_sweeps(10), cost_of_two_sweeps(1_000));
    for counts in [&few, &many] {
        assert!(counts["D1"] >= 2, "{counts:?}");
        assert!(!counts.contains_key("D3"), "no user is asked for by name: {counts:?}");
        // At most two calls of a kind for each look (D48 has a list for each state); the window may catch part of another look.
        let most = 2 * (counts["D1"] + 1);
        assert!(counts.values().all(|count| *count <= most), "{counts:?}");
    }
    // What is read less often than the users (the audit trail) falls into one window and not the other.
    let rare: Vec<_> = few
        .keys()
        .chain(many.keys())
        .filter(|id| !(few.contains_key(*id) && many.contains_key(*id)))
        .collect();
    assert!(rare.len() <= 1, "few: {few:?}, many: {many:?}");
}
