//! The runs of one object: the status, and what the process knows beyond it.

use std::{
    collections::HashMap,
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::Instant;

use crate::crd::run::{Run, RunStatus};

/// What the process remembers of runs. A status write that fails must not cost the id of a run that was started.
#[derive(Default)]
pub(super) struct Remembered {
    entries: Mutex<HashMap<String, Entry>>,
    /// The first reconcile of this process. A process that waits for the Lease reconciles nothing.
    first: OnceLock<Instant>,
}

#[derive(Default)]
struct Entry {
    /// The active or last run, where the status does not show it as it is.
    run: Option<Run>,
    /// When the remote side last showed the active run.
    seen: Option<Timestamp>,
    /// When the calls of the last start ended, in whatever way.
    called: Option<Instant>,
}

impl Entry {
    fn is_empty(&self) -> bool {
        self.run.is_none() && self.seen.is_none() && self.called.is_none()
    }
}

/// The calls of a start are under way. Dropped when they end, be it by an answer, a deadline or a panic.
pub(super) struct Calling<'a> {
    remembered: &'a Remembered,
    uid: String,
}

impl Drop for Calling<'_> {
    fn drop(&mut self) {
        self.remembered
            .with(&self.uid, |entry| entry.called = Some(Instant::now()));
    }
}

impl Remembered {
    fn with<R>(&self, uid: &str, with: impl FnOnce(&mut Entry) -> R) -> R {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.entry(uid.to_owned()).or_default();
        let answer = with(entry);
        if entry.is_empty() {
            entries.remove(uid);
        }
        answer
    }

    /// Notes how the newest run is, before the status says so.
    pub(super) fn note(&self, uid: &str, run: &Run) {
        self.with(uid, |entry| entry.run = Some(run.clone()));
    }

    /// Forgets a run of which nothing is left.
    pub(super) fn drop_run(&self, uid: &str) {
        self.with(uid, |entry| *entry = Entry::default());
    }

    /// Brings the runs of a status up to date with what is remembered.
    pub(super) fn refresh(&self, uid: &str, status: &mut RunStatus) {
        self.with(uid, |entry| {
            let newest = status.runs.first_mut();
            match (newest, entry.run.take()) {
                (Some(shown), Some(known)) if shown.id == known.id => {
                    if *shown != known {
                        *shown = known.clone();
                        entry.run = Some(known);
                    }
                }
                _ => entry.run = None,
            }
        });
    }

    /// Notes that the remote side showed the active run.
    pub(super) fn saw(&self, uid: &str, now: Timestamp) {
        self.with(uid, |entry| entry.seen = Some(now));
    }

    /// When the remote side last showed the active run, as far as this process knows.
    pub(super) fn last_seen(&self, uid: &str) -> Option<Timestamp> {
        self.with(uid, |entry| entry.seen)
    }

    /// Forgets an object.
    pub(super) fn forget(&self, uid: &str) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.remove(uid);
    }

    /// Notes that this process reconciles.
    pub(super) fn reconciles(&self) {
        self.first.get_or_init(Instant::now);
    }

    /// The calls of a start begin.
    pub(super) fn calling(&self, uid: &str) -> Calling<'_> {
        Calling {
            remembered: self,
            uid: uid.to_owned(),
        }
    }

    /// How long no call of a start of this object was under way, as far as this process can tell. A call of another process ended
    /// before this one began to reconcile, and no sooner: it may have waited in a queue long after its attempt was recorded.
    pub(super) fn quiet_for(&self, uid: &str) -> Duration {
        let called = self.with(uid, |entry| entry.called);
        let since = called.or_else(|| self.first.get().copied());
        since.map(|since| since.elapsed()).unwrap_or_default()
    }
}

/// Drops finished runs beyond the newest `keep`.
pub(super) fn prune(status: &mut RunStatus, keep: usize) {
    let mut finished = 0;
    status.runs.retain(|run| {
        finished += usize::from(!run.is_active());
        run.is_active() || finished <= keep
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_start_is_quiet_since_its_last_call_ended_and_one_of_another_process_since_this_one_reconciles() {
        let remembered = Remembered::default();
        assert_eq!(
            remembered.quiet_for("task"),
            Duration::ZERO,
            "nothing was reconciled yet"
        );
        remembered.reconciles();
        tokio::time::advance(Duration::from_secs(20)).await;
        remembered.reconciles();
        assert_eq!(remembered.quiet_for("task"), Duration::from_secs(20));
        let calling = remembered.calling("task");
        tokio::time::advance(Duration::from_mins(5)).await;
        drop(calling);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(remembered.quiet_for("task"), Duration::from_secs(3));
        assert_eq!(remembered.quiet_for("another"), Duration::from_secs(323));
        remembered.forget("task");
        assert_eq!(remembered.quiet_for("task"), Duration::from_secs(323));
    }
}
