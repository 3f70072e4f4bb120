//! Groups of a space: tasks that end later, people who are only invited, and what is assumed of the Launchpad.

mod assumed;
mod propagation;
mod shared_invites;
mod unusual;

use serde_json::{Value, json};
use testbed::simulator::Product;

use crate::bed::{Bed, LOG, PATIENCE, merged, object};
use crate::ground::Ground;

fn group(name: &str, extra: Value) -> Value {
    object(
        "LaunchpadGroup",
        name,
        merged(json!({ "spaceRef": { "name": "space" } }), extra),
    )
}

async fn in_sync(bed: &Bed, name: &str) -> Value {
    bed.wait("LaunchpadGroup", name, "Ready=True/InSync").await
}

async fn propagated(bed: &Bed, name: &str, state: &str) -> Value {
    bed.wait("LaunchpadGroup", name, &format!("Propagated={state}")).await
}

/// The group as the space has it.
fn remote(bed: &Bed, name: &str) -> Option<Value> {
    let groups = bed.remote.state_at("/groups").unwrap();
    let mut groups = groups.as_object().unwrap().values();
    groups.find(|group| group["name"] == name).cloned()
}

fn invite(bed: &Bed, email: &str) {
    let invite = json!({ "id": "i1", "email": email, "profile": { "name": "reader" }, "groups": [],
        "createdOn": "2026-03-01T10:20:30.123456+00:00" });
    bed.remote.patch_state(json!({ "invites": { "i1": invite } })).unwrap();
}

in_memory!(somebody_who_is_invited_has_the_group_before_and_after_they_accept);
async fn somebody_who_is_invited_has_the_group_before_and_after_they_accept(ground: &Ground) {
    for a39 in ["nothing", "everything"] {
        let bed = ground.launchpad(&format!("invited-{a39}"), &[]).await;
        bed.remote.switch("A39", json!(a39)).unwrap();
        let spec = json!({ "members": [{ "email": "new@example.com" }, { "email": "owner@example.com" }] });
        bed.apply(&group("team", spec)).await;
        let object = bed
            .wait("LaunchpadGroup", "team", "Ready=False/DependencyNotReady")
            .await;
        assert_eq!(
            object["status"]["plan"],
            json!(["new@example.com is neither a user nor invited yet"])
        );
        assert_eq!(object["status"]["remote"]["members"], 1, "the other one is written");
        invite(&bed, "New@example.com");
        in_sync(&bed, "team").await;
        let id = remote(&bed, "team").unwrap()["id"].as_str().unwrap().to_owned();
        let invite = bed.remote.state_at("/invites/i1").unwrap();
        assert!(invite["groups"].to_string().contains(&id), "{invite}");
        bed.remote
            .act("acceptInvite", &json!({ "email": "New@example.com" }))
            .unwrap();
        bed.remote.reset_requests();
        bed.sweeps(1).await;
        let object = in_sync(&bed, "team").await;
        assert_eq!(object["status"]["remote"]["members"], 2);
        assert_eq!(bed.remote.writes(), 0, "{a39}: {:?}", bed.remote.requests().counts);
    }
}

in_memory!(a_default_group_is_adopted_and_left_at_deletion);
async fn a_default_group_is_adopted_and_left_at_deletion(ground: &Ground) {
    let bed = ground.launchpad("default", &[]).await;
    let ours = json!({ "description": "Ours", "members": [{ "email": "owner@example.com" }] });
    bed.apply(&group("designers", ours.clone())).await;
    bed.wait("LaunchpadGroup", "designers", "Ready=False/AlreadyExists")
        .await;
    bed.apply(&group("designers", merged(ours, json!({ "adoptionPolicy": "Adopt" }))))
        .await;
    let object = in_sync(&bed, "designers").await;
    assert_eq!(object["status"]["remote"]["origin"], "Adopted");
    let before = remote(&bed, "designers").unwrap();
    assert_eq!(
        before["dataikuPermissions"]["design-0"]["mayCreateProjects"], true,
        "as it was"
    );
    bed.namespace.delete("LaunchpadGroup", "designers").await.unwrap();
    bed.namespace
        .wait_gone("LaunchpadGroup", "designers", PATIENCE)
        .await
        .unwrap();
    assert_eq!(remote(&bed, "designers"), Some(before));
}

/// Takes scopes from the key of the space.
fn take_scopes(bed: &Bed, taken: &[&str]) {
    let pointer = format!("/apiKeys/{}/scopes", bed.remote.api_key_id());
    let scopes: Vec<String> = serde_json::from_value(bed.remote.state_at(&pointer).unwrap()).unwrap();
    let kept: Vec<_> = scopes
        .into_iter()
        .filter(|scope| !taken.contains(&scope.as_str()))
        .collect();
    bed.remote
        .patch_state(json!({ "apiKeys": { bed.remote.api_key_id(): { "scopes": kept } } }))
        .unwrap();
}

in_memory!(scopes_that_the_key_lacks_are_named);
async fn scopes_that_the_key_lacks_are_named(ground: &Ground) {
    let bed = ground.start_for(Product::Launchpad, "scopes", &[], LOG).await;
    take_scopes(&bed, &["read_groups", "read_users"]);
    bed.give_credentials().await;
    bed.apply(&bed.connection_with(json!({}))).await;
    bed.wait("LaunchpadSpace", "space", "Ready=False/Forbidden").await;
    let message = bed.message("LaunchpadSpace", "space").await;
    assert!(
        message.contains("lacks the scope read_groups and read_users"),
        "{message}"
    );
}

in_memory!(the_space_shows_its_seats_and_nodes);
async fn the_space_shows_its_seats_and_nodes(ground: &Ground) {
    let bed = ground.launchpad("seats", &[]).await;
    let space = bed.namespace.get("LaunchpadSpace", "space").await.unwrap();
    let status = &space["status"];
    let names: Vec<_> = status["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| &node["name"])
        .collect();
    assert_eq!(names, ["automation-0", "deployer-0", "design-0", "govern-0"]);
    assert_eq!(
        status["profiles"][0],
        json!({ "name": "designer", "trial": false, "totalSeats": 5, "usedSeats": 1, "reservedSeats": 0 })
    );
    assert_eq!(status["owner"], "owner@example.com");
    assert_eq!(status["users"], json!({ "total": 1, "invited": 0 }));
}

in_memory!(another_group_of_the_same_name_stays_somebody_elses);
async fn another_group_of_the_same_name_stays_somebody_elses(ground: &Ground) {
    let bed = ground.launchpad("another", &[]).await;
    bed.remote.switch("taskMillis", json!(100)).unwrap();
    bed.apply(&group("team", json!({ "description": "Ours" }))).await;
    in_sync(&bed, "team").await;
    let ours = remote(&bed, "team").unwrap()["id"].as_str().unwrap().to_owned();
    let theirs = json!({
        "id": "g9", "name": "team", "description": "Theirs", "launchpadPermissions": {}, "dataikuPermissions": {},
        "governPermissions": {},
    });
    bed.remote.reset_requests();
    for patch in [json!({ &ours: null }), json!({ "g9": theirs })] {
        bed.remote.patch_state(json!({ "groups": patch })).unwrap();
    }
    bed.wait("LaunchpadGroup", "team", "Ready=False/AlreadyExists").await;
    bed.sweeps(2).await;
    bed.wait("LaunchpadGroup", "team", "Ready=False/AlreadyExists").await;
    bed.namespace.delete("LaunchpadGroup", "team").await.unwrap();
    bed.namespace
        .wait_gone("LaunchpadGroup", "team", PATIENCE)
        .await
        .unwrap();
    assert_eq!(remote(&bed, "team").unwrap()["description"], "Theirs");
    assert_eq!(bed.remote.writes(), 0);
}
