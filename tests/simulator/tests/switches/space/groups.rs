//! Groups.

use serde_json::{Value, json};
use simulator::Instance;

use crate::answers::all;
use crate::cloud::{created, delete, found, get, group, named, owner, post, put};

answers! { launchpad: {
    "A41" the_demotion_and_deletion_of_the_owner { "refused" => [1, 422, 422, 1], "allowed" => [0, 200, 200, 0] }
    "A43" rights_that_differ_by_node {
        "type" => {"equal": 200, "one type": 422, "one field": 200},
        "field" => {"equal": 200, "one type": 422, "one field": 422},
        "accepted" => {"equal": 200, "one type": 200, "one field": 200},
    }
    "A47" the_name_of_another_group { 422 => [422, true, false], 409 => [409, false, true] }
    "repeatedMembers" a_user_who_is_twice_in_a_group { "once" => [200, 1], "refused" => [422, 0] }
    "A48" a_put_with_another_name { "renamed" => [200, "crew"], "ignored" => [200, "team"], "refused" => [422, "team"] }
} }

fn path(group: &Value) -> String {
    format!("/group/{}", group["id"].as_str().unwrap())
}

/// Errors of the demotion, statuses of the groups without the owner, errors of the deletion.
async fn the_demotion_and_deletion_of_the_owner(space: &Instance) -> Value {
    let mut owner = owner(space).await;
    let mut administrators = named(space, "space_administrators").await;
    let path = path(&administrators);
    administrators["users"] = json!([]);
    let emptied = put(space, &path, administrators).await.0;
    let edit = json!({"users": {owner["id"].as_str().unwrap(): {"groups": owner["groups"]}}});
    space.patch_state(edit).unwrap();
    owner["groups"] = json!([]);
    let errors = |answer: Value| answer["errors"].as_array().unwrap().len();
    let demoted = errors(put(space, "/users", json!([owner])).await.1);
    let deleted = delete(space, &path, Value::Null).await.0;
    let gone = errors(delete(space, "/users", json!({"emails": [owner["email"]]})).await.1);
    assert_eq!(found(space, "/users/search", json!({})).await.len(), gone);
    json!([demoted, emptied, deleted, gone])
}

async fn rights_that_differ_by_node(space: &Instance) -> Value {
    space
        .patch_state(json!({"nodes": {"design-1": {"type": "design"}}}))
        .unwrap();
    let with = async |name: &str, rights: Value| {
        let mut body = group(name);
        body["dataikuPermissions"] = rights;
        post(space, "/group", body).await.0
    };
    let some = json!({"mayCreateProjects": true});
    json!({
        "equal": with("a", json!({"design-0": {}, "design-1": {"mayManageUDM": false}})).await,
        "one type": with("b", json!({"design-0": some, "design-1": {}})).await,
        "one field": with("c", json!({"design-0": some, "automation-0": {}})).await,
    })
}

/// The status, whether the part is named under `errors.json`, whether there is a message.
async fn the_name_of_another_group(space: &Instance) -> Value {
    let team = created(space, "team").await;
    let (status, answer) = post(space, "/group", group("team")).await;
    let renamed = put(space, &path(&team), group("designers")).await.0;
    let parts = answer.pointer("/errors/json/name").is_some();
    json!([all([status, renamed]), parts, answer["message"].is_string()])
}

async fn a_put_with_another_name(space: &Instance) -> Value {
    let mut team = created(space, "team").await;
    team["name"] = json!("crew");
    let (status, _) = put(space, &path(&team), team.clone()).await;
    json!([status, get(space, &path(&team)).await.1["name"]])
}

/// The status, and how many members the group has then.
async fn a_user_who_is_twice_in_a_group(space: &Instance) -> Value {
    let mut team = created(space, "team").await;
    let owner = owner(space).await;
    team["users"] = json!([owner.clone(), {"email": owner["email"]}]);
    let status = put(space, &path(&team), team.clone()).await.0;
    let members = get(space, &path(&team)).await.1["users"].as_array().unwrap().len();
    json!([status, members])
}
