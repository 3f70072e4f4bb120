//! What to write so that a document holds the entries of one object. Pure.
//!
//! The record of an object has, for every entry that it set, the place, a hash of the value, and what was there before; and
//! the maps that it made on the way. An entry that held the declared value when the object came is not in the record: it
//! stays when the object goes.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
};

use jiff::Timestamp;
use serde_json::Value;

use super::{
    edit::{EntriesChange, Restore, Set},
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

/// Places that the object set, in the record.
const ENTRIES: &str = "entries";
/// What it set there, by place and hash, in the record. More than one for a place while a write may be in flight.
const VALUES: &str = "values";
/// Maps that the object made for its entries, in the record.
const MAPS: &str = "maps";
/// Most bytes that all entries of an object may have, and all values that they replaced: the object holds both.
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
    /// Key of the document.
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
    for list in [ENTRIES, VALUES] {
        claim.owned.extend(record.grants.list(list).iter().cloned());
    }
    claim.owned.extend(record.grants.list(MAPS).iter().map(|map| made(map)));
    claim
        .owned
        .extend(record.replaced.iter().map(|(place, text)| was(place, text)));
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
            if !declared.contains(recorded.as_str()) {
                draft.withdraw(recorded, false);
            }
        }
        draft.remove_maps(&declared);
        for entry in entries {
            draft.declare(entry)?;
        }
        let values = entries.iter().filter_map(|entry| entry.value.as_ref());
        let declared: usize = values.map(|value| value.to_string().len()).sum();
        let replaced: usize = draft.replaced.values().map(String::len).sum();
        for (bytes, which) in [(declared, "declares"), (replaced, "would replace")] {
            if bytes > MOST_BYTES {
                let message = format!("the values that this object {which} have {bytes} bytes, more than {MOST_BYTES}");
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
        let maps = place::ancestors(pointer).map(str::to_owned);
        for place in maps.chain([pointer.to_owned(), below(pointer)]) {
            let others = self.others.of_entry(self.document, &place).into_iter();
            let rivals =
                others.filter(|one| one.claim.declared.contains(&place) && one.precedes(self.created, self.name));
            if let Some(rival) = rivals.min_by_key(|one| (one.created, one.name.clone())) {
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

    /// Another object that set this value there. No older one declares the place, so the record passes to this one.
    fn predecessor(&self, mark: &str) -> Option<Claimant> {
        let mut others = self.others.of_entry(self.document, mark).into_iter();
        others.find(|one| one.claim.owned.contains(mark))
    }

    /// Whether another object declares the place and has in its record what is there: it restores what was there before.
    fn is_taken_over(&self, pointer: &str, document: &Document) -> bool {
        let mark = mark(pointer, place::value(document, pointer).as_ref());
        let others = self.others.of_entry(self.document, &mark);
        let mut claims = others.iter().map(|one| &one.claim);
        claims.any(|claim| claim.owned.contains(&mark) && claim.declared.contains(pointer))
    }

    /// Hashes of what a value may look like in the document: its own, and that of what the server made of it.
    fn forms(&self, mark: &str) -> Vec<String> {
        let stored = self.record.stored.get(mark).cloned();
        [place::split(mark).1.to_owned()].into_iter().chain(stored).collect()
    }

    /// What the record says of a place: hash and place of each value that was set there.
    fn marks(&self, pointer: &str) -> impl Iterator<Item = &String> {
        let marks = self.record.grants.list(VALUES).iter();
        marks.filter(move |mark| place::split(mark).0 == pointer)
    }
}

/// A plan in the making.
struct Draft<'a> {
    owner: &'a Owner<'a>,
    /// The document as it will be.
    document: Document,
    change: EntriesChange,
    entries: BTreeSet<String>,
    values: BTreeSet<String>,
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
            entries: BTreeSet::new(),
            values: BTreeSet::new(),
            maps: BTreeSet::new(),
            replaced: BTreeMap::new(),
            basis: DefaultHasher::new(),
        }
    }

    /// Gives up an entry that the spec does not declare any more: what was there before comes back.
    fn withdraw(&mut self, pointer: &str, ends: bool) {
        let owner = self.owner;
        let (others, document) = (owner.others, owner.document);
        // Without it the object knows no more than that it set something: that stays.
        let Some(value) = owner.record.replaced.get(pointer) else {
            return;
        };
        let restore = Restore {
            pointer: pointer.to_owned(),
            value: value.clone(),
            ours: owner.marks(pointer).flat_map(|mark| owner.forms(mark)).collect(),
        };
        if !restore.is_due(&self.document) || owner.is_taken_over(pointer, &self.document) {
            return;
        }
        if ends && owner.marks(pointer).any(|mark| others.declares(document, mark)) {
            return;
        }
        if !ends && others.declares(document, pointer) {
            // The object that declares it takes the record over.
            self.entries.insert(pointer.to_owned());
            self.values.extend(owner.marks(pointer).cloned());
            self.replaced.insert(pointer.to_owned(), value.clone());
            return;
        }
        (pointer, value, &restore.ours).hash(&mut self.basis);
        let part = EntriesChange {
            restores: vec![restore.clone()],
            ..EntriesChange::default()
        };
        if part.make(&mut self.document).is_ok_and(|made| made.changed) {
            self.change.restores.push(restore);
        }
    }

    /// Gives up maps that no entry of this object needs any more.
    fn remove_maps(&mut self, declared: &BTreeSet<&str>) {
        let is_needed = |map: &&String| {
            let mut places = declared.iter().copied().chain(self.entries.iter().map(String::as_str));
            places.any(|pointer| place::is_below(pointer, map))
        };
        let (needed, mut dropped): (Vec<_>, Vec<_>) = self.owner.record.grants.list(MAPS).iter().partition(is_needed);
        self.maps.extend(needed.into_iter().cloned());
        dropped.sort_by_key(|map| std::cmp::Reverse(map.len()));
        for map in dropped {
            if place::is_empty_map(&self.document, map) && self.document.remove_at(map).is_ok() {
                map.hash(&mut self.basis);
                self.change.maps.push(map.clone());
            }
        }
    }

    fn declare(&mut self, entry: &Entry) -> Result<(), Error> {
        let (owner, pointer) = (self.owner, entry.pointer.as_str());
        let found = place::value(&self.document, pointer);
        let is_there = owner.forms(&entry.mark()).contains(&place::print(found.as_ref()));
        let recorded = self.is_recorded(pointer, found.as_ref());
        let predecessor = if recorded {
            None
        } else {
            owner.predecessor(&mark(pointer, found.as_ref()))
        };
        let first = !recorded && predecessor.is_none();
        if first && is_there {
            return Ok(());
        }
        let replaced = if first {
            Some(place::text(&self.document, pointer).unwrap_or_default())
        } else if let Some(predecessor) = predecessor {
            let start = was(pointer, "");
            let texts = predecessor
                .claim
                .owned
                .iter()
                .filter_map(|claim| claim.strip_prefix(&start));
            texts.map(str::to_owned).next()
        } else {
            owner.record.replaced.get(pointer).cloned()
        };
        self.replaced.extend(replaced.map(|text| (pointer.to_owned(), text)));
        self.entries.insert(pointer.to_owned());
        self.values.insert(entry.mark());
        if entry.value.is_some() {
            self.note_maps(pointer);
        }
        if is_there {
            return Ok(());
        }
        (entry.mark(), place::print(found.as_ref())).hash(&mut self.basis);
        let set = Set {
            pointer: entry.pointer.clone(),
            value: entry.value.clone(),
            first,
        };
        let part = EntriesChange {
            noun: owner.noun,
            sets: vec![set.clone()],
            ..EntriesChange::default()
        };
        part.make(&mut self.document)?;
        self.change.sets.push(set);
        Ok(())
    }

    /// Whether the object wrote there. A record without what was there before is an intent; the document shows whether it
    /// was carried out.
    fn is_recorded(&self, pointer: &str, found: Option<&Value>) -> bool {
        let record = self.owner.record;
        let forms = self.owner.marks(pointer).flat_map(|mark| self.owner.forms(mark));
        let carried_out = || forms.into_iter().any(|form| form == place::print(found));
        record.grants.contains(ENTRIES, pointer) && (record.replaced.contains_key(pointer) || carried_out())
    }

    /// Notes the maps above an entry that do not exist yet, and those that another object made: whoever goes last removes
    /// them.
    fn note_maps(&mut self, pointer: &str) {
        let owner = self.owner;
        let ours = |map: &str| owner.others.owns(owner.document, &made(map));
        let maps = place::ancestors(pointer).filter(|map| !place::is_map(&self.document, map) || ours(map));
        self.maps.extend(maps.map(str::to_owned));
    }

    fn plan(self) -> Plan<EntriesChange> {
        let lists = [(ENTRIES, self.entries), (VALUES, self.values), (MAPS, self.maps)];
        Plan {
            grants: lists.into_iter().collect::<Grants>(),
            replaced: self.replaced,
            basis: self.basis.finish(),
            ..Plan::new((!self.change.is_empty()).then_some(self.change))
        }
    }
}
