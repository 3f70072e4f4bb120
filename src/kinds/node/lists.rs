//! What the last sweep of a node and later reads of single objects showed.

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
    time::Instant,
};

use super::{
    activity::Activity,
    bulk::{BulkCalls, ReadBack},
    inventory::Inventory,
    spelling,
    sweep::Sweep,
    user::Element,
};
use crate::{
    crd::applied::Applied,
    dataiku::{
        dip::{
            groups::{GroupRecord, IMPERSONATABLE},
            keys::KeyRecord,
            users::UserRecord,
        },
        document::Document,
        listed::Listed,
    },
    engine::{
        connect::{
            delegation::Held,
            lists::{Shared, read, write},
        },
        shared::batch::Batch,
    },
};

/// What is known of one remote object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known<T> {
    /// It exists.
    Found(Arc<T>),
    /// It does not exist.
    Absent,
    /// No list was read yet, or the list has elements that could not be identified, and this object may be one of them.
    Unknown,
}

impl<T> Known<T> {
    /// Whether it exists; `None`: nobody can tell.
    pub fn exists(&self) -> Option<bool> {
        match self {
            Self::Found(_) => Some(true),
            Self::Absent => Some(false),
            Self::Unknown => None,
        }
    }

    /// The object, if it exists.
    pub fn found(self) -> Option<Arc<T>> {
        match self {
            Self::Found(object) => Some(object),
            Self::Absent | Self::Unknown => None,
        }
    }
}

/// An object as it was last read; `None`: it did not exist.
struct Entry<T> {
    object: Option<Arc<T>>,
    at: Instant,
}

/// The objects of one type on a node, by key. A list never overrides a read of a single object that is newer than the list.
pub struct Snapshot<T> {
    entries: RwLock<HashMap<String, Entry<T>>>,
    /// Whether the last list identified every element; false before the first one.
    complete: Shared<bool>,
    key: fn(&T) -> &str,
}

impl<T: PartialEq> Snapshot<T> {
    /// Empty; `key` identifies an object.
    pub fn new(key: fn(&T) -> &str) -> Self {
        Self {
            entries: RwLock::default(),
            complete: Shared::default(),
            key,
        }
    }

    /// Replaces everything that was read before the list began.
    pub fn replace(&self, began: Instant, list: &Listed<Arc<T>>) {
        let mut entries = write(&self.entries);
        for object in &list.items {
            let key = (self.key)(object);
            let listed = Entry {
                object: Some(object.clone()),
                at: began,
            };
            match entries.get_mut(key) {
                Some(entry) if entry.at > began => {}
                Some(entry) => *entry = listed,
                None => {
                    entries.insert(key.to_owned(), listed);
                }
            }
        }
        entries.retain(|_, entry| entry.at >= began);
        drop(entries);
        self.complete.set(list.is_complete());
    }

    /// Forgets everything: nothing is known any more.
    pub fn forget(&self) {
        write(&self.entries).clear();
        self.complete.set(false);
    }

    /// Takes in a read of a single object; `None`: it does not exist.
    pub fn saw(&self, key: &str, object: Option<Arc<T>>) {
        let at = Instant::now();
        write(&self.entries).insert(key.to_owned(), Entry { object, at });
    }

    /// The object as it was last read.
    pub fn get(&self, key: &str) -> Known<T> {
        match read(&self.entries).get(key) {
            Some(Entry {
                object: Some(object), ..
            }) => Known::Found(object.clone()),
            Some(Entry { object: None, .. }) => Known::Absent,
            None if *self.complete.get() => Known::Absent,
            None => Known::Unknown,
        }
    }

    /// The object of this key, or the one on record under which the node stored it.
    pub fn get_stored(&self, key: &str, record: &Applied) -> Known<T> {
        let declared = self.get(key);
        match &record.id {
            Some(stored) if declared == Known::Absent => self.get(stored),
            _ => declared,
        }
    }

    /// Whether the last list identified every object; false before the first one.
    pub fn is_complete(&self) -> bool {
        *self.complete.get()
    }

    /// The objects that `wanted` accepts, in no particular order. Looks at all of them.
    pub fn filter(&self, wanted: impl Fn(&T) -> bool) -> Vec<Arc<T>> {
        let entries = read(&self.entries);
        let objects = entries.values().filter_map(|entry| entry.object.as_ref());
        objects.filter(|object| wanted(object)).cloned().collect()
    }

    /// Other spellings of this key that exist. Empty where a node stores the key as it is.
    pub(super) fn variants(&self, key: &str) -> Vec<String> {
        if !spelling::may_change(key) {
            return Vec::new();
        }
        let variants = self.filter(|object| spelling::is_variant((self.key)(object), key));
        variants.iter().map(|object| (self.key)(object).to_owned()).collect()
    }

    /// Number of objects.
    pub fn len(&self) -> usize {
        read(&self.entries)
            .values()
            .filter(|entry| entry.object.is_some())
            .count()
    }

    /// Whether there is no object.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The object as it is in memory already, if it is equal: so a list that changes little is in memory once.
    pub fn held(&self, object: T) -> Arc<T> {
        let held = read(&self.entries)
            .get((self.key)(&object))
            .and_then(|entry| entry.object.clone());
        held.filter(|held| **held == object).unwrap_or_else(|| Arc::new(object))
    }
}

/// Documents that objects share with people and tools, by key: as they were last read.
#[derive(Default)]
pub struct Documents(RwLock<HashMap<String, (Arc<Document>, Instant)>>);

impl Documents {
    /// The document.
    pub fn get(&self, key: &str) -> Option<Arc<Document>> {
        read(&self.0).get(key).map(|(document, _)| document.clone())
    }

    /// The documents whose keys begin so, by the rest of their keys, in its order.
    pub fn under(&self, prefix: &str) -> Vec<(String, Arc<Document>)> {
        let documents = read(&self.0);
        let under = documents.iter().filter_map(|(key, (document, _))| {
            let rest = key.strip_prefix(prefix)?;
            Some((rest.to_owned(), document.clone()))
        });
        let mut under: Vec<_> = under.collect();
        under.sort_by(|(one, _), (other, _)| one.cmp(other));
        under
    }

    /// Takes in a read that began then. It never overrides a newer one.
    pub fn saw(&self, key: &str, began: Instant, document: Arc<Document>) {
        let mut documents = write(&self.0);
        if documents.get(key).is_none_or(|(_, at)| *at <= began) {
            documents.insert(key.to_owned(), (document, began));
        }
    }

    /// Forgets a document that no object uses.
    pub fn forget(&self, key: &str) {
        write(&self.0).remove(key);
    }
}

/// What the objects of a node share.
pub struct NodeLists {
    /// Users by login.
    pub users: Snapshot<UserRecord>,
    /// Groups by name.
    pub groups: Snapshot<GroupRecord>,
    /// Global keys by id; listed only where an object declares one.
    pub keys: Snapshot<KeyRecord>,
    /// Personal keys by id; listed only where an object declares one.
    pub personal_keys: Snapshot<KeyRecord>,
    /// Documents that objects own entries of; read only where an object does.
    pub documents: Documents,
    /// When users were last seen.
    pub activity: Activity,
    /// Whether the node writes many users in one call.
    pub bulk: BulkCalls,
    /// Users as a list showed them right after they were created together.
    pub created: ReadBack,
    /// Reads of users by those who ask at the same time. The answer `None`: each reads its own.
    pub reading: Batch<String, Option<Element>>,
    /// The slower lists.
    pub inventory: Inventory,
    members: Shared<HashMap<String, i64>>,
    profiles: Shared<Option<Arc<Vec<String>>>>,
    identity: Shared<Option<String>>,
    /// Whether the key is a user's own and shows nothing but that user.
    pub(super) own: Shared<bool>,
}

impl Default for NodeLists {
    fn default() -> Self {
        Self {
            users: Snapshot::new(|user| &user.login),
            groups: Snapshot::new(|group| &group.name),
            keys: Snapshot::new(|key| &key.id),
            personal_keys: Snapshot::new(|key| &key.id),
            documents: Documents::default(),
            activity: Activity::default(),
            bulk: BulkCalls::default(),
            created: ReadBack::default(),
            reading: Batch::default(),
            inventory: Inventory::default(),
            members: Shared::default(),
            profiles: Shared::default(),
            identity: Shared::default(),
            own: Shared::default(),
        }
    }
}

impl AsRef<Self> for NodeLists {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// What a group gives. `None`: it cannot be read.
fn held(group: &GroupRecord) -> Option<Held> {
    let regex = group.impersonatable_groups_regex.as_deref().unwrap_or_default();
    if group.unreadable.contains(IMPERSONATABLE) || group.hides_flags() {
        return None;
    }
    let given = group.permissions.iter().filter(|(_, given)| **given);
    let admin = group.admin?.then(|| "admin".to_owned());
    Some(Held {
        flags: given.map(|(flag, _)| flag.clone()).chain(admin).collect(),
        privileges: (!regex.is_empty())
            .then(|| "impersonatableGroupsRegex".to_owned())
            .into_iter()
            .collect(),
    })
}

impl NodeLists {
    /// Number of users in the group at the last sweep.
    pub fn members(&self, group: &str) -> i64 {
        self.members.get().get(group).copied().unwrap_or_default()
    }

    /// User profiles in the licence at the last sweep; `None` where the node does not show them.
    pub fn profiles(&self) -> Option<Arc<Vec<String>>> {
        (*self.profiles.get()).clone()
    }

    /// Login of the account, or id of the key, that the operator uses.
    pub fn identity(&self) -> Option<String> {
        (*self.identity.get()).clone()
    }

    /// Takes in whose credentials the operator uses.
    pub(super) fn identify(&self, login: &str) {
        self.identity.set(Some(login.to_owned()));
    }

    /// What a group gives to its members, whatever the case of its name. `None`: it may be unknown, or a part of it cannot be
    /// read.
    pub(super) fn held(&self, group: &str) -> Option<Held> {
        let name = group.to_lowercase();
        let found = self.groups.filter(|group| group.name.to_lowercase() == name);
        if found.is_empty() && self.groups.get(group) == Known::Unknown {
            return None;
        }
        found.iter().map(|group| held(group)).collect()
    }

    /// Groups of a user, whatever the case of the login. `None`: the user may be unknown, or the groups cannot be read.
    pub(super) fn memberships(&self, login: &str) -> Option<Vec<String>> {
        let exact = match self.users.get(login) {
            Known::Unknown => return None,
            known => known.found(),
        };
        let variants = self.users.variants(login).into_iter();
        let variants = variants.filter_map(|login| self.users.get(&login).found());
        let users: Vec<_> = exact.into_iter().chain(variants).collect();
        let groups: Option<Vec<_>> = users.iter().map(|user| user.groups.clone()).collect();
        groups.map(|groups| groups.concat())
    }

    /// Takes in a sweep.
    pub(super) fn replace(&self, sweep: &Sweep) {
        let mut members: HashMap<String, i64> = HashMap::new();
        for group in sweep.users.items.iter().flat_map(|user| &user.groups).flatten() {
            match members.get_mut(group) {
                Some(count) => *count += 1,
                None => _ = members.insert(group.clone(), 1),
            }
        }
        self.users.replace(sweep.began, &sweep.users);
        self.groups.replace(sweep.began, &sweep.groups);
        self.members.set(members);
        self.bulk
            .note(sweep.node.as_ref().and_then(|node| node.dss_version.as_deref()));
        self.created.forget();
        self.profiles.set(sweep.profiles.clone());
        self.identify(&sweep.identity.auth_identifier);
        self.own.set(false);
    }
}

#[cfg(test)]
#[path = "lists_tests.rs"]
mod tests;
