use std::time::Instant;

use serde_json::{Value, json};

use super::*;
use crate::kinds::node::tests::{group, sweep};

fn person(login: &str, enabled: bool, groups: &[&str]) -> Value {
    json!({ "login": login, "enabled": enabled, "groups": groups })
}

/// Group `admins` has the admin right; `operator` is the account that the operator uses.
fn lists(users: &[Value]) -> NodeLists {
    let lists = NodeLists::default();
    let mut sweep = sweep(Instant::now(), users, &["readers"]);
    sweep
        .groups
        .items
        .push(group(&json!({ "name": "admins", "admin": true })));
    lists.replace(&sweep);
    lists
}

fn disables(login: &str) -> Effect {
    Effect::Disables(login.to_owned())
}

fn leaves(login: &str, group: &str) -> Effect {
    Effect::Leaves {
        user: login.to_owned(),
        group: group.to_owned(),
    }
}

#[test]
fn the_last_enabled_administrator_stays() {
    let alone = lists(&[
        person("ann", true, &["admins", "readers"]),
        person("ben", false, &["admins"]),
        person("cat", true, &["readers"]),
    ]);
    for effect in [
        disables("ann"),
        Effect::Deletes("ann".into()),
        leaves("ann", "admins"),
        Effect::DeletesGroup("admins".into()),
        Effect::RevokesAdmin("admins".into()),
    ] {
        let why = guard(&alone, std::slice::from_ref(&effect));
        assert_eq!(
            why.as_deref(),
            Some("no enabled administrator would be left without ann"),
            "{effect:?}"
        );
    }
    for effect in [
        disables("ben"),
        disables("cat"),
        leaves("ann", "readers"),
        Effect::DeletesGroup("readers".into()),
    ] {
        assert_eq!(guard(&alone, std::slice::from_ref(&effect)), None, "{effect:?}");
    }
}

#[test]
fn one_of_two_administrators_may_go_and_both_may_not() {
    let two = lists(&[person("ann", true, &["admins"]), person("ben", true, &["admins"])]);
    assert_eq!(guard(&two, &[disables("ann")]), None);
    assert!(guard(&two, &[disables("ann"), leaves("ben", "admins")]).is_some());
    two.users.saw("ben", None);
    assert!(
        guard(&two, &[disables("ann")]).is_some(),
        "a deletion counts before the next sweep"
    );
}

#[test]
fn somebody_who_may_be_disabled_does_not_count_as_the_other_administrator() {
    let odd = lists(&[
        person("ann", true, &["admins"]),
        json!({ "login": "ben", "enabled": "yes", "groups": ["admins"] }),
    ]);
    assert!(guard(&odd, &[disables("ann")]).is_some());
}

#[test]
fn the_account_of_the_operator_is_neither_disabled_nor_deleted_and_stays_an_administrator() {
    let lists = lists(&[person("operator", true, &["admins"]), person("ann", true, &["admins"])]);
    let own = "operator is the account that the operator uses";
    assert_eq!(guard(&lists, &[disables("operator")]).as_deref(), Some(own));
    assert!(guard(&lists, &[Effect::Deletes("Operator".into())]).is_some());
    assert_eq!(
        guard(&lists, &[leaves("operator", "admins")]).as_deref(),
        Some("the operator's own account operator would lose the admin right")
    );
    assert!(guard(&lists, &[Effect::RevokesAdmin("admins".into())]).is_some());
    assert_eq!(guard(&lists, &[disables("ann")]), None);
}

#[test]
fn a_node_without_any_administrator_in_a_group_is_not_guarded() {
    let lists = lists(&[person("ann", true, &["readers"])]);
    assert_eq!(
        guard(&lists, &[disables("ann"), Effect::DeletesGroup("readers".into())]),
        None
    );
}

#[test]
fn the_key_of_the_operator_is_neither_deleted_nor_narrowed() {
    let lists = lists(&[person("ann", true, &["admins"])]);
    let deletes = |id: &str, user: Option<&str>| Effect::DeletesKey {
        id: id.to_owned(),
        user: user.map(str::to_owned),
    };
    assert!(guard(&lists, &[Effect::NarrowsKey("operator".into())]).is_some());
    assert!(guard(&lists, &[deletes("operator", None)]).is_some());
    assert!(guard(&lists, &[deletes("k1", Some("Operator"))]).is_some());
    assert_eq!(guard(&lists, &[Effect::NarrowsKey("k1".into())]), None);
    assert_eq!(guard(&lists, &[deletes("k1", None), deletes("k2", Some("ann"))]), None);
}

#[test]
fn the_groups_that_make_the_key_of_the_operator_an_administrator_keep_the_right() {
    let lists = lists(&[person("ann", true, &["admins"]), person("ben", true, &["others"])]);
    lists
        .groups
        .saw("others", Some(group(&json!({ "name": "others", "admin": true }))));
    let own = json!({ "id": "operator", "groups": ["readers", "admins"] });
    let own = crate::dataiku::dip::keys::KeyRecord::from_document(&serde_json::from_value(own).unwrap()).unwrap();
    lists.keys.saw("operator", Some(std::sync::Arc::new(own)));
    assert_eq!(
        guard(&lists, &[Effect::RevokesAdmin("admins".into())]).as_deref(),
        Some("the operator's own API key operator would lose the admin right")
    );
    assert_eq!(guard(&lists, &[Effect::DeletesGroup("readers".into())]), None);
    assert_eq!(guard(&lists, &[Effect::RevokesAdmin("others".into())]), None);
}
