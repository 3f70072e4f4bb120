//! Role assignments of Govern: requests sent, answers decoded, and a document that belongs to many.

use proptest::prelude::*;
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use super::{always, answering, govern, json_text, only_request, permit};
use crate::dataiku::{
    document::Document,
    error::ErrorKind,
    govern::{
        assignments::{AssignmentsRecord, add_rule, is_vacant, new_assignments, retain_rules, rules_of},
        rule::Rule,
    },
};

const LIST: &str = "/admin/blueprint-role-assignments";
const INITIATIVE: &str = "bp.system.business_initiative";
const PM: &str = "ro.project_manager";

/// A document with the freedoms of a server: spaces, exponents, keys that nobody knows, rules of other people.
const DOCUMENT: &str = r#"{ "blueprintId": "bp.system.business_initiative", "inheritBlueprintId": null,
  "inheritArtifactFieldId": null, "newInNextRelease": {"a" : [1.0 , 2]},
  "roleAssignmentsRules": {
    "ro.reader": [ { "userContainers": [ {"type":"group", "groupName":"readers"} ], "criteria": [{"kind" :"x","n":1.50}] } ],
    "ro.project_manager": [
      { "criteria": [], "fieldIds": [], "id": 7e0,
        "userContainers": [ {"type":"user","login":"jdoe"}, {"type":"group","groupName":"pms"} ] } ] } }"#;

fn parse(text: &str) -> Document {
    serde_json::from_str(text).unwrap()
}

fn print(document: &Document) -> String {
    serde_json::to_string(document).unwrap()
}

fn at(blueprint: &str) -> String {
    format!("{LIST}/{blueprint}")
}

#[tokio::test]
async fn the_list_gives_rules_by_role_and_what_is_missing_is_empty() {
    let body = format!(
        r#"[{DOCUMENT}, {{"blueprintId": "bp.b", "roleAssignmentsRules": {{}}}}, {{"blueprintId": "bp.c"}},
            {{"blueprintId": "bp.d", "roleAssignmentsRules": {{"ro.x": null, "ro.y": [{{}}]}}}}]"#
    );
    let server = answering("GET", LIST, ResponseTemplate::new(200).set_body_string(body)).await;
    let found = govern(&server.uri()).assignments().await.unwrap();
    let only = only_request(&server).await;
    assert_eq!(
        (only.0.as_str(), only.1.as_str()),
        ("GET", "/dip/publicapi/admin/blueprint-role-assignments")
    );
    let record = AssignmentsRecord::from_document(&parse(DOCUMENT)).unwrap();
    assert_eq!((&found.items[0], found.unreadable), (&record, 0));
    assert_eq!(record.blueprint_id, INITIATIVE);
    assert!(record.rules_of(PM).unwrap()[0].same_as(&Rule::granting(&["jdoe"], &["pms"])));
    let readers = record.rules_of("ro.reader").unwrap();
    assert_eq!(readers[0].criteria, [json!({"kind": "x", "n": 1.5})]);
    let roles = |index: usize| found.items[index].roles().collect::<Vec<_>>();
    assert!(roles(1).is_empty() && roles(2).is_empty());
    assert_eq!(found.items[2].rules_of("ro.x"), Some(&[] as &[Rule]));
    assert_eq!(found.items[3].rules_of("ro.x"), Some(&[] as &[Rule]));
    assert_eq!(found.items[3].rules_of("ro.y"), Some(&[Rule::default()] as &[Rule]));
}

#[tokio::test]
async fn a_rule_of_an_unexpected_shape_makes_the_rules_of_its_role_unknown_and_no_others() {
    let odd =
        json!({"blueprintId": "bp.a", "roleAssignmentsRules": {"ro.x": [{}, {"fieldIds": "canary"}], "ro.y": [{}]}});
    let body =
        json!([odd, {"blueprintId": "bp.b", "roleAssignmentsRules": [7]}, {"blueprintId": 7}, {"blueprintId": "bp.c"}]);
    let server = answering("GET", LIST, json_text(body)).await;
    let found = govern(&server.uri()).assignments().await.unwrap();
    assert_eq!((found.items.len(), found.unreadable), (3, 1));
    assert_eq!(found.items[0].rules_of("ro.x"), None);
    assert_eq!(found.items[0].rules_of("ro.y"), Some(&[Rule::default()] as &[Rule]));
    assert_eq!(found.items[1].rules_of("ro.y"), None);
    assert_eq!(found.items[2].rules_of("ro.y"), Some(&[] as &[Rule]));
}

#[tokio::test]
async fn a_document_is_read_edited_and_written_back_with_every_other_byte() {
    let server = always(ResponseTemplate::new(200).set_body_string(DOCUMENT)).await;
    let govern = govern(&server.uri());
    let mut document = govern.assignments_of(INITIATIVE).await.unwrap().unwrap();
    assert!(add_rule(&mut document, PM, &Rule::granting(&["bob"], &[])).unwrap());
    let stored = govern.put_assignments(permit(), INITIATIVE, &document).await.unwrap();
    assert_eq!(print(&stored), print(&parse(DOCUMENT)));

    let received = server.received_requests().await.unwrap();
    let path = format!("/dip/publicapi{}", at(INITIATIVE));
    for (request, verb) in received.iter().zip(["GET", "PUT"]) {
        assert_eq!((request.method.as_str(), request.url.path()), (verb, path.as_str()));
    }
    let expected = concat!(
        r#"{"blueprintId":"bp.system.business_initiative","inheritBlueprintId":null,"inheritArtifactFieldId":null,"#,
        r#""newInNextRelease":{"a" : [1.0 , 2]},"roleAssignmentsRules":{"#,
        r#""ro.reader":[ { "userContainers": [ {"type":"group", "groupName":"readers"} ], "criteria": [{"kind" :"x","n":1.50}] } ],"#,
        r#""ro.project_manager":[{ "criteria": [], "fieldIds": [], "id": 7e0,"#,
        "\n        ",
        r#""userContainers": [ {"type":"user","login":"jdoe"}, {"type":"group","groupName":"pms"} ] },"#,
        r#"{"criteria":[],"fieldIds":[],"userContainers":[{"login":"bob","type":"user"}]}]}}"#,
    );
    let body = std::str::from_utf8(&received[1].body).unwrap();
    // The order of keys within our own rule's containers is the JSON library's, and means nothing.
    let body = body.replace(r#"{"type":"user","login":"bob"}"#, r#"{"login":"bob","type":"user"}"#);
    assert_eq!(body, expected);
}

#[tokio::test]
async fn a_first_rule_is_posted_in_a_new_document() {
    let server = answering("POST", LIST, ResponseTemplate::new(200).set_body_string(DOCUMENT)).await;
    let mut document = new_assignments(INITIATIVE);
    assert_eq!(
        print(&document),
        r#"{"blueprintId":"bp.system.business_initiative","roleAssignmentsRules":{}}"#
    );
    add_rule(&mut document, PM, &Rule::granting(&[], &["pms"])).unwrap();
    let stored = govern(&server.uri())
        .create_assignments(permit(), &document)
        .await
        .unwrap();
    assert_eq!(stored.str("blueprintId").as_deref(), Some(INITIATIVE));
    let (_, path, body) = only_request(&server).await;
    assert_eq!(path, "/dip/publicapi/admin/blueprint-role-assignments");
    let rule = json!({"criteria": [], "fieldIds": [], "userContainers": [{"type": "group", "groupName": "pms"}]});
    let expected = json!({"blueprintId": INITIATIVE, "roleAssignmentsRules": {PM: [rule]}});
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), expected);
}

#[tokio::test]
async fn a_post_where_a_document_is_after_all_is_told_as_far_as_the_node_tells_it() {
    let java = "java.lang.IllegalArgumentException";
    for (status, message, kind) in [
        (
            400,
            "Role assignments already exist for blueprint",
            ErrorKind::AlreadyExists,
        ),
        (500, "Already exists", ErrorKind::AlreadyExists),
        (409, "conflict", ErrorKind::AlreadyExists),
        (400, "bad request", ErrorKind::Rejected),
        (500, "failed", ErrorKind::Unavailable),
        (403, "already exists, but not for you", ErrorKind::Forbidden),
    ] {
        let body = json!({"errorType": java, "message": message});
        let server = answering("POST", LIST, ResponseTemplate::new(status).set_body_json(body)).await;
        let error = govern(&server.uri())
            .create_assignments(permit(), &new_assignments("bp.a"))
            .await;
        let error = error.err().unwrap();
        assert_eq!((error.kind, error.message.as_str()), (kind, message));
    }
}

#[tokio::test]
async fn absence_of_a_document_is_an_answer_to_a_deletion_and_an_error_of_a_put() {
    let server = answering("DELETE", &at("bp.a"), ResponseTemplate::new(200)).await;
    let client = govern(&server.uri());
    assert!(client.delete_assignments(permit(), "bp.a").await.unwrap());
    assert!(!client.delete_assignments(permit(), "bp.b").await.unwrap());
    let put = client.put_assignments(permit(), "bp.b", &new_assignments("bp.b")).await;
    assert!(put.err().unwrap().is_not_found());
}

#[test]
fn a_rule_that_is_there_already_is_not_added_again() {
    let mut document = parse(DOCUMENT);
    let before = print(&document);
    let mut same = Rule::granting(&["jdoe"], &["pms"]);
    same.user_containers.reverse();
    assert!(!add_rule(&mut document, PM, &same).unwrap());
    assert!(!retain_rules(&mut document, PM, |_| true).unwrap());
    assert!(!retain_rules(&mut document, "ro.nobody", |_| false).unwrap());
    assert_eq!(print(&document), before);
    assert_eq!(rules_of(&document, PM).unwrap().len(), 1);
    assert!(rules_of(&document, "ro.nobody").unwrap().is_empty());
}

#[test]
fn a_document_is_vacant_only_when_nobody_loses_anything() {
    let mut document = new_assignments(INITIATIVE);
    assert!(is_vacant(&document).unwrap());
    let (ours, theirs) = (Rule::granting(&["bob"], &[]), Rule::granting(&["eve"], &[]));
    add_rule(&mut document, PM, &ours).unwrap();
    add_rule(&mut document, PM, &theirs).unwrap();
    assert!(retain_rules(&mut document, PM, |rule| !rule.same_as(&ours)).unwrap());
    assert_eq!(rules_of(&document, PM).unwrap(), [theirs]);
    assert!(!is_vacant(&document).unwrap());
    assert!(retain_rules(&mut document, PM, |_| false).unwrap());
    assert!(is_vacant(&document).unwrap());
    for (text, vacant) in [
        (r#"{"blueprintId":"a"}"#, true),
        (
            r#"{"blueprintId":"a","inheritBlueprintId":null,"roleAssignmentsRules":{"ro.x":[],"ro.y":null}}"#,
            true,
        ),
        (r#"{"blueprintId":"a","inheritBlueprintId":"bp.b"}"#, false),
        (r#"{"blueprintId":"a","somethingNew":{"b":1}}"#, false),
        (r#"{"blueprintId":"a","roleAssignmentsRules":{"ro.x":[{}]}}"#, false),
    ] {
        assert_eq!(is_vacant(&parse(text)).unwrap(), vacant, "{text}");
    }
}

#[test]
fn a_role_that_cannot_be_read_is_left_alone_and_named() {
    let text = r#"{"roleAssignmentsRules":{"ro.x":[{},"canary"],"ro.y":[]}}"#;
    let mut document = parse(text);
    let expected = "roleAssignmentsRules.ro.x";
    let rule = Rule::granting(&["bob"], &[]);
    for error in [
        rules_of(&document, "ro.x").unwrap_err(),
        add_rule(&mut document, "ro.x", &rule).unwrap_err(),
        retain_rules(&mut document, "ro.x", |_| false).unwrap_err(),
    ] {
        let error = error.to_string();
        assert!(error.starts_with(expected) && !error.contains("canary"), "{error}");
    }
    assert_eq!(print(&document), text);
    assert!(add_rule(&mut document, "ro.y", &rule).unwrap());
    assert!(is_vacant(&parse(r#"{"roleAssignmentsRules":[]}"#)).is_err());
}

proptest! {
    #[test]
    fn whatever_is_added_and_removed_leaves_the_rules_of_others_as_they_were(
        others in prop::collection::btree_map("ro\\.[a-d]", prop::collection::vec(("[a-z]{1,3}", any::<bool>()), 1..4), 0..4),
        ours in prop::collection::vec(("ro\\.[a-d]", "[A-Z]{1,3}"), 0..8),
    ) {
        let theirs = |role: &str, login: &str, extra: bool| {
            let extra = if extra { r#", "note" : "\u00e9""# } else { "" };
            format!(r#"{{ "userContainers" : [{{"type":"user","login":"{login}", "of":"{role}"}}]{extra}}}"#)
        };
        let roles: Vec<_> = others.iter().map(|(role, rules)| {
            let rules: Vec<_> = rules.iter().map(|(login, extra)| theirs(role, login, *extra)).collect();
            format!(r#""{role}":[{}]"#, rules.join(","))
        }).collect();
        let text = format!(r#"{{"blueprintId":"bp.a","roleAssignmentsRules":{{{}}}}}"#, roles.join(","));
        let mut document = parse(&text);
        for (role, login) in &ours {
            add_rule(&mut document, role, &Rule::granting(&[login], &[])).unwrap();
        }
        for (role, login) in &ours {
            let rule = Rule::granting(&[login], &[]);
            prop_assert!(rules_of(&document, role).unwrap().iter().filter(|found| found.same_as(&rule)).count() <= 1);
            retain_rules(&mut document, role, |found| !found.same_as(&rule)).unwrap();
        }
        prop_assert_eq!(print(&document), text);
    }
}
