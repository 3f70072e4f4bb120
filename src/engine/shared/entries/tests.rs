//! Objects that share a document, on a remote side that is the document.

mod hand_over;
mod properties;
mod secrets;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    edit::{EntriesChange, Restore},
    place::{self, Entry},
    plan::{Owner, claim},
};
use crate::{
    crd::applied::Applied,
    dataiku::document::Document,
    engine::{
        connect::ConnectionKey,
        error::{Error, Reason},
        index::{Facts, Index},
        keep::{Change, Plan},
        object::ObjectName,
        secrets::{Secret, Secrets},
    },
};

const KEY: &str = "variables";

/// One object.
#[derive(Clone, Debug, Default)]
struct Member {
    declared: Value,
    record: Applied,
    deleting: bool,
    /// Whether the deletion does not wait any more for an object that takes over.
    impatient: bool,
    /// Whether the document may hold secrets.
    private: bool,
    /// Places of secrets and their values, which `applied` tells to be the ones that were written.
    secrets: BTreeMap<String, (String, bool)>,
}

impl Member {
    fn entries(&self) -> Vec<Entry> {
        match &self.declared {
            Value::Object(declared) if !self.deleting => {
                let secrets = self.secrets.keys();
                let secrets = secrets.map(|pointer| Entry::secret(pointer, pointer.clone()));
                Entry::leaves(declared).into_iter().chain(secrets).collect()
            }
            _ => Vec::new(),
        }
    }

    fn values(&self) -> Secrets {
        let values = self.secrets.iter().map(|(slot, (value, applied))| {
            let value = value.clone().into();
            let secret = if *applied {
                Secret::Unchanged(value, "k1:print".into())
            } else {
                Secret::Changed(value, "k1:print".into())
            };
            (slot.clone(), secret)
        });
        values.collect()
    }
}

/// A document and the objects that share it; the first one is the oldest.
struct World {
    document: Document,
    members: Vec<Option<Member>>,
}

impl World {
    fn new(document: &Value, declared: &[Value]) -> Self {
        Self {
            document: parse(&document.to_string()),
            members: declared
                .iter()
                .map(|declared| {
                    Some(Member {
                        declared: declared.clone(),
                        ..Member::default()
                    })
                })
                .collect(),
        }
    }

    fn value(&self) -> Value {
        serde_json::to_value(&self.document).unwrap()
    }

    fn plan(&self, number: usize) -> Result<Plan<EntriesChange>, Error> {
        let index = Index::default();
        for (other, member) in self.members.iter().enumerate() {
            let Some(member) = member else { continue };
            let facts = Facts {
                connection: Some(ConnectionKey::default()),
                sources: Vec::new(),
                claims: vec![claim(KEY, &member.entries(), Some(&member.record))],
                key: None,
                created: created(other),
            };
            index.update(&name(other), None, Some(&facts));
        }
        let others = index.claims(ConnectionKey::default(), name(number), Box::new(|_| true));
        let member = self.members[number].as_ref().unwrap();
        let own = name(number);
        let secrets = member.values();
        let owner = Owner {
            kind: "Toy",
            name: &own,
            created: created(number),
            record: &member.record,
            others: &others,
            document: KEY,
            noun: "variable",
            secrets: &secrets,
            nulls: false,
            private: member.private,
            effects: |_, _| Vec::new(),
            patient: !member.impatient,
        };
        if member.deleting {
            return Ok(owner.removal(&self.document));
        }
        owner.plan(&member.entries(), &self.document)
    }

    /// What the engine does: the intent, the write, the receipt, and the record of what is left.
    fn reconcile(&mut self, number: usize) -> Result<Vec<String>, Error> {
        let plan = self.plan(number)?;
        let steps = plan.steps();
        let mut document = self.document.clone();
        let member = self.members[number].as_mut().unwrap();
        if !member.deleting && !plan.is_empty() {
            member.record.grants.add(plan.grants.clone());
            for (place, text) in plan.replaced.clone() {
                member.record.replaced.insert(place, text);
            }
        }
        for change in &plan.changes {
            let made = change.make(&mut document)?;
            for (place, text) in made.replaced {
                assert_eq!(
                    member.record.replaced.get(&place),
                    Some(&text),
                    "{place} was known before the write"
                );
            }
        }
        self.document = document;
        let member = self.members[number].as_mut().unwrap();
        member.secrets.values_mut().for_each(|(_, applied)| *applied = true);
        let after = self.plan(number)?;
        assert!(after.is_empty(), "{:?} is left after {steps:?}", after.steps());
        let member = self.members[number].as_mut().unwrap();
        if member.deleting && !after.in_progress.is_empty() {
            return Ok(steps);
        }
        if member.deleting {
            self.members[number] = None;
        } else {
            member.record.grants = after.grants;
            member.record.replaced = after.replaced.into_iter().collect();
        }
        Ok(steps)
    }

    fn declare(&mut self, number: usize, declared: Value) -> Result<Vec<String>, Error> {
        self.members[number].as_mut().unwrap().declared = declared;
        self.reconcile(number)
    }

    fn delete(&mut self, number: usize) -> Vec<String> {
        self.members[number].as_mut().unwrap().deleting = true;
        self.reconcile(number).unwrap()
    }

    /// Somebody else sets a value.
    fn edit(&mut self, pointer: &str, value: &Value) {
        self.document.set_at(pointer, value).unwrap();
    }
}

fn parse(text: &str) -> Document {
    serde_json::from_str(text).unwrap()
}

fn name(number: usize) -> ObjectName {
    ObjectName {
        namespace: "team".into(),
        name: format!("object-{number}").into(),
    }
}

fn created(number: usize) -> Timestamp {
    Timestamp::from_second(i64::try_from(number).unwrap()).unwrap()
}

fn refused(result: Result<Vec<String>, Error>) -> (Reason, String) {
    match result.unwrap_err() {
        Error::Blocked(reason, message) => (reason, message),
        other => panic!("{other}"),
    }
}

#[test]
fn every_leaf_of_a_declared_map_is_an_entry_and_a_list_is_one_leaf() {
    let declared = json!({"a": {"b/c": 1, "d~": [1, {"x": 2}], "e": {}}, "f": null});
    let leaves: Vec<_> = Entry::leaves(declared.as_object().unwrap())
        .into_iter()
        .map(|leaf| (leaf.pointer, leaf.value))
        .collect();
    assert_eq!(
        leaves,
        [
            ("/a/b~1c".to_owned(), Some(json!(1))),
            ("/a/d~0".to_owned(), Some(json!([1, {"x": 2}]))),
            ("/f".to_owned(), None),
        ]
    );
}

#[test]
fn declared_values_are_set_and_their_neighbours_stay() {
    let mut world = World::new(
        &json!({"region": "us", "limits": {"rows": 1, "cols": 2}, "old": true}),
        &[json!({"region": "eu", "limits": {"rows": 1000}, "old": null, "new": {"deep": {"er": 1}}})],
    );
    let steps = world.reconcile(0).unwrap();
    assert_eq!(
        steps,
        [
            "set variable limits/rows",
            "set variable new/deep/er",
            "remove variable old",
            "set variable region"
        ]
    );
    assert_eq!(
        world.value(),
        json!({"region": "eu", "limits": {"rows": 1000, "cols": 2}, "new": {"deep": {"er": 1}}})
    );
}

#[test]
fn a_deletion_brings_back_what_was_there_as_it_was_written() {
    let text = r#"{"region":"us","limits":{"rows":1.50e0,"cols":2},"old":[ 1, {"z":1,"a":2}],"empty":{},"big":12345678901234567890123}"#;
    let declared =
        json!({"region": "eu", "limits": {"rows": 2}, "old": null, "empty": {"x": 1}, "n": {"m": {"o": 1}}, "big": 5});
    let mut world = World::new(&json!({}), &[declared]);
    world.document = parse(text);
    let before = world.value();
    world.reconcile(0).unwrap();
    let steps = world.delete(0);
    assert!(steps.contains(&"restore variable region".to_owned()), "{steps:?}");
    assert!(steps.contains(&"remove variable n/m/o".to_owned()), "{steps:?}");
    assert_eq!(world.value(), before);
    for (pointer, text) in [
        ("/limits/rows", "1.50e0"),
        ("/old", r#"[ 1, {"z":1,"a":2}]"#),
        ("/big", "12345678901234567890123"),
    ] {
        assert_eq!(place::text(&world.document, pointer).unwrap(), text);
    }
}

#[test]
fn a_value_that_comes_back_is_an_edit_and_only_what_goes_is_a_withdrawal() {
    let restore = |value: &str| Restore {
        pointer: "/region".into(),
        value: value.into(),
        ours: Vec::new(),
        nulls: false,
    };
    let change = |values: &[&str]| EntriesChange {
        restores: values.iter().map(|value| restore(value)).collect(),
        ..EntriesChange::default()
    };
    let facts = |change: &EntriesChange| (change.withdraws(), change.only_withdraws(), change.restores());
    assert_eq!(facts(&change(&[""])), (true, true, false));
    assert_eq!(facts(&change(&["true"])), (false, false, true));
    assert_eq!(facts(&change(&["", "true"])), (true, false, true));
    let alone = change(&["", "true"]).withdrawals().unwrap();
    assert_eq!(facts(&alone), (true, true, false), "outside of change windows");
    assert!(change(&["true"]).withdrawals().is_none());
}

#[test]
fn what_leaves_the_spec_gets_back_its_value_and_what_stays_keeps_the_first_one() {
    let mut world = World::new(&json!({"a": 1, "b": 2}), &[json!({"a": 10, "b": 20})]);
    world.reconcile(0).unwrap();
    let steps = world.declare(0, json!({"b": 30})).unwrap();
    assert_eq!(steps, ["restore variable a", "set variable b"]);
    assert_eq!(world.value(), json!({"a": 1, "b": 30}));
    world.delete(0);
    assert_eq!(world.value(), json!({"a": 1, "b": 2}));
}

#[test]
fn a_value_that_somebody_changed_since_is_left_alone() {
    let mut world = World::new(
        &json!({"a": 1, "b": {"c": 1}}),
        &[json!({"a": 10, "b": {"c": 10}, "d": 1})],
    );
    world.reconcile(0).unwrap();
    world.edit("/a", &json!(99));
    world.edit("/b", &json!("no map"));
    world.document.remove_at("/d").unwrap();
    assert_eq!(world.delete(0), Vec::<String>::new());
    assert_eq!(world.value(), json!({"a": 99, "b": "no map"}));
}

#[test]
fn drift_is_repaired_and_the_first_value_still_comes_back() {
    let mut world = World::new(&json!({"a": 1}), &[json!({"a": 10})]);
    world.reconcile(0).unwrap();
    world.edit("/a", &json!(99));
    assert_eq!(world.reconcile(0).unwrap(), ["set variable a"]);
    world.delete(0);
    assert_eq!(world.value(), json!({"a": 1}));
}

#[test]
fn an_entry_that_was_as_declared_is_not_written_and_stays() {
    let mut world = World::new(
        &json!({"a": 5, "b": {"c": [1, 2]}}),
        &[json!({"a": 5.0, "b": {"c": [1, 2.0]}})],
    );
    let plan = world.plan(0).unwrap();
    assert!(plan.is_empty() && plan.grants.is_empty());
    world.reconcile(0).unwrap();
    world.delete(0);
    assert_eq!(world.value(), json!({"a": 5, "b": {"c": [1, 2]}}));
}

#[test]
fn of_two_objects_that_declare_one_place_the_older_one_counts() {
    for (older, newer, named, removed) in [
        (json!({"a": 1}), json!({"a": 2}), "a", 1),
        (json!({"a": [1]}), json!({"a": {"b": 2}}), "a/b", 1),
        (json!({"a": {"b": {"c": 2}}}), json!({"a": 1}), "a", 3),
    ] {
        let mut world = World::new(&json!({}), &[older, newer]);
        let (reason, message) = refused(world.reconcile(1));
        assert_eq!(reason, Reason::Conflict);
        assert_eq!(
            message,
            format!("Toy team/object-0 declares variable {named} too, and is older: declare it in one of the two")
        );
        world.reconcile(0).unwrap();
        assert_eq!(world.delete(0).len(), removed, "the entry and the maps made for it");
        world.reconcile(1).unwrap();
        world.delete(1);
        assert_eq!(world.value(), json!({}));
    }
}

#[test]
fn objects_beside_each_other_are_no_conflict_and_the_last_one_removes_their_map() {
    let mut world = World::new(&json!({}), &[json!({"a": {"b": 1}}), json!({"a": {"c": 2}})]);
    world.reconcile(0).unwrap();
    world.reconcile(1).unwrap();
    world.delete(0);
    assert_eq!(world.value(), json!({"a": {"c": 2}}));
    world.delete(1);
    assert_eq!(world.value(), json!({}));
}

#[test]
fn an_entry_that_moves_to_another_object_is_not_written_and_its_first_value_moves_along() {
    for first in [0, 1] {
        let mut world = World::new(&json!({"a": 1}), &[json!({"a": 10}), json!({})]);
        world.reconcile(0).unwrap();
        world.reconcile(1).unwrap();
        world.members[0].as_mut().unwrap().declared = json!({});
        world.members[1].as_mut().unwrap().declared = json!({"a": 10});
        for number in [first, 1 - first, first] {
            assert_eq!(world.reconcile(number).unwrap(), Vec::<String>::new());
        }
        world.delete(0);
        assert_eq!(world.value(), json!({"a": 10}));
        world.delete(1);
        assert_eq!(
            world.value(),
            json!({"a": 1}),
            "the object that goes last knows what was there"
        );
    }
}

#[test]
fn an_entry_that_moves_with_another_value_keeps_its_first_value() {
    for first in [0, 1] {
        let mut world = World::new(&json!({"a": 1}), &[json!({"a": 10}), json!({})]);
        world.reconcile(0).unwrap();
        world.members[0].as_mut().unwrap().declared = json!({});
        world.members[1].as_mut().unwrap().declared = json!({"a": 20});
        for number in [first, 1 - first] {
            world.reconcile(number).unwrap();
        }
        assert_eq!(world.value(), json!({"a": 20}));
        world.delete(0);
        world.delete(1);
        assert_eq!(world.value(), json!({"a": 1}));
    }
}

#[test]
fn what_is_in_something_else_than_a_map_cannot_be_set() {
    let mut world = World::new(&json!({"a": 5}), &[json!({"a": {"b": 1}, "c": 1})]);
    let (reason, message) = refused(world.reconcile(0));
    assert_eq!(reason, Reason::Invalid);
    assert_eq!(message, "variable a/b cannot be set: /a: not an object");
    assert_eq!(world.value(), json!({"a": 5}));
    world.declare(0, json!({"a": {"b": null}})).unwrap();
    assert_eq!(world.value(), json!({"a": 5}));
}

#[test]
fn an_entry_becomes_a_map_and_a_map_becomes_an_entry() {
    let mut world = World::new(&json!({"a": {"x": 1}}), &[json!({"a": [1]})]);
    world.reconcile(0).unwrap();
    world.declare(0, json!({"a": {"b": 2}})).unwrap();
    assert_eq!(world.value(), json!({"a": {"x": 1, "b": 2}}));
    world.declare(0, json!({"a": [2]})).unwrap();
    assert_eq!(world.value(), json!({"a": [2]}));
    world.delete(0);
    assert_eq!(world.value(), json!({"a": {"x": 1}}));
}

#[test]
fn a_server_that_drops_a_value_is_asked_once_and_again_for_another_value() {
    let mut world = World::new(&json!({}), &[json!({"a": 1})]);
    let first = world.plan(0).unwrap();
    assert_eq!(first.attempt(), world.plan(0).unwrap().attempt());
    world.members[0].as_mut().unwrap().declared = json!({"a": 2});
    assert_ne!(first.attempt(), world.plan(0).unwrap().attempt(), "another value");
    world.members[0].as_mut().unwrap().declared = json!({"a": 1});
    world.edit("/a", &json!(7));
    assert_ne!(first.attempt(), world.plan(0).unwrap().attempt(), "another document");
    world.edit("/a", &json!(1));
    assert!(world.plan(0).unwrap().is_empty());
}

#[test]
fn a_value_that_the_server_rewrote_is_what_was_declared() {
    let mut world = World::new(&json!({}), &[json!({"a": "5"})]);
    world.reconcile(0).unwrap();
    world.edit("/a", &json!(5));
    let declared = json!("5");
    let stored = [(place::mark("/a", Some(&declared)), place::print(Some(&json!(5))))];
    world.members[0].as_mut().unwrap().record.stored = stored.into_iter().collect();
    assert_eq!(world.reconcile(0).unwrap(), Vec::<String>::new());
    world.delete(0);
    assert_eq!(world.value(), json!({}));
}

#[test]
fn an_intent_that_was_not_carried_out_still_takes_note_of_what_it_replaces() {
    let mut world = World::new(&json!({"a": 1}), &[json!({"a": 10})]);
    let plan = world.plan(0).unwrap();
    world.members[0].as_mut().unwrap().record.grants.add(plan.grants);
    let again = world.plan(0).unwrap();
    assert!(again.changes[0].creates());
    assert_eq!(again.replaced, BTreeMap::from([("/a".to_owned(), "1".to_owned())]));
}

#[test]
fn the_change_is_made_on_what_is_there_at_that_moment() {
    let mut world = World::new(&json!({"a": 1, "b": 1}), &[json!({"a": 10, "b": 10, "n": {"m": 1}})]);
    world.reconcile(0).unwrap();
    world.members[0].as_mut().unwrap().deleting = true;
    let plan = world.plan(0).unwrap();
    world.edit("/a", &json!(99));
    world.edit("/n/other", &json!(1));
    let mut document = world.document.clone();
    assert!(plan.changes[0].make(&mut document).unwrap().changed);
    assert_eq!(
        serde_json::to_value(&document).unwrap(),
        json!({"a": 99, "b": 1, "n": {"other": 1}})
    );
    let first = World::new(&json!({}), &[json!({"a": 10})]).plan(0).unwrap();
    let mut raced = parse(r#"{"a":7}"#);
    let made = first.changes[0].make(&mut raced).unwrap();
    assert_eq!(made.replaced, BTreeMap::from([("/a".to_owned(), "7".to_owned())]));
}
