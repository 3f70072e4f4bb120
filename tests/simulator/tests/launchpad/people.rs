//! Invites and users.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{created, delete, found, get, invite, joined, named, owner, post, put, space};

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

    space.switch("A51", json!("same")).unwrap();
    post(
        &space,
        "/invites",
        json!([crate::client::invite("kim@example.com", "reader")]),
    )
    .await;
    let id = found(&space, "/invites/search", json!({})).await[0]["id"].clone();
    assert_eq!(
        space.act("acceptInvite", &json!({"email": "kim@example.com"})).unwrap()["id"],
        id
    );
}

#[tokio::test]
async fn an_invite_goes_away_when_the_switch_says_so() {
    let space = space().await;
    post(&space, "/invites", json!([invite("jane@example.com", "reader")])).await;
    space.advance(Duration::from_hours(8 * 24));
    assert_eq!(found(&space, "/invites/search", json!({})).await.len(), 1);
    space.switch("inviteExpiry", json!("week")).unwrap();
    assert_eq!(found(&space, "/invites/search", json!({})).await, [] as [Value; 0]);
    assert!(
        space
            .act("acceptInvite", &json!({"email": "jane@example.com"}))
            .is_err()
    );
}

#[tokio::test]
async fn null_finds_everything_and_an_empty_list_what_the_switch_says() {
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
        assert_eq!(found(&space, path, json!({name: []})).await.len(), 0);
        space.switch("A39", json!("everything")).unwrap();
        assert_eq!(found(&space, path, json!({name: []})).await, all);
        space.switch("A39", json!("nothing")).unwrap();
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
async fn the_case_of_an_email_is_a_switch() {
    let space = space().await;
    joined(&space, "Jane@Example.com").await;
    let search = json!({"emails": ["jane@example.COM"]});
    assert_eq!(
        found(&space, "/users/search", search.clone()).await[0]["email"],
        "Jane@Example.com"
    );
    let again = json!([invite("jane@example.com", "reader")]);
    assert_eq!(
        post(&space, "/invites", again.clone()).await.1["errors"][0]["email"],
        "jane@example.com"
    );
    space.switch("A49", json!("sensitive")).unwrap();
    assert_eq!(found(&space, "/users/search", search).await.len(), 0);
    assert_eq!(post(&space, "/invites", again).await.1["errors"], json!([]));
    space.switch("A49", json!("lowercase")).unwrap();
    let (_, answer) = post(&space, "/invites", json!([invite("KIM@example.com", "reader")])).await;
    assert_eq!(
        answer["successes"][0]["email"], "KIM@example.com",
        "the client looks up what it sent"
    );
    let stored = found(&space, "/invites/search", json!({"emails": ["KIM@example.com"]})).await;
    assert_eq!(stored[0]["email"], "kim@example.com");
}

#[tokio::test]
async fn the_owner_is_protected_or_not() {
    let space = space().await;
    let owner = owner(&space).await;
    let administrators = named(&space, "space_administrators").await;
    let path = format!("/group/{}", administrators["id"].as_str().unwrap());
    let mut demoted = owner.clone();
    demoted["groups"] = json!([]);
    let mut without = administrators.clone();
    without["users"] = json!([]);
    let emails = json!({"emails": [owner["email"]]});

    assert_eq!(
        put(&space, "/users", json!([demoted])).await.1["errors"][0]["id"],
        owner["id"]
    );
    assert!(put(&space, &path, without.clone()).await.1["errors"]["json"]["users"].is_array());
    assert_eq!(delete(&space, &path, Value::Null).await.0, 422);
    assert_eq!(
        delete(&space, "/users", emails.clone()).await.1["errors"][0]["email"],
        owner["email"]
    );
    assert_eq!(crate::client::owner(&space).await, owner);

    space.switch("A41", json!("allowed")).unwrap();
    assert_eq!(put(&space, &path, without).await.0, 200);
    assert_eq!(put(&space, &path, administrators).await.0, 200);
    assert_eq!(put(&space, "/users", json!([demoted])).await.1["errors"], json!([]));
    assert_eq!(delete(&space, &path, Value::Null).await.0, 200);
    assert_eq!(delete(&space, "/users", emails).await.1["errors"], json!([]));
    assert_eq!(found(&space, "/users/search", json!({})).await.len(), 0);
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
