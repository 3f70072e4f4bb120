//! Groups of a space: tasks that end later, people who are only invited, and what is assumed of the Launchpad.

use std::time::Duration;

use serde_json::{Value, json};
use testbed::simulator::Product;

use crate::bed::{Bed, LOG, PATIENCE, merged, object};

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

/// The rights that members have on the node, as the node has them.
fn on_node(bed: &Bed, name: &str) -> Option<Value> {
    bed.remote.state_at(&format!("/propagated/design-0/groups/{name}"))
}

fn invite(bed: &Bed, email: &str) {
    let invite = json!({ "id": "i1", "email": email, "profile": { "name": "reader" }, "groups": [],
        "createdOn": "2026-03-01T10:20:30.123456+00:00" });
    bed.remote.patch_state(json!({ "invites": { "i1": invite } })).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn ready_speaks_of_the_launchpad_and_propagated_of_the_nodes() {
    let bed = Bed::launchpad("propagates", &[]).await;
    bed.remote.switch("taskMillis", json!(6000)).unwrap();
    let spec = json!({ "nodes": [{ "name": "design-0", "permissions": { "mayCreateProjects": true } }] });
    bed.apply(&group("team", spec)).await;
    in_sync(&bed, "team").await;
    propagated(&bed, "team", "False/Propagating").await;
    assert_eq!(on_node(&bed, "team"), None);
    let object = propagated(&bed, "team", "True/Propagated").await;
    assert!(
        on_node(&bed, "team")
            .unwrap()
            .to_string()
            .contains("\"mayCreateProjects\":true")
    );
    assert_eq!(object["status"]["remote"]["propagation"]["phase"], "Succeeded");
    assert!(
        (1..=4).contains(&bed.remote.count("L17")),
        "{:?}",
        bed.remote.requests().counts
    );
    let asked = bed.remote.count("L17");
    bed.sweeps(2).await;
    assert_eq!(bed.remote.count("L17"), asked, "a task that is over is not asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_with_the_task() {
    let mut bed = Bed::launchpad("resumes", &[]).await;
    bed.remote.switch("taskMillis", json!(10_000)).unwrap();
    bed.apply(&group("team", json!({}))).await;
    let object = propagated(&bed, "team", "False/Propagating").await;
    let task = object["status"]["remote"]["propagation"]["taskId"].clone();
    bed.operator.terminate().await.unwrap();
    bed.operator.restart().await.unwrap();
    let object = propagated(&bed, "team", "True/Propagated").await;
    assert_eq!(object["status"]["remote"]["propagation"]["taskId"], task);
    assert_eq!(bed.remote.writes(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_fails_is_told_and_submitted_again() {
    let bed = Bed::launchpad("fails", &[]).await;
    bed.remote.switch("taskMillis", json!(100)).unwrap();
    bed.remote.switch("tasks", json!("failing")).unwrap();
    bed.apply(&group("team", json!({}))).await;
    propagated(&bed, "team", "False/PropagationFailed").await;
    in_sync(&bed, "team").await;
    bed.until("a second try", || bed.remote.count("L13") == 1).await;
    bed.remote.switch("tasks", json!("normal")).unwrap();
    let object = propagated(&bed, "team", "True/Propagated").await;
    let attempt = object["status"]["remote"]["propagation"]["attempt"].as_i64().unwrap();
    assert!((2..=3).contains(&attempt), "{attempt}");
    assert!(bed.remote.count("L13") <= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_space_is_a_state_and_holds_up_nothing() {
    let bed = Bed::launchpad("stopped", &["--propagation-deadline", "3s"]).await;
    bed.remote.switch("taskMillis", json!(100)).unwrap();
    bed.remote.switch("space", json!("stopped")).unwrap();
    bed.apply(&group("team", json!({}))).await;
    let object = propagated(&bed, "team", "False/PropagationTimeout").await;
    assert!(object["status"]["conditions"].to_string().contains("may be stopped"));
    in_sync(&bed, "team").await;
    bed.apply(&group("other", json!({ "description": "meanwhile" }))).await;
    in_sync(&bed, "other").await;
    let asked = bed.remote.count("L17");
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(
        bed.remote.count("L17") - asked <= 4,
        "{:?}",
        bed.remote.requests().counts
    );
    bed.remote.switch("space", json!("running")).unwrap();
    propagated(&bed, "team", "True/Propagated").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_differ_on_nodes_of_one_type_are_refused_before_a_write() {
    for a43 in ["type", "accepted"] {
        let bed = Bed::launchpad(&format!("a43-{a43}"), &[]).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_launchpad_that_wants_the_same_on_all_nodes_says_so_in_its_own_words() {
    let bed = Bed::launchpad("a43-field", &[]).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn types_of_nodes_may_be_their_own_or_dataiku() {
    for a42 in ["own", "dataiku"] {
        let bed = Bed::launchpad(&format!("a42-{a42}"), &[]).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_is_invited_has_the_group_before_and_after_they_accept() {
    for a39 in ["nothing", "everything"] {
        let bed = Bed::launchpad(&format!("invited-{a39}"), &[]).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn reads_that_lag_behind_a_write_lead_to_no_second_one() {
    let bed = Bed::launchpad("a46", &[]).await;
    bed.remote.switch("A46", json!("propagated")).unwrap();
    bed.remote.switch("taskMillis", json!(4000)).unwrap();
    bed.apply(&group("team", json!({ "description": "Team" }))).await;
    let hidden = |object: &Value| {
        let conditions = object["status"]["conditions"].to_string();
        conditions.contains("Progressing") && conditions.contains("is under way; not shown yet: create group")
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

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_somebody_takes_at_the_same_moment_is_theirs() {
    for status in [409, 422, 400] {
        let bed = Bed::launchpad(&format!("a47-{status}"), &[]).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_somebody_renames_is_still_ours() {
    for (a48, state) in [
        ("renamed", "Ready=True/InSync"),
        ("ignored", "Ready=False/AcceptedButNotStored"),
        ("refused", "Ready=False/Rejected"),
    ] {
        let bed = Bed::launchpad(&format!("a48-{a48}"), &[]).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_default_group_is_adopted_and_left_at_deletion() {
    let bed = Bed::launchpad("default", &[]).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn scopes_that_the_key_lacks_are_named() {
    let bed = Bed::start_for(Product::Launchpad, "scopes", &[], LOG).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn the_scope_for_writing_groups_may_have_any_name() {
    for a38 in ["write_groups", "write_users", "manage_groups"] {
        let bed = Bed::launchpad(&format!("a38-{}", a38.replace('_', "-")), &[]).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn the_space_shows_its_seats_and_nodes() {
    let bed = Bed::launchpad("seats", &[]).await;
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
        json!({ "name": "designer", "trial": false, "totalSeats": 5, "usedSeats": 1 })
    );
    assert_eq!(status["users"], json!({ "total": 1, "invited": 0 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_task_makes_no_pass_spin_while_nothing_may_be_written() {
    let bed = Bed::launchpad("failedfrozen", &[]).await;
    bed.remote.switch("taskMillis", json!(100)).unwrap();
    bed.remote.switch("tasks", json!("failing")).unwrap();
    bed.apply(&group("team", json!({}))).await;
    propagated(&bed, "team", "False/PropagationFailed").await;
    bed.apply(&bed.connection_with(json!({ "freeze": true }))).await;
    bed.wait("LaunchpadSpace", "space", "Ready=True/InSync").await;
    bed.wait("LaunchpadGroup", "team", "Ready=False/Frozen").await;
    let writes = bed.remote.writes();
    let passes = || {
        let logs = bed.operator.logs();
        let passes = logs.lines().filter(|line| line.contains("\"message\":\"pass\""));
        passes
            .filter(|line| line.contains("\"kind\":\"LaunchpadGroup\""))
            .count()
    };
    let before = passes();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(passes() - before <= 12, "{} passes in 10 s", passes() - before);
    assert_eq!(bed.remote.writes(), writes);
    bed.remote.switch("tasks", json!("normal")).unwrap();
    bed.apply(&bed.connection_with(json!({ "freeze": false }))).await;
    propagated(&bed, "team", "True/Propagated").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_never_shows_is_not_written_without_end() {
    let bed = Bed::launchpad("a46-failing", &[]).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn another_group_of_the_same_name_stays_somebody_elses() {
    let bed = Bed::launchpad("another", &[]).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_not_shown_yet_is_deleted_once_it_is() {
    let bed = Bed::launchpad("hidden", &[]).await;
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
