//! What a human does in the UI, and what a space can be started with.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use simulator::{InstanceConfig, Product, Seed};

use crate::client::{configured, found, get, joined, named, owner, space};

#[tokio::test]
async fn a_human_edit_is_completed_and_reaches_the_nodes() {
    let space = space().await;
    space
        .patch_state(json!({"users": {"u1": {"email": "jane@example.com", "groups": ["designers"]}}}))
        .unwrap();
    let (_, user) = get(&space, "/user/u1").await;
    assert_eq!(user["profile"], json!({"name": "reader", "isTrial": false}));
    assert_eq!(user["groups"][0]["name"], "designers");
    space.advance(Duration::from_mins(1));
    let at_node = "/propagated/design-0/users/jane@example.com";
    assert!(space.state_at(at_node).is_some());
    space.patch_state(json!({"users": {"u1": null}})).unwrap();
    space.advance(Duration::from_mins(1));
    assert_eq!(space.state_at(at_node), None);
}

#[tokio::test]
async fn a_human_edits_members_from_the_side_of_the_group() {
    let space = space().await;
    let user = joined(&space, "jane@example.com").await;
    let id = named(&space, "designers").await["id"].as_str().unwrap().to_owned();
    space
        .patch_state(json!({"groups": {&id: {"users": ["jane@example.com"]}}}))
        .unwrap();
    let pointer = format!("/users/{}/groups", user["id"].as_str().unwrap());
    assert_eq!(
        space.state_at(&pointer).unwrap(),
        json!([{"id": id, "name": "designers"}])
    );
    space
        .patch_state(json!({"groups": {&id: {"description": "edited"}}}))
        .unwrap();
    assert_eq!(
        named(&space, "designers").await["users"][0]["email"],
        "jane@example.com"
    );
    space.patch_state(json!({"groups": {&id: null}})).unwrap();
    assert_eq!(space.state_at(&pointer).unwrap(), json!([]));
}

#[tokio::test]
async fn an_edit_that_leaves_nonsense_is_refused_whole() {
    let space = space().await;
    let before = space.state();
    let patches = [
        json!({"users": {"u1": {"email": "no email"}}}),
        json!({"users": {"u1": {"email": "OWNER@example.com"}}}),
        json!({"users": {"u1": {"email": "a@b.c", "groups": ["no-such-group"]}}}),
        json!({"invites": {"i1": {"email": "owner@example.com"}}}),
        json!({"groups": {"g1": {"name": "designers"}}}),
        json!({"groups": {"g1": {"name": "g", "dataikuPermissions": {"no-such-node": {}}}}}),
        json!({"profiles": {"p": {"name": "p"}}}),
        json!({"propagated": {"design-0": null}}),
    ];
    for patch in patches {
        assert!(space.patch_state(patch.clone()).is_err(), "{patch}");
    }
    assert_eq!(space.state(), before);
}

#[tokio::test]
async fn an_edit_beside_a_call_is_seen_by_the_next() {
    let space = space().await;
    let owner = owner(&space).await;
    let patch = json!({"users": {owner["id"].as_str().unwrap(): {"adminProperties": {"by": "hand"}}}});
    space.fault(json!({"match": {"operation": "L6"}, "fault": {"kind": "edit", "when": "after", "patch": patch}}));
    let first = found(&space, "/users/search", json!({})).await;
    assert_eq!(first[0]["adminProperties"], json!({}));
    assert_eq!(
        found(&space, "/users/search", json!({})).await[0]["adminProperties"],
        json!({"by": "hand"})
    );
}

#[tokio::test]
async fn a_space_of_ten_thousand_users_is_listed_soon() {
    let seed = Seed {
        users: 10_000,
        groups: 50,
    };
    let space = configured(InstanceConfig::new(Product::Launchpad).seed(seed)).await;
    let start = Instant::now();
    assert_eq!(
        found(&space, "/users/search", json!({"emails": null})).await.len(),
        10_001
    );
    let groups = found(&space, "/groups/search", json!({"names": null})).await;
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "debug builds on a busy machine are slow, not that slow"
    );
    let members = groups
        .iter()
        .map(|group| group["users"].as_array().map_or(0, Vec::len))
        .sum::<usize>();
    assert_eq!(members, 10_001);
    assert_eq!(
        space
            .state_at("/propagated/design-0/users")
            .and_then(|users| users.as_object().map(serde_json::Map::len)),
        Some(10_001)
    );
    assert_eq!(space.state_at("/users/nobody"), None::<Value>);
}
