//! Objects, their history and the revision that orders both.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{clock::Clock, kind::Registered, ownership::Owners};

/// The first resource version. The third write makes the number one digit longer, so that a comparison as text shows.
const FIRST_REVISION: u64 = 97;
/// Paged lists that can still be continued.
const SNAPSHOTS: usize = 64;

/// Namespace, empty for what lives in none, and name.
pub(crate) type Key = (String, String);
/// Decides whether an object may be stored.
pub(crate) type Validation = Arc<dyn Fn(&Value) -> Result<(), String> + Send + Sync>;

/// Every kind with its objects.
pub(crate) struct Store {
    pub(crate) counters: Counters,
    pub(crate) snapshots: VecDeque<Snapshot>,
    collections: BTreeMap<u64, Collection>,
}

/// What is counted for the cluster as a whole.
pub(crate) struct Counters {
    pub(crate) revision: u64,
    pub(crate) clock: Clock,
    serial: u64,
}

/// One kind and its objects.
pub(crate) struct Collection {
    pub(crate) kind: Registered,
    pub(crate) objects: BTreeMap<Key, Stored>,
    /// In the order of revisions.
    pub(crate) history: Vec<Change>,
    /// A watch from a revision before this one is answered with 410.
    pub(crate) oldest: u64,
    pub(crate) validation: Option<Validation>,
    /// Whether watches deliver nothing.
    pub(crate) held: bool,
    /// How often the connections of all watches were cut.
    pub(crate) cuts: u64,
}

/// One object and who owns which of its fields.
#[derive(Clone)]
pub(crate) struct Stored {
    pub(crate) value: Arc<Value>,
    pub(crate) owners: Owners,
}

/// One committed write.
pub(crate) struct Change {
    pub(crate) revision: u64,
    pub(crate) at: Instant,
    pub(crate) deleted: bool,
    pub(crate) object: Arc<Value>,
    pub(crate) previous: Option<Arc<Value>>,
}

/// What a list found, for its further pages.
pub(crate) struct Snapshot {
    pub(crate) id: u64,
    pub(crate) revision: u64,
    pub(crate) items: Arc<[Arc<Value>]>,
}

// === impl Store ===

impl Store {
    pub(crate) fn new() -> Self {
        Self {
            counters: Counters {
                revision: FIRST_REVISION,
                clock: Clock::start(),
                serial: 0,
            },
            snapshots: VecDeque::new(),
            collections: BTreeMap::new(),
        }
    }

    pub(crate) fn register(&mut self, kind: Registered) {
        let same = |known: &&mut Collection| known.kind.group == kind.group && known.kind.plural == kind.plural;
        if let Some(known) = self.collections.values_mut().find(same) {
            known.kind = kind;
            return;
        }
        let collection = Collection {
            kind,
            objects: BTreeMap::new(),
            history: Vec::new(),
            oldest: 0,
            validation: None,
            held: false,
            cuts: 0,
        };
        self.collections.insert(self.counters.serial(), collection);
    }

    pub(crate) fn unregister(&mut self, id: u64) {
        self.collections.remove(&id);
    }

    pub(crate) fn kinds(&self) -> impl Iterator<Item = &Registered> {
        self.collections.values().map(|collection| &collection.kind)
    }

    /// Objects all of whose owners are gone, with the plural of their kind.
    pub(crate) fn orphans(&self) -> Vec<(String, Key)> {
        let all = || self.collections.values().flat_map(|collection| &collection.objects);
        let uids: BTreeSet<&str> = all()
            .filter_map(|(_, stored)| stored.value["metadata"]["uid"].as_str())
            .collect();
        let is_orphan = |stored: &Stored| {
            let metadata = &stored.value["metadata"];
            let owners = metadata["ownerReferences"]
                .as_array()
                .filter(|owners| !owners.is_empty());
            let is_gone = |owner: &Value| !owner["uid"].as_str().is_some_and(|uid| uids.contains(uid));
            metadata["deletionTimestamp"].is_null() && owners.is_some_and(|owners| owners.iter().all(is_gone))
        };
        let orphans = self.collections.values().flat_map(|collection| {
            let found = collection.objects.iter().filter(|(_, stored)| is_orphan(stored));
            found.map(|(key, _)| (collection.kind.resource(), key.clone()))
        });
        orphans.collect()
    }

    /// The kind that `wanted` picks.
    pub(crate) fn find(&self, wanted: impl Fn(&Registered) -> bool) -> Option<u64> {
        let mut found = self.collections.iter().filter(|(_, one)| wanted(&one.kind));
        found.next().map(|(id, _)| *id)
    }

    /// `None` once the kind was unregistered.
    pub(crate) fn get(&self, id: u64) -> Option<&Collection> {
        self.collections.get(&id)
    }

    /// A kind to change, and the counters that its changes advance.
    pub(crate) fn get_mut(&mut self, id: u64) -> Option<(&mut Collection, &mut Counters)> {
        let collection = self.collections.get_mut(&id)?;
        Some((collection, &mut self.counters))
    }

    /// Keeps what a list found, and returns the name of the snapshot.
    pub(crate) fn snapshot(&mut self, items: Arc<[Arc<Value>]>) -> u64 {
        let id = self.counters.serial();
        self.snapshots.truncate(SNAPSHOTS - 1);
        self.snapshots.push_front(Snapshot {
            id,
            revision: self.counters.revision,
            items,
        });
        id
    }
}

// === impl Counters ===

impl Counters {
    /// A number that was not used before.
    pub(crate) fn serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// A uid that was not used before.
    pub(crate) fn uid(&mut self) -> String {
        format!("00000000-0000-4000-8000-{:012x}", self.serial())
    }

    /// Five characters that make a generated name unique.
    pub(crate) fn suffix(&mut self) -> String {
        const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        const LENGTH: u32 = 5;
        let base = ALPHABET.len() as u64;
        // A step that has no factor in common with the number of names, so that none repeats before all were given.
        let mut rest = (self.serial() * 7_654_321) % base.pow(LENGTH);
        let mut suffix = String::new();
        for _ in 0..LENGTH {
            let index = usize::try_from(rest % base).unwrap_or_default();
            suffix.push(char::from(ALPHABET[index]));
            rest /= base;
        }
        suffix
    }
}

// === impl Collection ===

impl Collection {
    /// Stores an object under the next revision.
    pub(crate) fn commit(&mut self, counters: &mut Counters, key: Key, value: Value, owners: Owners) -> Arc<Value> {
        let value = self.record(counters, value, false, &key);
        let stored = Stored {
            value: value.clone(),
            owners,
        };
        self.objects.insert(key, stored);
        value
    }

    /// Removes an object. Its last event has the state before the removal, under the revision of the removal.
    pub(crate) fn remove(&mut self, counters: &mut Counters, key: &Key) {
        if let Some(stored) = self.objects.get(key) {
            let last = Value::clone(&stored.value);
            self.record(counters, last, true, key);
            self.objects.remove(key);
        }
    }

    /// Ends every open watch with 410, and refuses a watch from any revision so far.
    pub(crate) fn expire(&mut self, counters: &mut Counters) {
        counters.revision += 1;
        self.oldest = counters.revision;
        self.history.clear();
    }

    fn record(&mut self, counters: &mut Counters, mut value: Value, deleted: bool, key: &Key) -> Arc<Value> {
        counters.revision += 1;
        value["metadata"]["resourceVersion"] = json!(counters.revision.to_string());
        let object = Arc::new(value);
        self.history.push(Change {
            revision: counters.revision,
            at: Instant::now(),
            deleted,
            object: object.clone(),
            previous: self.objects.get(key).map(|stored| stored.value.clone()),
        });
        object
    }
}
