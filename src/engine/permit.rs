//! The permit that every write to the remote side needs (`api.md` 8.20).
//!
//! It is requested immediately before the write and checked once more when the call leaves the queue of its connection. So
//! whatever changes while a write waits - a freeze, a rotated key, an edit of the object - stops it.

use std::sync::Arc;

use jiff::Timestamp;
use kube::ResourceExt;

use super::{
    clock::Clock,
    connect::{
        ConnectionKind, Connections, Effect, Live, Lookup,
        delegation::Statement,
        guard::{Guard, Hold},
    },
    environment::Environment,
    error::Refused,
    keep::delegated,
    object::{Object, ObjectName, Objects, is_deleting, is_paused},
};
use crate::crd::{applied::Grants, common::annotation};
pub use crate::dataiku::permit::WritePermit;

/// Whether this process may write at all.
pub trait Fence: Send + Sync {
    /// Whether it is the leader for longer than a call may take.
    fn holds(&self) -> bool;
}

/// A process that is the only one.
pub struct Alone;

impl Fence for Alone {
    fn holds(&self) -> bool {
        true
    }
}

/// An object as a reconcile read it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    uid: Option<String>,
    generation: Option<i64>,
    deleting: bool,
    paused: bool,
}

impl Stamp {
    fn new<K: Object>(object: &K) -> Self {
        Self {
            uid: object.uid(),
            generation: object.meta().generation,
            deleting: is_deleting(object),
            // A deletion works on a paused object too.
            paused: is_paused(object) && !is_deleting(object),
        }
    }
}

struct Conditions<K: Object, C: ConnectionKind> {
    clock: Clock,
    fence: Arc<dyn Fence>,
    connections: Arc<Connections<C>>,
    live: Arc<Live<C>>,
    objects: Objects<K>,
    name: ObjectName,
    stamp: Stamp,
    terms: Terms,
}

/// What a write is judged by beside the state of the object.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// What the object declares; `None` for an object that is being deleted, whose writes give nothing.
    pub statement: Option<Statement>,
    /// Names that the object gave before the reconcile.
    pub granted: Grants,
}

impl<K: Object, C: ConnectionKind> Conditions<K, C> {
    /// Judges what the object declares and what a write does by the present terms of the connection.
    fn delegated(&self, effects: &[Effect]) -> Result<(), Refused> {
        let Lookup::Present(object) = self.connections.lookup(&self.live.key) else {
            return Err(Refused::ConnectionChanged);
        };
        let side = (&*object, &self.live.key, &*self.live.lists);
        let (connections, namespace) = (&self.connections, &self.name.namespace);
        if let Some(statement) = &self.terms.statement {
            delegated::check_statement(connections, side, namespace, statement)?;
        }
        delegated::check_effects(connections, side, namespace, effects, &self.terms.granted)
    }

    fn check(&self, withdrawal: bool) -> Result<(), Refused> {
        if !self.fence.holds() {
            return Err(Refused::NotLeading);
        }
        let now = self.clock.now();
        self.connections
            .permits(&self.live, &self.name.namespace, withdrawal, self.stamp.deleting, now)?;
        let guard = self.objects.get(&self.name.namespace, &self.name.name);
        let current = guard.as_ref().and_then(|guard| guard.0.as_ref().ok());
        match current {
            Some(current) if Stamp::new(current) == self.stamp => Ok(()),
            _ => Err(Refused::Superseded),
        }
    }
}

impl<K: Object, C: ConnectionKind> Conditions<K, C> {
    /// Judges the effects of a write, under the lock of the connection if it takes something from somebody. `held`: the lock, where
    /// the reconcile has it already.
    async fn guarded(&self, effects: &[Effect], held: Option<&Hold>) -> Result<Option<Hold>, Refused> {
        let guard = self.connections.guard(&self.live.key);
        let judge = |all: &[Effect], own: &[Effect]| self.judged(&guard, all, own);
        match held {
            _ if !effects.iter().any(Effect::takes) => judge(effects, effects).map(|()| None),
            Some(held) => held.extend(effects, judge).map(|()| None),
            None => guard.admit(effects, judge).await.map(Some),
        }
    }

    /// Judges all that is done under one lock, and counts what is new of it.
    fn judged(&self, guard: &Guard, all: &[Effect], own: &[Effect]) -> Result<(), Refused> {
        let Lookup::Present(object) = self.connections.lookup(&self.live.key) else {
            return Err(Refused::ConnectionChanged);
        };
        guarded(&*object, &self.live.lists, guard, all, own, self.clock.now())
    }
}

/// Fails if a guard of the connection stops `all` that is done under one lock, or its mass-change brake what is new of it, `own`.
pub(super) fn guarded<C: ConnectionKind>(
    connection: &C,
    lists: &C::Lists,
    guard: &Guard,
    all: &[Effect],
    own: &[Effect],
    now: Timestamp,
) -> Result<(), Refused> {
    if own.is_empty() {
        return Ok(());
    }
    if let Some(why) = connection.guard(lists, all) {
        return Err(Refused::Guarded(why));
    }
    let acknowledged = connection.annotations().get(annotation::ACKNOWLEDGE);
    guard.count(own, C::users(lists), acknowledged.map(String::as_str), now)
}

/// The permit of a report to the remote side's audit trail. It changes nothing that the operator maintains, so guards, brake and
/// delegations say nothing about it; but a process that does not lead sends nothing. `wanted`: whether it still may be sent.
pub fn report_permit(fence: Arc<dyn Fence>, wanted: impl Fn() -> bool + Send + Sync + 'static) -> WritePermit {
    WritePermit::new(move || fence.holds() && wanted())
}

/// Issues permits for the writes of one reconcile.
pub struct Permits<K: Object, C: ConnectionKind>(Arc<Conditions<K, C>>);

impl<K: Object, C: ConnectionKind> Permits<K, C> {
    /// For a reconcile that read `object` and writes through `live`.
    pub fn new(
        env: &Environment,
        connections: Arc<Connections<C>>,
        live: Arc<Live<C>>,
        objects: Objects<K>,
        object: &K,
        terms: Terms,
    ) -> Self {
        Self(Arc::new(Conditions {
            clock: env.clock.clone(),
            fence: env.fence.clone(),
            connections,
            live,
            objects,
            name: ObjectName::of(object),
            stamp: Stamp::new(object),
            terms,
        }))
    }

    /// Why a write with these effects would be refused now, guards and brake aside. `withdrawal`: it does nothing but take
    /// access away.
    ///
    /// # Errors
    /// The write must not be made.
    pub fn check(&self, effects: &[Effect], withdrawal: bool) -> Result<(), Refused> {
        self.0.check(withdrawal)?;
        self.0.delegated(effects)
    }

    /// The permit for one write with these effects. `withdrawal`: it does nothing but take access away. `lock`: what came with an
    /// earlier permit of the same reconcile. What comes with this one is to be held until the write is read back.
    ///
    /// # Errors
    /// The write must not be made.
    pub async fn issue(
        &self,
        effects: &[Effect],
        withdrawal: bool,
        lock: Option<&Hold>,
    ) -> Result<(WritePermit, Option<Hold>), Refused> {
        self.check(effects, withdrawal)?;
        let hold = if effects.is_empty() {
            None
        } else {
            self.0.guarded(effects, lock).await?
        };
        let (conditions, effects) = (self.0.clone(), effects.to_vec());
        let permit =
            WritePermit::new(move || conditions.check(withdrawal).is_ok() && conditions.delegated(&effects).is_ok());
        Ok((permit, hold))
    }
}
