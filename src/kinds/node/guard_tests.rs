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
