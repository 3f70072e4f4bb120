//! Invites, which many groups have entries in: one writer for each in the process.

use std::time::Duration;

use serde_json::{Value, json};

use super::{group, in_sync, remote};
use crate::bed::Bed;
use crate::ground::Ground;

fn invited(id: &str, email: &str) -> Value {
    json!({ id: {
        "id": id, "email": email, "profile": { "name": "reader" }, "groups": [], "createdOn": "2026-03-01T10:20:30.123456+00:00",
    } })
}

/// The names of the groups of an invite, sorted.
fn groups_of(bed: &Bed, id: &str) -> Vec<String> {
    let invite = bed.remote.state_at(&format!("/invites/{id}")).unwrap();
    let groups = invite["groups"].as_array().unwrap().iter();
    let mut names: Vec<_> = groups.map(|group| group["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// A space with these people invited. No further sweep helps: what is lost between two writers stays lost.
async fn alone(ground: &Ground, hint: &str, emails: &[String]) -> Bed {
    let bed = ground.launchpad(hint, &[]).await;
    bed.remote.switch("taskMillis", json!(100)).unwrap();
    for (n, email) in emails.iter().enumerate() {
        let invite = invited(&format!("i{n}"), email);
        bed.remote.patch_state(json!({ "invites": invite })).unwrap();
    }
    bed.sweeps(2).await;
    bed.apply(&bed.connection_with(json!({ "driftInterval": "10m" }))).await;
    bed.wait("LaunchpadSpace", "space", "Ready=True/InSync").await;
    bed
}

in_memory!(many_groups_share_an_invite_and_none_is_lost);
async fn many_groups_share_an_invite_and_none_is_lost(ground: &Ground) {
    let bed = alone(ground, "manyinvite", &["new@example.com".to_owned()]).await;
    bed.remote.reset_requests();
    bed.remote
        .fault(json!({ "match": {}, "times": 0, "fault": { "kind": "latency", "millis": 150 } }));
    let names: Vec<_> = (0..12).map(|n| format!("team-{n:02}")).collect();
    let objects: Vec<_> = names
        .iter()
        .map(|name| group(name, json!({ "members": [{ "email": "new@example.com" }] })))
        .collect();
    futures::future::join_all(objects.iter().map(|object| bed.apply(object))).await;
    bed.until("every group on the invite", || groups_of(&bed, "i0") == names)
        .await;
    for name in &names {
        in_sync(&bed, name).await;
    }
    let counts = bed.remote.requests().counts;
    assert!(counts["L4"] <= 14, "{counts:?}");
    // Each group reads people and nodes for itself at most a few times.
    let count = |operation: &str| counts.get(operation).copied().unwrap_or_default();
    assert!(count("L6") <= 40 && count("L16") <= 40, "{counts:?}");
    assert_eq!(groups_of(&bed, "i0"), names, "and it stays so");
}

in_memory!(one_group_leaves_an_invite_while_another_joins_many);
async fn one_group_leaves_an_invite_while_another_joins_many(ground: &Ground) {
    let everybody: Vec<_> = (0..13).map(|n| format!("person-{n:02}@example.com")).collect();
    let bed = alone(ground, "joinleave", &everybody).await;
    bed.apply(&group("leaves", json!({ "members": [{ "email": &everybody[0] }] })))
        .await;
    in_sync(&bed, "leaves").await;
    bed.apply(&group("joins", json!({}))).await;
    in_sync(&bed, "joins").await;
    assert_eq!(groups_of(&bed, "i0"), ["leaves"]);

    // The one that joins has read the invites, and its write takes its time, when the other one leaves.
    bed.remote.reset_requests();
    bed.remote
        .fault(json!({ "match": { "operation": "L4" }, "fault": { "kind": "latency", "millis": 2_500 } }));
    let members: Vec<_> = everybody.iter().map(|email| json!({ "email": email })).collect();
    bed.apply(&group("joins", json!({ "members": members }))).await;
    bed.until("the write of the one that joins", || bed.remote.count("L4") == 1)
        .await;
    bed.apply(&group("leaves", json!({ "members": [] }))).await;
    for n in 0..13 {
        let invite = format!("i{n}");
        bed.until("the groups of an invite", || groups_of(&bed, &invite) == ["joins"])
            .await;
    }
    for name in ["joins", "leaves"] {
        in_sync(&bed, name).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    for n in 0..13 {
        assert_eq!(groups_of(&bed, &format!("i{n}")), ["joins"], "invite {n}");
    }
    assert!(remote(&bed, "leaves").is_some());
}
