//! Bad input of a space, one row for each: what people read in the condition.

use serde_json::json;

use super::rig::{Rig, condition};

#[tokio::test]
async fn bad_input_of_a_space_is_named_in_the_condition() {
    let rig = Rig::ready(&[]).await;
    let node = json!({ "nodes": { "design-1": { "name": "design-1", "type": "design" } } });
    rig.space.patch_state(node).unwrap();
    rig.swept().await;
    let create = json!({ "mayCreateProjects": true });
    let people = [
        (
            "email",
            json!({ "email": "jane@example" }),
            "Rejected",
            vec!["jane@example"],
        ),
        (
            "profile",
            json!({ "profile": { "name": "wizard" } }),
            "Invalid",
            vec!["wizard", "designer"],
        ),
        (
            "group",
            json!({ "groups": [{ "name": "nowhere" }] }),
            "DependencyNotReady",
            vec!["group nowhere"],
        ),
    ];
    for (name, spec, reason, words) in people {
        rig.user(name, spec);
        let object = rig.user_is(name, reason).await;
        let message = condition(&object, "Ready")["message"].as_str().unwrap().to_owned();
        for word in words {
            assert!(message.contains(word), "{name}: {message}");
        }
    }
    let groups = [
        (
            "differing",
            json!({ "nodes": [{ "name": "design-0", "permissions": create }, { "name": "design-1" }] }),
            "Invalid",
            vec!["design-0", "design-1", "mayCreateProjects"],
        ),
        (
            "no-node",
            json!({ "nodes": [{ "name": "nowhere-0", "permissions": create }] }),
            "DependencyNotReady",
            vec!["nowhere-0"],
        ),
        (
            "member",
            json!({ "members": [{ "email": "nobody@example.com" }] }),
            "DependencyNotReady",
            vec!["nobody@example.com"],
        ),
        // Rights of a Govern node, copied to one of another type.
        (
            "other-type",
            json!({ "nodes": [
                { "name": "govern-0", "permissions": { "isGovernArchitect": true } },
                { "name": "design-0", "permissionsFrom": "govern-0" },
            ] }),
            "Invalid",
            vec!["design-0", "govern-0"],
        ),
    ];
    for (name, spec, reason, words) in groups {
        rig.group(name, spec);
        let object = rig.group_is(name, reason).await;
        let message = condition(&object, "Ready")["message"].as_str().unwrap().to_owned();
        for word in words {
            assert!(message.contains(word), "{name}: {message}");
        }
    }
}

#[tokio::test]
async fn the_space_shows_how_its_nodes_are_where_the_api_tells() {
    let rig = Rig::ready(&[]).await;
    let nodes = || {
        let space = rig.server.get("launchpadspaces", "team", "prod");
        space["status"]["nodes"].as_array().cloned().unwrap_or_default()
    };
    rig.until("the nodes", || nodes().len() == 4).await;
    assert!(nodes().iter().all(|node| node.get("state").is_none()));
    rig.space.fault(json!({
        "match": { "operation": "L16" }, "times": 0, "fault": { "kind": "elements", "each": { "state": "running" } },
    }));
    rig.until("their states", || nodes().iter().all(|node| node["state"] == "running"))
        .await;
    rig.space.clear_faults();
    rig.until("no states", || nodes().iter().all(|node| node.get("state").is_none()))
        .await;
}
