//! A live connection, and how one object reaches its remote side.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{ConnectionKey, ConnectionKind, kind::Api};
use crate::{
    dataiku::{
        gate::Lane,
        transport::{Evicted, ListAccount},
    },
    engine::{
        clock::Clock,
        meters::Meters,
        shared::{
            batch::{Expected, Gather},
            writer::Writers,
        },
    },
};

/// Where and when the operator runs.
#[derive(Clone, Default)]
pub struct Place {
    /// Identifies the cluster in ownership marks; `None`: unknown.
    pub cluster: Option<Arc<str>>,
    /// The wall clock.
    pub clock: Clock,
}

/// A connection with one way to reach its remote side. Another address or other credentials make another one.
pub struct Live<C: ConnectionKind> {
    /// The object that defines it.
    pub key: ConnectionKey,
    /// The API.
    pub api: C::Api,
    /// What the last sweep showed.
    pub lists: Arc<C::Lists>,
    /// The only writers of documents that many objects share. They outlive this connection.
    pub writers: Arc<Writers>,
    /// What is counted of it. They outlive this connection.
    pub meters: Arc<Meters>,
    /// Where and when the operator runs.
    pub place: Place,
    /// Hash of how the connection object said that the remote side is reached.
    pub(super) reach: u64,
    /// `reach` and the values of its Secrets.
    pub(super) version: String,
    /// Fingerprints of the values of its Secrets, by slot.
    pub(super) prints: BTreeMap<String, String>,
    /// A Secret that it reads changed, and nobody has read the new value yet.
    pub(super) stale: AtomicBool,
    /// Its lists, as the memory budget sees them; `None`: outside of it.
    pub(super) memory: Option<ListAccount>,
    /// Whether a sweep filled `lists`.
    pub(super) filled: AtomicBool,
    /// What the lists take, once others need the memory: it is returned with this connection.
    pub(super) evicted: Mutex<Option<Evicted>>,
}

impl<C: ConnectionKind> Live<C> {
    /// Whether a Secret or `ConfigMap` that it reads changed since it was made.
    pub(super) fn is_stale(&self) -> bool {
        self.stale.load(Ordering::Acquire)
    }

    /// The lists, as the memory budget sees them.
    #[cfg(test)]
    pub fn account(&self) -> Option<&ListAccount> {
        self.memory.as_ref()
    }

    /// A connection that no [`super::Connections`] knows.
    #[cfg(test)]
    pub fn standalone(api: C::Api) -> Arc<Self> {
        Arc::new(Self::alone(ConnectionKey::default(), api))
    }

    /// A connection of this name that no [`super::Connections`] knows, so that no write passes through it.
    pub(super) fn alone(key: ConnectionKey, api: C::Api) -> Self {
        Self {
            key,
            api,
            lists: Arc::default(),
            writers: Arc::default(),
            meters: Arc::default(),
            place: Place::default(),
            reach: 0,
            version: String::new(),
            prints: BTreeMap::new(),
            stale: false.into(),
            memory: None,
            filled: true.into(),
            evicted: Mutex::default(),
        }
    }

    /// The API for the sweep: a dead remote side costs little there, and the calls of objects do not delay it.
    pub fn sweeping(&self) -> C::Api {
        self.api.in_lane(Lane::Sweep)
    }
}

/// The remote side, for one reconcile of one object.
pub struct Remote<C: ConnectionKind> {
    /// The connection.
    pub live: Arc<Live<C>>,
    /// The API, with the urgency of this reconcile.
    pub api: C::Api,
    /// Many reconciles are under way at once, so a read or a write that serves many of them pays; how the first one waits for the
    /// others. `None`: the object is read and written by itself.
    pub together: Option<Gather>,
}

impl<C: ConnectionKind> Remote<C> {
    /// Through this connection; drift repair leaves room for other calls.
    pub fn new(live: Arc<Live<C>>, repair: bool) -> Self {
        let lane = if repair { Lane::Repair } else { Lane::Interactive };
        Self {
            api: live.api.in_lane(lane),
            live,
            together: None,
        }
    }

    /// What the last sweep showed.
    pub fn lists(&self) -> &C::Lists {
        &self.live.lists
    }

    /// The other reconciles that are known to come to the same calls.
    pub fn expected(&self) -> Expected {
        let gather = self.together.as_ref();
        gather.map(|gather| gather.expected.clone()).unwrap_or_default()
    }
}
