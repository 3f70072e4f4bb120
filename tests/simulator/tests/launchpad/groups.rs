//! Groups and their rights.

use serde_json::{Value, json};

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

#[tokio::test]
async fn the_name_of_another_group_is_refused() {
    let space = space().await;
    let team = created(&space, "team").await;
    assert_eq!(post(&space, "/group", group("team")).await.0, 422);
    assert_eq!(put(&space, &path(&team), group("designers")).await.0, 422);
    let own = put(&space, &path(&team), group("team")).await;
    assert_eq!(own.0, 200, "a group may keep its own name");
}

#[tokio::test]
async fn members_see_the_new_name_of_a_group() {
    let space = space().await;
    let user = joined(&space, "jane@example.com").await;
    let mut team = created(&space, "team").await;
    team["users"] = json!([{"id": user["id"]}]);
    team["name"] = json!("crew");
    assert_eq!(put(&space, &path(&team), team.clone()).await.1["group"]["name"], "crew");
    let seen = found(&space, "/users/search", json!({"emails": ["jane@example.com"]})).await;
    assert_eq!(seen[0]["groups"], json!([{"id": team["id"], "name": "crew"}]));
}
