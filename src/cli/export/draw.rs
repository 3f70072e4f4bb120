//! What a manifest is drawn from.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Exports, Names, report::Needed};
use crate::{
    cli::args::ExportKind,
    engine::{
        Managed,
        connect::{Dependent, Shares, single::Bench},
    },
};

/// One object before anybody judged it.
pub(super) struct Drawn {
    /// Key of the remote object, for people.
    pub remote: String,
    /// What the name of the object is made from: the same for the same remote object in every export.
    pub named: String,
    /// The fields.
    pub spec: Map<String, Value>,
    /// Whether a directory owns the remote object, or decides who is in it.
    pub from_directory: bool,
    /// Why it is not to be declared.
    pub refused: Option<Refusal>,
    /// Secrets that the manifest would need.
    pub needed: Vec<Needed>,
    /// What of the remote object the manifest leaves out.
    pub omitted: Vec<String>,
}

/// Why a remote object gets no manifest.
pub(super) struct Refusal {
    /// The sentence.
    pub why: String,
    /// Whether it must not be declared, whatever it looks like.
    pub is_protected: bool,
}

impl Refusal {
    pub(super) fn protected(why: impl std::fmt::Display) -> Self {
        Self {
            why: format!("protected: {why}"),
            is_protected: true,
        }
    }

    pub(super) fn declared_by(object: impl std::fmt::Display) -> Self {
        Self {
            why: format!("declared by the object {object} of a cluster"),
            is_protected: false,
        }
    }
}

impl Drawn {
    pub(super) fn new(remote: impl Into<String>, spec: Map<String, Value>) -> Self {
        let remote = remote.into();
        Self {
            named: remote.clone(),
            remote,
            spec,
            from_directory: false,
            refused: None,
            needed: Vec::new(),
            omitted: Vec::new(),
        }
    }
}

/// What decides what is drawn.
pub(super) struct Wanted<'a> {
    /// Whether a group is to be exported.
    pub selects: &'a dyn Fn(&str) -> bool,
    /// Whether only some groups are.
    pub is_part: bool,
    /// Whether manifests refer to Secrets that are to be created.
    pub secret_references: bool,
    /// Whether manifests declare the preferences of users.
    pub preferences: bool,
}

/// A kind whose objects can be drawn from what the remote side has.
pub(super) trait Draws: Managed {
    /// Field of the spec with the key of the remote object, where `metadata.name` is its default.
    const KEY: Option<&'static str> = None;

    /// Elements of the list whose key cannot be read, in words; `None`: each has one.
    fn unreadable(_bench: &Bench<Self::Connection>) -> Option<String> {
        None
    }
    /// One for each remote object, in the order of their keys. Each is drawn when it is asked for.
    fn drawn<'a>(bench: &'a Bench<Self::Connection>, wanted: &'a Wanted<'a>) -> Box<dyn Iterator<Item = Drawn> + 'a>;
}

/// Stand-ins for objects of these kinds, so that a survey reads what they would need.
pub(super) fn readers<C: Exports>(kinds: &[ExportKind]) -> Vec<Dependent> {
    let kinds = kinds.iter().filter_map(|kind| C::reads(*kind));
    let reader = |kind| Dependent {
        kind,
        namespace: String::new(),
        name: String::new(),
        key: String::new(),
        id: None,
        needs_details: true,
        created: Timestamp::UNIX_EPOCH,
        shares: Shares::default(),
        entries: Vec::new(),
    };
    kinds.map(reader).collect()
}

/// What a list without all of its keys is, in words.
pub(super) fn some_entries(is_complete: bool) -> Option<String> {
    (!is_complete).then(|| "some entries of the list".to_owned())
}

/// Inserts a field that has a value.
pub(super) fn set(spec: &mut Map<String, Value>, field: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        spec.insert(field.to_owned(), value.into());
    }
}

/// References to groups, sorted and each once.
pub(super) fn memberships<'a>(groups: impl Iterator<Item = &'a String>, without: &Names) -> Option<Value> {
    let groups: std::collections::BTreeSet<&String> = groups.filter(|group| !without.contains(*group)).collect();
    let groups: Vec<Value> = groups
        .into_iter()
        .map(|name| serde_json::json!({ "name": name }))
        .collect();
    (!groups.is_empty()).then_some(Value::Array(groups))
}
