//! The record of what the operator set. Kept flat: every object holds one in memory, and a tree of trees takes the better
//! part of a kilobyte for a single name.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use litemap::LiteMap;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::propagation::Propagation;

/// What the operator set on the remote side, so that it can withdraw it once it is no longer declared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// Short hash of the object's uid, its connection and its remote key. The operator ignores a record whose subject
    /// is another one: it was copied from another object or restored from another cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub subject: Option<Subject>,
    /// Id that the remote side gave to the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Since when the value of the remote object with this id is published, for kinds that publish one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<Time>,
    /// Remote objects that a newer one replaced: by id, the time of the replacement (RFC 3339). The operator deletes them after
    /// an overlap.
    #[serde(default, skip_serializing_if = "LiteMap::is_empty", deserialize_with = "flat")]
    #[schemars(with = "BTreeMap<String, String>")]
    pub retiring: LiteMap<String, String>,
    /// Keyed hash of each secret value that was applied, by the place it is used in. The key is known only to the operator.
    #[serde(default, skip_serializing_if = "LiteMap::is_empty", deserialize_with = "flat")]
    #[schemars(with = "BTreeMap<String, String>")]
    pub secrets: LiteMap<String, String>,
    /// Places whose secret value may have changed unnoticed, since the operator's fingerprint key is another one than when it
    /// was applied.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unverified: BTreeSet<String>,
    /// Hash of the text of the annotation `reapply-credentials` that the operator acted on last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub reapplied: Option<Subject>,
    /// Short hash of the versions of the Secrets and `ConfigMap`s that these values were read from. The operator reads them
    /// again only once one of them changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub sources: Option<Sources>,
    /// Names that were granted, by list: memberships, permission flags.
    #[serde(default, skip_serializing_if = "Grants::is_empty")]
    #[schemars(with = "BTreeMap<String, BTreeSet<String>>")]
    pub grants: Grants,
    /// Entries of a shared document that the remote side stored in another form: by the declared entry, what it stored.
    #[serde(default, skip_serializing_if = "LiteMap::is_empty", deserialize_with = "flat")]
    #[schemars(with = "BTreeMap<String, String>")]
    pub stored: LiteMap<String, String>,
    /// Values found before the operator replaced them, as JSON text by their place. An empty text means
    /// that there was none.
    #[serde(default, skip_serializing_if = "LiteMap::is_empty", deserialize_with = "flat")]
    #[schemars(with = "BTreeMap<String, String>")]
    pub replaced: LiteMap<String, String>,
    /// The task on the remote side that carries out the last write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Box<Propagation>>,
    /// Latest time at which a write whose answer was lost may still take effect. A read that began earlier removes nothing from
    /// `grants`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsettled_until: Option<Time>,
    /// The remote side refused the last attempt to create the object; one that exists by now is somebody else's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub create_refused: bool,
    /// A write that the remote side accepted and did not store: generation of the object, a slash, and a hash of the write
    /// and of what it replaces. The operator does not repeat it while both are the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_stored: Option<String>,
}

/// Stands for one object on one connection, or for a text: a hash of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject(u64);

impl Subject {
    /// The subject of a hash.
    pub fn new(hash: u64) -> Self {
        Self(hash)
    }
}

impl Serialize for Subject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{:016x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Subject {
    /// A text that is no hash stands for no object: such a record is ignored, and the object stays readable.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(Self(u64::from_str_radix(&text, 16).unwrap_or_default()))
    }
}

/// Stands for what an object reads, at the versions at which it was read last: a hash of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sources(Subject);

impl Sources {
    /// What this hash stands for.
    pub fn new(hash: u64) -> Self {
        Self(Subject::new(hash))
    }
}

impl Applied {
    /// Bytes that the names and values take, without the punctuation of JSON.
    pub fn bytes(&self) -> usize {
        let maps = [&self.secrets, &self.stored, &self.replaced];
        let values = maps.into_iter().flat_map(LiteMap::iter);
        let values: usize = values.map(|(place, value)| place.len() + value.len()).sum();
        values + self.grants.names().map(String::len).sum::<usize>()
    }

    /// Records that the value in this place was applied.
    pub fn applied_secret(&mut self, place: &str, fingerprint: String) {
        self.secrets.insert(place.to_owned(), fingerprint);
        self.unverified.remove(place);
    }

    /// Names granted earlier in `list` that `declared` holds no more.
    pub fn withdrawn(&self, list: &str, declared: &BTreeSet<String>) -> BTreeSet<String> {
        let granted = self.grants.list(list).iter();
        granted.filter(|name| !declared.contains(*name)).cloned().collect()
    }
}

/// From any order of keys, and in the words of a map where it is none.
fn flat<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LiteMap<String, String>, D::Error> {
    Ok(BTreeMap::deserialize(deserializer)?.into_iter().collect())
}

/// What was granted, such as memberships and permissions: lists of names. Each is sorted, holds a name once and is not
/// empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "BTreeMap<String, BTreeSet<String>>")]
pub struct Grants(LiteMap<String, Vec<String>>);

impl Grants {
    /// Whether there is no list.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names of one list, sorted.
    pub fn list(&self, list: &str) -> &[String] {
        self.0.get(list).map(Vec::as_slice).unwrap_or_default()
    }

    /// The names of one list, as a set of one's own.
    pub fn get(&self, list: &str) -> BTreeSet<String> {
        self.list(list).iter().cloned().collect()
    }

    /// Whether this name is in the list.
    pub fn contains(&self, list: &str, name: &str) -> bool {
        self.list(list)
            .binary_search_by(|present| present.as_str().cmp(name))
            .is_ok()
    }

    /// The names of all lists.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.0.values().flatten()
    }

    /// Removes a list and returns it.
    pub fn take(&mut self, list: &str) -> BTreeSet<String> {
        self.0.remove(list).unwrap_or_default().into_iter().collect()
    }

    /// Whether every name of every list of `others` is here too.
    pub fn contains_all(&self, others: &Self) -> bool {
        let mut lists = others.0.iter();
        lists.all(|(list, names)| names.iter().all(|name| self.contains(list, name)))
    }

    /// Adds what `others` hold.
    pub fn add(&mut self, others: Self) {
        for (list, names) in others.0 {
            let mut all = self.get(&list);
            all.extend(names);
            self.0.insert(list, all.into_iter().collect());
        }
    }
}

impl Serialize for Grants {
    // A `LiteMap` that is empty would be written as a list.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter())
    }
}

impl From<BTreeMap<String, BTreeSet<String>>> for Grants {
    fn from(lists: BTreeMap<String, BTreeSet<String>>) -> Self {
        lists.into_iter().collect()
    }
}

impl<L: Into<String>> FromIterator<(L, BTreeSet<String>)> for Grants {
    /// Empty lists are left out.
    fn from_iter<I: IntoIterator<Item = (L, BTreeSet<String>)>>(lists: I) -> Self {
        let lists = lists.into_iter().filter(|(_, names)| !names.is_empty());
        Self(
            lists
                .map(|(list, names)| (list.into(), names.into_iter().collect()))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn grants(names: &[&str]) -> Grants {
        let names: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
        [("groups", names)].into_iter().collect()
    }

    #[test]
    fn a_list_is_sorted_whatever_the_order_in_which_it_came() {
        let read: Grants = serde_json::from_value(json!({ "groups": ["b", "a", "b"] })).unwrap();
        assert_eq!(read, grants(&["a", "b"]));
        assert_eq!(serde_json::to_value(&read).unwrap(), json!({ "groups": ["a", "b"] }));
        assert!(read.contains("groups", "a") && read.contains("groups", "b"));
        assert!(!read.contains("groups", "c") && !read.contains("others", "a"));
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        assert_eq!(serde_json::to_value(Applied::default()).unwrap(), json!({}));
        assert_eq!(serde_json::to_value(Grants::default()).unwrap(), json!({}));
        let applied = Applied {
            secrets: [("password", "k1:a"), ("key", "k1:b")]
                .map(|(slot, print)| (slot.to_owned(), print.to_owned()))
                .into_iter()
                .collect(),
            grants: grants(&["b", "a"]),
            ..Applied::default()
        };
        let written = serde_json::to_string(&applied).unwrap();
        assert_eq!(serde_json::from_str::<Applied>(&written).unwrap(), applied);
        let unsorted = r#"{"secrets":{"password":"k1:a","key":"k1:b"},"grants":{"groups":["b","a"]}}"#;
        assert_eq!(serde_json::from_str::<Applied>(unsorted).unwrap(), applied);
        let error = serde_json::from_str::<Applied>(r#"{"secrets":[]}"#).unwrap_err();
        assert!(error.to_string().contains("expected a map"), "{error}");
    }

    #[test]
    fn adding_keeps_what_is_there() {
        let mut all = grants(&["b", "d"]);
        all.add(grants(&["c", "b"]));
        assert_eq!(all, grants(&["b", "c", "d"]));
        all.add(Grants::from(BTreeMap::from([("others".to_owned(), all.get("groups"))])));
        assert_eq!(all.names().count(), 6);
    }

    #[test]
    fn what_is_declared_no_more_is_withdrawn() {
        let applied = Applied {
            grants: grants(&["a", "b"]),
            ..Applied::default()
        };
        let declared = BTreeSet::from(["b".to_owned(), "c".to_owned()]);
        assert_eq!(applied.withdrawn("groups", &declared), BTreeSet::from(["a".to_owned()]));
        assert_eq!(applied.withdrawn("others", &declared), BTreeSet::new());
    }
}
