//! The runs of one object: the status, and what the process knows beyond it.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;

use crate::crd::run::{Run, RunStatus};

/// What the process remembers of runs. A status write that fails must not cost the id of a run that was started.
#[derive(Default)]
pub(super) struct Remembered(Mutex<HashMap<String, Entry>>);

#[derive(Default)]
struct Entry {
    /// The active or last run, where the status does not show it as it is.
    run: Option<Run>,
    /// When the remote side last showed the active run.
    seen: Option<Timestamp>,
}

impl Remembered {
    fn with<R>(&self, uid: &str, with: impl FnOnce(&mut Entry) -> R) -> R {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.entry(uid.to_owned()).or_default();
        let answer = with(entry);
        if entry.run.is_none() && entry.seen.is_none() {
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
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
