//! The state of a server, and how to wait for a change of it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use crate::{faults::Faults, log::Request, store::Store};

/// Everything that a server knows.
pub(crate) struct State {
    pub(crate) store: Store,
    pub(crate) faults: Faults,
    pub(crate) log: Vec<Request>,
    /// How many requests arrived so far.
    pub(crate) arrived: u64,
    /// How many of them were about Leases.
    pub(crate) renewals: u64,
    /// Whether no connection gets through.
    pub(crate) outage: bool,
    /// From a write to its watch event.
    pub(crate) watch_lag: Duration,
}

/// The state behind a lock. Nothing waits while it holds the lock.
pub(crate) struct Shared {
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

impl Shared {
    pub(crate) fn new(store: Store) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                store,
                faults: Faults::default(),
                log: Vec::new(),
                arrived: 0,
                renewals: 0,
                outage: false,
                watch_lag: Duration::ZERO,
            }),
            changed: watch::Sender::new(()),
        })
    }

    /// Locks the state, to read it or to change what nobody waits for.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, and wakes everyone who waits for that.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.lock());
        self.changed.send_replace(());
        changed
    }

    /// The same for something that changes the state in some cases alone: nobody is woken where the objects are as they were.
    pub(crate) fn carry_out<T>(&self, request: impl FnOnce(&mut State) -> T) -> (T, bool) {
        let mut state = self.lock();
        let before = state.store.counters.revision;
        let done = request(&mut state);
        let changed = state.store.counters.revision != before;
        drop(state);
        if changed {
            self.changed.send_replace(());
        }
        (done, changed)
    }

    /// Sees each change from now on.
    pub(crate) fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Waits until `found` has something.
    pub(crate) async fn until<T>(&self, mut found: impl FnMut(&mut State) -> Option<T>) -> T {
        let mut changed = self.subscribe();
        loop {
            if let Some(found) = found(&mut self.lock()) {
                return found;
            }
            // The sender lives as long as `self`.
            let _ = changed.changed().await;
        }
    }
}
