//! Groups and their rights.

use serde_json::{Value, json};
use simulator::Instance;

use crate::client::{call, created, delete, found, get, group, invite, joined, named, post, put, space};

fn path(group: &Value) -> String {
    format!("/group/{}", group["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_group_lives_from_create_to_delete() {
    let space = space().await;
    let user = joined(&space, "jane@example.com").await;
    let mut body = group("team");
    body["users"] = json!([{"id": user["id"], "email": "jane@example.com"}]);
    body["description"] = json!("They work");
    let (status, answer) = post(&space, "/group", body).await;
    assert_eq!(status, 200);
    let team = answer["group"].clone();
    assert!(answer["taskId"].is_string());
    assert_eq!(
        (&team["name"], &team["description"]),
        (&json!("team"), &json!("They work"))
    );
    assert_eq!(get(&space, &path(&team)).await, (200, team.clone()));
    assert_eq!(named(&space, "team").await, team);

    let reference = json!([{"id": team["id"], "name": "team"}]);
    let mut invited = invite("kim@example.com", "reader");
    invited["groups"] = reference.clone();
    post(&space, "/invites", json!([invited])).await;
    assert!(delete(&space, &path(&team), Value::Null).await.1["taskId"].is_string());
    for verb in [reqwest::Method::GET, reqwest::Method::PUT, reqwest::Method::DELETE] {
        assert_eq!(call(&space, verb, &path(&team), team.clone()).await.0, 404);
    }
    for list in ["/users/search", "/invites/search"] {
        let all = found(&space, list, json!({})).await;
        assert!(
            all.iter().all(|one| !one["groups"].to_string().contains("team")),
            "{all:?}"
        );
    }
    assert_eq!(delete(&space, &path(&team), Value::Null).await.0, 404);
}

#[tokio::test]
async fn the_server_fills_false_and_a_put_replaces_everything() {
    let space = space().await;
    let mut body = group("team");
    body["dataikuPermissions"] = json!({"design-0": {"mayCreateProjects": true, "mayFuture": {"a": true}}});
    body["governPermissions"] = json!({"govern-0": {}});
    let (_, answer) = post(&space, "/group", body).await;
    let team = &answer["group"];
    let design = &team["dataikuPermissions"]["design-0"];
    assert_eq!(
        (&design["mayCreateProjects"], &design["mayManageUDM"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(design["mayFuture"], json!({"a": true}), "names of rights are open");
    assert_eq!(
        team["governPermissions"],
        json!({"govern-0": {"isGovernArchitect": false}})
    );
    assert_eq!(team["launchpadPermissions"], json!({"mayTurnOnSpace": false}));
    let (_, answer) = put(
        &space,
        &path(team),
        json!({"name": "team", "dataikuPermissions": {"automation-0": {}}}),
    )
    .await;
    let changed = &answer["group"];
    assert_eq!(changed["governPermissions"], json!({}), "what is not sent is revoked");
    let nodes: Vec<&String> = changed["dataikuPermissions"].as_object().unwrap().keys().collect();
    assert_eq!(nodes, ["automation-0"]);
    assert_eq!(changed["description"], Value::Null);
}

#[tokio::test]
async fn rights_that_are_none_are_refused_by_place() {
    let space = space().await;
    let cases = [
        (
            json!({"launchpadPermissions": {"mayTurnOnSpace": "yes"}}),
            "/launchpadPermissions/mayTurnOnSpace",
        ),
        (
            json!({"dataikuPermissions": {"design-0": {"a": {"b": 1}}}}),
            "/dataikuPermissions/design-0/a",
        ),
        (
            json!({"dataikuPermissions": {"no-such-node": {}}}),
            "/dataikuPermissions/no-such-node",
        ),
        (
            json!({"dataikuPermissions": {"govern-0": {}}}),
            "/dataikuPermissions/govern-0",
        ),
        (
            json!({"governPermissions": {"design-0": {}}}),
            "/governPermissions/design-0",
        ),
        (json!({"users": [{"id": "nobody"}]}), "/users/0"),
    ];
    for (part, place) in cases {
        let mut body = group("team");
        body.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
        let (status, answer) = post(&space, "/group", body).await;
        assert_eq!(status, 422, "{place}");
        assert!(answer["errors"]["json"].pointer(place).is_some(), "{place} {answer}");
    }
    assert_eq!(
        found(&space, "/groups/search", json!({"names": ["team"]})).await.len(),
        0
    );
}

async fn with_rights(space: &Instance, name: &str, dataiku: Value) -> u16 {
    let mut body = group(name);
    body["dataikuPermissions"] = dataiku;
    post(space, "/group", body).await.0
}

#[tokio::test]
async fn rights_are_the_same_on_nodes_of_one_type_as_far_as_the_switch_goes() {
    let space = space().await;
    space
        .patch_state(json!({"nodes": {"design-1": {"type": "design"}}}))
        .unwrap();
    let one_type = || json!({"design-0": {"mayCreateProjects": true}, "design-1": {}});
    let one_field = || json!({"design-0": {"mayCreateProjects": true}, "automation-0": {}});
    assert_eq!(with_rights(&space, "a", one_type()).await, 422);
    assert_eq!(with_rights(&space, "b", one_field()).await, 200);
    assert_eq!(
        with_rights(
            &space,
            "c",
            json!({"design-0": {}, "design-1": {"mayManageUDM": false}})
        )
        .await,
        200
    );
    space.switch("A43", json!("field")).unwrap();
    assert_eq!(with_rights(&space, "d", one_field()).await, 422);
    space.switch("A43", json!("accepted")).unwrap();
    assert_eq!(with_rights(&space, "e", one_type()).await, 200);
}

#[tokio::test]
async fn the_name_of_another_group_is_refused_with_the_status_of_the_switch() {
    let space = space().await;
    let team = created(&space, "team").await;
    let (status, answer) = post(&space, "/group", group("team")).await;
    assert_eq!(status, 422);
    assert!(answer["errors"]["json"]["name"].is_array());
    space.switch("A47", json!(409)).unwrap();
    let (status, answer) = post(&space, "/group", group("team")).await;
    assert_eq!(status, 409);
    assert!(answer["message"].is_string());
    assert_eq!(put(&space, &path(&team), group("designers")).await.0, 409);
    assert_eq!(
        put(&space, &path(&team), group("team")).await.0,
        200,
        "a group may keep its own name"
    );
}

#[tokio::test]
async fn a_put_with_another_name_renames_or_does_not() {
    let space = space().await;
    let user = joined(&space, "jane@example.com").await;
    let mut team = created(&space, "team").await;
    team["users"] = json!([{"id": user["id"]}]);
    team["name"] = json!("crew");
    assert_eq!(put(&space, &path(&team), team.clone()).await.1["group"]["name"], "crew");
    let seen = found(&space, "/users/search", json!({"emails": ["jane@example.com"]})).await;
    assert_eq!(seen[0]["groups"], json!([{"id": team["id"], "name": "crew"}]));
    team["name"] = json!("squad");
    space.switch("A48", json!("ignored")).unwrap();
    assert_eq!(put(&space, &path(&team), team.clone()).await.1["group"]["name"], "crew");
    space.switch("A48", json!("refused")).unwrap();
    assert_eq!(put(&space, &path(&team), team.clone()).await.0, 422);
}
