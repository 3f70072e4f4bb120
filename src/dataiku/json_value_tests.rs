//! Values: what is the same, and what a server may have made of it.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{all_resemble, canonical, is_same, resembles};

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_number_is_the_same_however_it_is_written() {
    for (one, other, same) in [
        ("5", "5.0", true),
        ("5", "0.5e1", true),
        ("0", "-0.0", true),
        ("-3", "-3.00", true),
        ("18446744073709551615", "18446744073709551615", true),
        ("1e300", "1e300", true),
        ("5", "5.5", false),
        ("5", r#""5""#, false),
        // One above what a float can tell apart.
        ("9007199254740993", "9007199254740992.0", false),
        ("18446744073709551615", "18446744073709551616", false),
        (
            r#"{"a": [1, {"b": 2.0}], "c": null}"#,
            r#"{"c": null, "a": [1.0, {"b": 2}]}"#,
            true,
        ),
        (r#"{"a": null}"#, "{}", false),
        ("[1, 2]", "[2, 1]", false),
    ] {
        assert_eq!(is_same(&parse(one), &parse(other)), same, "{one} {other}");
        assert_eq!(is_same(&parse(other), &parse(one)), same, "{other} {one}");
    }
}

#[test]
fn the_canonical_form_has_sorted_keys_and_whole_numbers() {
    let value = parse(r#"{"b": {"d": 1.0, "c": [2e2]}, "a": 0.5}"#);
    assert_eq!(canonical(&value).to_string(), r#"{"a":0.5,"b":{"c":[200],"d":1}}"#);
}

#[test]
fn a_rewritten_value_is_recognised() {
    let declared = json!({"type": "fieldValue", "fieldId": "risk", "operator": "gt", "value": 5, "not": null,
        "in": ["a", "b"], "deep": {"on": true, "off": false}});
    for stored in [
        json!({"type": "fieldValue", "fieldId": "risk", "operator": "gt", "value": 5.0, "in": ["a", "b"], "deep": {"on": true}}),
        json!({"type": "FIELDVALUE", "fieldId": " risk ", "operator": "GT", "value": "5.0", "not": [], "in": ["B", "a"],
            "deep": {"on": "True", "off": "", "more": 7}, "id": "c1"}),
        json!({"type": "fieldValue", "fieldId": "risk", "operator": "gt", "value": 5, "not": "filled in",
            "in": ["a", "b"], "deep": {"on": true, "off": null}}),
    ] {
        assert!(resembles(&declared, &stored), "{stored}");
    }
}

#[test]
fn another_value_is_not_recognised() {
    let declared = json!({"operator": "gt", "value": 5, "in": ["a", "b"], "on": true, "off": false});
    for (member, value) in [
        ("operator", json!("lt")),
        ("operator", json!(null)),
        ("value", json!(6)),
        ("value", json!("five")),
        ("value", json!([5])),
        ("in", json!(["a", "c"])),
        ("in", json!(["a", "b", "b"])),
        ("in", json!(["a", "a"])),
        ("on", json!(false)),
        ("off", json!(true)),
    ] {
        let mut stored = declared.clone();
        stored[member] = value;
        assert!(!resembles(&declared, &stored), "{stored}");
    }
    assert!(!resembles(&declared, &json!({})));
    assert!(!resembles(&json!(0), &json!(false)), "0 says something");
}

#[test]
fn each_element_has_a_counterpart_of_its_own() {
    let (wide, narrow) = (json!({"a": 1, "b": 2}), json!({"a": 1}));
    assert!(all_resemble(
        &[narrow.clone(), wide.clone()],
        &[wide.clone(), narrow.clone()]
    ));
    assert!(!all_resemble(
        &[wide.clone(), wide.clone()],
        &[wide.clone(), narrow.clone()]
    ));
    assert!(!all_resemble(std::slice::from_ref(&narrow), &[narrow.clone(), wide]));
    assert!(all_resemble(&[], &[]));
}

#[test]
fn a_value_made_to_be_expensive_is_given_up_on() {
    let nested = |leaf: i32| (0..12).fold(json!(leaf), |value, _| json!([value, value]));
    let began = std::time::Instant::now();
    assert!(!resembles(&nested(1), &nested(2)));
    assert!(began.elapsed() < std::time::Duration::from_secs(5));
    let long = |first: i32| (first..2000).map(|n| json!({"n": n})).collect::<Value>();
    assert!(
        resembles(&long(0), &rewritten_in_place(&long(0))),
        "in order, length costs little"
    );
    assert!(!resembles(&long(0), &long(1)));
    let deep = |leaf: i32| (0..100).fold(json!(leaf), |value, _| json!([value]));
    assert!(resembles(&deep(1), &deep(1)) && !resembles(&deep(1), &deep(2)));
}

/// Any value, with whole numbers that a float holds exactly.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-1000_i32..1000).prop_map(Value::from),
        "[a-cA-C ]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-c]", inner, 0..3).prop_map(|members| json!(members)),
        ]
    })
}

fn rewritten_in_place(list: &Value) -> Value {
    list.as_array().unwrap().iter().map(rewritten).collect()
}

/// What a server may make of a value.
fn rewritten(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(format!(" {:.1}", number.as_f64().unwrap())),
        Value::String(text) => json!(format!("  {}", text.to_uppercase())),
        Value::Array(items) => items.iter().rev().map(rewritten).collect(),
        Value::Object(members) => {
            let members = members.iter().filter(|(_, value)| !value.is_null());
            let mut members: serde_json::Map<_, _> =
                members.map(|(key, value)| (key.clone(), rewritten(value))).collect();
            members.insert("added".to_owned(), json!([1]));
            Value::Object(members)
        }
        Value::Null => Value::Null,
        Value::Bool(flag) => json!(flag.to_string()),
    }
}

proptest! {
    #[test]
    fn every_value_is_the_same_as_itself_and_resembles_itself(value in value()) {
        prop_assert!(is_same(&value, &value));
        prop_assert!(resembles(&value, &value));
        prop_assert_eq!(canonical(&canonical(&value)), canonical(&value));
    }

    #[test]
    fn being_the_same_is_symmetric_and_implies_resemblance(one in value(), other in value()) {
        let same = is_same(&one, &other);
        prop_assert_eq!(same, is_same(&other, &one));
        prop_assert!(!same || (resembles(&one, &other) && resembles(&other, &one)));
    }

    #[test]
    fn what_a_server_rewrote_is_recognised(value in value()) {
        prop_assert!(resembles(&value, &rewritten(&value)), "{value} {}", rewritten(&value));
    }
}
