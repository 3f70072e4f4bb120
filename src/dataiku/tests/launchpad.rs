//! People, seats, nodes and tasks of a space: requests sent, answers decoded.

use std::collections::BTreeMap;

use serde_json::json;
use wiremock::ResponseTemplate;

use super::{answering_at, json_text, launchpad, only_request, permit};
use crate::dataiku::{
    fields::Unreadable,
    launchpad::{
        bulk::{BulkAnswer, BulkError, BulkItem},
        people::{GroupReference, InviteRecord, Profile, UserRecord},
        space::{NodeRecord, ProfileRecord},
        tasks::TaskState,
    },
};

const SPACE: &str = "/v1/spaces/space%2F1";

fn profile(name: &str, is_trial: Option<bool>) -> Profile {
    Profile {
        name: name.into(),
        is_trial,
    }
}

fn group(id: &str, name: &str) -> GroupReference {
    GroupReference {
        id: id.into(),
        name: name.into(),
    }
}

fn item(id: Option<&str>, email: Option<&str>) -> BulkItem {
    BulkItem {
        id: id.map(Into::into),
        email: email.map(Into::into),
    }
}

#[tokio::test]
async fn all_users_are_searched_for_without_emails() {
    let body = json!([
        {"id": "u1", "email": "Jane@B.c", "profile": {"name": "designer", "isTrial": true}, "isOwner": true,
         "groups": [{"id": "g1", "name": "team", "more": 1}], "createdOn": "2026-03-01T10:20:30.123456+00:00", "adminProperties": {"cost": {"centre": 7}}},
        {"id": "u2", "email": "bob@b.c", "profile": {"name": "reader"}, "groups": null, "isOwner": null},
        {"id": "u3", "email": "eve@b.c", "profile": null},
    ]);
    let at = format!("{SPACE}/users/search");
    let server = answering_at("POST", &at, json_text(body)).await;
    let users = launchpad(&server.uri()).users().await.unwrap();
    let jane = UserRecord {
        id: "u1".into(),
        email: "Jane@B.c".into(),
        profile: Some(profile("designer", Some(true))),
        is_owner: Some(true),
        groups: Some(vec![group("g1", "team")]),
        admin_properties: Some([("cost".to_owned(), json!({"centre": 7}))].into()),
        created_on: Some("2026-03-01T10:20:30.123456+00:00".into()),
        unreadable: Unreadable::default(),
    };
    let [first, second, third] = users.items.try_into().unwrap();
    assert_eq!(first, jane);
    assert_eq!(
        (second.profile, second.is_owner),
        (Some(profile("reader", None)), Some(false))
    );
    assert_eq!(
        (second.groups, second.admin_properties),
        (Some(vec![]), Some(BTreeMap::new()))
    );
    assert!(third.profile.is_none() && third.unreadable.is_empty());
    let (_, path, body) = only_request(&server).await;
    assert_eq!((path, body.as_str()), (at, r#"{"emails":null}"#));
}

#[tokio::test]
async fn invites_of_some_addresses_are_whole_documents_byte_for_byte() {
    let document =
        r#"{"id":"i1", "email" : "New@example.com","groups":[{"id":"g1","name":"a","since":1.0}],"future":[1 , 2]}"#;
    let at = format!("{SPACE}/invites/search");
    let body = format!("[{document}, 7, {{\"email\": \"x@y.z\"}}]");
    let server = answering_at("POST", &at, ResponseTemplate::new(200).set_body_string(body)).await;
    let found = launchpad(&server.uri())
        .invites_of(&["New@example.com", "x@y.z"])
        .await
        .unwrap();
    let (_, _, body) = only_request(&server).await;
    assert_eq!(body, r#"{"emails":["New@example.com","x@y.z"]}"#);
    assert_eq!((found.items.len(), found.unreadable), (1, 2));
    let sent = serde_json::to_string(&found.items[0]).unwrap();
    assert!(
        sent.contains(r#""groups":[{"id":"g1","name":"a","since":1.0}],"future":[1 , 2]"#),
        "{sent}"
    );
}

#[tokio::test]
async fn invites_are_searched_for_read_and_replaced_in_bulk() {
    let text =
        r#"{"id":"i1","email":"new@b.c","profile": {"name": "reader"},"groups":[{"id":"g1","name" :"team"}],"n":1.0}"#;
    let at = format!("{SPACE}/invites/search");
    let server = answering_at(
        "POST",
        &at,
        ResponseTemplate::new(200).set_body_string(format!("[{text}]")),
    )
    .await;
    let invites = launchpad(&server.uri()).invites().await.unwrap().items;
    let invite = InviteRecord {
        id: "i1".into(),
        email: "new@b.c".into(),
        profile: Some(profile("reader", None)),
        groups: Some(vec![group("g1", "team")]),
        created_on: None,
        unreadable: Unreadable::default(),
    };
    assert_eq!(invites, [invite]);
    assert_eq!(only_request(&server).await.2, r#"{"emails":null}"#);

    let at = format!("{SPACE}/invite/i1");
    let server = answering_at("GET", &at, ResponseTemplate::new(200).set_body_string(text)).await;
    let client = launchpad(&server.uri());
    let mut document = client.invite("i1").await.unwrap().unwrap();
    assert_eq!(InviteRecord::from_document(&document).unwrap(), invites[0]);

    document
        .edit_list("groups", |_: &GroupReference| true, &[group("g2", "more")])
        .unwrap();
    let answer = json!({"successes": [{"id": "i1", "email": "new@b.c"}], "errors": []});
    let server = answering_at("PUT", &format!("{SPACE}/invites"), json_text(answer)).await;
    let answer = launchpad(&server.uri())
        .put_invites(permit(), &[document])
        .await
        .unwrap();
    assert_eq!(answer.successes, [item(Some("i1"), Some("new@b.c"))]);
    assert!(answer.errors.is_empty() && answer.task_id.is_none());
    let (_, path, body) = only_request(&server).await;
    assert_eq!(path, format!("{SPACE}/invites?failAllOnError=false"));
    let groups = r#"[{"id":"g1","name" :"team"},{"id":"g2","name":"more"}]"#;
    let expected =
        format!(r#"[{{"id":"i1","email":"new@b.c","profile":{{"name": "reader"}},"groups":{groups},"n":1.0}}]"#);
    assert_eq!(body, expected);
}

#[tokio::test]
async fn a_bulk_answer_tells_what_became_of_each() {
    let body = json!({"taskId": "t1", "successes": [{"id": "i1", "groups": []}, {}], "errors": [
        {"email": "A@b.c", "message": "accepted  meanwhile"},
        {"id": "i3", "reason": "no seat left"},
        "something else",
    ]});
    let server = answering_at("PUT", &format!("{SPACE}/invites"), json_text(body)).await;
    let answer = launchpad(&server.uri()).put_invites(permit(), &[]).await.unwrap();
    let error = |item, message: &str| BulkError {
        item,
        message: message.into(),
    };
    let expected = BulkAnswer {
        successes: vec![item(Some("i1"), None), item(None, None)],
        errors: vec![
            error(item(None, Some("A@b.c")), "accepted meanwhile"),
            error(item(Some("i3"), None), r#"{"id":"i3","reason":"no seat left"}"#),
            error(item(None, None), "something else"),
        ],
        task_id: Some("t1".into()),
    };
    assert_eq!(answer, expected);
    assert!(answer.errors[0].item.is_about("i2", "a@B.c") && !answer.errors[0].item.is_about("i2", "b@b.c"));
    assert!(answer.errors[1].item.is_about("i3", "x") && !answer.errors[1].item.is_about("i2", "i3"));
    assert!(!answer.errors[2].item.is_about("i2", "a@b.c"));

    for missing in [json!({}), json!({"successes": null, "errors": null})] {
        let server = answering_at("PUT", &format!("{SPACE}/invites"), json_text(missing)).await;
        assert_eq!(
            launchpad(&server.uri()).put_invites(permit(), &[]).await.unwrap(),
            BulkAnswer::default()
        );
    }
}

#[tokio::test]
async fn seats_are_counted_per_profile() {
    let body = json!([
        {"name": "designer", "totalSeats": 5, "usedSeats": 3, "isTrial": false},
        {"name": "designer", "totalSeats": 1, "usedSeats": 2, "isTrial": true, "more": {}},
        {"name": "reader", "totalSeats": -1},
        {"name": "explorer", "totalSeats": "5", "usedSeats": 1},
        {"name": "explorer"},
    ]);
    let at = format!("{SPACE}/profiles");
    let server = answering_at("GET", &at, json_text(body)).await;
    let profiles = launchpad(&server.uri()).profiles().await.unwrap().items;
    let designer = ProfileRecord {
        name: "designer".into(),
        total_seats: Some(5),
        used_seats: Some(3),
        is_trial: Some(false),
    };
    assert_eq!(profiles[0], designer);
    let free: Vec<_> = profiles.iter().map(ProfileRecord::free_seats).collect();
    assert_eq!(free, [Some(2), Some(0), None, None, None]);
    assert_eq!((profiles[2].used_seats, profiles[3].total_seats), (Some(0), None));
    assert_eq!(only_request(&server).await, ("GET".into(), at, String::new()));
}

#[tokio::test]
async fn all_nodes_are_searched_for_without_a_type() {
    let body = json!([
        {"name": "design-0", "type": "design"}, {"name": "govern-0", "type": "govern", "state": "stopped"},
        {"name": "odd-0", "type": "design", "state": {"not": "a text"}},
    ]);
    let at = format!("{SPACE}/nodes/search");
    let server = answering_at("POST", &at, json_text(body)).await;
    let nodes = launchpad(&server.uri()).nodes().await.unwrap().items;
    let design = NodeRecord {
        state: None,
        name: "design-0".into(),
        type_: "design".into(),
    };
    assert_eq!(nodes[0], design);
    assert!(!nodes[0].is_govern() && nodes[1].is_govern());
    assert_eq!((nodes[1].state.as_deref(), &nodes[2].state), (Some("stopped"), &None));
    let (_, path, body) = only_request(&server).await;
    assert_eq!((path, body.as_str()), (at, r#"{"type":null}"#));
}

#[tokio::test]
async fn a_task_runs_ends_well_ends_badly_or_is_unknown() {
    let state = |ready, successful| Some(TaskState { ready, successful });
    for (body, expected) in [
        (
            json!({"ready": false, "successful": false, "result": null}),
            state(false, false),
        ),
        (json!({"ready": false}), state(false, false)),
        (
            json!({"ready": true, "successful": true, "result": {"any": [1]}}),
            state(true, true),
        ),
        (
            json!({"ready": true, "successful": false, "result": "text"}),
            state(true, false),
        ),
    ] {
        let server = answering_at("GET", &format!("{SPACE}/task/t1"), json_text(body)).await;
        let client = launchpad(&server.uri());
        assert_eq!(client.task("t1").await.unwrap(), expected);
        assert_eq!(client.task("forgotten").await.unwrap(), None);
    }
}
