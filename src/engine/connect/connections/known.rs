//! Which objects use a connection, and whether all of them are known.

use super::{ConnectionKey, ConnectionKind, Connections, Dependent, Lookup, read};
use crate::engine::{
    index::{Claims, Index},
    namespaces::Match,
    object::{self, ObjectName, WatchState},
};

impl<C: ConnectionKind> Connections<C> {
    /// Whether the operator may not list connections in this namespace, and never did.
    pub(super) fn is_hidden(&self, namespace: &str) -> bool {
        self.scope.refusals().hides(namespace, object::kind::<C>())
    }

    /// Whether a namespace that may use this connection may hold objects of these kinds that the operator may not list.
    fn hides(&self, object: &C, key: &ConnectionKey, of: impl Fn(&str) -> bool) -> bool {
        let mut hidden = self.scope.refusals().hidden(of).into_iter();
        hidden.any(|namespace| self.allows(object, key, &namespace) != Match::No)
    }

    /// Whether the first list of a kind whose objects use connections has neither arrived nor been refused.
    pub(in crate::engine::connect) fn is_listing(&self) -> bool {
        let kinds = read(&self.dependents);
        kinds.iter().any(|kind| kind.state() == WatchState::Listing)
    }

    /// Objects that use this connection and may, as far as they are known; and whether all are known. A kind whose CRD is
    /// missing has no objects; those in a namespace that the operator may not list are not known.
    pub fn dependents(&self, key: &ConnectionKey) -> (Vec<Dependent>, bool) {
        let Lookup::Present(object) = self.lookup(key) else {
            return (Vec::new(), false);
        };
        let kinds = read(&self.dependents).clone();
        let is_ours = |of: &str| kinds.iter().any(|kind| kind.kind() == of);
        let complete = !self.is_listing() && !self.hides(&object, key, is_ours);
        let mut all: Vec<_> = kinds.iter().flat_map(|kind| kind.dependents(key)).collect();
        all.retain(|one| self.allows(&object, key, &one.namespace) == Match::Yes);
        (all, complete)
    }

    /// Claims of objects of this kind on the entries of this connection's documents, as `own` asks for them.
    pub(in crate::engine) fn claims<'a>(
        &'a self,
        index: &'a Index,
        kind: &str,
        key: &ConnectionKey,
        own: ObjectName,
    ) -> Claims<'a> {
        let connection = key.clone();
        let admits = Box::new(move |namespace: &str| self.admits(&connection, namespace));
        let hides = matches!(self.lookup(key), Lookup::Present(object) if self.hides(&object, key, |of| of == kind));
        index.claims(key.clone(), own, admits).incomplete_where(hides)
    }
}
