//! Whatever objects do with a document, in any order.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{
    super::place::{self, Entry},
    World, parse,
};
use crate::{dataiku::document::Document, engine::error::Reason};

/// Places of which none is in another.
const PLACES: [&str; 7] = ["/a", "/b", "/m/x", "/m/y", "/n/o/p", "/n/o/q", "/n/r"];

#[derive(Clone, Debug)]
enum Act {
    Declare(usize, BTreeMap<usize, Option<u8>>),
    Reconcile(usize),
    Delete(usize),
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(1.5)),
        Just(json!("text")),
        Just(Value::Null),
        Just(json!([1, {"z": 1}])),
        any::<u8>().prop_map(|n| json!(n)),
    ]
}

/// Values at some of the places, and elsewhere.
fn document() -> impl Strategy<Value = Value> {
    let elsewhere = prop::sample::subsequence(vec!["/c", "/m/z", "/n/o/s", "/k/l"], 0..4);
    let places = prop::sample::subsequence(PLACES.to_vec(), 0..PLACES.len());
    (places, elsewhere, prop::collection::vec(leaf(), 12)).prop_map(|(places, elsewhere, leaves)| {
        let mut document = Document::new();
        for (place, leaf) in places.into_iter().chain(elsewhere).zip(leaves) {
            document.set_at(place, &leaf).unwrap();
        }
        serde_json::to_value(&document).unwrap()
    })
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let declared = prop::collection::btree_map(0..PLACES.len(), prop::option::weighted(0.8, 0..3u8), 0..4);
    let act = prop_oneof![
        3 => (0..3usize, declared).prop_map(|(number, declared)| Act::Declare(number, declared)),
        3 => (0..3usize).prop_map(Act::Reconcile),
        1 => (0..3usize).prop_map(Act::Delete),
    ];
    prop::collection::vec(act, 1..25)
}

/// Values of one object differ from those of the others and from all in the document.
fn spec(number: usize, declared: &BTreeMap<usize, Option<u8>>) -> Value {
    let mut document = Document::new();
    for (place, value) in declared {
        let value = value
            .or((number > 0).then_some(9))
            .map(|value| format!("{number}-{value}"));
        document.set_at(PLACES[*place], &value).unwrap();
    }
    serde_json::to_value(&document).unwrap()
}

proptest! {
    #[test]
    fn whatever_objects_do_neighbours_stay_byte_for_byte_and_the_last_one_leaves_what_was_there(
        found in document(), acts in acts()
    ) {
        let mut world = World::new(&found, &[json!({}), json!({}), json!({})]);
        let elsewhere = ["/c", "/m/z", "/n/o/s", "/k/l"];
        let text = |document: &Document| elsewhere.map(|place| place::text(document, place));
        let before = text(&world.document);
        for act in acts {
            match act {
                Act::Declare(number, declared) => {
                    if let Some(member) = &mut world.members[number] {
                        member.declared = spec(number, &declared);
                    }
                }
                Act::Reconcile(number) if world.members[number].is_some() => {
                    if let Err(error) = world.reconcile(number) {
                        prop_assert_eq!(error.reason(), Some(Reason::Conflict));
                    }
                }
                Act::Delete(number) if world.members[number].is_some() => _ = world.delete(number),
                Act::Reconcile(_) | Act::Delete(_) => {}
            }
            prop_assert_eq!(text(&world.document), before.clone());
        }
        for number in 0..3 {
            if world.members[number].is_some() {
                if world.reconcile(number).is_ok() {
                    let member = world.members[number].clone().unwrap();
                    for entry in member.entries() {
                        prop_assert_eq!(place::value(&world.document, &entry.pointer), entry.value);
                    }
                }
                world.delete(number);
            }
        }
        prop_assert_eq!(world.value(), found);
    }

    #[test]
    fn the_place_of_a_leaf_leads_to_it(keys in prop::collection::vec("[~/a ]{0,3}", 1..4), value in 0..9u8) {
        let mut declared = json!(value);
        for key in keys.iter().rev() {
            declared = Value::Object(Map::from_iter([(key.clone(), declared)]));
        }
        let leaves = Entry::leaves(declared.as_object().unwrap());
        prop_assert_eq!(leaves.len(), 1);
        prop_assert_eq!(declared.pointer(&leaves[0].pointer), Some(&json!(value)));
        let document = parse(&declared.to_string());
        prop_assert_eq!(place::value(&document, &leaves[0].pointer), Some(json!(value)));
        let mark = leaves[0].mark();
        prop_assert_eq!(place::split(&mark).0, &leaves[0].pointer);
        prop_assert_eq!(place::ancestors(&leaves[0].pointer).count(), keys.len() - 1);
    }
}
