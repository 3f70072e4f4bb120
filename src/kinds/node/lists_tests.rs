use std::time::Duration;

use serde_json::json;

use super::*;
use crate::kinds::node::tests::{group, sweep, user};

fn jane(groups: &[&str]) -> serde_json::Value {
    json!({ "login": "jane", "groups": groups })
}

fn joe(groups: &[&str]) -> serde_json::Value {
    json!({ "login": "joe", "groups": groups })
}

/// Longer than the resolution of the clock.
fn pause() {
    std::thread::sleep(Duration::from_millis(2));
}

#[test]
fn an_equal_user_is_in_memory_once() {
    let lists = NodeLists::default();
    lists.replace(&sweep(Instant::now(), &[jane(&["a"]), joe(&["a"])], &[]));
    let held = lists.users.get("jane").found().unwrap();
    assert!(Arc::ptr_eq(&held, &lists.users.held((*user(&jane(&["a"]))).clone())));
    assert!(!Arc::ptr_eq(&held, &lists.users.held((*user(&jane(&["b"]))).clone())));
    assert_eq!((lists.members("a"), lists.members("b")), (2, 0));
}

#[test]
fn an_object_that_a_complete_list_leaves_out_is_absent_and_before_any_list_it_is_unknown() {
    let lists = NodeLists::default();
    assert_eq!(lists.users.get("jane"), Known::Unknown);
    lists.replace(&sweep(Instant::now(), &[jane(&[])], &["a"]));
    assert_eq!(lists.users.get("jane"), Known::Found(user(&jane(&[]))));
    pause();
    lists.replace(&sweep(Instant::now(), &[], &[]));
    assert_eq!(lists.users.get("jane"), Known::Absent);
    assert_eq!(lists.groups.get("a"), Known::Absent);
}

#[test]
fn absence_is_not_concluded_from_a_list_with_an_unreadable_element() {
    let lists = NodeLists::default();
    let mut odd = sweep(Instant::now(), &[jane(&[])], &["a"]);
    odd.users.unreadable = 1;
    odd.groups.unreadable = 1;
    lists.replace(&odd);
    assert_eq!(lists.users.get("joe"), Known::Unknown);
    assert_eq!(lists.groups.get("b"), Known::Unknown);
    lists.users.saw("joe", None);
    assert_eq!(lists.users.get("joe"), Known::Absent, "a read of its own tells");
}

#[test]
fn a_list_never_overrides_a_read_of_one_object_that_is_newer() {
    let lists = NodeLists::default();
    lists.replace(&sweep(Instant::now(), &[jane(&["old"]), joe(&[])], &["a", "b"]));
    pause();
    let began = Instant::now();
    pause();
    lists.users.saw("jane", Some(user(&jane(&["new"]))));
    lists.users.saw("joe", None);
    lists.users.saw("ann", Some(user(&json!({ "login": "ann" }))));
    lists.groups.saw("a", None);
    lists.groups.saw("c", Some(group(&json!({ "name": "c" }))));
    lists.replace(&sweep(began, &[jane(&["old"]), joe(&[])], &["a", "b"]));
    assert_eq!(lists.users.get("jane"), Known::Found(user(&jane(&["new"]))));
    assert_eq!(
        lists.users.get("joe"),
        Known::Absent,
        "the list is older than the deletion"
    );
    assert!(lists.users.get("ann").found().is_some());
    assert_eq!(lists.groups.get("a"), Known::Absent);
    assert!(lists.groups.get("c").found().is_some());
    pause();
    lists.replace(&sweep(Instant::now(), &[jane(&["old"]), joe(&[])], &["a", "b"]));
    assert_eq!(lists.users.get("jane"), Known::Found(user(&jane(&["old"]))));
    assert!(lists.users.get("joe").found().is_some());
    assert_eq!(lists.users.get("ann"), Known::Absent);
    assert!(lists.groups.get("a").found().is_some());
    assert_eq!(lists.groups.get("c"), Known::Absent);
}
