//! What to write so that a document holds the entries of one object. Pure.
//!
//! The record of an object has, for every entry that it set, the place, a hash of the value, and what was there before; and
//! the maps that it made on the way. An entry that held the declared value when the object came is not in the record: it
//! stays when the object goes.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::Value;

use super::{
    edit::{EntriesChange, New, Restore, Set},
    place::{self, Entry, mark},
};
use crate::{
    crd::applied::{Applied, Grants},
    dataiku::document::Document,
    engine::{
        connect::Effect,
        error::{Error, Reason},
        index::{Claim, Claimant, Claims},
        keep::Plan,
        object::ObjectName,
        secrets::{Secret, Secrets},
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
    /// Values of the entries with slots.
    pub secrets: &'a Secrets,
    /// Whether `null` counts as nothing.
    pub nulls: bool,
    /// Whether values found may be secrets.
    pub private: bool,
    /// What a change of the document does to people.
    pub effects: fn(&Document, &Document) -> Vec<Effect>,
    /// Whether the deletion still waits for objects that take entries over.
    pub patient: bool,
}

/// Time between two checks whether an entry was taken over.
const TAKEN_OVER: Duration = Duration::from_secs(2);

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
    pub fn plan<'a>(&'a self, entries: &[Entry], document: &'a Document) -> Result<Plan<EntriesChange>, Error> {
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
    pub fn removal<'a>(&'a self, document: &'a Document) -> Plan<EntriesChange> {
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
        let shown = mark(pointer, place::value(document, pointer).as_ref());
        let secret = place::secret_mark(pointer);
        let secret = self.marks(pointer).any(|mark| *mark == secret).then_some(secret);
        [shown].into_iter().chain(secret).any(|mark| {
            let others = self.others.of_entry(self.document, &mark);
            let mut claims = others.iter().map(|one| &one.claim);
            claims.any(|claim| claim.owned.contains(&mark) && claim.declared.contains(pointer))
        })
    }

    /// The value at a place.
    fn found(&self, document: &Document, pointer: &str) -> Option<Value> {
        let found = place::value(document, pointer);
        found.filter(|value| !(self.nulls && value.is_null()))
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
    /// The document as it was found.
    before: &'a Document,
    /// Entries that another object is about to take over.
    handed_over: Vec<String>,
}

impl<'a> Draft<'a> {
    fn new(owner: &'a Owner<'a>, document: &'a Document) -> Self {
        Self {
            owner,
            before: document,
            handed_over: Vec::new(),
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
            nulls: owner.nulls,
        };
        if !restore.is_due(&self.document) || owner.is_taken_over(pointer, &self.document) {
            return;
        }
        if ends && owner.patient && owner.marks(pointer).any(|mark| others.declares(document, mark)) {
            // It has to know what was there before.
            self.handed_over.push(place::words(pointer).to_owned());
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
        if let Some(slot) = &entry.slot {
            return self.declare_secret(entry, slot);
        }
        let (owner, pointer) = (self.owner, entry.pointer.as_str());
        let found = owner.found(&self.document, pointer);
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
        self.own(entry, first, predecessor.as_ref());
        if entry.value.is_some() {
            self.note_maps(pointer);
        }
        if is_there {
            return Ok(());
        }
        (entry.mark(), place::print(found.as_ref())).hash(&mut self.basis);
        self.set(entry, entry.value.clone().map_or(New::Nothing, New::Json), first)
    }

    /// Declares the value of a secret. The remote side does not show which one it has: whether there is one is compared, and
    /// the value is written when it changed.
    fn declare_secret(&mut self, entry: &Entry, slot: &str) -> Result<(), Error> {
        let (owner, pointer, mark) = (self.owner, entry.pointer.as_str(), entry.mark());
        let is_there = place::is_text(owner.found(&self.document, pointer).as_ref());
        let recorded = owner.record.grants.contains(ENTRIES, pointer) && owner.record.grants.contains(VALUES, &mark);
        let predecessor = if recorded { None } else { owner.predecessor(&mark) };
        let first = !recorded && predecessor.is_none();
        let due = match owner.secrets.get(slot) {
            Some(Secret::Changed(..)) => true,
            Some(Secret::Unchanged(..)) => !is_there,
            Some(Secret::Unread) => !is_there && owner.record.secrets.contains_key(slot),
            Some(Secret::Missing(_) | Secret::Unusable(_)) | None => false,
        };
        if first && !due {
            return Ok(());
        }
        self.own(entry, first, predecessor.as_ref());
        self.note_maps(pointer);
        if !due {
            return Ok(());
        }
        (mark, is_there).hash(&mut self.basis);
        let value = owner.secrets.value(slot).cloned();
        self.set(entry, New::Secret(slot.to_owned(), value), first)
    }

    /// Records an entry as this object's own, with what was there before.
    fn own(&mut self, entry: &Entry, first: bool, predecessor: Option<&Claimant>) {
        let (owner, pointer) = (self.owner, entry.pointer.as_str());
        let replaced = if first {
            let text = place::text(&self.document, pointer).unwrap_or_default();
            let private = owner.private || entry.slot.is_some();
            Some(place::restorable(pointer, text, private))
        } else if let Some(predecessor) = predecessor {
            let start = was(pointer, "");
            let mut claims = predecessor.claim.owned.iter();
            claims.find_map(|claim| claim.strip_prefix(&start).map(str::to_owned))
        } else {
            owner.record.replaced.get(pointer).cloned()
        };
        self.replaced.extend(replaced.map(|text| (pointer.to_owned(), text)));
        self.entries.insert(pointer.to_owned());
        self.values.insert(entry.mark());
    }

    fn set(&mut self, entry: &Entry, value: New, first: bool) -> Result<(), Error> {
        let owner = self.owner;
        let set = Set {
            pointer: entry.pointer.clone(),
            value,
            first,
            private: owner.private || entry.slot.is_some(),
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

    fn plan(mut self) -> Plan<EntriesChange> {
        let lists = [(ENTRIES, self.entries), (VALUES, self.values), (MAPS, self.maps)];
        let changes = !self.change.is_empty();
        if changes {
            self.change.effects = (self.owner.effects)(self.before, &self.document);
        }
        let handed_over = self.handed_over.join(", ");
        let noun = self.owner.noun;
        let waits =
            (!handed_over.is_empty()).then(|| format!("waiting until another object takes over {noun} {handed_over}"));
        Plan {
            due: waits.is_some().then_some(TAKEN_OVER),
            in_progress: waits.into_iter().collect(),
            grants: lists.into_iter().collect::<Grants>(),
            replaced: self.replaced,
            basis: self.basis.finish(),
            ..Plan::new(changes.then_some(self.change))
        }
    }
}
