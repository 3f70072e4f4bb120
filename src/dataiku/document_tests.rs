//! Documents: what is not edited stays as it came.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;

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
}
