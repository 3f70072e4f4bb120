use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::*;
use crate::dataiku::dip::users::UserRecord;

/// A document with a member that nobody knows and numbers that a parser would rewrite.
const FOUND: &str = r#"{"email":"old@x", "rank": 1.50, "groups":["a","b"],"on":true,"mayFly":true,"map":{"k" : 1e3},"later":{ "x":[1, 2] }}"#;

fn document() -> Document {
    serde_json::from_str(FOUND).unwrap()
}

fn record(list: &str, names: &[&str]) -> Applied {
    let names: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
    Applied {
        grants: [(list, names)].into_iter().collect(),
        ..Applied::default()
    }
}

/// What the plan does to the document: its steps, and the text of the document after it.
fn done(fields: Fields<'_>) -> (Vec<String>, String) {
    let mut document = document();
    let plan = fields.into_plan(|edit| edit);
    let steps = plan.changes.iter().flat_map(Edit::steps).collect();
    for edit in &plan.changes {
        edit.write(&mut document).unwrap();
    }
    (steps, serde_json::to_string(&document).unwrap())
}

fn names<'a>(
    declared: &[&'static str],
    exact: bool,
    found: &'a [String],
    known: &'a dyn Fn(&str) -> bool,
) -> Names<'a> {
    Names {
        at: "groups",
        noun: "group",
        declared: Some(declared.iter().copied().collect()),
        exact,
        found: Some(found),
        known,
    }
}

const SWITCH: Switch = Switch {
    at: "on",
    on: "enable",
    off: "disable",
    off_event: "Disabled",
};

fn found_groups() -> Vec<String> {
    vec!["a".to_owned(), "b".to_owned()]
}

fn unreadable(text: &str) -> Unreadable {
    let document = serde_json::from_str(text).unwrap();
    UserRecord::from_document(&document).unwrap().unreadable
}

#[test]
fn what_is_not_written_stays_byte_for_byte() {
    let (record, readable) = (Applied::default(), Unreadable::default());
    let map = BTreeMap::from([("k2".to_owned(), "v".to_owned())]);
    let found = BTreeMap::from([("k".to_owned(), json!(1000.0))]);
    let groups = found_groups();
    let fields = Fields::new(&record, &readable)
        .text("email", Some("new@x"), Some("old@x"))
        .switch(&SWITCH, Some(false), Some(true))
        .names(&names(&["b", "c"], true, &groups, &|_| true))
        .map("map", "property", Some(&map), Some(&found));
    let (steps, text) = done(fields);
    assert_eq!(
        steps,
        [
            "set email to new@x",
            "disable",
            "add to group c",
            "remove from group a",
            "set property k2"
        ]
    );
    assert_eq!(
        text,
        r#"{"email":"new@x","rank":1.50,"groups":["b","c"],"on":false,"mayFly":true,"map":{"k":1e3,"k2":"v"},"later":{ "x":[1, 2] }}"#
    );
}

#[test]
fn an_unset_field_and_an_equal_one_are_not_written() {
    let (record, readable) = (Applied::default(), Unreadable::default());
    let groups = found_groups();
    let map = BTreeMap::new();
    let fields = Fields::new(&record, &readable)
        .text("email", None, Some("old@x"))
        .text("note", Some(""), None)
        .switch(&SWITCH, None, Some(true))
        .names(&names(&["a"], false, &groups, &|_| true))
        .map("map", "property", Some(&map), None)
        .secret("password", "password", None);
    assert!(!fields.is_unknown());
    let plan = fields.into_plan(|edit| edit.steps());
    assert!(plan.changes.is_empty() && plan.waiting.is_empty());
    assert_eq!(plan.grants.list("groups"), ["a"]);
}

#[test]
fn a_text_is_cleared_in_words_of_its_own() {
    let (record, readable) = (Applied::default(), Unreadable::default());
    let fields = Fields::new(&record, &readable).text_as("email", "mail", Some(""), Some("old@x"));
    assert_eq!(done(fields).0, ["clear mail"]);
}

#[test]
fn only_recorded_names_are_withdrawn_and_unknown_ones_wait_without_being_granted() {
    let (record, readable) = (record("groups", &["a", "gone"]), Unreadable::default());
    let groups = found_groups();
    let fields =
        Fields::new(&record, &readable).names(&names(&["later", "c"], false, &groups, &|name| name != "later"));
    let plan = fields.into_plan(|edit| (edit.steps(), edit.withdraws()));
    let steps = ["add to group c", "remove from group a"].map(str::to_owned).to_vec();
    assert_eq!(plan.changes, [(steps, true)]);
    assert_eq!(plan.waiting, ["group later does not exist yet"]);
    assert_eq!(plan.grants.list("groups"), ["c"]);
}

#[test]
fn an_undeclared_list_is_left_alone_but_for_what_is_on_record() {
    let readable = Unreadable::default();
    let groups = found_groups();
    let undeclared = |record: &Applied| {
        let mut names = names(&[], true, &groups, &|_| true);
        names.declared = None;
        done(Fields::new(record, &readable).names(&names)).0
    };
    assert!(undeclared(&Applied::default()).is_empty());
    assert_eq!(undeclared(&record("groups", &["b"])), ["remove from group b"]);
}

#[test]
fn a_flag_on_record_that_is_not_declared_any_more_is_set_to_false() {
    let (record, readable) = (record("permissions", &["mayFly", "mayRun"]), Unreadable::default());
    let flags = Flags {
        list: "permissions",
        declared: BTreeMap::from([("mayRun", true), ("maySwim", false)]),
        found: &|flag| Some(flag == "mayFly"),
    };
    let plan = Fields::new(&record, &readable)
        .flags(&flags)
        .into_plan(|edit| (edit.steps(), edit.withdraws()));
    let steps = ["set mayFly to false", "set mayRun to true"]
        .map(str::to_owned)
        .to_vec();
    assert_eq!(plan.changes, [(steps, true)]);
    assert_eq!(plan.grants.list("permissions"), ["mayRun"]);
}

#[test]
fn an_unreadable_field_is_unknown_to_a_list_and_replaced_by_a_write() {
    let record = Applied::default();
    let odd = unreadable(r#"{"login":"j","email":7}"#);
    let fields = Fields::new(&record, &odd).text("email", Some(""), None);
    assert!(fields.is_unknown());
    assert_eq!(done(fields).0, ["clear email"]);
    let fields = Fields::new(&record, &odd).switch(&SWITCH, Some(true), None);
    assert!(fields.is_unknown());
    assert_eq!(done(fields).0, ["enable"]);
}

#[test]
fn a_list_or_map_that_is_unreadable_waits_and_holds_up_no_other_field() {
    let record = record("groups", &["a"]);
    let odd = unreadable(r#"{"login":"j","groups":[7],"userProperties":7}"#);
    let properties = BTreeMap::from([("k".to_owned(), "v".to_owned())]);
    let mut groups = names(&["b"], false, &[], &|_| true);
    groups.found = None;
    let fields = Fields::new(&record, &odd)
        .switch(&SWITCH, Some(false), Some(true))
        .names(&groups)
        .map("userProperties", "user property", Some(&properties), None);
    assert!(fields.is_unknown());
    let plan = fields.into_plan(|edit| edit.steps());
    assert_eq!(plan.changes, [["disable"]]);
    assert!(plan.deferred, "the record of the grant stays");
    assert_eq!(plan.waiting.len(), 2);
    assert!(
        plan.waiting[0].starts_with("groups cannot be changed"),
        "{:?}",
        plan.waiting
    );
}

#[test]
fn a_map_that_a_list_leaves_out_is_unknown_and_a_write_takes_it_for_empty() {
    let (record, readable) = (Applied::default(), Unreadable::default());
    let properties = BTreeMap::from([("k".to_owned(), "v".to_owned())]);
    let fields = Fields::new(&record, &readable).map("new", "property", Some(&properties), None);
    assert!(fields.is_unknown());
    assert!(done(fields).1.ends_with(r#","new":{"k":"v"}}"#));
}

#[test]
fn the_basis_depends_on_what_the_differing_fields_hold_and_on_nothing_else() {
    let (record, readable) = (Applied::default(), Unreadable::default());
    let basis = |email: &str, name: &str| {
        Fields::new(&record, &readable)
            .text("email", Some("new"), Some(email))
            .text("name", Some("same"), Some(name))
            .into_plan(|edit| edit)
            .basis
    };
    assert_eq!(basis("a", "same"), basis("a", "same"));
    assert_ne!(basis("a", "same"), basis("b", "same"));
    assert_ne!(basis("a", "same"), basis("a", "other"));
}

#[test]
fn an_edit_names_the_slots_of_its_secrets_and_its_event() {
    let (record, readable) = (Applied::default(), Unreadable::default());
    let password: SecretString = "hunter22".to_owned().into();
    let fields = Fields::new(&record, &readable)
        .switch(&SWITCH, Some(false), Some(true))
        .secret("password", "slot", Some(&password));
    let mut written = document();
    let plan = fields.into_plan(|edit| edit);
    let edit = &plan.changes[0];
    edit.write(&mut written).unwrap();
    assert_eq!(edit.steps(), ["disable", "set password"]);
    assert_eq!(
        (edit.slots(), edit.event()),
        (vec!["slot".to_owned()], Some("Disabled"))
    );
    assert_eq!(written.get::<Value>("password").unwrap(), Some(json!("hunter22")));
}

#[test]
fn what_only_takes_access_away_can_be_written_alone() {
    let (record, readable) = (Applied::default(), Unreadable::default());
    let found = found_groups();
    let known = |_: &str| true;
    let fields = || {
        Fields::new(&record, &readable)
            .text("email", Some("new@x"), Some("old@x"))
            .switch(&SWITCH, Some(false), Some(true))
            .names(&names(&["b", "c"], true, &found, &known))
    };
    let (steps, _) = done(fields());
    assert_eq!(
        steps,
        ["set email to new@x", "disable", "add to group c", "remove from group a"]
    );
    let edit = fields().into_plan(|edit| edit).changes.remove(0);
    assert!(edit.withdraws() && !edit.only_withdraws());
    let part = edit.withdrawals().unwrap();
    assert!(part.only_withdraws());
    assert_eq!(part.steps(), ["disable", "remove from group a"]);
    let mut document = document();
    part.write(&mut document).unwrap();
    assert_eq!(
        serde_json::to_string(&document).unwrap(),
        r#"{"email":"old@x","rank":1.50,"groups":["b"],"on":false,"mayFly":true,"map":{"k" : 1e3},"later":{ "x":[1, 2] }}"#
    );
}
