//! Who declares which entries of a document that many objects share.

use std::{collections::BTreeSet, sync::OnceLock};

use super::ConnectionKey;

type ListFn = Box<dyn Fn(&ConnectionKey, &Place<'_>) -> Option<Claimed> + Send + Sync>;

/// Where entries stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The shared document.
    pub document: &'a str,
    /// The part of it that they are in.
    pub part: &'a str,
}

/// What one object has to do with the entries of one place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// Its namespace.
    pub namespace: String,
    /// Its namespace and name.
    pub object: String,
    /// Its uid.
    pub uid: String,
    /// When it was created, in seconds: of two that exclude each other, the older one stays.
    pub created: i64,
    /// Whether it wants no other entries.
    pub exclusive: bool,
    /// Entries that it declares; none while it is being deleted or only watches.
    pub declared: BTreeSet<String>,
    /// Entries that it put there, by its record.
    pub owned: BTreeSet<String>,
}

impl Claim {
    /// Whether this one stays where the two exclude each other.
    pub fn precedes(&self, other: &Self) -> bool {
        (self.created, &self.object) < (other.created, &other.object)
    }
}

/// The claims on one place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claimed {
    /// Those of objects that can be read.
    pub claims: Vec<Claim>,
    /// Whether there are objects that cannot be read, and may declare anything.
    pub unreadable: bool,
}

/// The claims of all objects of one kind.
#[derive(Default)]
pub struct Claims(OnceLock<ListFn>);

impl Claims {
    /// Says where claims are looked up. The first call counts.
    pub fn look_up_in(&self, list: impl Fn(&ConnectionKey, &Place<'_>) -> Option<Claimed> + Send + Sync + 'static) {
        let _ = self.0.set(Box::new(list));
    }

    /// The claims of all objects of this connection on entries of this place, and what objects of its other parts put
    /// into the document; `None` while they are not all known.
    pub fn of(&self, connection: &ConnectionKey, place: &Place<'_>) -> Option<Claimed> {
        self.0.get().and_then(|list| list(connection, place))
    }
}
