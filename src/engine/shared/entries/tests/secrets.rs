//! Entries whose values come from Secrets, values of others that may be secrets, and what of a value is shown or recorded.

use serde_json::json;

use super::{super::place, Reason, World, refused};

fn secret(world: &mut World, number: usize, pointer: &str, value: &str) {
    let member = world.members[number].as_mut().unwrap();
    member.secrets.insert(pointer.to_owned(), (value.to_owned(), false));
}

#[test]
fn a_secret_is_written_when_it_changes_or_is_gone_and_leaves_no_trace_in_the_record() {
    let mut world = World::new(&json!({"ldap": {"url": "x"}}), &[json!({})]);
    secret(&mut world, 0, "/ldap/password", "correct-horse");
    let text = format!("{:?}", world.plan(0).unwrap());
    assert!(!text.contains("correct-horse"), "{text}");
    assert_eq!(world.reconcile(0).unwrap(), ["set variable ldap/password"]);
    assert_eq!(
        world.value(),
        json!({"ldap": {"url": "x", "password": "correct-horse"}})
    );
    assert_eq!(world.reconcile(0).unwrap(), Vec::<String>::new());
    world.edit("/ldap/password", &json!("e:AES:what-the-server-shows"));
    assert_eq!(world.reconcile(0).unwrap(), Vec::<String>::new());
    world.edit("/ldap/password", &json!(""));
    assert_eq!(world.reconcile(0).unwrap(), ["set variable ldap/password"]);
    secret(&mut world, 0, "/ldap/password", "another");
    assert_eq!(world.reconcile(0).unwrap(), ["set variable ldap/password"]);
    let record = serde_json::to_string(&world.members[0].as_ref().unwrap().record).unwrap();
    let print = place::print(Some(&json!("another")));
    assert!(!record.contains("another") && !record.contains(&print), "{record}");
    assert_eq!(world.delete(0), ["remove variable ldap/password"]);
    assert_eq!(world.value(), json!({"ldap": {"url": "x"}}));
}

#[test]
fn a_secret_of_others_is_replaced_and_never_recorded() {
    let found = json!({"ldap": {"password": "theirs-in-the-clear"}, "list": [{"apiKey": "theirs-too"}], "plain": 1});
    let mut world = World::new(&found, &[json!({"list": [], "plain": 2})]);
    world.members[0].as_mut().unwrap().private = true;
    secret(&mut world, 0, "/ldap/password", "ours");
    world.reconcile(0).unwrap();
    let record = serde_json::to_string(&world.members[0].as_ref().unwrap().record).unwrap();
    assert!(!record.contains("theirs"), "{record}");
    assert_eq!(world.delete(0), ["restore variable plain"]);
    assert_eq!(
        world.value(),
        json!({"ldap": {"password": "ours"}, "list": [], "plain": 1})
    );
}

#[test]
fn values_that_no_status_can_hold_are_refused() {
    let long = "x".repeat(70_000);
    let mut world = World::new(&json!({"a": long}), &[json!({"a": 1})]);
    let (reason, message) = refused(world.reconcile(0));
    assert_eq!(reason, Reason::Invalid);
    assert!(message.contains("would replace") && message.len() < 200, "{message}");
    let (reason, _) = refused(world.declare(0, json!({"b": long})));
    assert_eq!(reason, Reason::Invalid);
}

#[test]
fn no_step_holds_a_value() {
    let world = World::new(&json!({"a": "found"}), &[json!({"a": "declared"})]);
    let plan = world.plan(0).unwrap();
    assert_eq!(plan.steps(), ["set variable a"]);
}
