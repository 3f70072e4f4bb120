//! What is said about connections: names, terms, dependents, news.

use std::fmt;

use crate::crd::{common::InstanceRef, connection::AllowedNamespaces};

/// A connection object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionKey {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ConnectionKey {
    /// The connection that an object in `namespace` refers to.
    pub fn of(reference: &InstanceRef, namespace: Option<&str>) -> Self {
        Self {
            namespace: reference
                .namespace
                .as_deref()
                .or(namespace)
                .unwrap_or_default()
                .to_owned(),
            name: reference.name.clone(),
        }
    }
}

impl fmt::Display for ConnectionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What a connection object says about its use.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Which namespaces may use it.
    pub allowed: AllowedNamespaces,
}

/// What the watch knows of a connection object.
#[derive(Clone, Debug)]
pub enum Lookup {
    /// The first list is not complete.
    Unknown,
    /// There is no such object.
    Absent,
    /// It would be in a namespace that is not watched.
    Outside,
    /// There is.
    Present(Terms),
}

/// An object that uses a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependent {
    /// Its kind.
    pub kind: &'static str,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Key of its remote object.
    pub key: String,
    /// Whether its drift shows only in lists with settings.
    pub needs_settings: bool,
}

/// Something that happened to a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum News {
    /// It became ready, or is another one now.
    Changed(ConnectionKey),
    /// There is a new look at its remote side.
    Swept(ConnectionKey),
    /// Something came to be on its remote side that objects may wait for.
    Unblocked(ConnectionKey),
    /// Too much happened to keep it all.
    Missed,
}
