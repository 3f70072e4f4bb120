//! Entries of an object that is being deleted while another one declares them.

use serde_json::json;

use super::{World, refused};
use crate::engine::error::Reason;

#[test]
fn a_deletion_leaves_what_another_object_declares_just_so() {
    let mut world = World::new(&json!({"a": 1}), &[json!({"a": 10}), json!({"a": 10})]);
    world.reconcile(0).unwrap();
    assert_eq!(refused(world.reconcile(1)).0, Reason::Conflict);
    assert_eq!(world.delete(0), Vec::<String>::new());
    assert!(
        world.members[0].is_some(),
        "the deletion waits until the other one knows what was there"
    );
    assert_eq!(world.reconcile(1).unwrap(), Vec::<String>::new());
    assert_eq!(world.delete(0), Vec::<String>::new());
    assert!(world.members[0].is_none());
    assert_eq!(world.value(), json!({"a": 10}));
    world.delete(1);
    assert_eq!(world.value(), json!({"a": 1}), "what the first object found comes back");
}

#[test]
fn a_deletion_does_not_wait_for_ever_for_an_object_that_takes_nothing_over() {
    let mut world = World::new(&json!({"a": 1}), &[json!({"a": 10}), json!({"a": 10})]);
    world.reconcile(0).unwrap();
    world.members[0].as_mut().unwrap().impatient = true;
    assert_eq!(world.delete(0), ["restore variable a"]);
    assert_eq!(world.reconcile(1).unwrap(), ["set variable a"]);
    world.delete(1);
    assert_eq!(world.value(), json!({"a": 1}));
}
