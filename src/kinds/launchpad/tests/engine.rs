//! The whole engine with an apiserver in memory and a simulated space.

use std::time::Duration;

use serde_json::json;

use super::{
    as_invite,
    rig::{Rig, condition},
};

#[tokio::test]
async fn a_group_is_created_propagated_and_deleted_by_its_recorded_id() {
    let rig = Rig::ready(&[]).await;
    rig.space.patch_state(as_invite("i1", "new@example.com")).unwrap();
    rig.group(
        "team",
        json!({ "nodes": [{ "name": "design-0", "permissions": { "mayCreateProjects": true } }],
        "members": [{ "email": "owner@example.com" }, { "email": "NEW@example.com" }] }),
    );
    let object = rig.group_is("team", "InSync").await;
    let status = &object["status"];
    let id = status["remote"]["id"].clone();
    assert_eq!(status["applied"]["id"], id);
    assert_eq!(
        (&status["remote"]["origin"], &status["remote"]["members"]),
        (&json!("Created"), &json!(1))
    );
    assert_eq!(
        status["remote"]["nodes"],
        json!([{ "name": "design-0", "rights": ["mayCreateProjects"] }])
    );
    assert!(
        rig.space
            .state_at("/invites/i1")
            .unwrap()
            .to_string()
            .contains(id.as_str().unwrap())
    );
    rig.until("the end of the task", || {
        let object = rig.server.get("launchpadgroups", "team", "team");
        condition(&object, "Propagated")["status"] == "True"
            && object["status"]["applied"]["task"]["phase"] == "Succeeded"
    })
    .await;
    rig.space.reset_requests();
    rig.server.delete("launchpadgroups", "team", "team");
    rig.until("the deletion", || {
        rig.server.find("launchpadgroups", "team", "team").is_none()
    })
    .await;
    assert!(rig.remote(&id).is_none());
    assert_eq!(rig.space.count("L14"), 1);
}

#[tokio::test]
async fn an_adopted_group_has_its_id_on_record_and_survives_a_rename() {
    let rig = Rig::ready(&[]).await;
    rig.group("designers", json!({ "description": "Ours", "adoptionPolicy": "Adopt" }));
    let object = rig.group_is("designers", "InSync").await;
    let id = object["status"]["applied"]["id"].clone();
    assert_eq!(object["status"]["remote"]["origin"], "Adopted");
    rig.space
        .patch_state(json!({ "groups": { id.as_str().unwrap(): { "name": "by-hand" } } }))
        .unwrap();
    rig.until("the old name", || rig.remote(&id).unwrap()["name"] == "designers")
        .await;
    assert_eq!(rig.space.count("L12"), 0);
}

#[tokio::test]
async fn a_rename_that_the_server_ignores_is_written_once() {
    let rig = Rig::ready(&[("A48", json!("ignored"))]).await;
    rig.group("team", json!({}));
    let id = rig.group_is("team", "InSync").await["status"]["applied"]["id"].clone();
    rig.space
        .patch_state(json!({ "groups": { id.as_str().unwrap(): { "name": "by-hand" } } }))
        .unwrap();
    let object = rig.group_is("team", "AcceptedButNotStored").await;
    assert_eq!(object["status"]["plan"], json!(["set name to team"]));
    assert_eq!(rig.space.count("L13"), 1);
    rig.space.reset_requests();
    tokio::time::sleep(Duration::from_secs(6)).await;
    rig.group_is("team", "AcceptedButNotStored").await;
    assert_eq!(rig.space.writes(), 0, "{:?}", rig.space.requests().counts);
    rig.space
        .patch_state(json!({ "groups": { id.as_str().unwrap(): { "name": "by-somebody" } } }))
        .unwrap();
    rig.until("another try, since something changed", || rig.space.count("L13") == 1)
        .await;
}

#[tokio::test]
async fn reads_that_lag_behind_a_write_lead_to_no_second_one() {
    let rig = Rig::ready(&[("A46", json!("propagated")), ("taskMillis", json!(3000))]).await;
    rig.group("team", json!({ "description": "Team" }));
    let waits = || {
        let object = rig.server.get("launchpadgroups", "team", "team");
        let ready = condition(&object, "Ready");
        ready["reason"] == "Progressing" && ready["message"].to_string().contains("not shown yet: create group")
    };
    rig.until("the wait for the task", waits).await;
    rig.group_is("team", "InSync").await;
    rig.server.patch(
        "launchpadgroups",
        "team",
        "team",
        json!({ "spec": { "description": "Changed" } }),
    );
    rig.group_is("team", "InSync").await;
    assert_eq!((rig.space.count("L12"), rig.space.count("L13")), (1, 1));
}

#[tokio::test]
async fn a_member_who_is_added_while_the_creation_does_not_show_yet_leads_to_no_second_creation() {
    for delay in [0, 200, 1000, 2500, 3500] {
        let rig = Rig::ready(&[("A46", json!("propagated")), ("taskMillis", json!(3000))]).await;
        rig.group("team", json!({ "description": "Team" }));
        rig.until("the creation", || rig.space.count("L12") == 1).await;
        tokio::time::sleep(Duration::from_millis(delay)).await;
        let members = json!([{ "email": "owner@example.com" }]);
        rig.server.patch(
            "launchpadgroups",
            "team",
            "team",
            json!({ "spec": { "members": members } }),
        );
        let ends = || {
            let object = rig.server.get("launchpadgroups", "team", "team");
            let reason = condition(&object, "Ready")["reason"].clone();
            assert_ne!(reason, "AcceptedButNotStored", "after {delay} ms: {object:#}");
            object["status"]["observedGeneration"] == 2 && reason == "InSync"
        };
        rig.until("the member", ends).await;
        assert_eq!(
            (rig.space.count("L12"), rig.space.count("L13")),
            (1, 1),
            "after {delay} ms"
        );
    }
}
