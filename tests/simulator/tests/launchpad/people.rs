//! Invites and users.

use serde_json::json;

use crate::client::{created, found, get, invite, joined, named, post, put, space};

#[tokio::test]
async fn an_invite_becomes_a_user_with_another_id() {
    let space = space().await;
    let designers = named(&space, "designers").await;
    let reference = json!({"id": designers["id"], "name": "designers"});
    let mut body = invite("Jane@Example.com", "reader");
    body["groups"] = json!([reference]);
    let (_, answer) = post(&space, "/invites", json!([body])).await;
    let sent = &answer["successes"][0];
    assert_eq!(
        (&sent["email"], &sent["groups"]),
        (&json!("Jane@Example.com"), &json!([reference]))
    );
    let id = sent["id"].as_str().unwrap();
    let (_, invite) = get(&space, &format!("/invite/{id}")).await;
    assert_eq!(&invite, sent);
    assert!(invite["createdOn"].as_str().unwrap().ends_with("+00:00"));
    assert_eq!(
        invite["createdOn"].as_str().unwrap().len(),
        "2026-03-01T10:20:30.123456+00:00".len()
    );

    let user = space
        .act("acceptInvite", &json!({"email": "jane@example.com"}))
        .unwrap();
    assert_eq!(get(&space, &format!("/invite/{id}")).await.0, 404);
    assert_ne!(user["id"], id);
    assert_eq!(
        get(&space, &format!("/user/{}", user["id"].as_str().unwrap())).await.1,
        user
    );
    assert_eq!(user["profile"], json!({"name": "reader", "isTrial": false}));
    assert_eq!(
        (&user["isOwner"], &user["adminProperties"]),
        (&json!(false), &json!({}))
    );
    let members = named(&space, "designers").await["users"].clone();
    assert_eq!(members, json!([{"id": user["id"], "email": "Jane@Example.com"}]));
    assert!(
        space
            .act("acceptInvite", &json!({"email": "jane@example.com"}))
            .is_err()
    );
}

#[tokio::test]
async fn null_finds_everything_and_a_name_its_bearer() {
    let space = space().await;
    joined(&space, "jane@example.com").await;
    post(&space, "/invites", json!([invite("kim@example.com", "reader")])).await;
    for (path, name) in [
        ("/users/search", "emails"),
        ("/invites/search", "emails"),
        ("/groups/search", "names"),
    ] {
        let all = found(&space, path, json!({name: null})).await;
        assert!(!all.is_empty());
        assert_eq!(found(&space, path, json!({})).await, all);
        assert_eq!(
            found(&space, path, json!({name: ["nobody@example.com"]})).await.len(),
            0
        );
    }
}

#[tokio::test]
async fn a_put_replaces_a_user_and_leaves_what_the_server_decides() {
    let space = space().await;
    let user = joined(&space, "jane@example.com").await;
    let designers = named(&space, "designers").await;
    let mut body = user.clone();
    body["profile"] = json!({"name": "designer", "isTrial": true, "extra": 1});
    body["groups"] = json!([{"id": designers["id"], "name": "designers"}]);
    body["adminProperties"] = json!({"cost": {"centre": 7}});
    body["future"] = json!("kept");
    for (name, value) in [
        ("email", json!("x@y.z")),
        ("isOwner", json!(true)),
        ("createdOn", json!("never")),
    ] {
        body[name] = value;
    }
    let (status, answer) = put(&space, "/users", json!([body])).await;
    assert_eq!((status, &answer["errors"]), (200, &json!([])));
    let stored = found(&space, "/users/search", json!({"emails": ["jane@example.com"]}))
        .await
        .remove(0);
    assert_eq!(answer["successes"][0], stored);
    for name in ["id", "email", "isOwner", "createdOn"] {
        assert_eq!(stored[name], user[name]);
    }
    for name in ["profile", "groups", "adminProperties", "future"] {
        assert_eq!(stored[name], body[name]);
    }

    let bare = json!([{"id": user["id"], "profile": {"name": "designer"}}]);
    put(&space, "/users", bare).await;
    let stored = found(&space, "/users/search", json!({"emails": ["jane@example.com"]}))
        .await
        .remove(0);
    assert_eq!(
        stored["profile"],
        json!({"name": "designer", "isTrial": false}),
        "a trial ends when it is not named"
    );
    assert_eq!(
        (&stored["groups"], &stored["adminProperties"]),
        (&json!([]), &json!({}))
    );
    assert_eq!(stored.get("future"), None);
}

#[tokio::test]
async fn a_membership_is_seen_and_changed_from_both_sides() {
    let space = space().await;
    let user = joined(&space, "jane@example.com").await;
    let mut team = created(&space, "team").await;
    let path = format!("/group/{}", team["id"].as_str().unwrap());
    team["users"] = json!([{"id": user["id"], "email": "jane@example.com"}]);
    assert_eq!(
        put(&space, &path, team.clone()).await.1["group"]["users"],
        team["users"]
    );
    let mut seen = found(&space, "/users/search", json!({"emails": ["jane@example.com"]}))
        .await
        .remove(0);
    assert_eq!(seen["groups"], json!([{"id": team["id"], "name": "team"}]));
    seen["groups"] = json!([]);
    put(&space, "/users", json!([seen])).await;
    assert_eq!(get(&space, &path).await.1["users"], json!([]));
}
