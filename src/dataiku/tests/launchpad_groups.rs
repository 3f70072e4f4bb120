//! Groups of a space: requests sent, answers decoded.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use super::{always, answering_at, doubtful, json_text, launchpad, only_request, permit};
use crate::dataiku::{
    document::Document,
    error::ErrorKind,
    launchpad::{
        groups::{GroupRecord, Member, new_group},
        tasks::Deleted,
    },
};

const SPACE: &str = "/v1/spaces/space%2F1";

/// A group with the freedoms of a server: spaces, exponents, nested rights, keys that nobody knows.
const DOCUMENT: &str = r#"{ "id": "g1", "name": "analytics-team", "description": "All of them",
  "launchpadPermissions": {"mayTurnOnSpace": true},
  "dataikuPermissions": {"design-0": {"mayCreateProjects" : true, "nested": {"mayRead": false}}, "automation-0": {}},
  "governPermissions": {"govern-0": {"isGovernArchitect": false}},
  "users": [{"id":"u1", "email":"a@b.c", "since": 1.0}], "newInNextRelease": [1 , 2] }"#;

fn parse(text: &str) -> Document {
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn all_groups_are_searched_for_without_names() {
    let body = format!(r#"[{DOCUMENT}, {{"id": "g2", "name": "designers", "users": null, "description": ""}}]"#);
    let at = format!("{SPACE}/groups/search");
    let server = answering_at("POST", &at, ResponseTemplate::new(200).set_body_string(body)).await;
    let groups = launchpad(&server.uri()).groups().await.unwrap();
    let (_, path, body) = only_request(&server).await;
    assert_eq!((path, body.as_str()), (at, r#"{"names":null}"#));

    let group = &groups.items[0];
    assert_eq!(*group, GroupRecord::from_document(&parse(DOCUMENT)).unwrap());
    assert_eq!((group.id.as_str(), group.name.as_str()), ("g1", "analytics-team"));
    assert_eq!(group.launchpad_permissions.as_ref().unwrap()["mayTurnOnSpace"], true);
    let nodes = group.dataiku_permissions.as_ref().unwrap();
    assert_eq!(nodes["design-0"]["nested"], json!({"mayRead": false}));
    assert!(nodes["automation-0"].is_empty());
    let nodes = group.govern_permissions.as_ref().unwrap();
    assert_eq!(nodes["govern-0"]["isGovernArchitect"], false);
    let member = Member {
        id: "u1".into(),
        email: "a@b.c".into(),
    };
    assert_eq!(group.users, Some(vec![member]));
    let second = &groups.items[1];
    assert_eq!((&second.description, &second.users), (&None, &Some(vec![])));
    assert_eq!(second.govern_permissions, Some(BTreeMap::new()));
}

#[tokio::test]
async fn a_group_is_searched_for_by_its_name_and_others_in_the_answer_are_left_out() {
    let answer = json!([{"id": "g1", "name": "Team"}, {"id": "g2", "name": "team"}, {"id": 3, "name": "team"}]);
    let at = format!("{SPACE}/groups/search");
    let server = answering_at("POST", &at, json_text(answer)).await;
    let found = launchpad(&server.uri()).groups_named("team").await.unwrap();
    let (_, _, body) = only_request(&server).await;
    assert_eq!(body, r#"{"names":["team"]}"#);
    let ids: Vec<_> = found.items.iter().map(|group| group.id.as_str()).collect();
    assert_eq!((ids, found.unreadable), (vec!["g2"], 1));
}

#[tokio::test]
async fn a_creation_sends_the_keys_of_the_vendors_client() {
    let answer = json!({"group": {"id": "g9", "name": "team", "users": []}, "taskId": "t1"});
    let server = answering_at("POST", &format!("{SPACE}/group"), json_text(answer)).await;
    let client = launchpad(&server.uri());
    let saved = client.create_group(permit(), &new_group("team", None)).await.unwrap();
    assert_eq!(saved.document.str("id").as_deref(), Some("g9"));
    assert_eq!(saved.task_id.as_deref(), Some("t1"));
    let (_, _, body) = only_request(&server).await;
    let none = r#""launchpadPermissions":{},"dataikuPermissions":{},"governPermissions":{}"#;
    assert_eq!(
        body,
        format!(r#"{{"id":null,"name":"team",{none},"description":null}}"#)
    );
    let described = serde_json::to_value(new_group("team", Some("All"))).unwrap();
    assert_eq!(described["description"], "All");
}

#[tokio::test]
async fn a_group_goes_back_byte_for_byte_but_for_what_was_edited() {
    let at = format!("{SPACE}/group/g1");
    let server = answering_at("GET", &at, ResponseTemplate::new(200).set_body_string(DOCUMENT)).await;
    let mut document = launchpad(&server.uri()).group("g1").await.unwrap().unwrap();
    let bob = Member {
        id: "u2".into(),
        email: "bob@b.c".into(),
    };
    assert!(document.edit_list("users", |_: &Member| true, &[bob]).unwrap());
    let mut nodes = document.nested("dataikuPermissions").unwrap().unwrap();
    nodes.set("automation-0", &json!({"mayCreateProjects": true}));
    document.set("dataikuPermissions", &nodes);

    let answer = format!(r#"{{"group": {DOCUMENT}}}"#);
    let server = answering_at("PUT", &at, ResponseTemplate::new(200).set_body_string(answer)).await;
    let saved = launchpad(&server.uri())
        .put_group(permit(), "g1", &document)
        .await
        .unwrap();
    assert_eq!((saved.task_id, saved.document.str("id").as_deref()), (None, Some("g1")));
    let (_, _, body) = only_request(&server).await;
    let expected = concat!(
        r#"{"id":"g1","name":"analytics-team","description":"All of them","launchpadPermissions":{"mayTurnOnSpace": true},"#,
        r#""dataikuPermissions":{"design-0":{"mayCreateProjects" : true, "nested": {"mayRead": false}},"#,
        r#""automation-0":{"mayCreateProjects":true}},"governPermissions":{"govern-0": {"isGovernArchitect": false}},"#,
        r#""users":[{"id":"u1", "email":"a@b.c", "since": 1.0},{"id":"u2","email":"bob@b.c"}],"newInNextRelease":[1 , 2]}"#,
    );
    assert_eq!(body, expected);
}

#[tokio::test]
async fn an_answer_without_the_group_is_no_answer() {
    let at = format!("{SPACE}/group/g1");
    let server = answering_at("PUT", &at, json_text(json!({"taskId": "t1"}))).await;
    let error = launchpad(&server.uri())
        .put_group(permit(), "g1", &parse(DOCUMENT))
        .await
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        "PUT /spaces/{space}/group/{group}: HTTP 200: at .: missing field `group`"
    );
}

#[tokio::test]
async fn a_deletion_tells_whether_there_was_a_group_and_which_task_follows() {
    let deleted = |found, task_id: Option<&str>| Deleted {
        found,
        task_id: task_id.map(Into::into),
    };
    for (answer, expected) in [
        (ResponseTemplate::new(204), deleted(true, None)),
        (json_text(json!({})), deleted(true, None)),
        (json_text(json!({"taskId": null})), deleted(true, None)),
        (json_text(json!({"taskId": "t1"})), deleted(true, Some("t1"))),
        (
            ResponseTemplate::new(404).set_body_json(json!({"message": "none"})),
            deleted(false, None),
        ),
    ] {
        let server = answering_at("DELETE", &format!("{SPACE}/group/g1"), answer).await;
        assert_eq!(
            launchpad(&server.uri()).delete_group(permit(), "g1").await.unwrap(),
            expected
        );
        let (verb, _, body) = only_request(&server).await;
        assert_eq!((verb.as_str(), body.as_str()), ("DELETE", ""));
    }
}

#[tokio::test]
async fn a_404_is_believed_only_if_the_list_bears_it_out() {
    for (listed, absent) in [("g1", false), ("g2", true)] {
        let list = json!([{"id": listed, "name": "a", "email": "a@b.c"}]);
        let (at, search) = (format!("{SPACE}/group/g1"), format!("{SPACE}/groups/search"));
        let server = doubtful(&at, "POST", &search, &list).await;
        let found = launchpad(&server.uri()).group("g1").await;
        assert_eq!(found.is_ok_and(|found| found.is_none()), absent);

        let (at, search) = (format!("{SPACE}/invite/g1"), format!("{SPACE}/invites/search"));
        let server = doubtful(&at, "POST", &search, &list).await;
        let found = launchpad(&server.uri()).invite("g1").await;
        assert_eq!(found.is_ok_and(|found| found.is_none()), absent);
    }
    let server = always(ResponseTemplate::new(404).set_body_json(json!({"message": "no such space"}))).await;
    let client = launchpad(&server.uri());
    assert!(client.group("g1").await.is_err(), "the list is not there either");
    assert!(
        client
            .put_group(permit(), "g1", &parse("{}"))
            .await
            .err()
            .unwrap()
            .is_not_found()
    );
}

#[tokio::test]
async fn a_refused_group_gives_the_places_that_are_wrong_and_a_taken_name_is_told() {
    let at = format!("{SPACE}/group");
    let refusal = |errors: Value| {
        ResponseTemplate::new(422)
            .set_body_json(json!({"code": 422, "status": "Unprocessable Entity", "errors": errors}))
    };
    for (answer, kind, message) in [
        (
            refusal(json!({"json": {"dataikuPermissions": {"design-9": ["Unknown node."]}}})),
            ErrorKind::Rejected,
            r#"{"dataikuPermissions":{"design-9":["Unknown node."]}}"#,
        ),
        (
            refusal(json!({"json": {"name": ["Group already exists."]}})),
            ErrorKind::AlreadyExists,
            r#"{"name":["Group already exists."]}"#,
        ),
        (
            ResponseTemplate::new(409).set_body_json(json!({"message": "taken"})),
            ErrorKind::AlreadyExists,
            "taken",
        ),
    ] {
        let server = answering_at("POST", &at, answer).await;
        let error = launchpad(&server.uri())
            .create_group(permit(), &new_group("team", None))
            .await;
        let error = error.err().unwrap();
        assert_eq!((error.kind, error.message.as_str()), (kind, message));
    }
}
