//! Users one by one.

use serde_json::{Value, json};

use crate::client::{delete, dss, get, jane, post, put};

#[tokio::test]
async fn a_user_lives_from_create_to_delete() {
    let dss = dss().await;
    assert_eq!(post(&dss, "/admin/users/", jane()).await.0, 200);
    let (_, mut user) = get(&dss, "/admin/users/jane").await;
    assert_eq!(user["enabled"], true);
    assert_eq!(user.get("password"), None, "the password is never returned");
    assert_eq!(dss.state_at("/users/jane").unwrap()["password"], "s3cret!");

    user["enabled"] = json!(false);
    user["adminProperties"] = json!({"cost": "y"});
    user["future"] = json!({"kept": [1, 2]});
    assert_eq!(put(&dss, "/admin/users/jane", user.clone()).await.0, 200);
    assert_eq!(get(&dss, "/admin/users/jane").await.1, user);
    assert_eq!(
        dss.state_at("/users/jane/password").unwrap(),
        "s3cret!",
        "an absent password stays"
    );

    assert_eq!(delete(&dss, "/admin/users/jane?allowSelfDeletion=False").await.0, 200);
    assert_eq!(get(&dss, "/admin/users/jane").await.0, 404);
    assert_eq!((dss.count("D2"), dss.count("D3"), dss.writes()), (1, 3, 3));
}

#[tokio::test]
async fn a_put_replaces_the_whole_document() {
    let dss = dss().await;
    post(&dss, "/admin/users/", jane()).await;
    dss.patch_state(
        json!({"users": {"jane": {"adminProperties": {"a": "b"}, "secrets": [{"name": "s", "value": "v"}]}}}),
    )
    .unwrap();
    let body = json!({"displayName": "Jane", "userProfile": "READER", "login": "other", "creationDate": 1});
    assert_eq!(put(&dss, "/admin/users/jane", body).await.0, 200);
    let user = dss.state_at("/users/jane").unwrap();
    assert_eq!(user["login"], "jane");
    assert_ne!(user["creationDate"], 1);
    assert_eq!(user["enabled"], false, "an absent boolean is false");
    assert_eq!(
        (&user["groups"], &user["adminProperties"], &user["secrets"]),
        (&json!([]), &json!({}), &json!([]))
    );
}

#[tokio::test]
async fn a_create_is_refused_with_the_code_of_the_manual() {
    let dss = dss().await;
    post(&dss, "/admin/users/", jane()).await;
    let with = |key: &str, value: Value| {
        let mut body = jane();
        body["login"] = json!("john");
        body[key] = value;
        body
    };
    let cases = [
        (jane(), "ERR_SECURITY_USER_EXISTS"),
        (with("password", json!("1234")), "ERR_SECURITY_INVALID_NEW_PASSWORD"),
        (with("password", Value::Null), "ERR_SECURITY_INVALID_NEW_PASSWORD"),
        (with("login", json!("no spaces")), "ERR_SECURITY_CRUD_INVALID_SETTINGS"),
        (
            with("userProfile", json!("DATA_SCIENTIST")),
            "ERR_USER_ACTION_FORBIDDEN_BY_PROFILE",
        ),
    ];
    for (body, code) in cases {
        let (status, answer) = post(&dss, "/admin/users/", body).await;
        assert_eq!(status, 400);
        assert!(answer["detailedMessage"].as_str().unwrap().contains(code), "{answer}");
    }
    assert_eq!(dss.state_at("/users/john"), None);
}

#[tokio::test]
async fn a_secret_is_opaque_and_its_echo_keeps_it() {
    let dss = dss().await;
    post(&dss, "/admin/users/", jane()).await;
    let credentials = json!({"conn": {"type": "BASIC", "user": "u", "password": "clear"}});
    dss.patch_state(json!({"users": {"jane": {"credentials": credentials}}}))
        .unwrap();
    let (_, mut user) = get(&dss, "/admin/users/jane").await;
    assert!(
        user["credentials"]["conn"]["password"]
            .as_str()
            .unwrap()
            .starts_with("e:AES:")
    );
    assert_eq!(user["credentials"]["conn"]["user"], "u");
    user["secrets"] = json!([{"name": "new", "value": "text", "secret": true}]);
    put(&dss, "/admin/users/jane", user).await;
    let stored = dss.state_at("/users/jane").unwrap();
    assert_eq!(stored["credentials"], credentials);
    assert_eq!(stored["secrets"][0]["value"], "text");
}

#[tokio::test]
async fn a_human_edit_gets_the_usual_defaults() {
    let dss = dss().await;
    dss.patch_state(json!({"users": {"x": {"login": "x", "sourceType": "LOCAL_NO_AUTH"}}}))
        .unwrap();
    let (_, user) = get(&dss, "/admin/users/x").await;
    assert_eq!(
        (&user["displayName"], &user["userProfile"], &user["enabled"]),
        (&json!("x"), &json!("READER"), &json!(true))
    );
    assert!(dss.patch_state(json!({"users": {"y": {"groups": "readers"}}})).is_err());
    assert_eq!(dss.state_at("/users/y"), None);
}

#[tokio::test]
async fn a_list_has_settings_only_when_it_is_asked_for_them() {
    let dss = dss().await;
    for (query, has) in [
        ("", false),
        ("?includeSettings=False", false),
        ("?includeSettings=True", true),
    ] {
        let (_, listed) = get(&dss, &format!("/admin/users/{query}")).await;
        assert_eq!(listed[0].get("adminProperties").is_some(), has, "{query}");
    }
}

#[tokio::test]
async fn a_profile_is_a_word_in_the_licence() {
    let dss = dss().await;
    let mut user = jane();
    user["userProfile"] = json!("TECHNICAL_ACCOUNT");
    assert_eq!(post(&dss, "/admin/users/", user.clone()).await.0, 400);
    dss.patch_state(json!({"licensing": {"base": {"userProfiles": ["READER", "TECHNICAL_ACCOUNT"]}}}))
        .unwrap();
    assert_eq!(post(&dss, "/admin/users/", user).await.0, 200);
    let (_, user) = get(&dss, "/admin/users/jane").await;
    assert_eq!(user["resultingUserProfile"], "TECHNICAL_ACCOUNT");
}

#[tokio::test]
async fn a_user_comes_from_any_source_and_only_a_local_one_with_a_password() {
    let dss = dss().await;
    for source in ["LOCAL", "LDAP", "LOCAL_NO_AUTH", "SAAS", "PAM", "AZURE_AD", "CUSTOM"] {
        let mut user = jane();
        user["login"] = json!(source);
        user["sourceType"] = json!(source);
        assert_eq!(post(&dss, "/admin/users/", user).await.0, 200, "{source}");
        let stored = dss.state_at(&format!("/users/{source}")).unwrap();
        assert_eq!(stored["sourceType"], source);
        assert_eq!(stored.get("password").is_some(), source == "LOCAL", "{source}");
    }
}
