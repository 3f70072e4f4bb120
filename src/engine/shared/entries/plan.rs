//! What to write so that a document holds the entries of one object. Pure.
//!
//! The record of an object has a mark (place and hash of the value) for every entry that it set, what it replaced there, and
//! the maps that it made on the way. An entry that held the declared value when the object came is not in the record: it
//! stays when the object goes.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
};

use jiff::Timestamp;

use super::{
    edit::{EntriesChange, Restore, Set, blocked},
    place::{self, Entry, mark},
};
use crate::{
    crd::applied::{Applied, Grants},
    dataiku::document::Document,
    engine::{
        error::{Error, Reason},
        index::{Claim, Claimant, Claims},
        keep::Plan,
        object::ObjectName,
    },
};

/// Marks of entries that the object set, in the record.
const ENTRIES: &str = "entries";
/// Maps that the object made for its entries, in the record.
const MAPS: &str = "maps";
/// Most bytes that all entries of an object may have, and all values that they replaced: both are in the object's status or
/// spec.
const MOST_BYTES: usize = 64 << 10;

/// One object, as the plan sees it.
pub(super) struct Owner<'a> {
    /// Its kind.
    pub kind: &'static str,
    /// Its name.
    pub name: &'a ObjectName,
    /// When it was created.
    pub created: Timestamp,
    /// What it set so far.
    pub record: &'a Applied,
    /// What other objects declare and own.
    pub others: &'a Claims<'a>,
    /// Id of the document.
    pub document: &'a str,
    /// What people call an entry.
    pub noun: &'static str,
}

/// What an object declares and owns, for the others.
pub(super) fn claim(document: &str, entries: &[Entry], record: Option<&Applied>) -> Claim {
    let mut claim = Claim {
        place: document.to_owned(),
        ..Claim::default()
    };
    for entry in entries {
        claim.declared.extend([entry.pointer.clone(), entry.mark()]);
        claim.declared.extend(place::ancestors(&entry.pointer).map(below));
    }
    let Some(record) = record else { return claim };
    for mark in record.grants.list(ENTRIES) {
        let (pointer, _) = place::split(mark);
        claim.owned.extend([pointer.to_owned(), mark.clone()]);
        claim.owned.extend(record.replaced.get(pointer).map(|text| was(pointer, text)));
    }
    claim.owned.extend(record.grants.list(MAPS).iter().map(|map| made(map)));
    claim
}

/// What a claim says of the maps above an entry.
fn below(ancestor: &str) -> String {
    format!("below {ancestor}")
}

/// What a claim says of a map that an object made.
fn made(map: &str) -> String {
    format!("made {map}")
}

/// What a claim says of the value that an object replaced.
fn was(pointer: &str, text: &str) -> String {
    format!("was {pointer} {text}")
}

impl Owner<'_> {
    /// What to write so that the document holds these entries.
    ///
    /// # Errors
    /// An older object declares one of them, one cannot be set, or they are too large.
    pub fn plan(&self, entries: &[Entry], document: &Document) -> Result<Plan<EntriesChange>, Error> {
        for entry in entries {
            self.check(entry)?;
        }
        let declared: BTreeSet<&str> = entries.iter().map(|entry| entry.pointer.as_str()).collect();
        let mut draft = Draft::new(self, document);
        for recorded in self.record.grants.list(ENTRIES) {
            if !declared.contains(place::split(recorded).0) {
                draft.withdraw(recorded, false);
            }
        }
        draft.remove_maps(&declared);
        for entry in entries {
            draft.declare(entry)?;
        }
        let replaced: usize = draft.replaced.values().map(String::len).sum();
        let size: usize = entries.iter().filter_map(|entry| entry.value.as_ref()).map(|value| value.to_string().len()).sum();
        for (bytes, what) in [(size, "that this object declares"), (replaced, "that it would replace")] {
            if bytes > MOST_BYTES {
                let message = format!("the {}s {what} have {bytes} bytes, more than {MOST_BYTES}", self.noun);
                return Err(Error::invalid(message));
            }
        }
        Ok(draft.plan())
    }

    /// What to write before the object may go.
    pub fn removal(&self, document: &Document) -> Plan<EntriesChange> {
        let mut draft = Draft::new(self, document);
        draft.change.ends = true;
        for recorded in self.record.grants.list(ENTRIES) {
            draft.withdraw(recorded, true);
        }
        draft.remove_maps(&BTreeSet::new());
        draft.plan()
    }

    /// Whether an older object declares this entry, one that it is part of, or one in it.
    fn check(&self, entry: &Entry) -> Result<(), Error> {
        let pointer = entry.pointer.as_str();
        let places = place::ancestors(pointer).map(str::to_owned);
        for key in places.chain([pointer.to_owned(), below(pointer)]) {
            let others = self.others.of_entry(self.document, &key).into_iter();
            let rival = others
                .filter(|one| one.claim.declared.contains(&key) && one.precedes(self.created, self.name))
                .min_by(|one, other| (one.created, &one.name).cmp(&(other.created, &other.name)));
            if let Some(rival) = rival {
                let (noun, pointer, kind) = (self.noun, place::words(pointer), self.kind);
                let message = format!(
                    "{kind} {} declares {noun} {pointer} too, and is older: declare it in one of the two",
                    rival.name
                );
                return Err(Error::Blocked(Reason::Conflict, message));
            }
        }
        Ok(())
    }

    /// The mark in the record for this place.
    fn recorded(&self, pointer: &str) -> Option<&String> {
        let marks = self.record.grants.list(ENTRIES).iter();
        marks.into_iter().find(|mark| place::split(mark).0 == pointer)
    }

    /// Another object that set this value there. No older one declares it, so its record passes to this one.
    fn predecessor(&self, mark: &str) -> Option<Claimant> {
        let mut others = self.others.of_entry(self.document, mark).into_iter();
        others.find(|one| one.claim.owned.contains(mark))
    }

    /// Hashes of what the place holds as long as nobody else changes it: of the value that was set, and of what the server
    /// made of it.
    fn ours(&self, mark: &str) -> Vec<String> {
        let stored = self.record.stored.get(mark).cloned();
        [place::split(mark).1.to_owned()].into_iter().chain(stored).collect()
    }
}

/// A plan in the making.
struct Draft<'a> {
    owner: &'a Owner<'a>,
    /// The document as it will be.
    document: Document,
    change: EntriesChange,
    marks: BTreeSet<String>,
    maps: BTreeSet<String>,
    replaced: BTreeMap<String, String>,
    basis: DefaultHasher,
}

impl<'a> Draft<'a> {
    fn new(owner: &'a Owner<'a>, document: &Document) -> Self {
        Self {
            owner,
            document: document.clone(),
            change: EntriesChange {
                noun: owner.noun,
                ..EntriesChange::default()
            },
            marks: BTreeSet::new(),
            maps: BTreeSet::new(),
            replaced: BTreeMap::new(),
            basis: DefaultHasher::new(),
        }
    }

    /// Gives up an entry that the spec does not declare any more: what was there before comes back.
    fn withdraw(&mut self, recorded: &str, ends: bool) {
        let (pointer, _) = place::split(recorded);
        let (owner, others, document) = (self.owner, self.owner.others, self.owner.document);
        let found = place::value(&self.document, pointer);
        let restore = owner.record.replaced.get(pointer).map(|value| Restore {
            pointer: pointer.to_owned(),
            value: value.clone(),
            ours: owner.ours(recorded),
        });
        let due = restore.filter(|restore| restore.is_due(&self.document, found.as_ref()));
        let Some(restore) = due else { return };
        if others.takes_over(document, pointer) || (ends && others.declares(document, recorded)) {
            return;
        }
        if !ends && others.declares(document, pointer) {
            // The object that declares it takes the record over.
            self.keep(recorded);
            return;
        }
        (recorded, &restore.value, place::print(found.as_ref())).hash(&mut self.basis);
        self.apply(EntriesChange {
            restores: vec![restore.clone()],
            ..EntriesChange::default()
        });
        self.change.restores.push(restore);
    }

    /// Gives up maps that no entry of this object needs any more.
    fn remove_maps(&mut self, declared: &BTreeSet<&str>) {
        let recorded = self.owner.record.grants.list(MAPS);
        let needed = |map: &String| {
            let mut kept = self.marks.iter().map(|mark| place::split(mark).0);
            declared.iter().any(|pointer| place::is_below(pointer, map)) || kept.any(|pointer| place::is_below(pointer, map))
        };
        let (kept, mut dropped): (Vec<_>, Vec<_>) = recorded.iter().cloned().partition(needed);
        self.maps.extend(kept);
        dropped.sort_by_key(|map| std::cmp::Reverse(map.len()));
        for map in dropped {
            if place::is_empty_map(&self.document, &map) {
                map.hash(&mut self.basis);
                place::remove(&mut self.document, &map);
                self.change.maps.push(map);
            }
        }
    }

    fn declare(&mut self, entry: &Entry) -> Result<(), Error> {
        let pointer = entry.pointer.as_str();
        let owner = self.owner;
        let found = place::value(&self.document, pointer);
        let recorded = owner.recorded(pointer);
        let predecessor = recorded.is_none().then(|| owner.predecessor(&mark(pointer, found.as_ref()))).flatten();
        let is_there = owner.ours(&entry.mark()).contains(&place::print(found.as_ref()));
        if is_there && recorded.is_none() && predecessor.is_none() {
            return Ok(());
        }
        if entry.value.is_some() {
            self.note_maps(pointer);
        }
        let first = recorded.is_none() && predecessor.is_none();
        let replaced = match &predecessor {
            _ if first => Some(text(&self.document, pointer)),
            Some(predecessor) => {
                let start = was(pointer, "");
                let owned = &predecessor.claim.owned;
                owned.iter().find_map(|claim| claim.strip_prefix(&start)).map(str::to_owned)
            }
            None => owner.record.replaced.get(pointer).cloned(),
        };
        self.marks.insert(entry.mark());
        self.replaced.extend(replaced.map(|value| (pointer.to_owned(), value)));
        if is_there {
            return Ok(());
        }
        if let (Some(_), Some(obstacle)) = (&entry.value, place::obstacle(&self.document, pointer)) {
            return Err(blocked(owner.noun, pointer, obstacle));
        }
        (entry.mark(), place::print(found.as_ref())).hash(&mut self.basis);
        let set = Set {
            pointer: entry.pointer.clone(),
            value: entry.value.clone(),
            first,
        };
        self.apply(EntriesChange {
            sets: vec![set.clone()],
            ..EntriesChange::default()
        });
        self.change.sets.push(set);
        Ok(())
    }

    /// Notes the maps above an entry that do not exist yet, and those that another object made: whoever goes last removes
    /// them.
    fn note_maps(&mut self, pointer: &str) {
        for map in place::ancestors(pointer) {
            if !place::is_map(&self.document, map) || self.owner.others.owns(self.owner.document, &made(map)) {
                self.maps.insert(map.to_owned());
            }
        }
    }

    /// Leaves an entry and its maps in the record.
    fn keep(&mut self, recorded: &str) {
        let (pointer, _) = place::split(recorded);
        self.marks.insert(recorded.to_owned());
        let replaced = self.owner.record.replaced.get(pointer);
        self.replaced.extend(replaced.map(|value| (pointer.to_owned(), value.clone())));
    }

    fn apply(&mut self, change: EntriesChange) {
        // What cannot be made is not in the plan.
        let _ = change.make(&mut self.document);
    }

    fn plan(self) -> Plan<EntriesChange> {
        let grants: Grants = [(ENTRIES, self.marks), (MAPS, self.maps)].into_iter().collect();
        Plan {
            grants,
            replaced: self.replaced,
            basis: self.basis.finish(),
            ..Plan::new((!self.change.is_empty()).then_some(self.change))
        }
    }
}

/// The text at a place; empty where nothing is.
fn text(document: &Document, pointer: &str) -> String {
    place::read(document, pointer).map(|found| found.get().to_owned()).unwrap_or_default()
}
