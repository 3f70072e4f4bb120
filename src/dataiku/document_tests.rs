//! Documents: what is not edited stays as it came.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::Document;

fn parse(text: &str) -> Document {
    serde_json::from_str(text).unwrap()
}

fn print(document: &Document) -> String {
    serde_json::to_string(document).unwrap()
}

#[test]
fn numbers_escapes_and_inner_spaces_survive_an_edit_of_another_member() {
    let mut document =
        parse(r#"{"a": 1.50e0, "b":"\u00e9\/", "c": {"z" :1,"a": [1 ,2]}, "d":12345678901234567890123}"#);
    document.set("b", "new");
    assert_eq!(
        print(&document),
        r#"{"a":1.50e0,"b":"new","c":{"z" :1,"a": [1 ,2]},"d":12345678901234567890123}"#
    );
}

#[test]
fn a_nested_edit_leaves_its_neighbours_byte_for_byte() {
    let mut document = parse(r#"{"userProperties":{"cost" : 1.0,"team":"x"},"login":"a"}"#);
    let mut nested = document.nested("userProperties").unwrap().unwrap();
    nested.set("team", "y");
    document.set("userProperties", &nested);
    assert_eq!(
        print(&document),
        r#"{"userProperties":{"cost":1.0,"team":"y"},"login":"a"}"#
    );
}

#[test]
fn an_edited_list_keeps_the_other_elements_byte_for_byte() {
    let mut document = parse(r#"{"a":[ 1.0 , {"n" :2},3,"4"],"b":[]}"#);
    let keep = |value: &serde_json::Value| *value != 3;
    assert!(document.edit_list("a", keep, &["new"]).unwrap());
    assert_eq!(print(&document), r#"{"a":[1.0,{"n" :2},"4","new"],"b":[]}"#);
    assert!(!document.edit_list::<_, ()>("a", keep, &[]).unwrap());
    assert!(!document.edit_list::<_, ()>("none", keep, &[]).unwrap());
    assert!(document.edit_list("none", keep, &[1]).unwrap());
    let error = document.edit_list("a", |_: &f64| false, &[1]).unwrap_err();
    assert_eq!(error.to_string(), "a[1]: expected f64");
    assert_eq!(print(&document), r#"{"a":[1.0,{"n" :2},"4","new"],"b":[],"none":[1]}"#);
}

#[test]
fn null_and_absent_read_as_none_and_remove_tells_whether_it_was_there() {
    let mut document = parse(r#"{"email":null,"n":1}"#);
    assert_eq!(document.get::<String>("email").unwrap(), None);
    assert_eq!(document.get::<String>("none").unwrap(), None);
    assert!(document.nested("email").unwrap().is_none());
    assert_eq!(document.str("n"), None);
    assert!(document.contains("email"));
    assert!(document.remove("email") && !document.remove("email"));
    assert_eq!(document.keys().collect::<Vec<_>>(), ["n"]);
}

#[test]
fn an_error_names_the_member_and_never_its_value() {
    let document = parse(r#"{"groups":"hunter2, expected \"hunter2\"","list":["hunter2"]}"#);
    let error = document.get::<Vec<String>>("groups").unwrap_err();
    assert_eq!(error.to_string(), "groups: expected a sequence");
    let error = document.get::<BTreeMap<String, String>>("list").unwrap_err();
    assert_eq!(error.to_string(), "list: expected a map");
    assert!(!format!("{error:?}").contains("hunter2"));
}

#[test]
fn a_whole_document_is_read_with_the_path_of_what_is_wrong() {
    #[derive(Debug, Deserialize)]
    struct Wanted {
        #[allow(dead_code, reason = "read only through Debug")]
        login: String,
        #[allow(dead_code, reason = "read only through Debug")]
        groups: Option<Vec<String>>,
    }
    assert_eq!(parse(r#"{"login":"a","more":{}}"#).read::<Wanted>().unwrap().login, "a");
    let error = parse(r#"{"login":"a","groups":["x",{"secret":"hunter2"}]}"#)
        .read::<Wanted>()
        .unwrap_err();
    assert_eq!(error.to_string(), "groups[1]: expected a string");
    let error = parse("{}").read::<Wanted>().unwrap_err();
    assert_eq!(error.to_string(), "missing field `login`");
}

const SETTINGS: &str = r#"{"ldapSettings": {"enabled" : true,"n":1.50,"servers":[ 1 , 2]}, "a/b": {"c~d":1}, "none":null,"":{"":2},"text":"x"}"#;

#[test]
fn a_value_is_read_by_its_pointer() {
    let document = parse(SETTINGS);
    for (pointer, value) in [
        ("/ldapSettings/enabled", Some(json!(true))),
        ("/ldapSettings/servers", Some(json!([1, 2]))),
        (
            "/ldapSettings",
            Some(json!({"enabled": true, "n": 1.5, "servers": [1, 2]})),
        ),
        ("/a~1b/c~0d", Some(json!(1))),
        ("/none", Some(Value::Null)),
        ("//", Some(json!(2))),
        ("/none/deeper", None),
        ("/absent", None),
        ("/absent/deeper/still", None),
        ("/ldapSettings/absent", None),
    ] {
        assert_eq!(document.value_at(pointer).unwrap(), value, "{pointer}");
    }
    assert_eq!(document.value_at("").unwrap().unwrap()["text"], "x");
}

#[test]
fn a_value_is_read_as_it_is_written() {
    let document = parse(SETTINGS);
    for (pointer, text) in [
        ("/ldapSettings/n", Some("1.50")),
        ("/ldapSettings/servers", Some("[ 1 , 2]")),
        ("/none", Some("null")),
        ("/none/deeper", None),
        ("/absent", None),
    ] {
        let found = document.text_at(pointer).unwrap();
        assert_eq!(found.as_deref().map(RawValue::get), text, "{pointer}");
    }
    assert!(document.text_at("/text/deeper").is_err());
}

#[test]
fn a_pointer_that_leads_nowhere_is_refused_without_quoting_a_value() {
    let mut document = parse(SETTINGS);
    for (pointer, message) in [
        ("ldapSettings", "ldapSettings: not a JSON pointer (RFC 6901)"),
        ("/a~2b", "/a~2b: not a JSON pointer (RFC 6901)"),
        ("/text/deeper", "/text: not an object"),
        ("/ldapSettings/servers/0", "/ldapSettings/servers: not an object"),
        ("/ldapSettings/n/x/y", "/ldapSettings/n: not an object"),
        ("/a~1b/c~0d/x", "/a~1b/c~0d: not an object"),
    ] {
        assert_eq!(document.value_at(pointer).unwrap_err().to_string(), message);
        assert_eq!(document.set_at(pointer, &1).unwrap_err().to_string(), message);
        assert_eq!(document.remove_at(pointer).unwrap_err().to_string(), message);
    }
    let deep = document.set_at(&"/x".repeat(65), &1).unwrap_err();
    assert_eq!(deep.message, "more than 64 levels deep");
    let whole = "names the whole document and not a member";
    assert_eq!(document.set_at("", &1).unwrap_err().message, whole);
    assert_eq!(document.remove_at("").unwrap_err().message, whole);
    assert_eq!(print(&document), print(&parse(SETTINGS)));
}

#[test]
fn a_value_is_set_and_removed_by_its_pointer_and_its_neighbours_stay_byte_for_byte() {
    let mut document = parse(SETTINGS);
    document.set_at("/ldapSettings/enabled", &false).unwrap();
    document.set_at("/none/created/too", &json!({"x": 1})).unwrap();
    document.set_at("/a~1b/new~0", "v").unwrap();
    assert!(document.remove_at("//").unwrap());
    assert!(!document.remove_at("/ldapSettings/absent").unwrap());
    assert!(!document.remove_at("/absent/deeper").unwrap());
    assert_eq!(
        print(&document),
        concat!(
            r#"{"ldapSettings":{"enabled":false,"n":1.50,"servers":[ 1 , 2]},"a/b":{"c~d":1,"new~":"v"},"#,
            r#""none":{"created":{"too":{"x":1}}},"":{},"text":"x"}"#
        )
    );
}

/// Any JSON text, with the freedoms a server has: spaces, exponents, escapes.
fn json_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?",
        "[ -!#-\\[\\]-~\u{e0}-\u{ff}]{0,12}".prop_map(|text| format!("\"{text}\"")),
        Just(r#""\u0041\/\n\ud83d\ude00""#.to_owned()),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[ {}]", items.join(" ,"))),
            prop::collection::vec(("[a-z]{1,3}", inner), 0..4).prop_map(|members| {
                let members: Vec<_> = members
                    .iter()
                    .map(|(key, value)| format!("\"{key}\" : {value}"))
                    .collect();
                format!("{{ {} }}", members.join(",\n"))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_not_edited_is_echoed_byte_for_byte(
        members in prop::collection::btree_map("[a-zA-Z]{1,8}", json_text(), 0..8),
        edited in "[a-zA-Z]{1,8}",
    ) {
        let text: Vec<_> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        let mut document = parse(&format!("{{{}}}", text.join(",")));
        document.set(&edited, &true);
        let mut expected: Vec<_> = members.iter().map(|(key, value)| {
            if *key == edited { format!("\"{key}\":true") } else { format!("\"{key}\":{value}") }
        }).collect();
        if !members.contains_key(&edited) {
            expected.push(format!("\"{edited}\":true"));
        }
        prop_assert_eq!(print(&document), format!("{{{}}}", expected.join(",")));
    }
    #[test]
    fn an_edit_by_pointer_leaves_every_neighbour_at_every_depth_byte_for_byte(
        before in prop::collection::vec((json_text(), json_text()), 1..5),
        edited in json_text(),
        removes in any::<bool>(),
    ) {
        // Each level has a neighbour on both sides of the member that leads on.
        let around = |inner: Option<String>| before.iter().rev().fold(inner, |inner, (left, right)| {
            let inner = inner.map(|inner| format!("\"in\":{inner},")).unwrap_or_default();
            Some(format!("{{\"left\":{left},{inner}\"right\":{right}}}"))
        }).unwrap();
        let pointer = "/in".repeat(before.len());
        let mut document = parse(&around(Some(edited)));
        if removes {
            prop_assert!(document.remove_at(&pointer).unwrap());
            prop_assert_eq!(print(&document), around(None));
        } else {
            document.set_at(&pointer, &7).unwrap();
            prop_assert_eq!(document.value_at(&pointer).unwrap(), Some(json!(7)));
            prop_assert_eq!(print(&document), around(Some("7".to_owned())));
        }
    }
}
