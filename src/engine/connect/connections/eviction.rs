//! Lists that are dropped since others need their memory, and read again when somebody needs them.

use std::sync::{Arc, Mutex, PoisonError, atomic::Ordering};

use super::{ConnectionKind, Connections, read, write};
use crate::{
    dataiku::transport::{Evicted, ListAccount},
    engine::{
        connect::{ConnectionKey, Live},
        error::Error,
        object::ObjectName,
    },
};

impl<C: ConnectionKind> Live<C> {
    /// Whether a sweep filled the lists.
    pub(in crate::engine::connect) fn is_filled(&self) -> bool {
        self.filled.load(Ordering::Acquire)
    }

    /// The same connection, as it is before its first sweep.
    fn emptied(&self) -> Self {
        Self {
            key: self.key.clone(),
            api: self.api.clone(),
            lists: Arc::default(),
            writers: self.writers.clone(),
            meters: self.meters.clone(),
            place: self.place.clone(),
            reach: self.reach,
            version: self.version.clone(),
            prints: self.prints.clone(),
            stale: self.stale.load(Ordering::Acquire).into(),
            memory: self.memory.clone(),
            filled: false.into(),
            evicted: Mutex::default(),
        }
    }
}

impl<C: ConnectionKind> Connections<C> {
    /// Drops the lists of the connection when the memory budget asks for it.
    pub(in crate::engine::connect) fn holds(self: &Arc<Self>, key: &ConnectionKey, lists: &ListAccount) {
        let (connections, key) = (Arc::downgrade(self), key.clone());
        lists.held_by(move |evicted| match connections.upgrade() {
            Some(connections) => connections.evict(&key, evicted),
            None => Some(evicted),
        });
    }

    /// Replaces the connection by one without lists. Reconciles that use the old one get no permit any more, and what its lists
    /// take is returned once the last of them is done. `Some`: the lists stay.
    fn evict(&self, key: &ConnectionKey, evicted: Evicted) -> Option<Evicted> {
        let mut states = write(&self.states);
        let Some(state) = states.get_mut(key) else {
            return Some(evicted);
        };
        let is_its = |live: &Live<C>| live.memory.as_ref().is_some_and(|memory| memory.is_of(&evicted));
        // Without its Secret it could not read them again, and its deletions are judged by them.
        let Some(live) = state
            .live
            .clone()
            .filter(|live| is_its(live) && !state.loss.is_absent())
        else {
            return Some(evicted);
        };
        tracing::debug!(connection = %key, "its lists are dropped since others need the memory");
        state.live = Some(Arc::new(live.emptied()));
        state.refills = true;
        *live.evicted.lock().unwrap_or_else(PoisonError::into_inner) = Some(evicted);
        // Here at the latest, it may be the last user: not under the lock.
        drop(states);
        drop(live);
        None
    }

    /// Notes that a sweep filled the lists of the connection.
    ///
    /// # Errors
    /// They were dropped for others meanwhile.
    pub(in crate::engine::connect) fn filled(&self, live: &Live<C>) -> Result<(), Error> {
        live.filled.store(true, Ordering::Release);
        let states = read(&self.states);
        let current = states.get(&live.key).and_then(|state| state.live.as_ref());
        if current.is_some_and(|current| !current.is_filled()) {
            let message = "its lists were dropped while they were read, since others need the memory";
            return Err(Error::Remote {
                reason: crate::engine::error::Reason::Unavailable,
                message: message.to_owned(),
                retry_after: None,
                fate: crate::engine::error::Fate::NotDone,
            });
        }
        Ok(())
    }

    /// Whether the lists of the connection may be used. If not, they are read now.
    pub(super) fn is_filled(&self, live: &Live<C>) -> bool {
        if live.is_filled() {
            if let Some(memory) = &live.memory {
                memory.used();
            }
            return true;
        }
        let ConnectionKey { namespace, name } = &live.key;
        self.wake_own(&ObjectName {
            namespace: namespace.as_str().into(),
            name: name.as_str().into(),
        });
        false
    }
}
