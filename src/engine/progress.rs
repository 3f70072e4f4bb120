//! What a pass has got done so far, and what the object itself tells of where it stands.

use std::sync::{Arc, Mutex, PoisonError};

use kube::ResourceExt;

use super::{Aspect, Lane, Managed, Presence, Reason, status::Finding};
use crate::crd::{
    applied::{Applied, Grants},
    common::annotation,
    status::{Origin, Remote, Status},
};

/// What a pass has got done so far. Kept apart from the pass, so that a failure loses none of it.
pub struct Progress<K: Managed> {
    /// The record of what was set.
    pub applied: Applied,
    /// How the remote object came to be ours.
    pub origin: Option<Origin>,
    /// Whether the remote side was written.
    pub changed: bool,
    /// Whether the status holds an intent that this pass has to settle.
    pub intent: bool,
    /// What is still to be done.
    pub plan: Vec<String>,
    /// What was seen last.
    pub seen: Option<Sight<K>>,
}

/// What the status tells of an observation.
pub struct Sight<K: Managed> {
    /// Whether there is a remote object.
    pub presence: Presence,
    /// What is shown of it.
    pub seen: K::Seen,
    /// What is shown beside it.
    pub shown: K::Shown,
    /// Conditions beside `Ready`.
    pub aspects: Vec<Aspect>,
}

impl<K: Managed> Sight<K> {
    /// What the status tells of this observation.
    pub fn of(observed: &K::Observed) -> Self {
        let (seen, shown) = K::show(observed);
        Self {
            presence: K::presence(observed),
            seen,
            shown,
            aspects: K::aspects(observed),
        }
    }
}

/// Shared, so that it outlives a pass that panics or runs into its deadline.
pub type SharedProgress<K> = Arc<Mutex<Progress<K>>>;

impl<K: Managed> Progress<K> {
    /// What the status of the object tells.
    pub fn of(object: &K) -> SharedProgress<K> {
        let status = object.status();
        Arc::new(Mutex::new(Self {
            applied: status.and_then(|status| status.applied.clone()).unwrap_or_default(),
            origin: status.and_then(Status::origin),
            changed: false,
            intent: false,
            plan: Vec::new(),
            seen: None,
        }))
    }

    /// What to write into the status.
    pub fn finding(&self, object: &K, reason: Reason, message: String) -> Finding<K::Seen, K::Shown> {
        let remote = self.seen.as_ref().map(|sight| {
            let there = match sight.presence {
                Presence::Present => true,
                Presence::Absent | Presence::Shared { .. } => self.origin.is_some(),
                Presence::None => false,
            };
            there.then(|| Remote {
                key: object.key(),
                origin: self.origin,
                seen: sight.seen.clone(),
            })
        });
        Finding {
            reason,
            message,
            plan: self.plan.clone(),
            remote,
            shown: self.seen.as_ref().map(|sight| sight.shown.clone()),
            aspects: self.seen.as_ref().map(|sight| sight.aspects.clone()),
            applied: self.applied.clone(),
            changed: self.changed,
            handled: object.annotations().get(annotation::RECONCILE_AT).cloned(),
        }
    }
}

/// Locks progress; a panic elsewhere leaves it usable, since every update is a plain assignment.
pub fn lock<K: Managed>(progress: &SharedProgress<K>) -> std::sync::MutexGuard<'_, Progress<K>> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is the object's to withdraw, in the form of the record.
pub fn granted<K: Managed>(object: &K, observed: &K::Observed, applied: &Applied) -> Grants {
    object.grants(observed, applied).into_iter().collect()
}

/// Whether the record has all that is the object's to withdraw.
pub fn is_recorded<K: Managed>(object: &K, observed: &K::Observed, applied: &Applied) -> bool {
    let grants = object.grants(observed, applied);
    grants
        .iter()
        .all(|(list, names)| names.iter().all(|name| applied.grants.contains(list, name)))
}

/// An object that was ready as it stands is only repaired; anything else somebody waits for.
pub fn lane<K: Managed>(object: &K) -> Lane {
    if object.meta().deletion_timestamp.is_none() && is_settled(object) {
        Lane::Repair
    } else {
        Lane::Interactive
    }
}

/// Whether `Ready` is true for the present spec.
pub fn is_settled<K: Managed>(object: &K) -> bool {
    object.status().is_some_and(|status| {
        status.observed_generation == object.meta().generation
            && status.condition("Ready").is_some_and(|ready| ready.status == "True")
    })
}

/// Whether somebody asked for a pass by annotation that was not made yet.
pub fn asks_for_a_pass<K: Managed>(object: &K) -> bool {
    let asked = object.annotations().get(annotation::RECONCILE_AT);
    asked.is_some()
        && asked
            != object
                .status()
                .and_then(|status| status.last_handled_reconcile_at.as_ref())
}
