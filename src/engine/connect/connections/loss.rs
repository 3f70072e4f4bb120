//! A connection whose Secret is gone: its last credentials serve deletions for a time, and nothing else.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::time::Instant;

use super::{ConnectionKind, Connections, State, write};
use crate::engine::{
    connect::{ConnectionKey, Live, kind},
    object,
    secrets::Secrets,
};

/// What the last read of the Secrets of a connection says about the credentials before it.
#[derive(Default)]
pub(super) struct Loss {
    /// Until when they serve deletions; `None`: nothing was missing since they were made.
    until: Option<Instant>,
    /// Whether a Secret does not exist, and no other one changed.
    absent: bool,
    /// Whether they were seen to be replaced or forbidden: they are not used again, even if the Secret goes later.
    revoked: bool,
    /// Whether a Secret changed after the last read.
    unread: bool,
}

impl Loss {
    /// Whether a Secret does not exist, so that the last credentials serve deletions.
    pub(super) fn is_absent(&self) -> bool {
        self.absent
    }

    /// Takes in that a Secret changed: only the next read tells how.
    fn changed(&mut self) {
        self.absent = false;
        self.unread = true;
    }
}

impl<C: ConnectionKind> State<C> {
    /// The last credentials of a connection whose Secret does not exist any more, as when a whole namespace goes (`api.md`
    /// 8.31). A connection that is being deleted itself keeps them until it is gone.
    pub(super) fn kept(&self, object: &C) -> Option<Arc<Live<C>>> {
        let loss = &self.loss;
        let in_time = object::is_deleting(object) || loss.until.is_some_and(|until| Instant::now() < until);
        let usable = loss.absent && !loss.revoked && in_time;
        // What may be withdrawn is judged by the lists.
        let live = self.live.clone().filter(|live| usable && live.is_filled())?;
        (kind::reach(object) == live.reach).then_some(live)
    }
}

impl<C: ConnectionKind> Connections<C> {
    /// Notes that a Secret or `ConfigMap` of the connection changed: no write is sent before somebody has read it.
    pub(in crate::engine::connect) fn mark_stale(&self, key: &ConnectionKey) {
        let mut states = write(&self.states);
        let Some(state) = states.get_mut(key) else { return };
        state.loss.changed();
        if let Some(live) = &state.live {
            live.stale.store(true, Ordering::Release);
        }
    }

    /// Takes in what was read of the Secrets of a connection and is not enough to reach its remote side; `None`: the read
    /// failed. `allowed`: every Secret that exists lets its values be sent. `lasting`: how long credentials whose Secret does
    /// not exist serve deletions.
    pub(in crate::engine::connect) fn note_loss(
        &self,
        key: &ConnectionKey,
        read: Option<&Secrets>,
        allowed: bool,
        lasting: Duration,
    ) {
        let mut states = write(&self.states);
        let Some(state) = states.get_mut(key) else { return };
        let Some(live) = &state.live else { return };
        let loss = &mut state.loss;
        loss.absent = false;
        let Some(secrets) = read else { return };
        loss.unread = false;
        if allowed && secrets.lacks_only_absent(&live.prints) {
            loss.until.get_or_insert_with(|| Instant::now() + lasting);
            loss.absent = true;
        } else {
            loss.revoked = true;
        }
    }

    /// Whether a Secret of the connection changed, and nobody has read it since.
    pub(in crate::engine::connect) fn is_unread(&self, key: &ConnectionKey) -> bool {
        super::read(&self.states)
            .get(key)
            .is_some_and(|state| state.loss.unread)
    }
}
