//! Names of connections, and the objects that use them.

use std::fmt;

use jiff::Timestamp;

use crate::crd::common::InstanceRef;

/// A connection object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionKey {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ConnectionKey {
    /// The connection of this name.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    /// The connection that an object in `namespace` refers to.
    pub fn referred(reference: &InstanceRef, namespace: Option<&str>) -> Self {
        let namespace = reference.namespace.as_deref().or(namespace);
        Self::new(namespace.unwrap_or_default(), &reference.name)
    }
}

impl fmt::Display for ConnectionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
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
    /// Id that the remote side gave to the object, by its record.
    pub id: Option<String>,
    /// Whether its drift shows only in lists with all details.
    pub needs_details: bool,
    /// When it was created.
    pub created: Timestamp,
    /// What objects of other kinds have to know of it.
    pub shares: Shares,
    /// Entries of shared documents that it declares.
    pub entries: Vec<String>,
}

/// What an object declares that other objects of its connection have to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    /// Memberships that it declares: user and group.
    pub memberships: Vec<(String, String)>,
    /// The seat that its user has or waits for: a profile, and whether it is a trial.
    pub seat: Option<(String, bool)>,
}
