//! The declared keys of a role beside its label and description. Nobody can tell which of them gives access, so what leaves the
//! spec is withdrawn: what was there before comes back.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, value::RawValue};

use crate::{
    crd::applied::Applied,
    dataiku::{
        document::{Document, DocumentError},
        json_value::resembles,
    },
    engine::{
        keep::fields::{FieldEdit, Fields},
        shared::entries::Entry,
    },
};

/// Places that the object set, in the record.
const LEAVES: &str = "definition";
/// Maps that it made on the way, in the record.
const MAPS: &str = "definitionMaps";

/// The definition that a role has and that its object declares.
pub(super) struct Definition<'a> {
    record: &'a Applied,
    declared: Vec<Entry>,
    found: Value,
}

impl<'a> Definition<'a> {
    pub(super) fn new(declared: Option<&Map<String, Value>>, record: &'a Applied, found: &Map<String, Value>) -> Self {
        Self {
            record,
            declared: declared.into_iter().flat_map(Entry::leaves).collect(),
            found: Value::Object(found.clone()),
        }
    }

    fn at(&self, pointer: &str) -> Option<&Value> {
        self.found.pointer(pointer).filter(|value| !value.is_null())
    }

    fn is_there(&self, leaf: &Entry) -> bool {
        match (&leaf.value, self.at(&leaf.pointer)) {
            (Some(declared), Some(found)) => resembles(declared, found),
            (declared, found) => declared.is_none() && found.is_none(),
        }
    }

    fn is_recorded(&self, leaf: &Entry) -> bool {
        self.record.grants.contains(LEAVES, &leaf.pointer)
    }

    /// Leaves that the object sets, or set earlier. One that was as declared when the object came stays when it goes.
    fn owned(&self) -> impl Iterator<Item = &Entry> {
        let mut all = self.declared.iter();
        std::iter::from_fn(move || all.find(|leaf| self.is_recorded(leaf) || !self.is_there(leaf)))
    }

    /// What was there before, as JSON text by place; empty: nothing.
    pub(super) fn replaced(&self) -> BTreeMap<String, String> {
        let new = self.owned().filter(|leaf| !self.is_recorded(leaf));
        let new = new.map(|leaf| {
            let text = self.at(&leaf.pointer).map(Value::to_string);
            (leaf.pointer.clone(), text.unwrap_or_default())
        });
        new.collect()
    }

    /// Maps that the object has made, or is about to make.
    fn maps(&self) -> BTreeSet<String> {
        let mut maps: BTreeSet<String> = self.record.grants.get(MAPS);
        maps.retain(|map| self.is_needed(map));
        for leaf in self.owned().filter(|leaf| leaf.value.is_some()) {
            let missing = ancestors(&leaf.pointer).filter(|map| self.at(map).is_none());
            maps.extend(missing.map(str::to_owned));
        }
        maps
    }

    fn is_needed(&self, map: &str) -> bool {
        let mut leaves = self.declared.iter();
        leaves.any(|leaf| ancestors(&leaf.pointer).any(|above| above == map))
    }

    /// Adds what differs, what is withdrawn and what the object owns.
    pub(super) fn add_to(&self, fields: &mut Fields<'_>) {
        if let Some(edit) = self.withdrawal() {
            fields.differs(("definition", &edit.0), edit.1);
        }
        for leaf in &self.declared {
            let text = self.at(&leaf.pointer).map(Value::to_string);
            if !self.is_there(leaf) {
                fields.differs((&leaf.pointer, text), set(leaf.clone()));
            }
        }
        fields.grants(LEAVES, self.owned().map(|leaf| leaf.pointer.clone()));
        fields.grants(MAPS, self.maps());
    }

    /// Puts back what was there before those that are not declared any more; with the places, for people.
    fn withdrawal(&self) -> Option<(String, FieldEdit)> {
        let declares = |place: &str| {
            let mut declared = self.declared.iter().map(|leaf| leaf.pointer.as_str());
            // A leaf that became a map, or the other way round, is replaced by what is declared now.
            declared.any(|one| one == place || is_below(one, place) || is_below(place, one))
        };
        let dropped = self.record.grants.list(LEAVES).iter().filter(|place| !declares(place));
        let back: Vec<(String, String)> = dropped
            .filter_map(|place| {
                let before = self.record.replaced.get(place)?.clone();
                let now = self.at(place).map(Value::to_string).unwrap_or_default();
                (now != before).then(|| (place.clone(), before))
            })
            .collect();
        if back.is_empty() {
            return None;
        }
        let mut maps: Vec<String> = self.record.grants.get(MAPS).into_iter().collect();
        maps.retain(|map| !self.is_needed(map));
        maps.sort_by_key(|map| std::cmp::Reverse(map.len()));
        // What comes back may give something to whoever has the role.
        let comes_back = back.iter().any(|(_, before)| !before.is_empty());
        let removes = back.iter().any(|(_, before)| before.is_empty());
        let places: Vec<&str> = back.iter().map(|(place, _)| place.as_str()).collect();
        let places = places.join(", ");
        let step = format!("withdraw definition{places}");
        let edit = FieldEdit::new(step, move |document| {
            for (place, before) in &back {
                match serde_json::from_str::<Box<RawValue>>(before) {
                    Ok(value) => document.set_at(place, &value)?,
                    Err(_) => _ = document.remove_at(place)?,
                }
            }
            for map in &maps {
                let all: Value = document.read()?;
                if all.pointer(map).and_then(Value::as_object).is_some_and(Map::is_empty) {
                    document.remove_at(map)?;
                }
            }
            Ok(())
        });
        Some((places, edit.withdrawing(removes).also_granting(comes_back)))
    }
}

/// Sets a leaf, or removes what must not be there.
fn set(leaf: Entry) -> FieldEdit {
    let verb = if leaf.value.is_some() { "set" } else { "remove" };
    let step = format!("{verb} definition{}", leaf.pointer);
    FieldEdit::new(step, move |document: &mut Document| -> Result<(), DocumentError> {
        match &leaf.value {
            Some(value) => document.set_at(&leaf.pointer, value),
            None => document.remove_at(&leaf.pointer).map(drop),
        }
    })
}

/// The maps above a place, the outermost first.
fn ancestors(pointer: &str) -> impl Iterator<Item = &str> {
    pointer.match_indices('/').skip(1).map(|(end, _)| &pointer[..end])
}

fn is_below(pointer: &str, map: &str) -> bool {
    pointer.strip_prefix(map).is_some_and(|rest| rest.starts_with('/'))
}
