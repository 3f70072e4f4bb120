//! Groups: requests sent, answers decoded, both forms of mappings.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use super::{answering, dss, permit};
use crate::dataiku::{
    document::Document,
    dss::groups::{GroupRecord, set_mapping},
};

fn document(value: &Value) -> Document {
    serde_json::from_str(&value.to_string()).unwrap()
}

fn mapped(record: &GroupRecord, mapping: &str) -> Vec<String> {
    record.mapping(mapping).unwrap().names()
}

fn print(document: &Document) -> Value {
    serde_json::to_value(document).unwrap()
}

#[test]
fn flags_are_every_boolean_but_admin() {
    let record = GroupRecord::from_document(&document(&json!({
        "name": "analysts", "description": "", "sourceType": "LDAP", "admin": true,
        "ldapGroupNames": ["cn=a", "cn=b"], "azureADGroupNames": null, "ssoGroupNames": "one, two,,three ",
        "canObtainAPITicketFromCookiesForGroupsRegex": "data_.*",
        "mayCreateProjects": true, "mayBrandNewThing": false, "count": 3, "nested": {"mayNot": true}, "text": "true",
    })))
    .unwrap();
    assert_eq!(
        (record.name.as_str(), record.admin, record.description.as_ref()),
        ("analysts", Some(true), None)
    );
    assert_eq!(
        record.permissions,
        [
            ("mayBrandNewThing".to_owned(), false),
            ("mayCreateProjects".to_owned(), true)
        ]
        .into()
    );
    assert_eq!(mapped(&record, "ldapGroupNames"), ["cn=a", "cn=b"]);
    assert_eq!(mapped(&record, "ssoGroupNames"), ["one", "two", "three"]);
    assert!(mapped(&record, "azureADGroupNames").is_empty() && mapped(&record, "customGroupNames").is_empty());
    assert_eq!(record.impersonatable_groups_regex.as_deref(), Some("data_.*"));
}

#[test]
fn a_flag_or_mapping_of_an_unexpected_shape_is_unknown_and_an_absent_one_is_not_given() {
    let odd = json!({"name": "a", "admin": "canary", "ldapGroupNames": {"canary": 1}, "ssoGroupNames": [7],
        "mayWrite": "yes", "mayRead": 1, "mayFly": null});
    let record = GroupRecord::from_document(&document(&odd)).unwrap();
    assert_eq!((record.admin, record.permission("admin")), (None, None));
    assert_eq!(
        (record.permission("mayWrite"), record.permission("mayRead")),
        (None, None)
    );
    assert_eq!(
        (record.permission("mayFly"), record.permission("mayNew")),
        (Some(false), Some(false))
    );
    assert!(record.mapping("ldapGroupNames").is_none() && record.mapping("ssoGroupNames").is_none());
    assert!(mapped(&record, "customGroupNames").is_empty());
    let unreadable: Vec<_> = record.unreadable.iter().collect();
    assert_eq!(unreadable, ["ldapGroupNames", "ssoGroupNames", "admin"]);
    assert!(!format!("{record:?}").contains("canary"));

    for unnamed in [json!({"admin": false}), json!({"name": ""}), json!({"name": 7})] {
        let error = GroupRecord::from_document(&document(&unnamed)).unwrap_err();
        assert_eq!(error.to_string(), "name: missing, or not of the expected shape");
    }
}

#[test]
fn a_mapping_is_set_in_the_form_the_document_has() {
    let names = ["a".to_owned(), "b".to_owned()];
    for (before, after) in [
        (json!({"ldapGroupNames": ["x"]}), json!({"ldapGroupNames": ["a", "b"]})),
        (json!({"ldapGroupNames": []}), json!({"ldapGroupNames": ["a", "b"]})),
        (json!({"ldapGroupNames": "x,y"}), json!({"ldapGroupNames": "a,b"})),
        (json!({"ldapGroupNames": ""}), json!({"ldapGroupNames": "a,b"})),
        (json!({"ldapGroupNames": null}), json!({"ldapGroupNames": ["a", "b"]})),
        (json!({}), json!({"ldapGroupNames": ["a", "b"]})),
        (
            json!({"ldapGroupNames": null, "ssoGroupNames": ""}),
            json!({"ldapGroupNames": "a,b", "ssoGroupNames": ""}),
        ),
    ] {
        let mut edited = document(&before);
        set_mapping(&mut edited, "ldapGroupNames", &names);
        assert_eq!(print(&edited), after);
        set_mapping(&mut edited, "ldapGroupNames", &[]);
        edited.set("name", "g");
        let record = GroupRecord::from_document(&edited).unwrap();
        assert!(mapped(&record, "ldapGroupNames").is_empty());
    }
}

#[test]
fn a_mapping_is_compared_in_the_form_that_the_node_uses() {
    let dn = || ["cn=analysts,ou=groups"].as_slice();
    let two = || ["cn=a,ou=g", "cn=b,ou=g"].as_slice();
    for (found, declared, holds) in [
        (json!(["a", "b"]), ["b", "a"].as_slice(), true),
        (json!(["a", "b", "a"]), ["a", "b"].as_slice(), true),
        (json!(["a"]), ["a", "b"].as_slice(), false),
        (json!(["cn=analysts,ou=groups"]), dn(), true),
        (json!(["cn=analysts", "ou=groups"]), dn(), false),
        (json!("cn=analysts,ou=groups"), dn(), true),
        (json!("cn=analysts, ou=groups"), dn(), true),
        (json!("cn=analysts"), dn(), false),
        (json!("cn=other,ou=groups"), dn(), false),
        (json!("cn=a,ou=g,cn=b,ou=g"), two(), true),
        (json!("cn=b,ou=g,cn=a,ou=g"), two(), true),
        (json!("cn=a,cn=b,ou=g"), two(), false),
        (json!("b, a"), ["a", "b"].as_slice(), true),
        (json!(""), [].as_slice(), true),
        (json!([]), [].as_slice(), true),
        (json!(null), [].as_slice(), true),
        (json!(null), ["a"].as_slice(), false),
        (json!("a"), [].as_slice(), false),
    ] {
        let declared: BTreeSet<String> = declared.iter().map(|name| (*name).to_owned()).collect();
        for mapping in [
            "ldapGroupNames",
            "azureADGroupNames",
            "ssoGroupNames",
            "customGroupNames",
        ] {
            let mut group = document(&json!({"name": "g", "ldapGroupNames": [], mapping: found}));
            let holds_now = |group: &Document| {
                let record = GroupRecord::from_document(group).unwrap();
                record.mapping(mapping).unwrap().holds(&declared)
            };
            assert_eq!(holds_now(&group), holds, "{mapping} {found} {declared:?}");
            set_mapping(&mut group, mapping, &declared.iter().cloned().collect::<Vec<_>>());
            assert!(holds_now(&group), "{mapping} {found} {declared:?}");
        }
    }
}

proptest! {
    #[test]
    fn what_is_set_in_a_mapping_is_held_by_it_in_either_form(
        declared in prop::collection::btree_set("[a-c=, ]{0,6}", 0..4),
        text in any::<bool>(),
    ) {
        let before = if text { json!("x") } else { json!(["x"]) };
        let mut group = document(&json!({"name": "g", "ssoGroupNames": before}));
        set_mapping(&mut group, "ssoGroupNames", &declared.iter().cloned().collect::<Vec<_>>());
        let record = GroupRecord::from_document(&group).unwrap();
        prop_assert!(record.mapping("ssoGroupNames").unwrap().holds(&declared));
    }
}

#[tokio::test]
async fn the_list_is_read_and_a_group_without_a_name_is_counted() {
    let body =
        json!([{"name": "a", "admin": true}, {"admin": true}, {"name": "b", "mayCreateProjects": true, "new": {}}]);
    let server = answering("GET", "/admin/groups/", ResponseTemplate::new(200).set_body_json(body)).await;
    let groups = dss(&server.uri()).groups().await.unwrap();
    assert_eq!(
        groups.items.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(),
        ["a", "b"]
    );
    assert_eq!((groups.unreadable, groups.is_complete()), (1, false));
}

#[tokio::test]
async fn a_creation_sends_three_keys() {
    let server = answering(
        "POST",
        "/admin/groups/",
        ResponseTemplate::new(200).set_body_string("ok"),
    )
    .await;
    let dss = dss(&server.uri());
    dss.create_group(permit(), "analysts", None, "LOCAL").await.unwrap();
    dss.create_group(permit(), "analysts", Some("All of them"), "LDAP")
        .await
        .unwrap();
    let received = server.received_requests().await.unwrap();
    let body = |index: usize| serde_json::from_slice::<Value>(&received[index].body).unwrap();
    assert_eq!(
        body(0),
        json!({"name": "analysts", "description": null, "sourceType": "LOCAL"})
    );
    assert_eq!(
        body(1),
        json!({"name": "analysts", "description": "All of them", "sourceType": "LDAP"})
    );
}

#[tokio::test]
async fn a_definition_is_read_replaced_and_deleted_by_name() {
    let text = r#"{"name":"a.b@c","mayNew": true,"x":1.0}"#;
    let server = answering(
        "GET",
        "/admin/groups/a.b%40c",
        ResponseTemplate::new(200).set_body_string(text),
    )
    .await;
    let client = dss(&server.uri());
    let mut definition = client.group("a.b@c").await.unwrap().unwrap();
    definition.set("admin", &false);

    let server = answering(
        "PUT",
        "/admin/groups/a.b%40c",
        ResponseTemplate::new(200).set_body_string("{}"),
    )
    .await;
    dss(&server.uri())
        .put_group(permit(), "a.b@c", &definition)
        .await
        .unwrap();
    let received = server.received_requests().await.unwrap();
    assert_eq!(
        received[0].body,
        br#"{"name":"a.b@c","mayNew":true,"x":1.0,"admin":false}"#
    );

    let server = answering("DELETE", "/admin/groups/a.b%40c", ResponseTemplate::new(200)).await;
    assert!(dss(&server.uri()).delete_group(permit(), "a.b@c").await.unwrap());
    assert!(!dss(&server.uri()).delete_group(permit(), "other").await.unwrap());
}
