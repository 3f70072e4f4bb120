//! Keys, scopes and the shape of refusals.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::client::{get, group, invite, post, put, space};

#[tokio::test]
async fn a_key_is_its_id_with_its_secret_and_nothing_else() {
    let space = space().await;
    let url = format!("{}/spaces/{}/profiles", space.url(), space.space_id());
    assert!(space.url().ends_with("/v1"), "the version is part of the host");
    let get = || reqwest::Client::new().get(&url);
    let requests = [
        get(),
        get().basic_auth(space.api_key_id(), Some("wrong")),
        get().basic_auth(space.api_key_secret(), Some("")),
        get().bearer_auth(space.api_key_secret()),
    ];
    for request in requests {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 401);
        let body: Value = answer.json().await.unwrap();
        assert_eq!((&body["code"], &body["status"]), (&json!(401), &json!("Unauthorized")));
        assert!(body["message"].is_string());
    }
}

#[tokio::test]
async fn an_expired_key_is_no_key() {
    let space = space().await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() * 1000;
    let expires = |at: u64| json!({"apiKeys": {space.api_key_id(): {"expiresOn": at}}});
    space.patch_state(expires(now + 60_000)).unwrap();
    assert_eq!(get(&space, "/profiles").await.0, 200);
    space.advance(std::time::Duration::from_mins(2));
    assert_eq!(get(&space, "/profiles").await.0, 401);
}

#[tokio::test]
async fn each_operation_asks_for_its_scope_by_name() {
    let space = space().await;
    space
        .patch_state(json!({"apiKeys": {space.api_key_id(): {"scopes": []}}}))
        .unwrap();
    let filter = json!({});
    let calls = [
        (post(&space, "/invites/search", filter.clone()).await, "read_users"),
        (get(&space, "/invite/x").await, "read_users"),
        (post(&space, "/invites", json!([])).await, "write_users"),
        (put(&space, "/invites", json!([])).await, "write_users"),
        (
            crate::client::delete(&space, "/invites", filter.clone()).await,
            "write_users",
        ),
        (post(&space, "/users/search", filter.clone()).await, "read_users"),
        (get(&space, "/user/x").await, "read_users"),
        (put(&space, "/users", json!([])).await, "write_users"),
        (
            crate::client::delete(&space, "/users", filter.clone()).await,
            "write_users",
        ),
        (post(&space, "/groups/search", filter.clone()).await, "read_groups"),
        (get(&space, "/group/x").await, "read_groups"),
        (post(&space, "/group", group("x")).await, "write_groups"),
        (put(&space, "/group/x", group("x")).await, "write_groups"),
        (
            crate::client::delete(&space, "/group/x", Value::Null).await,
            "write_groups",
        ),
        (get(&space, "/profiles").await, "read_users"),
    ];
    for ((status, answer), scope) in calls {
        assert_eq!(status, 403, "{answer}");
        assert!(answer["message"].as_str().unwrap().ends_with(scope), "{answer}");
    }
    assert_eq!(post(&space, "/nodes/search", filter).await.0, 200);
    assert_eq!(get(&space, "/task/x").await.0, 404);
}

#[tokio::test]
async fn another_space_is_not_found() {
    let space = space().await;
    let url = format!("{}/spaces/other/profiles", space.url());
    let request = reqwest::Client::new().get(url);
    let answer = request
        .basic_auth(space.api_key_id(), Some(space.api_key_secret()))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 404);
}

#[tokio::test]
async fn a_wrong_body_is_told_by_part() {
    let space = space().await;
    let bad = || json!([invite("jane@example.com", "reader"), invite("not-an-email", "reader")]);
    let parts = json!({"1": {"email": ["Not a valid email address."]}});
    let (status, answer) = post(&space, "/invites", bad()).await;
    assert_eq!(status, 422);
    assert_eq!(
        answer,
        json!({"code": 422, "status": "Unprocessable Entity", "errors": {"json": parts}})
    );
    assert_eq!(
        space.state_at("/invites").unwrap(),
        json!({}),
        "a wrong item stops the batch before anything is done"
    );
}

#[tokio::test]
async fn wrong_shapes_are_refused() {
    let space = space().await;
    let person = |body: Value| json!([body]);
    let cases = [
        ("/invites", json!({}), "/_schema"),
        ("/invites", person(json!("x")), "/0/_schema"),
        ("/invites", person(json!({"email": "a@b.c"})), "/0/profile"),
        (
            "/invites",
            person(json!({"email": "a@b.c", "profile": {}})),
            "/0/profile/name",
        ),
        (
            "/invites",
            person(json!({"email": "a@b.c", "profile": {"name": "reader"}, "groups": ["x"]})),
            "/0/groups/0",
        ),
        ("/users/search", json!({"emails": "a@b.c"}), "/emails"),
        ("/users/search", json!({"emails": [1]}), "/emails/0"),
        ("/group", json!({"description": "no name"}), "/name"),
        (
            "/group",
            json!({"name": "x", "launchpadPermissions": []}),
            "/launchpadPermissions",
        ),
    ];
    for (path, body, place) in cases {
        let (status, answer) = post(&space, path, body).await;
        assert_eq!(status, 422, "{path} {answer}");
        assert!(answer["errors"]["json"].pointer(place).is_some(), "{place} {answer}");
    }
    let (status, answer) = post(&space, "/invites?failAllOnError=perhaps", json!([])).await;
    assert_eq!(status, 422);
    assert!(answer["errors"]["query"]["failAllOnError"].is_array());
}
