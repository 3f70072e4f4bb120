//! The permit that every write to the remote side needs (`api.md` 8.20).
//!
//! It is requested immediately before the write and checked once more when the call leaves the queue of its connection. So
//! whatever changes while a write waits - a freeze, a rotated key, an edit of the object - stops it.

use std::sync::Arc;

use kube::ResourceExt;

use super::{
    clock::Clock,
    connect::{ConnectionKind, Connections, Effect, Live, Lookup, guard::Hold},
    environment::Environment,
    error::Refused,
    object::{Object, ObjectName, Objects, is_deleting, is_paused},
};
use crate::crd::common::annotation;
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
}

impl<K: Object, C: ConnectionKind> Conditions<K, C> {
    fn check(&self, withdrawal: bool) -> Result<(), Refused> {
        if !self.fence.holds() {
            return Err(Refused::NotLeading);
        }
        let now = self.clock.now();
        self.connections
            .permits(&self.live, &self.name.namespace, withdrawal, now)?;
        let guard = self.objects.get(&self.name.namespace, &self.name.name);
        let current = guard.as_ref().and_then(|guard| guard.0.as_ref().ok());
        match current {
            Some(current) if Stamp::new(current) == self.stamp => Ok(()),
            _ => Err(Refused::Superseded),
        }
    }
}

impl<K: Object, C: ConnectionKind> Conditions<K, C> {
    /// Judges the effects of a write under the lock of the connection.
    async fn guarded(&self, effects: &[Effect]) -> Result<Hold, Refused> {
        let guard = self.connections.guard(&self.live.key);
        let hold = guard.lock().await;
        let Lookup::Present(object) = self.connections.lookup(&self.live.key) else {
            return Err(Refused::ConnectionChanged);
        };
        if let Some(why) = object.guard(&self.live.lists, effects) {
            return Err(Refused::Guarded(why));
        }
        let acknowledged = object.annotations().get(annotation::ACKNOWLEDGE);
        let users = C::users(&self.live.lists);
        guard.count(effects, users, acknowledged.map(String::as_str), self.clock.now())?;
        Ok(hold)
    }
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
    ) -> Self {
        Self(Arc::new(Conditions {
            clock: env.clock.clone(),
            fence: env.fence.clone(),
            connections,
            live,
            objects,
            name: ObjectName::of(object),
            stamp: Stamp::new(object),
        }))
    }

    /// Why a write would be refused now. `withdrawal`: it does nothing but take access away.
    pub fn check(&self, withdrawal: bool) -> Result<(), Refused> {
        self.0.check(withdrawal)
    }

    /// The permit for one write with these effects. `withdrawal`: it does nothing but take access away. What comes with it is to be held until the write is read back.
    ///
    /// # Errors
    /// The write must not be made.
    pub async fn issue(&self, effects: &[Effect], withdrawal: bool) -> Result<(WritePermit, Option<Hold>), Refused> {
        self.0.check(withdrawal)?;
        let hold = if effects.is_empty() {
            None
        } else {
            Some(self.0.guarded(effects).await?)
        };
        let conditions = self.0.clone();
        let permit = WritePermit::new(move || conditions.check(withdrawal).is_ok());
        Ok((permit, hold))
    }
}
