//! What an object may do by the terms of its connection, before anything is read or written for it.

use kube::ResourceExt;

use super::{managed::Managed, work::Keeping};
use crate::{
    crd::{applied::Grants, common::DeletionPolicy, status::Origin},
    engine::{
        connect::{
            ConnectionKey, ConnectionKind, Connections, Effect, Lookup,
            connections::Admitted,
            delegation::{Held, Holdings, Statement},
        },
        error::{Error, Reason, Refused},
        object::{ObjectName, kind},
        shell::Shell,
        work::{Report, Work},
    },
};

/// What the lists of a connection show, as the last sweep and single reads after it left them.
pub(in crate::engine) struct ByLists<'a, C: ConnectionKind>(pub &'a C::Lists);

impl<C: ConnectionKind> Holdings for ByLists<'_, C> {
    fn held(&self, group: &str) -> Option<Held> {
        C::held(self.0, group)
    }

    fn memberships(&self, user: &str) -> Option<Vec<String>> {
        C::memberships(self.0, user)
    }
}

/// All that is judged of an object whose remote object has this origin.
pub(super) fn statement<M: Managed>(object: &M::Object, origin: Option<Origin>) -> Statement {
    let policies = M::common(object).policies;
    Statement {
        kind: kind::<M::Object>(),
        declared: M::declares(object),
        observes: policies.observes(),
        adopts: policies.adopts(),
        deletes: policies.deletion_policy == Some(DeletionPolicy::Delete),
        entries: M::ENTRIES,
        origin,
    }
}

/// Fails if the connection does not allow what the object declares. No call.
pub(super) fn check<M: Managed>(
    keeping: &Keeping<M>,
    object: &M::Object,
    origin: Option<Origin>,
    admitted: &Admitted<M::Connection>,
) -> Result<(), Error> {
    check_by::<M>(
        &keeping.connections,
        (&*admitted.object, &admitted.live.key, &admitted.live.lists),
        object,
        origin,
    )
}

/// A connection as it judges objects: the object that defines it, its name, and what its remote side holds.
pub(in crate::engine) type Side<'a, C> = (&'a C, &'a ConnectionKey, &'a <C as ConnectionKind>::Lists);

/// The same by this connection.
pub(super) fn check_by<M: Managed>(
    connections: &Connections<M::Connection>,
    (connection, key, lists): Side<'_, M::Connection>,
    object: &M::Object,
    origin: Option<Origin>,
) -> Result<(), Error> {
    let statement = statement::<M>(object, origin);
    let namespace = object.namespace().unwrap_or_default();
    check_statement(connections, (connection, key, lists), &namespace, &statement).map_err(refused)
}

/// Fails if the connection does not allow an object of this namespace to declare this.
pub(in crate::engine) fn check_statement<C: ConnectionKind>(
    connections: &Connections<C>,
    (connection, key, lists): Side<'_, C>,
    namespace: &str,
    statement: &Statement,
) -> Result<(), Refused> {
    let judge = connections.judge(connection, key, namespace);
    judge.declared(statement).map_err(Refused::NotAllowed)?;
    judge.standing(statement, &ByLists::<C>(lists))
}

/// Fails if the connection does not allow a write of an object of this namespace to have these effects. `granted`: names that
/// the object gave before.
pub(in crate::engine) fn check_effects<C: ConnectionKind>(
    connections: &Connections<C>,
    (connection, key, lists): Side<'_, C>,
    namespace: &str,
    effects: &[Effect],
    granted: &Grants,
) -> Result<(), Refused> {
    let judge = connections.judge(connection, key, namespace);
    judge.effects(effects, granted, &ByLists::<C>(lists))
}

/// Fails if the connection does not allow the object to take over the remote object that it found.
pub(super) fn check_adoption<M: Managed>(
    keeping: &Keeping<M>,
    object: &M::Object,
    admitted: &Admitted<M::Connection>,
) -> Result<(), Error> {
    let side = (&*admitted.object, &admitted.live.key, &*admitted.live.lists);
    check_adoption_by::<M>(&keeping.connections, side, object)
}

/// The same by this connection.
pub(super) fn check_adoption_by<M: Managed>(
    connections: &Connections<M::Connection>,
    (connection, key, lists): Side<'_, M::Connection>,
    object: &M::Object,
) -> Result<(), Error> {
    let namespace = object.namespace().unwrap_or_default();
    let judge = connections.judge(connection, key, &namespace);
    judge
        .adoption(&M::declares(object), &ByLists::<M::Connection>(lists))
        .map_err(refused)
}

/// Whether the connection allows what the object declares, whatever the remote side holds. An object that may not declare
/// something claims nothing.
pub(super) fn may_claim<M: Managed>(keeping: &Keeping<M>, object: &M::Object) -> bool {
    let origin = Report::<M::Object>::new(object, keeping.subject(object)).origin;
    may_declare(keeping, object, origin)
}

/// Whether the object may take over what an object of another namespace created: for its own namespace it is adopted.
pub(super) fn may_inherit<M: Managed>(keeping: &Keeping<M>, object: &M::Object) -> bool {
    may_declare(keeping, object, Some(Origin::Adopted))
}

fn may_declare<M: Managed>(keeping: &Keeping<M>, object: &M::Object, origin: Option<Origin>) -> bool {
    let key = M::common(object).connection;
    let namespace = object.namespace().unwrap_or_default();
    if namespace == key.namespace {
        return true;
    }
    let Lookup::Present(connection) = keeping.connections.lookup(&key) else {
        return false;
    };
    let judge = keeping.connections.judge(&connection, &key, &namespace);
    judge.declared(&statement::<M>(object, origin)).is_ok()
}

/// The same for an object of this name.
pub(super) fn may_claim_by_name<M: Managed>(
    keeping: &Keeping<M>,
    shell: &Shell<Keeping<M>>,
    name: &ObjectName,
) -> bool {
    let found = shell.objects.get(&name.namespace, &name.name);
    let object = found.as_ref().and_then(|guard| guard.0.as_ref().ok());
    object.is_some_and(|object| may_claim(keeping, object))
}

/// A refusal that is the same at the permit, and before it.
fn refused(refused: Refused) -> Error {
    match refused {
        Refused::NotAllowed(message) => Error::Blocked(Reason::NotAllowed, message),
        other => Error::Refused(other),
    }
}
