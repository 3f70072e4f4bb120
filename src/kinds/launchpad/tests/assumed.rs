//! What is assumed of the Launchpad, every way: each switch of the simulator at each of its values, under the life of a group and
//! of a user from invite to deletion.

use serde_json::{Value, json};

use super::rig::{Rig, group_ids};
use crate::kinds::tests::{
    assumed::{Setting, settings},
    simulated_time,
};

async fn live(switch: &str, value: &Value) {
    let what = format!("{switch} = {value}");
    let rig = Rig::ready(&[(switch, value.clone())]).await;
    rig.group(
        "team",
        json!({
            "description": "Team", "nodes": [{ "name": "design-0", "permissions": { "mayCreateProjects": true } }],
            "members": [{ "email": "Owner@example.com" }],
        }),
    );
    rig.group_is("team", "InSync").await;
    let spec =
        json!({ "email": "Jane@example.com", "profile": { "name": "designer" }, "groups": [{ "name": "team" }] });
    rig.user("jane", spec);
    rig.phase_is("jane", "Invited").await;
    assert_eq!(rig.people("invites", "jane@example.com").len(), 1, "{what}");
    let invited = rig.found("invites", "jane@example.com")["email"]
        .as_str()
        .unwrap()
        .to_owned();
    rig.accept(&invited);
    rig.phase_is("jane", "Active").await;
    let team = rig.group_id("team");
    let user = rig.found("users", "jane@example.com");
    assert_eq!(group_ids(&user), std::slice::from_ref(&team), "{what}");
    assert_eq!(user["profile"]["name"], "designer", "{what}");
    // One sweep may have begun before the last write was shown.
    rig.swept().await;
    rig.space.reset_requests();
    rig.swept().await;
    let counts = rig.space.requests().counts;
    assert_eq!(rig.space.writes(), 0, "{what}: {counts:?}");
    rig.space
        .patch_state(json!({ "groups": { team.as_str().unwrap(): { "description": "By hand" } } }))
        .unwrap();
    rig.until(&what, || {
        rig.remote(&team).is_some_and(|group| group["description"] == "Team")
    })
    .await;
    rig.delete_user("jane").await;
    rig.until(&what, || rig.people("users", "jane@example.com").is_empty())
        .await;
    rig.server.delete("launchpadgroups", "team", "team");
    rig.until(&what, || rig.server.find("launchpadgroups", "team", "team").is_none())
        .await;
    rig.until(&what, || rig.remote(&team).is_none()).await;
}

#[test]
fn groups_and_users_of_a_space_are_right_at_every_setting() {
    let mut all = settings("launchpad");
    all.push(("tasks".to_owned(), json!("normal")));
    let name = |(switch, value): &Setting| format!("{switch} = {value}");
    simulated_time::each(&all, name, async |(switch, value)| live(switch, value).await);
}
