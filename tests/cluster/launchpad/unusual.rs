//! What a Launchpad may do that is not usual, and specs that are not.

use serde_json::{Value, json};

use super::{group, in_sync, remote};
use crate::bed::{LOG, PATIENCE, message};
use crate::ground::Ground;
use testbed::simulator::Product;

in_cluster!(one_person_in_two_spellings_is_one_member);
async fn one_person_in_two_spellings_is_one_member(ground: &Ground) {
    let spelled = async |spelling: &str, stored: &str| {
        let bed = ground.launchpad(&format!("spellings-{spelling}"), &[]).await;
        bed.remote.switch("taskMillis", json!(100)).unwrap();
        bed.remote.switch("A49", json!(stored)).unwrap();
        // It minds who is twice in a list.
        bed.remote.switch("repeatedMembers", json!("refused")).unwrap();
        let users = json!({ "u7": { "id": "u7", "email": "JANE@example.com", "profile": { "name": "reader" } } });
        bed.remote.patch_state(json!({ "users": users })).unwrap();
        bed.sweeps(2).await;
        let twice = json!({ "members": [{ "email": "Jane@Example.com" }, { "email": "jane@example.com" }] });
        bed.apply(&group("team", twice)).await;
        let object = in_sync(&bed, "team").await;
        assert_eq!(object["status"]["remote"]["members"], 1, "{}", object["status"]);
        let members = remote(&bed, "team").unwrap()["users"].clone();
        assert_eq!(members, json!([{ "id": "u7", "email": "JANE@example.com" }]));
        bed.remote.reset_requests();
        bed.sweeps(2).await;
        assert_eq!(bed.remote.writes(), 0);
        // One of the two spellings goes; the person stays.
        bed.apply(&group("team", json!({ "members": [{ "email": "jane@example.com" }] })))
            .await;
        in_sync(&bed, "team").await;
        bed.sweeps(1).await;
        assert_eq!(remote(&bed, "team").unwrap()["users"], members);
    };
    tokio::join!(spelled("sent", "insensitive"), spelled("lower", "lowercase"));
}

in_memory!(a_node_that_is_gone_holds_up_no_other_edit);

/// A node is removed while the document of the group still names it, and every save of such a document is refused.
async fn a_node_that_is_gone_holds_up_no_other_edit(ground: &Ground) {
    let bed = ground.launchpad("nodegone", &[]).await;
    bed.remote.switch("taskMillis", json!(100)).unwrap();
    let spec = |extra: Value| {
        let nodes =
            json!([{ "name": "design-0", "permissions": { "mayCreateProjects": true } }, { "name": "automation-0" }]);
        group(
            "team",
            crate::bed::merged(
                json!({ "nodes": nodes, "members": [{ "email": "owner@example.com" }] }),
                extra,
            ),
        )
    };
    bed.apply(&spec(json!({}))).await;
    in_sync(&bed, "team").await;
    bed.remote
        .patch_state(json!({ "nodes": { "automation-0": null } }))
        .unwrap();
    bed.sweeps(2).await;
    assert!(
        remote(&bed, "team").unwrap()["dataikuPermissions"]
            .get("automation-0")
            .is_some()
    );

    bed.apply(&spec(json!({ "description": "edited", "members": [] })))
        .await;
    bed.until("the edit and the withdrawal", || {
        let team = remote(&bed, "team").unwrap();
        team["description"] == "edited" && team["users"] == json!([])
    })
    .await;
    let says = |object: &Value| object["status"]["conditions"].to_string().contains("automation-0");
    let object = bed.namespace.wait_for("LaunchpadGroup", "team", says, PATIENCE).await;
    assert_eq!(object.unwrap()["status"]["conditions"][0]["status"], "False");
    bed.sweeps(1).await;
    bed.remote.reset_requests();
    bed.sweeps(2).await;
    assert_eq!(bed.remote.writes(), 0, "{:?}", bed.remote.requests().counts);

    let node = json!({ "nodes": { "automation-0": { "name": "automation-0", "type": "automation" } } });
    bed.remote.patch_state(node).unwrap();
    in_sync(&bed, "team").await;
    assert!(
        remote(&bed, "team").unwrap()["dataikuPermissions"]
            .get("automation-0")
            .is_some()
    );
}

in_memory!(where_types_are_general_the_server_decides_which_rights_may_differ);

/// Where the space shows no types but the general ones, nobody but the server knows which nodes have to agree.
async fn where_types_are_general_the_server_decides_which_rights_may_differ(ground: &Ground) {
    for (a43, state) in [("accepted", "Ready=True/InSync"), ("type", "Ready=False/Rejected")] {
        let bed = ground.launchpad(&format!("general-{a43}"), &[]).await;
        bed.remote.switch("taskMillis", json!(100)).unwrap();
        bed.remote.switch("A42", json!("dataiku")).unwrap();
        bed.remote.switch("A43", json!(a43)).unwrap();
        let node = json!({ "nodes": { "design-1": { "name": "design-1", "type": "design" } } });
        bed.remote.patch_state(node).unwrap();
        bed.sweeps(2).await;
        let differing = json!({ "nodes": [
            { "name": "design-0", "permissions": { "mayCreateProjects": true } },
            { "name": "design-1", "permissions": { "mayCreateProjects": false } },
        ] });
        bed.apply(&group("team", differing)).await;
        bed.wait("LaunchpadGroup", "team", state).await;
        let stored =
            remote(&bed, "team").map(|team| team["dataikuPermissions"]["design-1"]["mayCreateProjects"].clone());
        assert_eq!(stored, (a43 == "accepted").then_some(json!(false)));
    }
}

in_memory!(a_type_of_node_that_matches_nothing_is_reported);
async fn a_type_of_node_that_matches_nothing_is_reported(ground: &Ground) {
    let bed = ground.launchpad("notype", &[]).await;
    bed.remote.switch("taskMillis", json!(100)).unwrap();
    let types = json!([
        { "type": "design", "permissions": { "mayCreateProjects": true } },
        { "type": "desgin", "permissions": { "mayCreateProjects": true } },
    ]);
    bed.apply(&group("team", json!({ "nodeTypes": types }))).await;
    let says = |object: &Value| {
        let status = &object["status"];
        status["conditions"].to_string().contains("desgin") || status["plan"].to_string().contains("desgin")
    };
    let found = bed.namespace.wait_for("LaunchpadGroup", "team", says, PATIENCE).await;
    found.unwrap();
    bed.until("the type that matches", || {
        remote(&bed, "team").is_some_and(|team| team["dataikuPermissions"]["design-0"]["mayCreateProjects"] == true)
    })
    .await;
}

in_cluster!(a_rename_that_is_ignored_is_asked_for_once);
async fn a_rename_that_is_ignored_is_asked_for_once(ground: &Ground) {
    let renamed = async |tasks: &str| {
        let bed = ground.launchpad(&format!("rename-{tasks}"), &[]).await;
        bed.remote.switch("A48", json!("ignored")).unwrap();
        bed.remote.switch("tasks", json!(tasks)).unwrap();
        bed.remote.switch("taskMillis", json!(100)).unwrap();
        bed.apply(&group("team", json!({ "members": [{ "email": "owner@example.com" }] })))
            .await;
        in_sync(&bed, "team").await;
        let id = remote(&bed, "team").unwrap()["id"].as_str().unwrap().to_owned();
        bed.sweeps(1).await;
        bed.remote.reset_requests();
        bed.remote
            .patch_state(json!({ "groups": { &id: { "name": "renamed-by-hand" } } }))
            .unwrap();
        bed.wait("LaunchpadGroup", "team", "Ready=False/AcceptedButNotStored")
            .await;
        bed.sweeps(3).await;
        assert_eq!(bed.remote.writes(), 1, "{tasks}: {:?}", bed.remote.requests().counts);
        assert!(bed.events("team", "Warning").await.len() <= 1);
        // Everything else of the group goes on.
        bed.apply(&group("team", json!({ "members": [] }))).await;
        bed.until("the withdrawal", || {
            let groups = bed.remote.state_at("/groups").unwrap();
            groups[&id]["users"] == json!([])
        })
        .await;
    };
    tokio::join!(renamed("normal"), renamed("none"));
}

in_memory!(an_empty_list_is_no_reason_to_make_or_to_forget_a_group);

/// A list that is empty although there are groups: absence is what a read of the id says, and nothing else.
async fn an_empty_list_is_no_reason_to_make_or_to_forget_a_group(ground: &Ground) {
    let bed = ground.launchpad("emptylist", &[]).await;
    bed.remote.switch("taskMillis", json!(100)).unwrap();
    for name in ["kept", "deleted"] {
        bed.apply(&group(name, json!({ "description": "Ours" }))).await;
        in_sync(&bed, name).await;
    }
    bed.sweeps(1).await;
    bed.remote.reset_requests();
    bed.remote.fault(json!({
        "match": { "operation": "L10" }, "times": 0, "fault": { "kind": "status", "status": 200, "body": [] },
    }));
    bed.sweeps(2).await;
    bed.namespace.delete("LaunchpadGroup", "deleted").await.unwrap();
    bed.namespace
        .wait_gone("LaunchpadGroup", "deleted", PATIENCE)
        .await
        .unwrap();
    assert_eq!(remote(&bed, "deleted"), None, "it was released and its group is left");
    bed.sweeps(1).await;
    assert_eq!(
        (bed.remote.count("L12"), bed.remote.count("L13")),
        (0, 0),
        "{:?}",
        bed.remote.requests().counts
    );
    in_sync(&bed, "kept").await;
}

in_memory!(a_url_without_the_version_is_said_to_lack_it);
async fn a_url_without_the_version_is_said_to_lack_it(ground: &Ground) {
    let bed = ground.start_for(Product::Launchpad, "noversion", &[], LOG).await;
    bed.give_credentials().await;
    let url = bed.remote.url().trim_end_matches("/v1").to_owned();
    bed.apply(&bed.connection_with(json!({ "url": url }))).await;
    let refused = |object: &Value| {
        let ready = &object["status"]["conditions"][0];
        ready["status"] == "False" && ["Invalid", "Rejected"].contains(&ready["reason"].as_str().unwrap_or_default())
    };
    let found = bed
        .namespace
        .wait_for("LaunchpadSpace", "space", refused, PATIENCE)
        .await;
    let message = message(&found.unwrap());
    assert!(message.contains("url") && message.contains("/v1"), "{message}");
}
