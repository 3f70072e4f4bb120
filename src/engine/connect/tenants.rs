//! Which namespaces may use a connection, and for what.

use super::{
    ConnectionKey, ConnectionKind,
    connections::Connections,
    delegation::{Judge, Rights},
};
use crate::{
    crd::connection::AllowedNamespaces,
    engine::{
        error::{Error, Reason},
        namespaces::Match,
        object,
    },
};

impl<C: ConnectionKind> Connections<C> {
    /// Judges objects in `namespace` by the terms of this connection object.
    pub fn judge<'a>(&'a self, object: &'a C, key: &ConnectionKey, namespace: &'a str) -> Judge<'a> {
        let tenancy = object.terms().tenancy;
        let delegations = tenancy.delegations.iter();
        let rights = if namespace == key.namespace {
            Rights::Home
        } else {
            let mut matching = delegations.map(|one| (one, self.includes(&one.namespaces, key, namespace)));
            match matching.find(|(_, matches)| *matches != Match::No) {
                Some((delegation, Match::Yes)) => Rights::Delegated(delegation),
                Some(_) => Rights::Unknown,
                None => Rights::Undelegated,
            }
        };
        Judge {
            connection: format!("{} {key}", object::kind::<C>()),
            namespace,
            rights,
            protected: tenancy.protected.as_ref(),
            privileges: &self.privileges,
        }
    }

    /// Whether the connection object lets objects in `namespace` use it, as far as that is known.
    pub(super) fn allows(&self, object: &C, key: &ConnectionKey, namespace: &str) -> Match {
        if namespace == key.namespace {
            return Match::Yes;
        }
        let allowed = object.terms().allowed_namespaces;
        allowed.map_or(Match::No, |allowed| self.includes(allowed, key, namespace))
    }

    /// Fails unless the connection object lets objects in `namespace` use it.
    pub(in crate::engine) fn allowed(&self, object: &C, key: &ConnectionKey, namespace: &str) -> Result<(), Error> {
        match self.allows(object, key, namespace) {
            Match::Yes => Ok(()),
            Match::Unknown => Err(Error::NotYet(format!("namespace {namespace} is not known yet"))),
            Match::Forbidden => {
                let message =
                    "the operator may not read namespaces, and allowedNamespaces of the connection selects by labels";
                Err(Error::dependency(message))
            }
            Match::No => {
                let name = object::kind::<C>();
                let message = format!("{name} {key} does not allow namespace {namespace}: see its allowedNamespaces");
                Err(Error::Blocked(Reason::NotAllowed, message))
            }
        }
    }

    /// Whether a namespace is among those that a connection means, as far as that is known.
    fn includes(&self, namespaces: &AllowedNamespaces, key: &ConnectionKey, namespace: &str) -> Match {
        if namespaces.admits(&key.namespace, namespace) {
            return Match::Yes;
        }
        let selector = namespaces.selector();
        selector.map_or(Match::No, |selector| self.namespaces.matches(selector, namespace))
    }
}
