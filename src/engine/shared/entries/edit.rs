//! What one object writes into a shared document, and how it reads.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Value, value::RawValue};

use super::place;
use crate::{
    dataiku::document::Document,
    engine::{error::Error, keep::Change},
};

/// A declared value that is written.
#[derive(Clone, Debug)]
pub(super) struct Set {
    /// The place.
    pub pointer: String,
    /// The value; `None`: nothing.
    pub value: Option<Value>,
    /// Whether no object has written there before: what is found is to be restored later.
    pub first: bool,
}

/// A value that is put back.
#[derive(Clone, Debug)]
pub(super) struct Restore {
    /// The place.
    pub pointer: String,
    /// What was there before, as JSON text; empty: nothing.
    pub value: String,
    /// Hashes of what the object left there. Anything else is somebody else's, and stays.
    pub ours: Vec<String>,
}

/// All that one object writes into a document, in one write.
#[derive(Clone, Debug, Default)]
pub struct EntriesChange {
    /// What people call an entry.
    pub(super) noun: &'static str,
    pub(super) restores: Vec<Restore>,
    /// Maps that were made for entries, the innermost first: they go once they are empty.
    pub(super) maps: Vec<String>,
    pub(super) sets: Vec<Set>,
    /// Whether the object is being deleted.
    pub(super) ends: bool,
}

impl EntriesChange {
    /// Makes the change; returns what it replaced for the first time, by place. Whoever else changed an entry since the plan
    /// was made keeps the change.
    ///
    /// # Errors
    /// A place is in something that is no map any more. Nothing is changed then.
    pub(super) fn make(&self, document: &mut Document) -> Result<Made, Error> {
        let mut edited = document.clone();
        let mut made = Made::default();
        for one in &self.restores {
            let found = place::value(&edited, &one.pointer);
            if one.is_due(&edited, found.as_ref()) {
                made.changed |= put(&mut edited, &one.pointer, &one.value);
            }
        }
        for map in &self.maps {
            if place::is_empty_map(&edited, map) {
                place::remove(&mut edited, map);
                made.changed = true;
            }
        }
        for one in &self.sets {
            let found = place::read(&edited, &one.pointer);
            if one.is_there(&edited) {
                continue;
            }
            if let (Some(_), Some(obstacle)) = (&one.value, place::obstacle(&edited, &one.pointer)) {
                return Err(blocked(self.noun, &one.pointer, obstacle));
            }
            let text = one.value.as_ref().map(Value::to_string).unwrap_or_default();
            made.changed |= put(&mut edited, &one.pointer, &text);
            if one.first {
                let found = found.map(|found| found.get().to_owned()).unwrap_or_default();
                made.replaced.insert(one.pointer.clone(), found);
            }
        }
        *document = edited;
        Ok(made)
    }

    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.restores.is_empty() && self.maps.is_empty() && self.sets.is_empty()
    }
}

/// What a change did to a document.
#[derive(Debug, Default)]
pub(super) struct Made {
    /// Whether it changed anything.
    pub changed: bool,
    /// What it replaced for the first time, as JSON text by place; empty: nothing was there.
    pub replaced: BTreeMap<String, String>,
}

impl Set {
    /// Whether the place holds the value.
    pub fn is_there(&self, document: &Document) -> bool {
        place::print(place::value(document, &self.pointer).as_ref()) == place::print(self.value.as_ref())
    }
}

impl Restore {
    /// Whether the place holds what the object left there, and may get back what was there before.
    pub fn is_due(&self, document: &Document, found: Option<&Value>) -> bool {
        let parent = place::ancestors(&self.pointer).last();
        self.ours.contains(&place::print(found)) && parent.is_none_or(|parent| place::is_map(document, parent))
    }
}

/// Whether this changed the text of the document.
fn put(document: &mut Document, pointer: &str, text: &str) -> bool {
    if text.is_empty() {
        place::remove(document, pointer);
        return true;
    }
    // The text is JSON: it was read from a document or printed from a value. A record that somebody spoiled restores nothing.
    match serde_json::from_str::<Box<RawValue>>(text) {
        Ok(value) => place::write(document, pointer, &value),
        Err(_) => return false,
    }
    true
}

/// An entry that cannot be set, since something else than a map is where its map would be.
pub(super) fn blocked(noun: &str, pointer: &str, obstacle: &str) -> Error {
    let (pointer, obstacle) = (place::words(pointer), place::words(obstacle));
    Error::invalid(format!(
        "{noun} {pointer} cannot be set: {obstacle} holds a value that is not a map. Remove that value, or declare another name"
    ))
}

impl Change for EntriesChange {
    fn steps(&self) -> Vec<String> {
        let noun = self.noun;
        let restores = self.restores.iter().map(|one| match one.value.as_str() {
            "" => format!("remove {noun} {}", place::words(&one.pointer)),
            _ => format!("restore {noun} {}", place::words(&one.pointer)),
        });
        let maps = self
            .maps
            .iter()
            .map(|map| format!("remove the empty map {}", place::words(map)));
        let sets = self.sets.iter().map(|one| match one.value {
            None => format!("remove {noun} {}", place::words(&one.pointer)),
            Some(_) => format!("set {noun} {}", place::words(&one.pointer)),
        });
        restores.chain(maps).chain(sets).collect()
    }

    fn event(&self) -> &'static str {
        if self.ends {
            "Deleted"
        } else if self.restores.is_empty() && self.sets.iter().all(|one| one.first) {
            "Created"
        } else {
            "Updated"
        }
    }

    fn creates(&self) -> bool {
        self.sets.iter().any(|one| one.first)
    }

    fn withdraws(&self) -> bool {
        !self.restores.is_empty()
    }
}

/// A change on its way to the writer of the document, and where it leaves what it replaced.
pub struct Edit {
    pub(super) change: EntriesChange,
    pub(super) replaced: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Edit {
    /// Makes the change; whether it changed anything. A repeated attempt replaces what the one before it noted.
    pub(super) fn make(&self, document: &mut Document) -> Result<bool, Error> {
        let made = self.change.make(document)?;
        *self.replaced.lock().unwrap_or_else(PoisonError::into_inner) = made.replaced;
        Ok(made.changed)
    }
}
