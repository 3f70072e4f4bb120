//! What is assumed of the Launchpad, both ways.

use std::time::Duration;

use serde_json::{Value, json};

use super::{group, in_sync, propagated, remote, take_scopes};
use crate::bed::PATIENCE;
use crate::ground::Ground;

in_memory!(rights_that_differ_on_nodes_of_one_type_are_refused_before_a_write);
async fn rights_that_differ_on_nodes_of_one_type_are_refused_before_a_write(ground: &Ground) {
    for a43 in ["type", "accepted"] {
        let bed = ground.launchpad(&format!("a43-{a43}"), &[]).await;
        bed.remote.switch("A43", json!(a43)).unwrap();
        let node = json!({ "nodes": { "design-1": { "name": "design-1", "type": "design" } } });
        bed.remote.patch_state(node).unwrap();
        // The look under way may have read the nodes already.
        bed.sweeps(2).await;
        let differing = json!({ "nodes": [
            { "name": "design-0", "permissions": { "mayCreateProjects": true } }, { "name": "design-1" },
        ] });
        bed.apply(&group("team", differing)).await;
        bed.wait("LaunchpadGroup", "team", "Ready=False/Invalid").await;
        let message = bed.message("LaunchpadGroup", "team").await;
        assert!(
            message.contains("design-0") && message.contains("design-1") && message.contains("mayCreateProjects"),
            "{message}"
        );
        assert_eq!(bed.remote.writes(), 0, "{a43}");
    }
}

in_memory!(a_launchpad_that_wants_the_same_on_all_nodes_says_so_in_its_own_words);
async fn a_launchpad_that_wants_the_same_on_all_nodes_says_so_in_its_own_words(ground: &Ground) {
    let bed = ground.launchpad("a43-field", &[]).await;
    bed.remote.switch("A43", json!("field")).unwrap();
    let differing = json!({ "nodes": [
        { "name": "design-0", "permissions": { "mayCreateProjects": true } }, { "name": "automation-0" },
    ] });
    bed.apply(&group("team", differing)).await;
    bed.wait("LaunchpadGroup", "team", "Ready=False/Rejected").await;
    assert!(bed.message("LaunchpadGroup", "team").await.contains("HTTP 422"));
    assert!(remote(&bed, "team").is_none());
    bed.remote.switch("A43", json!("type")).unwrap();
    in_sync(&bed, "team").await;
}

in_memory!(types_of_nodes_may_be_their_own_or_dataiku);
async fn types_of_nodes_may_be_their_own_or_dataiku(ground: &Ground) {
    for a42 in ["own", "dataiku"] {
        let bed = ground.launchpad(&format!("a42-{a42}"), &[]).await;
        bed.remote.switch("A42", json!(a42)).unwrap();
        bed.sweeps(2).await;
        let all = json!({ "nodeTypes": [{ "type": "dataiku", "permissions": { "mayCreateProjects": true } }] });
        bed.apply(&group("team", all)).await;
        in_sync(&bed, "team").await;
        let nodes = &remote(&bed, "team").unwrap()["dataikuPermissions"];
        for node in ["design-0", "automation-0", "deployer-0"] {
            assert_eq!(nodes[node]["mayCreateProjects"], true, "{a42}: {nodes}");
        }
        // A node that is added later is given access, too.
        let type_ = if a42 == "own" { "api" } else { "dataiku" };
        let node = json!({ "nodes": { "api-0": { "name": "api-0", "type": type_ } } });
        bed.remote.patch_state(node).unwrap();
        bed.until("access to the new node", || {
            remote(&bed, "team").unwrap()["dataikuPermissions"]["api-0"]["mayCreateProjects"] == true
        })
        .await;
    }
}

in_memory!(reads_that_lag_behind_a_write_lead_to_no_second_one);
async fn reads_that_lag_behind_a_write_lead_to_no_second_one(ground: &Ground) {
    let bed = ground.launchpad("a46", &[]).await;
    bed.remote.switch("A46", json!("propagated")).unwrap();
    bed.remote.switch("taskMillis", json!(4000)).unwrap();
    bed.apply(&group("team", json!({ "description": "Team" }))).await;
    let hidden = |object: &Value| {
        let conditions = object["status"]["conditions"].to_string();
        conditions.contains("Progressing") && conditions.contains("is running; not shown yet: create group")
    };
    bed.namespace
        .wait_for("LaunchpadGroup", "team", hidden, PATIENCE)
        .await
        .unwrap();
    in_sync(&bed, "team").await;
    bed.apply(&group("team", json!({ "description": "Changed" }))).await;
    in_sync(&bed, "team").await;
    assert_eq!(remote(&bed, "team").unwrap()["description"], "Changed");
    assert_eq!((bed.remote.count("L12"), bed.remote.count("L13")), (1, 1));
    bed.namespace.delete("LaunchpadGroup", "team").await.unwrap();
    bed.namespace
        .wait_gone("LaunchpadGroup", "team", PATIENCE)
        .await
        .unwrap();
    assert!(remote(&bed, "team").is_none());
}

in_cluster!(a_name_that_somebody_takes_at_the_same_moment_is_theirs);
async fn a_name_that_somebody_takes_at_the_same_moment_is_theirs(ground: &Ground) {
    for status in [409, 422, 400] {
        let bed = ground.launchpad(&format!("a47-{status}"), &[]).await;
        bed.remote.switch("A47", json!(status)).unwrap();
        let theirs = json!({ "groups": { "g9": {
            "id": "g9", "name": "team", "description": "Theirs", "launchpadPermissions": {}, "dataikuPermissions": {},
            "governPermissions": {},
        } } });
        bed.remote.fault(json!({
            "match": { "operation": "L12" }, "fault": { "kind": "edit", "when": "before", "patch": theirs },
        }));
        bed.apply(&group("team", json!({ "description": "Ours" }))).await;
        let object = bed.wait("LaunchpadGroup", "team", "Ready=False/AlreadyExists").await;
        assert_eq!(object["status"]["remote"].get("origin"), None);
        assert_eq!(remote(&bed, "team").unwrap()["description"], "Theirs", "{status}");
    }
}

in_cluster!(a_group_that_somebody_renames_is_still_ours);
async fn a_group_that_somebody_renames_is_still_ours(ground: &Ground) {
    for (a48, state) in [
        ("renamed", "Ready=True/InSync"),
        ("ignored", "Ready=False/AcceptedButNotStored"),
        ("refused", "Ready=False/Rejected"),
    ] {
        let bed = ground.launchpad(&format!("a48-{a48}"), &[]).await;
        bed.remote.switch("A48", json!(a48)).unwrap();
        bed.remote.switch("taskMillis", json!(100)).unwrap();
        bed.apply(&group("team", json!({}))).await;
        in_sync(&bed, "team").await;
        let id = remote(&bed, "team").unwrap()["id"].as_str().unwrap().to_owned();
        bed.remote
            .patch_state(json!({ "groups": { &id: { "name": "renamed-by-hand" } } }))
            .unwrap();
        bed.until("a write", || bed.remote.count("L13") > 0).await;
        bed.wait("LaunchpadGroup", "team", state).await;
        assert_eq!(bed.remote.count("L12"), 1, "{a48}: no second group");
        assert_eq!(remote(&bed, "team").is_some(), a48 == "renamed");
    }
}

in_memory!(the_scope_for_writing_groups_may_have_any_name);
async fn the_scope_for_writing_groups_may_have_any_name(ground: &Ground) {
    for a38 in ["write_groups", "write_users", "manage_groups"] {
        let bed = ground.launchpad(&format!("a38-{}", a38.replace('_', "-")), &[]).await;
        bed.remote.switch("A38", json!(a38)).unwrap();
        take_scopes(&bed, &["write_groups", "write_users", "manage_groups"]);
        bed.apply(&group("team", json!({}))).await;
        bed.wait("LaunchpadGroup", "team", "Ready=False/Forbidden").await;
        let message = bed.message("LaunchpadGroup", "team").await;
        assert!(
            message.contains("HTTP 403") && message.contains("lacks the right"),
            "{message}"
        );
        assert!(remote(&bed, "team").is_none());
        let pointer = format!("/apiKeys/{}/scopes", bed.remote.api_key_id());
        let mut scopes: Vec<String> = serde_json::from_value(bed.remote.state_at(&pointer).unwrap()).unwrap();
        scopes.push(a38.to_owned());
        bed.remote
            .patch_state(json!({ "apiKeys": { bed.remote.api_key_id(): { "scopes": scopes } } }))
            .unwrap();
        in_sync(&bed, "team").await;
    }
}

in_memory!(a_change_that_never_shows_is_not_written_without_end);
async fn a_change_that_never_shows_is_not_written_without_end(ground: &Ground) {
    let bed = ground.launchpad("a46-failing", &[]).await;
    bed.remote.switch("A46", json!("propagated")).unwrap();
    bed.remote.switch("taskMillis", json!(100)).unwrap();
    bed.apply(&group("team", json!({ "description": "before" }))).await;
    in_sync(&bed, "team").await;
    bed.remote.switch("tasks", json!("failing")).unwrap();
    bed.remote.reset_requests();
    bed.apply(&group("team", json!({ "description": "after" }))).await;
    bed.wait("LaunchpadGroup", "team", "Ready=False/Progressing").await;
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert!(
        (1..=2).contains(&bed.remote.count("L13")),
        "{:?}",
        bed.remote.requests().counts
    );
    bed.remote.switch("tasks", json!("normal")).unwrap();
    in_sync(&bed, "team").await;
}

in_memory!(a_group_that_is_not_shown_yet_is_deleted_once_it_is);
async fn a_group_that_is_not_shown_yet_is_deleted_once_it_is(ground: &Ground) {
    let bed = ground.launchpad("hidden", &[]).await;
    bed.remote.switch("A46", json!("propagated")).unwrap();
    bed.remote.switch("taskMillis", json!(6000)).unwrap();
    bed.apply(&group("team", json!({}))).await;
    bed.until("the create", || bed.remote.count("L12") == 1).await;
    propagated(&bed, "team", "False/Propagating").await;
    bed.namespace.delete("LaunchpadGroup", "team").await.unwrap();
    bed.namespace
        .wait_gone("LaunchpadGroup", "team", PATIENCE)
        .await
        .unwrap();
    assert!(remote(&bed, "team").is_none());
}
