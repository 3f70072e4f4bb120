//! What a look at the node costs does not grow with the number of objects.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;

use crate::{
    bed::{Bed, group, user},
    ground::Ground,
};

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

const GROUPS: usize = 20;

/// The version of each object: a status that is written again changes it.
async fn versions(bed: &Bed) -> BTreeMap<String, String> {
    let mut versions = BTreeMap::new();
    for kind in ["DssGroup", "DssUser", "DssInstance"] {
        for object in bed.namespace.list(kind).await.unwrap() {
            let metadata = &object["metadata"];
            versions.insert(
                format!("{kind} {}", metadata["name"]),
                metadata["resourceVersion"].to_string(),
            );
        }
    }
    versions
}

in_memory!(a_new_process_with_a_thousand_objects_in_sync_writes_nothing_remote_and_no_status);
/// An upgrade ends one process and starts another, which knows nothing but what is in the objects.
async fn a_new_process_with_a_thousand_objects_in_sync_writes_nothing_remote_and_no_status(ground: &Ground) {
    let mut bed = ground.ready("thousand").await;
    for n in 0..GROUPS {
        bed.apply(&group(&format!("group-{n:02}"), json!({}))).await;
    }
    for n in 0..1_000 - GROUPS {
        let groups = json!([{ "name": format!("group-{:02}", n % GROUPS) }]);
        bed.apply(&user(&format!("user-{n:04}"), json!({ "groups": groups })))
            .await;
    }
    let began = tokio::time::Instant::now();
    loop {
        let users = bed.namespace.list("DssUser").await.unwrap();
        let ready = |user: &serde_json::Value| user["status"]["conditions"][0]["reason"] == "InSync";
        if users.iter().all(ready) {
            break;
        }
        assert!(began.elapsed() < Duration::from_mins(10), "not all ready");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    // What the first sweep after a change shows of a user belongs to its status.
    bed.sweeps(2).await;
    let before = versions(&bed).await;
    assert_eq!(before.len(), 1_001);
    assert_eq!(bed.operator.terminate().await.unwrap(), 0);
    bed.remote.reset_requests();

    bed.operator.restart().await.unwrap();
    bed.sweeps(3).await;
    assert_eq!(bed.remote.writes(), 0, "{:?}", bed.remote.requests().counts);
    assert_eq!(versions(&bed).await, before);
}
