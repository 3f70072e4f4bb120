//! One object from the invite to the user.

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{Rig, condition, group_ids};

const JANE: &str = "jane@example.com";

fn designer() -> Value {
    json!({
        "profile": { "name": "designer", "trial": true },
        "groups": [{ "name": "designers" }],
        "adminProperties": { "costCenter": 4711, "nested": { "one": [1, 2] } },
    })
}

#[tokio::test]
async fn an_invite_becomes_a_user_with_its_profile_groups_and_properties() {
    for (a51, a49) in [("new", "insensitive"), ("same", "lowercase"), ("new", "sensitive")] {
        let rig = Rig::ready(&[("A51", json!(a51)), ("A49", json!(a49))]).await;
        let mut spec = designer();
        spec["email"] = json!("Jane@Example.com");
        rig.user("jane", spec);
        let object = rig.phase_is("jane", "Invited").await;
        let remote = &object["status"]["remote"];
        assert_eq!(
            (&remote["key"], &remote["origin"]),
            (&json!("Jane@Example.com"), &json!("Created"))
        );
        assert!(remote["invitedAt"].is_string() && remote["trial"] == true, "{remote}");
        let invite = rig.found("invites", JANE);
        assert_eq!(remote["id"], invite["id"]);
        assert_eq!(remote["email"], invite["email"]);
        assert_eq!(group_ids(&invite), [rig.group_id("designers")]);
        rig.space.reset_requests();
        rig.swept().await;
        assert_eq!(rig.space.writes(), 0, "a pending invite is in sync");

        rig.accept(invite["email"].as_str().unwrap());
        let object = rig.phase_is("jane", "Active").await;
        let user = rig.found("users", JANE);
        assert_eq!(user["profile"], json!({ "name": "designer", "isTrial": true }));
        assert_eq!(group_ids(&user), [rig.group_id("designers")]);
        assert_eq!(
            user["adminProperties"],
            json!({ "costCenter": 4711, "nested": { "one": [1, 2] } })
        );
        let remote = &object["status"]["remote"];
        assert_eq!((&remote["id"], &remote["owner"]), (&user["id"], &json!(false)));
        assert!(remote["createdOn"].is_string() && remote["invitedAt"].is_string());
        assert_eq!(
            (rig.space.count("L3"), rig.space.count("L8")),
            (0, 1),
            "the properties, once"
        );
        rig.until("the end of the task", || {
            let object = rig.server.get("launchpadusers", "team", "jane");
            condition(&object, "Propagated")["status"] == "True"
        })
        .await;
        rig.space.reset_requests();
        rig.swept().await;
        assert_eq!(rig.space.writes(), 0);
        rig.delete_user("jane").await;
        assert!(rig.people("users", JANE).is_empty());
    }
}

#[tokio::test]
async fn a_profile_write_keeps_the_trial_and_what_nobody_knows() {
    let rig = Rig::ready(&[]).await;
    rig.space
        .patch_state(json!({ "users": { "u1": {
            "id": "u1", "email": "Jane@example.com", "profile": { "name": "designer", "isTrial": true, "future": 1 },
            "groups": [], "createdOn": "2026-03-01T10:20:30.123456+00:00", "adminProperties": { "theirs": 1 }, "more": [1.5],
        } } }))
        .unwrap();
    rig.user(
        "jane",
        json!({ "adoptionPolicy": "Adopt", "profile": { "name": "designer" }, "adminProperties": { "ours": 1 } }),
    );
    let object = rig.phase_is("jane", "Active").await;
    assert_eq!(object["status"]["remote"]["origin"], "Adopted");
    let user = rig.found("users", JANE);
    assert_eq!(
        user["profile"],
        json!({ "name": "designer", "isTrial": true, "future": 1 })
    );
    assert_eq!(user["adminProperties"], json!({ "theirs": 1, "ours": 1 }));
    rig.edit_user("jane", json!({ "profile": { "name": "designer", "trial": false } }));
    rig.until("the paid seat", || {
        rig.found("users", JANE)["profile"]["isTrial"] == false
    })
    .await;
    let user = rig.found("users", JANE);
    assert_eq!((&user["profile"]["future"], &user["more"]), (&json!(1), &json!([1.5])));
    rig.edit_user("jane", json!({ "profile": { "name": "reader", "trial": null } }));
    rig.until("the other profile", || {
        rig.found("users", JANE)["profile"]["name"] == "reader"
    })
    .await;
    rig.delete_user("jane").await;
    assert_eq!(rig.people("users", JANE).len(), 1, "what was adopted stays");
}

#[tokio::test]
async fn an_invite_is_edited_and_withdrawn_and_groups_that_are_missing_are_waited_for() {
    let rig = Rig::ready(&[]).await;
    rig.user(
        "jane",
        json!({ "groups": [{ "name": "designers" }, { "name": "later" }] }),
    );
    let object = rig.user_is("jane", "DependencyNotReady").await;
    assert_eq!(object["status"]["plan"], json!(["group later does not exist yet"]));
    assert_eq!(rig.found("invites", JANE)["profile"]["name"], "reader", "the default");
    rig.group("later", json!({}));
    rig.user_is("jane", "InSync").await;
    assert_eq!(rig.found("invites", JANE)["groups"].as_array().unwrap().len(), 2);
    rig.edit_user(
        "jane",
        json!({ "profile": { "name": "explorer" }, "groups": [{ "name": "later" }] }),
    );
    rig.until("the edit", || {
        let invite = rig.found("invites", JANE);
        invite["profile"]["name"] == "explorer" && group_ids(&invite) == [rig.group_id("later")]
    })
    .await;
    rig.user_is("jane", "InSync").await;
    assert_eq!(
        (rig.space.count("L3"), rig.space.count("L4")),
        (1, 2),
        "{:?}",
        rig.space.requests().counts
    );
    rig.delete_user("jane").await;
    assert!(rig.people("invites", JANE).is_empty());
    assert_eq!((rig.space.count("L5"), rig.space.count("L9")), (1, 0));
}

#[tokio::test]
async fn somebody_who_accepts_just_before_the_deletion_is_deleted_as_a_user() {
    let rig = Rig::ready(&[]).await;
    rig.user("jane", json!({}));
    rig.phase_is("jane", "Invited").await;
    let user = json!({ "id": "u1", "email": JANE, "profile": { "name": "reader", "isTrial": false }, "groups": [] });
    let invite = rig.found("invites", JANE)["id"].as_str().unwrap().to_owned();
    let accepted = json!({ "invites": { invite: null }, "users": { "u1": user } });
    rig.space.fault(json!({ "match": { "operation": "L5" },
        "fault": { "kind": "edit", "when": "before", "patch": accepted } }));
    rig.delete_user("jane").await;
    assert!(rig.people("users", JANE).is_empty() && rig.people("invites", JANE).is_empty());
}

#[tokio::test]
async fn an_invite_that_is_gone_is_renewed_once_a_day() {
    let rig = Rig::ready(&[]).await;
    rig.user("jane", json!({}));
    rig.phase_is("jane", "Invited").await;
    for _ in 0..2 {
        let id = rig.found("invites", JANE)["id"].as_str().unwrap().to_owned();
        rig.space.reset_requests();
        rig.space.patch_state(json!({ "invites": { id: null } })).unwrap();
        let object = rig.user_is("jane", "DependencyNotReady").await;
        assert!(
            condition(&object, "Ready")["message"]
                .to_string()
                .contains("the operator renews it after")
        );
        rig.swept().await;
        assert_eq!(rig.space.writes(), 0);
        let calls = rig.space.count("L1");
        assert!(calls <= 6, "the lists suffice: {calls}");
        // The clock of the space goes on too.
        rig.ahead(Duration::from_hours(25));
        rig.space.advance(Duration::from_hours(25));
        rig.phase_is("jane", "Invited").await;
        assert_eq!(rig.space.count("L3"), 1);
    }
}

#[tokio::test]
async fn an_accepted_invite_whose_user_does_not_show_yet_is_not_renewed() {
    let rig = Rig::ready(&[("A46", json!("propagated")), ("taskMillis", json!(7000))]).await;
    rig.user("jane", json!({}));
    rig.phase_is("jane", "Invited").await;
    rig.accept(JANE);
    rig.user_is("jane", "DependencyNotReady").await;
    rig.phase_is("jane", "Active").await;
    assert_eq!(rig.space.count("L3"), 1);
    assert_eq!(rig.people("users", JANE).len(), 1);
}

#[tokio::test]
async fn somebody_who_is_there_already_is_not_taken_unasked() {
    let rig = Rig::ready(&[]).await;
    rig.space
        .patch_state(super::as_invite("i1", "JANE@example.com"))
        .unwrap();
    rig.user("jane", json!({ "profile": { "name": "explorer" } }));
    rig.user_is("jane", "AlreadyExists").await;
    assert_eq!(rig.space.writes(), 0);
    rig.edit_user("jane", json!({ "adoptionPolicy": "Adopt" }));
    rig.phase_is("jane", "Invited").await;
    let invite = rig.found("invites", JANE);
    assert_eq!(
        (&invite["id"], &invite["profile"]["name"]),
        (&json!("i1"), &json!("explorer"))
    );
    rig.delete_user("jane").await;
    assert_eq!(rig.people("invites", JANE).len(), 1);
}

#[tokio::test]
async fn the_owner_of_the_space_is_guarded_whichever_object_asks() {
    for a41 in ["refused", "allowed"] {
        let rig = Rig::ready(&[("A41", json!(a41))]).await;
        let before = rig.found("users", "owner@example.com");
        rig.user(
            "owner",
            json!({ "adoptionPolicy": "Adopt", "deletionPolicy": "Delete", "groups": [], "groupsPolicy": "Exact" }),
        );
        let object = rig.user_is("owner", "Guarded").await;
        let message = condition(&object, "Ready")["message"].to_string();
        assert!(
            message.contains("owner@example.com is the owner of the space"),
            "{message}"
        );
        rig.group(
            "space-administrators",
            json!({ "name": "space_administrators", "adoptionPolicy": "Adopt", "members": [], "membersPolicy": "Exact" }),
        );
        rig.group_is("space-administrators", "Guarded").await;
        rig.delete_user("owner").await;
        rig.server.patch(
            "launchpadgroups",
            "team",
            "space-administrators",
            json!({ "spec": { "deletionPolicy": "Delete" } }),
        );
        rig.server.delete("launchpadgroups", "team", "space-administrators");
        rig.until("the release of the group", || {
            rig.server
                .find("launchpadgroups", "team", "space-administrators")
                .is_none()
        })
        .await;
        assert_eq!(rig.found("users", "owner@example.com"), before);
        assert_eq!(rig.space.writes(), 0, "{:?}", rig.space.requests().counts);
    }
}

#[tokio::test]
async fn each_membership_has_one_owner_and_exact_counts_what_the_other_side_declares() {
    let rig = Rig::ready(&[]).await;
    rig.group(
        "a",
        json!({ "members": [{ "email": "JANE@example.com" }], "membersPolicy": "Exact" }),
    );
    rig.group("b", json!({ "members": [], "membersPolicy": "Exact" }));
    rig.group("c", json!({}));
    for group in ["b", "c"] {
        rig.group_is(group, "InSync").await;
    }
    rig.group_is("a", "DependencyNotReady").await;
    // a: declared on the group alone; b: on the user alone; c: on nobody.
    rig.user("jane", json!({ "groups": [{ "name": "b" }], "groupsPolicy": "Exact" }));
    rig.phase_is("jane", "Invited").await;
    rig.group_is("a", "InSync").await;
    let (a, b, c) = (rig.group_id("a"), rig.group_id("b"), rig.group_id("c"));
    let is = |collection: &str, groups: &[&Value]| {
        let found = group_ids(&rig.found(collection, JANE));
        found.len() == groups.len() && groups.iter().all(|group| found.contains(group))
    };
    rig.until("both memberships", || is("invites", &[&a, &b])).await;
    rig.accept(JANE);
    rig.phase_is("jane", "Active").await;
    let id = rig.found("users", JANE)["id"].as_str().unwrap().to_owned();
    let all = [&a, &b, &c].map(|group| json!({ "id": group }));
    rig.space
        .patch_state(json!({ "users": { &id: { "groups": all } } }))
        .unwrap();
    rig.until("the surplus one to go", || is("users", &[&a, &b])).await;
    rig.phase_is("jane", "Active").await;
    rig.swept().await;
    rig.space.reset_requests();
    rig.swept().await;
    assert_eq!(
        rig.space.writes(),
        0,
        "nobody undoes the other: {:?}",
        rig.space.requests().counts
    );
    // Who says that it must not be, and who says that it must be, cannot both be right.
    rig.edit_user("jane", json!({ "groups": [{ "name": "a", "ensure": "Absent" }] }));
    let object = rig.user_is("jane", "Conflict").await;
    assert!(
        condition(&object, "Ready")["message"]
            .to_string()
            .contains("LaunchpadGroup team/a")
    );
}
