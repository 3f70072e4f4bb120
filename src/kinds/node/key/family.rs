//! The keys of one object: the one whose value is published, those that it replaced, and those whose value was lost.
//!
//! What the Secret holds decides which key is in force, since a value and its id are written together. The record may be
//! behind it after a crash, and never ahead.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use super::{
    NodeKey, PUBLISHED, PUBLISHED_ID, SeenKeys,
    class::KeyClass,
    mark::{Kin, kin},
};
use crate::{
    crd::applied::Applied,
    dataiku::dip::keys::KeyRecord,
    engine::{Given, Secret, Secrets, Succession},
    kinds::node::NodeLists,
};

/// What the Secret holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held<'a> {
    /// Nobody read it.
    Unread,
    /// The value of the key with this id, as the operator wrote it.
    Key(&'a str),
    /// Nothing, or something that the operator did not write.
    Other,
}

impl<'a> Held<'a> {
    pub(super) fn of(secrets: &'a Secrets) -> Self {
        match (secrets.get(PUBLISHED), secrets.get(PUBLISHED_ID)) {
            (None | Some(Secret::Unread), _) => Self::Unread,
            (Some(Secret::Unchanged(..)), Some(Secret::Unchanged(id, _))) => {
                Self::Key(secrecy::ExposeSecret::expose_secret(id))
            }
            _ => Self::Other,
        }
    }
}

/// The keys of one object that exist on the node.
pub(super) struct Family {
    /// The one whose value is published.
    pub(super) current: Option<Arc<KeyRecord>>,
    /// Since when it is.
    pub(super) since: Timestamp,
    /// Keys that were published before, and since when they are replaced.
    pub(super) retiring: Vec<(Arc<KeyRecord>, Timestamp)>,
    /// Keys with the mark of the object that were never published: nobody knows their values.
    pub(super) orphans: Vec<Arc<KeyRecord>>,
    /// Keys that an earlier object of this name left behind, perhaps on purpose.
    pub(super) former: Vec<Arc<KeyRecord>>,
}

impl Family {
    pub(super) fn of<K: NodeKey>(object: &K, given: &Given<'_, K::Instance>, seen: Option<&SeenKeys>) -> Self {
        let record = given.record;
        let mut all = everyone::<K>(given.lists.as_ref(), record, seen);
        // Whoever writes to the Secret must not point the operator to the key of somebody else.
        let kin = |key: &KeyRecord| kin(key.description.as_deref().unwrap_or_default(), object, given.cluster);
        let ours = |key: &KeyRecord| {
            kin(key) != Kin::Other || record.id.as_ref() == Some(&key.id) || record.retiring.contains_key(&key.id)
        };
        let published = match Held::of(given.secrets) {
            Held::Unread => record.id.as_deref(),
            Held::Key(id) => Some(id),
            Held::Other => None,
        };
        let current = published.filter(|id| all.get(*id).is_some_and(|key| ours(key)));
        let current = current.and_then(|id| all.remove(id));
        let recorded = record.published_at.as_ref().map(|at| at.0);
        let is_recorded = current.as_ref().is_some_and(|key| record.id.as_ref() == Some(&key.id));
        let mut family = Self {
            since: recorded.filter(|_| is_recorded).unwrap_or(given.now),
            current,
            retiring: Vec::new(),
            orphans: Vec::new(),
            former: Vec::new(),
        };
        for (id, key) in all {
            match record.retiring.get(&id) {
                Some(since) => family.retiring.push((key, since.parse().unwrap_or(given.now))),
                None if record.id.as_ref() == Some(&id) => family.retiring.push((key, given.now)),
                // Its object may have retained it, and clients may have its value.
                None if kin(&key) == Kin::Former => family.former.push(key),
                None => family.orphans.push(key),
            }
        }
        family
    }

    /// Whether another key of the object has this label.
    pub(super) fn is_taken(&self, label: &str, id: &str) -> bool {
        let retiring = self.retiring.iter().map(|(key, _)| key);
        let all = self.current.iter().chain(retiring);
        let mut all = all.chain(&self.orphans).chain(&self.former);
        all.any(|key| key.id != id && key.label.as_deref() == Some(label))
    }

    /// What the record says once everything is written.
    pub(super) fn succession(&self) -> Option<Succession> {
        let current = self.current.as_ref()?;
        let retiring = self.retiring.iter();
        Some(Succession {
            id: current.id.clone(),
            since: self.since,
            retiring: retiring.map(|(key, since)| (key.id.clone(), *since)).collect(),
        })
    }
}

/// Every key that exists and that the object may withdraw: those with its own mark, and those on record. Not those that an earlier
/// object of its name left behind.
pub(super) fn own<K: NodeKey>(
    lists: &NodeLists,
    record: &Applied,
    seen: Option<&SeenKeys>,
) -> BTreeMap<String, Arc<KeyRecord>> {
    let former = seen.into_iter().flat_map(|seen| &seen.former);
    let left: BTreeSet<&str> = former.map(|key| key.id.as_str()).collect();
    let mut all = everyone::<K>(lists, record, seen);
    all.retain(|id, _| {
        !left.contains(id.as_str()) || record.id.as_ref() == Some(id) || record.retiring.contains_key(id)
    });
    all
}

/// Every key of the object that exists, by its marks or by the record, and those of an earlier object of its name.
pub(super) fn everyone<K: NodeKey>(
    lists: &NodeLists,
    record: &Applied,
    seen: Option<&SeenKeys>,
) -> BTreeMap<String, Arc<KeyRecord>> {
    let keys = K::Class::keys(lists);
    let recorded = record.id.iter().chain(record.retiring.keys());
    let recorded = recorded.filter_map(|id| keys.get(id).found());
    let seen = seen
        .into_iter()
        .flat_map(|seen| seen.marked.iter().chain(&seen.former).chain(&seen.named));
    recorded.chain(seen.cloned()).map(|key| (key.id.clone(), key)).collect()
}

/// This long after a time.
pub(super) fn after(time: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    time.checked_add(wait).unwrap_or(Timestamp::MAX)
}

/// How long it is until then; `None`: it is past.
pub(super) fn until(time: Timestamp, now: Timestamp) -> Option<Duration> {
    let left = Duration::try_from(time.duration_since(now)).ok()?;
    (!left.is_zero()).then_some(left)
}
