//! What the rest of the engine and the metrics read of a connection, and what becomes of it when the connection goes.

use std::sync::Arc;

use super::{ConnectionKind, Connections, Lookup, read, write};
use crate::{
    dataiku::gate::Breaker,
    engine::{
        connect::{ConnectionKey, Live, kind::Api, orphans::Ledger},
        meters::{Measured, Meters, Reading},
        object::{ObjectName, WatchState},
        watched::Watched,
    },
};

impl<C: ConnectionKind> Connections<C> {
    /// Reconciles a connection object.
    pub(in crate::engine::connect) fn wake_own(&self, name: &ObjectName) {
        if let Some(own) = self.own.get() {
            own.wake(name);
        }
    }

    /// Kinds whose objects use connections.
    pub(in crate::engine::connect) fn kinds_of_dependents(&self) -> Vec<Arc<dyn Watched>> {
        read(&self.dependents).clone()
    }

    /// Whether the last sweep of the connection succeeded.
    pub(in crate::engine::connect) fn is_ready(&self, key: &ConnectionKey) -> bool {
        read(&self.states).get(key).and_then(|state| state.ready) == Some(true)
    }

    /// Generation of the connection object; `None`: it is not known.
    pub(in crate::engine) fn generation(&self, key: &ConnectionKey) -> Option<i64> {
        match self.lookup(key) {
            Lookup::Present(object) => object.meta().generation,
            Lookup::Unknown | Lookup::Absent | Lookup::Outside | Lookup::Hidden => None,
        }
    }

    /// Forgets an object that waits for a place.
    pub fn forget_waiting(&self, key: &ConnectionKey, uid: &str) {
        // Objects may name connections that never existed: nothing is created for those.
        let queues = {
            let states = read(&self.states);
            let Some(state) = states.get(key) else { return };
            state.queues.clone()
        };
        queues.forget(uid);
    }

    /// Whether calls go out; `None`: nothing was called yet.
    pub(in crate::engine::connect) fn breaker(&self, key: &ConnectionKey) -> Option<Breaker> {
        let states = read(&self.states);
        let live = states.get(key)?.live.as_ref()?;
        Some(live.api.breaker())
    }

    /// The live connection, ready or not.
    pub fn live(&self, key: &ConnectionKey) -> Option<Arc<Live<C>>> {
        read(&self.states).get(key)?.live.clone()
    }

    /// What is counted of a connection.
    pub(in crate::engine::connect) fn meters(&self, key: &ConnectionKey) -> Arc<Meters> {
        write(&self.states).entry(key.clone()).or_default().meters.clone()
    }

    /// What is left on the remote side.
    pub(in crate::engine::connect) fn orphans(&self, key: &ConnectionKey) -> Arc<Ledger> {
        write(&self.states).entry(key.clone()).or_default().orphans.clone()
    }

    /// The same for a connection object that exists.
    pub(in crate::engine::connect) fn known_orphans(&self, key: &ConnectionKey) -> Option<Arc<Ledger>> {
        matches!(self.lookup(key), Lookup::Present(_)).then(|| self.orphans(key))
    }

    /// Removes everything that is known of a connection that is gone, and what a reconcile of an earlier one still in
    /// progress left.
    pub(super) fn remove(&self, key: &ConnectionKey) -> bool {
        let mut states = write(&self.states);
        let removed = states.remove(key).is_some();
        if let Some(objects) = self
            .objects
            .get()
            .filter(|objects| objects.state() == WatchState::Listed)
        {
            states.retain(|key, _| objects.get(&key.namespace, &key.name).is_some());
        }
        removed
    }
}

impl<C: ConnectionKind> Measured for Connections<C> {
    fn readings(&self) -> Vec<Reading> {
        let mut keys = Vec::new();
        if let Some(objects) = self
            .objects
            .get()
            .filter(|objects| objects.state() == WatchState::Listed)
        {
            objects.each(|object| {
                let meta = object.meta();
                let (namespace, name) = (meta.namespace.as_deref(), meta.name.as_deref());
                keys.push(ConnectionKey::new(
                    namespace.unwrap_or_default(),
                    name.unwrap_or_default(),
                ));
            });
        }
        let kinds: Vec<&'static str> = read(&self.dependents).iter().map(|kind| kind.kind()).collect();
        let states = read(&self.states);
        let readings = keys.into_iter().filter_map(|key| {
            let state = states.get(&key)?;
            let breaker = state.live.as_ref().map(|live| live.api.breaker());
            Some(Reading {
                kinds: kinds.clone(),
                open: breaker.map(|breaker| breaker == Breaker::Open),
                held: state.guard.pending(),
                orphans: state.orphans.total(),
                queued: state.queues.queued(),
                meters: state.meters.clone(),
                connection: key,
            })
        });
        readings.collect()
    }
}
