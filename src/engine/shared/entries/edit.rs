//! What one object writes into a shared document, and how it reads.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, value::RawValue};

use super::place;
use crate::{
    dataiku::document::{Document, DocumentError},
    engine::{connect::Effect, error::Error, keep::Change, shared::source::DocumentEdit},
};

/// What is written at a place.
#[derive(Clone, Debug)]
pub(super) enum New {
    /// Nothing: what is there is removed.
    Nothing,
    /// A value.
    Json(Value),
    /// The value of a secret; `None`: it was not read, and nothing is written.
    Secret(String, Option<SecretString>),
}

/// A declared value that is written.
#[derive(Clone, Debug)]
pub(super) struct Set {
    /// The place.
    pub pointer: String,
    /// The value.
    pub value: New,
    /// Whether no object has written there before: what is found is to be restored later.
    pub first: bool,
    /// Whether what it replaces may be a secret.
    pub private: bool,
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
    /// Whether `null` counts as nothing.
    pub nulls: bool,
}

impl Restore {
    /// Whether a value comes back, and not only the object's own goes.
    pub(super) fn comes_back(&self) -> bool {
        !self.value.is_empty()
    }
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
    /// What the change does to people.
    pub(super) effects: Vec<Effect>,
}

/// What a change did to a document.
#[derive(Debug, Default)]
pub(super) struct Made {
    /// Whether it changed anything.
    pub changed: bool,
    /// What it replaced for the first time, as JSON text by place; empty: nothing was there.
    pub replaced: BTreeMap<String, String>,
}

impl EntriesChange {
    /// Makes the change. Whoever else changed an entry since the plan was made keeps that change.
    ///
    /// # Errors
    /// A place is in something that is no map. Nothing is changed then.
    pub(super) fn make(&self, document: &mut Document) -> Result<Made, Error> {
        let mut edited = document.clone();
        let mut made = Made::default();
        for one in &self.restores {
            if one.is_due(&edited) {
                made.changed |= put(&mut edited, &one.pointer, &one.value).unwrap_or_default();
            }
        }
        for map in &self.maps {
            if place::is_empty_map(&edited, map) {
                made.changed |= put(&mut edited, map, "").unwrap_or_default();
            }
        }
        for one in &self.sets {
            let found = place::text(&edited, &one.pointer).unwrap_or_default();
            if one.is(place::value(&edited, &one.pointer).as_ref()) {
                continue;
            }
            let put = match &one.value {
                New::Nothing => put(&mut edited, &one.pointer, ""),
                New::Json(value) => put(&mut edited, &one.pointer, &value.to_string()),
                New::Secret(_, None) => continue,
                New::Secret(_, Some(secret)) => edited.set_at(&one.pointer, secret.expose_secret()).map(|()| true),
            };
            made.changed |= put.map_err(|error| self.blocked(&one.pointer, &error))?;
            if one.first {
                let replaced = place::restorable(&one.pointer, found, one.private);
                made.replaced.insert(one.pointer.clone(), replaced);
            }
        }
        *document = edited;
        Ok(made)
    }

    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.restores.is_empty() && self.maps.is_empty() && self.sets.is_empty()
    }

    fn blocked(&self, pointer: &str, error: &DocumentError) -> Error {
        Error::invalid(format!(
            "{} {} cannot be set: {error}",
            self.noun,
            place::words(pointer)
        ))
    }
}

impl Set {
    fn is(&self, found: Option<&Value>) -> bool {
        match &self.value {
            New::Nothing => found.is_none(),
            New::Json(value) => place::print(found) == place::print(Some(value)),
            // It does not show whether the value is this one.
            New::Secret(..) => false,
        }
    }
}

impl Restore {
    /// Whether the place holds what the object left there. A map above it that is gone was removed by somebody else.
    pub fn is_due(&self, document: &Document) -> bool {
        let found = place::value(document, &self.pointer);
        let found = found.filter(|value| !(self.nulls && value.is_null()));
        let parent = place::ancestors(&self.pointer).last();
        let secret = place::is_text(found.as_ref()) && self.ours.iter().any(|print| print == place::SECRET);
        (secret || self.ours.contains(&place::print(found.as_ref())))
            && parent.is_none_or(|parent| place::is_map(document, parent))
    }
}

/// Sets a place to this JSON text, or removes what is there; whether that changed anything.
fn put(document: &mut Document, pointer: &str, text: &str) -> Result<bool, DocumentError> {
    if text.is_empty() {
        return document.remove_at(pointer);
    }
    // It was read from a document or printed from a value. A record that somebody spoiled restores nothing.
    let Ok(value) = serde_json::from_str::<Box<RawValue>>(text) else {
        return Ok(false);
    };
    document.set_at(pointer, &value).map(|()| true)
}

impl Change for EntriesChange {
    fn steps(&self) -> Vec<String> {
        let noun = self.noun;
        let restores = self.restores.iter().map(|one| {
            let verb = if one.value.is_empty() { "remove" } else { "restore" };
            format!("{verb} {noun} {}", place::words(&one.pointer))
        });
        let maps = self
            .maps
            .iter()
            .map(|map| format!("remove empty {noun} {}", place::words(map)));
        let sets = self.sets.iter().map(|one| {
            let verb = if matches!(one.value, New::Nothing) {
                "remove"
            } else {
                "set"
            };
            format!("{verb} {noun} {}", place::words(&one.pointer))
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

    /// A value that comes back may give something, as one that is set.
    fn withdraws(&self) -> bool {
        self.restores.iter().any(|one| !one.comes_back())
    }

    fn only_withdraws(&self) -> bool {
        self.withdraws() && self.sets.is_empty() && !self.restores()
    }

    fn withdrawals(mut self) -> Option<Self> {
        self.sets.clear();
        self.restores.retain(|one| !one.comes_back());
        self.withdraws().then_some(self)
    }

    fn restores(&self) -> bool {
        self.restores.iter().any(Restore::comes_back)
    }

    fn effects(&self) -> Vec<Effect> {
        self.effects.clone()
    }

    fn slots(&self) -> Vec<String> {
        let slots = self.sets.iter().filter_map(|one| match &one.value {
            New::Secret(slot, Some(_)) => Some(slot.clone()),
            _ => None,
        });
        slots.collect()
    }
}

/// A change on its way to the writer of the document, and where it leaves what it replaced.
pub struct Replacing {
    pub(super) change: EntriesChange,
    pub(super) replaced: Arc<Mutex<BTreeMap<String, String>>>,
}

impl DocumentEdit for Replacing {
    /// What a repeated attempt replaces counts.
    fn make(&self, document: &mut Document) -> Result<bool, Error> {
        let made = self.change.make(document)?;
        *self.replaced.lock().unwrap_or_else(PoisonError::into_inner) = made.replaced;
        Ok(made.changed)
    }
}
