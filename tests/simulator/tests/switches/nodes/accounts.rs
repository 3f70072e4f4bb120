//! Users.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Instance, Product};

use super::{BULK, KEYS, USERS};
use crate::answers::all;
use crate::client::{call, call_as, get, jane, post, put};

const JANE: &str = "/admin/users/jane";

answers! { dss, govern: {
    "A7" a_map_in_a_bulk_edit { "replace" => {"b": "1"}, "merge" => {"a": "1", "b": "1"} }
    "A9" an_unknown_group_in_a_user_and_a_key { "accept" => 200, "refuse" => 400 }
    "A10" a_profile_without_a_licence { "refuse" => [400, null, null], "fallback" => [200, "DATA_SCIENTIST", "READER"] }
    "A14" secrets_as_an_administrator_reads_them { "opaque" => "opaque", "clear" => "clear" }
    "A15" an_empty_password { "refuse" => [400, "s3cret!"], "keep" => [200, "s3cret!"], "clear" => [200, ""] }
    "A50" another_case { "exact" => 404, "insensitive" => 200 }
    "cloud" writes_of_users { false => 200, true => 403 }
    "defaultGroup" the_groups_of_a_new_user { null => [[], []], "readers" => [["readers"], ["readers"]] }
    "names" the_names_of_a_new_user_and_a_new_group {
        "asSent" => [["admin", "Mixed.Case"], ["Mixed.Group"]], "lowercase" => [["admin", "mixed.case"], ["mixed.group"]],
    }
    "withholdEmails" an_email_for_everybody { false => "admin@example.com", true => "" }
} }

async fn a_map_in_a_bulk_edit(node: &Instance) -> Value {
    post(node, BULK, json!([jane()])).await;
    for key in ["a", "b"] {
        let edit = json!([{"login": "jane", "adminProperties": {key: "1"}}]);
        assert_eq!(put(node, BULK, edit).await.0, 200);
    }
    get(node, JANE).await.1["adminProperties"].clone()
}

async fn an_unknown_group_in_a_user_and_a_key(node: &Instance) -> Value {
    let mut user = jane();
    user["groups"] = json!(["nobody"]);
    let created = post(node, USERS, user).await.0;
    node.patch_state(json!({"users": {"john": {}}})).unwrap();
    let (_, mut john) = get(node, "/admin/users/john").await;
    john["groups"] = json!(["nobody"]);
    all([
        created,
        put(node, "/admin/users/john", john).await.0,
        post(node, KEYS, json!({"label": "k", "groups": ["nobody"]})).await.0,
    ])
}

async fn a_profile_without_a_licence(node: &Instance) -> Value {
    let mut user = jane();
    user["userProfile"] = json!("DATA_SCIENTIST");
    let created = post(node, USERS, user).await.0;
    let (_, user) = get(node, JANE).await;
    json!([created, user["userProfile"], user["resultingUserProfile"]])
}

async fn secrets_as_an_administrator_reads_them(node: &Instance) -> Value {
    node.patch_state(json!({"generalSettings": {"ldapSettings": {"bindPassword": "clear"}}}))
        .unwrap();
    let (_, settings) = get(node, "/admin/general-settings").await;
    let mut seen = vec![settings["ldapSettings"]["bindPassword"].clone()];
    if node.product() == Product::Dss {
        let credentials = json!({"conn": {"type": "BASIC", "user": "u", "password": "clear"}});
        let secrets = json!([{"name": "s", "value": "clear", "secret": true}]);
        node.patch_state(json!({"users": {"admin": {"credentials": credentials, "secrets": secrets}}}))
            .unwrap();
        let (_, user) = get(node, "/admin/users/admin").await;
        seen.push(user["credentials"]["conn"]["password"].clone());
        seen.push(user["secrets"][0]["value"].clone());
    }
    let forms = seen.iter().map(|secret| match secret.as_str().unwrap() {
        "clear" => "clear",
        text if text.starts_with("e:AES:") => "opaque",
        other => panic!("{other}"),
    });
    let forms: std::collections::BTreeSet<&str> = forms.collect();
    assert_eq!(forms.len(), 1, "{forms:?}");
    json!(forms.first())
}

async fn an_empty_password(node: &Instance) -> Value {
    post(node, USERS, jane()).await;
    let (_, mut user) = get(node, JANE).await;
    user["password"] = json!("");
    let status = put(node, JANE, user).await.0;
    json!([status, node.state_at("/users/jane/password")])
}

async fn another_case(node: &Instance) -> Value {
    all([
        get(node, "/admin/users/ADMIN").await.0,
        get(node, "/users/ADMIN").await.0,
        get(node, "/admin/groups/READERS").await.0,
    ])
}

async fn writes_of_users(node: &Instance) -> Value {
    let mut john = jane();
    john["login"] = json!("john");
    let body = json!({"displayName": "J", "userProfile": "READER"});
    all([
        post(node, USERS, jane()).await.0,
        put(node, "/admin/users/admin", body).await.0,
        post(node, BULK, json!([john])).await.0,
        put(node, BULK, json!([{"login": "john", "enabled": false}])).await.0,
        call(node, Method::DELETE, BULK, Some(json!(["john"]))).await.0,
    ])
}

async fn the_groups_of_a_new_user(node: &Instance) -> Value {
    let with = |login: &str| {
        let mut user = jane();
        user["login"] = json!(login);
        user["groups"] = json!([]);
        user
    };
    post(node, USERS, with("jane")).await;
    post(node, BULK, json!([with("john")])).await;
    let groups = async |login: &str| get(node, &format!("{USERS}{login}")).await.1["groups"].clone();
    json!([groups("jane").await, groups("john").await])
}

async fn the_names_of_a_new_user_and_a_new_group(node: &Instance) -> Value {
    let mut user = jane();
    user["login"] = json!("Mixed.Case");
    assert_eq!(post(node, USERS, user).await.0, 200);
    assert_eq!(post(node, "/admin/groups", json!({"name": "Mixed.Group"})).await.0, 200);
    let keys = |part: &str| -> Vec<String> {
        node.state_at(part)
            .unwrap()
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect()
    };
    let groups = keys("/groups")
        .into_iter()
        .filter(|name| name.to_lowercase().starts_with("mixed"));
    json!([keys("/users"), groups.collect::<Vec<_>>()])
}

async fn an_email_for_everybody(node: &Instance) -> Value {
    let read = async |key, path| call_as(node, key, Method::GET, path, None).await.1;
    let key = node.non_admin_api_key();
    let card = read(key, "/users/admin").await;
    assert_eq!(read(key, "/users").await[0], card);
    assert_eq!(
        read(node.api_key(), "/users/admin").await["email"],
        "admin@example.com",
        "an administrator sees them"
    );
    card["email"].clone()
}
