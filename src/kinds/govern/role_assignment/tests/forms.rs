//! Single cases of rules that the node stores in another form (field case F3).

use serde_json::{Value, json};

use super::{
    Around,
    world::{Rewrite, Server, World},
};
use crate::{engine::Reason, kinds::govern::role_assignment::claims};

fn server(rewrite: Rewrite, foreign: Vec<Value>) -> Server {
    Server {
        rewrite,
        whole: false,
        merges: false,
        exists: true,
        rules: foreign.clone(),
        foreign,
        puts: 0,
        meanwhile: Vec::new(),
    }
}

/// Declared criteria, and a rule of the node with criteria.
fn criterion(op: &str) -> Value {
    json!({"field": "risk", "op": op, "value": 5})
}

fn declaring(op: &str) -> Value {
    json!({"rules": [{"users": ["jane"], "criteria": [criterion(op)]}]})
}

fn stored(op: &str) -> Value {
    json!({"criteria": [criterion(op)], "fieldIds": [], "userContainers": [{"type": "user", "login": "jane"}]})
}

fn error(world: &World, n: usize) -> Option<(Reason, String)> {
    let error = world.around(n).plan(&world.objects[n], &world.server.seen()).err()?;
    Some((error.reason().unwrap(), error.to_string()))
}

#[test]
fn a_rewritten_rule_is_granted_once_and_goes_with_its_object() {
    for rewrite in Rewrite::ALIKE {
        let mut world = World::new(server(rewrite, Vec::new()), &[declaring("gt")]);
        world.settle();
        assert_eq!((world.server.rules.len(), world.server.puts), (1, 1), "{rewrite:?}");
        assert_eq!(error(&world, 0), None);
        world.delete(0);
        assert!(world.server.rules.is_empty(), "{rewrite:?}");
    }
}

#[test]
fn a_rule_stored_as_something_else_is_reported_and_not_written_again_and_goes_with_its_object() {
    for rewrite in [Rewrite::Wrapped, Rewrite::Unconditional] {
        let mut world = World::new(server(rewrite, Vec::new()), &[declaring("gt")]);
        world.settle();
        assert_eq!(world.server.puts, 1, "{rewrite:?}");
        let (reason, message) = error(&world, 0).unwrap();
        assert_eq!(reason, Reason::AcceptedButNotStored);
        assert!(message.contains("users [jane], under the criteria"), "{message}");
        world.delete(0);
        assert!(world.server.rules.is_empty(), "{rewrite:?}");
    }
}

#[test]
fn a_rule_that_is_not_stored_at_all_is_written_once_until_the_spec_changes() {
    let mut world = World::new(server(Rewrite::Dropped, Vec::new()), &[declaring("gt")]);
    world.settle();
    assert_eq!(world.server.puts, 1);
    world.edit(0, json!([{"users": ["jane"], "criteria": [criterion("lt")]}]));
    world.settle();
    assert_eq!(world.server.puts, 2);
}

#[test]
fn a_rule_stored_as_something_else_holds_up_no_other_rule_and_no_withdrawal() {
    let mut world = World::new(
        server(Rewrite::Wrapped, Vec::new()),
        &[json!({"rules": [{"users": ["max"]}]})],
    );
    world.settle();
    let rules = json!([{"users": ["jane"], "criteria": [criterion("gt")]}]);
    world.edit(0, rules.clone());
    world.settle();
    assert!(!format!("{:?}", world.server.rules).contains("max"));
    let mut more = rules;
    more.as_array_mut().unwrap().push(json!({"users": ["eve"]}));
    world.edit(0, more);
    world.settle();
    assert!(format!("{:?}", world.server.rules).contains("eve"));
    assert_eq!(error(&world, 0).unwrap().0, Reason::AcceptedButNotStored);
}

#[test]
fn declaring_a_rule_as_the_node_stores_it_keeps_it_ours() {
    let mut world = World::new(server(Rewrite::Unconditional, Vec::new()), &[declaring("gt")]);
    world.settle();
    world.edit(0, json!([{"users": ["jane"]}]));
    world.settle();
    assert_eq!((error(&world, 0), world.server.puts), (None, 1));
    world.delete(0);
    assert!(world.server.rules.is_empty());
}

#[test]
fn a_rewritten_rule_that_somebody_removes_is_granted_again() {
    let mut world = World::new(server(Rewrite::Upper, Vec::new()), &[declaring("gt")]);
    world.settle();
    world.server.rules.clear();
    world.settle();
    assert_eq!(world.server.rules.len(), 1);
    world.delete(0);
    assert!(world.server.rules.is_empty());
}

#[test]
fn the_rule_of_somebody_else_that_ours_turns_into_stays_alone_and_stays() {
    let theirs = stored("GT");
    let mut world = World::new(server(Rewrite::Upper, vec![theirs.clone()]), &[declaring("gt")]);
    world.settle();
    assert_eq!(error(&world, 0), None);
    assert_eq!(
        world.server.rules,
        std::slice::from_ref(&theirs),
        "the duplicate is removed"
    );
    world.delete(0);
    assert_eq!(world.server.rules, [theirs]);
}

#[test]
fn a_rule_that_somebody_adds_in_the_same_moment_is_not_ours() {
    let mut world = World::new(server(Rewrite::Upper, Vec::new()), &[declaring("gt")]);
    world.server.meanwhile = vec![json!({
        "criteria": [], "fieldIds": [], "userContainers": [{"type": "user", "login": "somebody"}],
    })];
    world.settle();
    world.delete(0);
    assert_eq!(world.server.rules, world.server.foreign);
    assert_eq!(world.server.rules.len(), 1);
}

#[test]
fn exact_leaves_rewritten_rules_its_own_and_those_of_other_objects() {
    let mut exact = declaring("gt");
    exact["rulesPolicy"] = json!("Exact");
    let mut world = World::new(server(Rewrite::Upper, vec![stored("LT")]), &[declaring("eq"), exact]);
    world.settle();
    let found = format!("{:?}", world.server.rules);
    assert!(
        found.contains("GT") && found.contains("EQ") && !found.contains("LT"),
        "{found}"
    );
    let puts = world.server.puts;
    world.settle();
    assert_eq!(world.server.puts, puts);
}

#[test]
fn exact_that_finds_the_form_of_its_own_rule_keeps_one() {
    let mut exact = declaring("gt");
    exact["rulesPolicy"] = json!("Exact");
    let mut world = World::new(server(Rewrite::Upper, vec![stored("GT")]), &[exact]);
    world.server.foreign.clear();
    world.settle();
    assert_eq!(world.server.rules, [stored("GT")]);
    let puts = world.server.puts;
    world.settle();
    assert_eq!(world.server.puts, puts);
}

#[test]
fn two_objects_that_declare_one_rule_share_its_form_and_the_last_one_removes_it() {
    let mut world = World::new(server(Rewrite::Upper, Vec::new()), &[declaring("gt"), declaring("gt")]);
    world.settle();
    assert_eq!(world.server.puts, 1);
    world.delete(0);
    world.settle();
    assert_eq!(world.server.rules, [stored("GT")], "nobody loses access in between");
    world.delete(0);
    assert!(world.server.rules.is_empty());
}

#[test]
fn after_a_crash_the_form_of_a_rule_is_recognised_unless_it_was_there_before() {
    let mut world = World::new(server(Rewrite::Upper, Vec::new()), &[declaring("gt")]);
    world.crash(0);
    world.settle();
    assert_eq!((world.server.rules.len(), world.server.puts), (1, 1));
    world.delete(0);
    assert!(world.server.rules.is_empty());

    let theirs = stored("Gt");
    let mut world = World::new(server(Rewrite::Nothing, vec![theirs.clone()]), &[declaring("gt")]);
    let plan = world.next(0, &mut Vec::new());
    assert!(plan.is_some(), "the process is killed before it writes this");
    world.settle();
    assert_eq!(world.server.rules, [theirs.clone(), stored("gt")]);
    world.delete(0);
    assert_eq!(world.server.rules, [theirs]);
}

#[test]
fn claims_hold_the_forms_of_declared_rules() {
    let mut world = World::new(server(Rewrite::Upper, Vec::new()), &[declaring("gt")]);
    world.settle();
    let claim = claims(&world.objects[0]).remove(0);
    let stored = world.server.seen();
    let hash = stored.rules.iter().next().map(|(hash, ..)| hash.to_owned()).unwrap();
    assert!(claim.declared.contains(&hash) && claim.owned.contains(&hash));
    assert!(
        !Around::new(&[&world.objects[0]])
            .claims(&world.objects[0])
            .declares(&claim.place, &hash)
    );
}
