//! What a pass puts down before a write whose traces it would not know again, and what becomes of that.

use jiff::Timestamp;
use kube::ResourceExt;

use super::{
    Error, Fate, Freshness, Managed, Plan, Presence, Reason,
    pass::Pass,
    plan::Change,
    progress::{granted, lock},
    status::next_status,
};
use crate::crd::status::Origin;

impl<K: Managed> Pass<'_, K> {
    /// Puts down what is about to be done, so that a crash right after the write does not turn our own work into
    /// something that we find and do not know. Fails if the object changed meanwhile: then this pass is out of date.
    pub(super) async fn record_intent(
        &mut self,
        owned: Origin,
        plan: &Plan<K::Change>,
        seen: &K::Observed,
    ) -> Result<(), Error> {
        let creates = plan.changes.iter().filter(|change| change.creates());
        let slots: Vec<_> = creates.flat_map(Change::secrets).collect();
        let finding = {
            let mut progress = lock(&self.progress);
            self.before = Some((progress.origin, progress.applied.grants.clone()));
            if K::presence(seen) != Presence::None {
                progress.origin = Some(owned);
            }
            let granted = granted(self.object, seen, &progress.applied);
            progress.applied.grants.add(granted);
            let steps = plan.steps().join("; ");
            // Said until the outcome is another one, so that nothing flickers at each try.
            let (reason, message) = standing(self.object).unwrap_or((Reason::Progressing, steps));
            let mut finding = progress.finding(self.object, reason, self.inputs.redact(&message));
            for slot in slots {
                if let Some(input) = self.inputs.get(slot) {
                    finding
                        .applied
                        .secrets
                        .insert(slot.to_owned(), input.fingerprint.clone());
                }
            }
            finding
        };
        let base = self.written.as_deref().unwrap_or(self.object);
        let generation = self.object.meta().generation;
        let status = next_status(base.status(), generation, finding, Timestamp::now());
        if base.status() != Some(&status) {
            self.written = Some(self.context.write_status(base, &status, true).await?);
        }
        lock(&self.progress).intent = true;
        Ok(())
    }

    /// A create that failed: whether the intent stands, and whose the object is if there is one.
    pub(super) async fn not_created(&mut self, error: Error) -> Result<(), Error> {
        let fate = match &error {
            Error::Remote { fate, .. } => *fate,
            _ => Fate::Unknown,
        };
        match fate {
            // An earlier try of ours got through and its answer was lost: read-back tells the rest.
            Fate::Exists if self.begun_earlier => return Ok(()),
            Fate::Exists => {
                self.take_back();
                let shared = lock(&self.progress)
                    .seen
                    .as_ref()
                    .is_some_and(|sight| matches!(sight.presence, Presence::Shared { .. }));
                // A document that many share is nobody's: the next look takes it in.
                if self.object.policies().adopts() || shared {
                    return Ok(());
                }
                return Err(self.already_exists());
            }
            Fate::NotDone => self.take_back(),
            // What is not there right after an answer was not made by us; if somebody makes it later, it is theirs.
            Fate::Answered => {
                let seen = self.observe(Freshness::Fresh).await?;
                if matches!(
                    K::presence(&seen),
                    Presence::Absent | Presence::Shared { complete: false }
                ) {
                    self.take_back();
                }
            }
            Fate::Unknown => {}
        }
        tracing::info!(
            kind = K::KIND,
            namespace = self.object.namespace(),
            name = self.object.name_any(),
            remote = self.key,
            error = self.inputs.redact(&error.to_string()),
            "remote create failed"
        );
        Err(error)
    }

    /// Nothing of the intent came to be: what somebody else makes now is not ours.
    fn take_back(&mut self) {
        let before = self.before.take();
        let mut progress = lock(&self.progress);
        let shared = progress.seen.as_ref().map(|sight| sight.presence);
        let shared = matches!(shared, Some(Presence::Shared { .. }));
        if let Some((origin, grants)) = before {
            progress.applied.grants = grants;
            progress.origin = origin.filter(|_| shared);
        } else if !shared {
            progress.origin = None;
        }
    }

    pub(super) fn log_failure(&self, change: &K::Change, error: &Error) {
        tracing::info!(
            kind = K::KIND,
            namespace = self.object.namespace(),
            name = self.object.name_any(),
            remote = self.key,
            steps = ?change.steps(),
            error = self.inputs.redact(&error.to_string()),
            "remote write failed"
        );
    }
}

/// What the object says of its present spec, if somebody has to act on it.
fn standing<K: Managed>(object: &K) -> Option<(Reason, String)> {
    let status = object.status()?;
    let ready = status.condition("Ready")?;
    let same = status.observed_generation == object.meta().generation;
    let reason = Reason::standing(&ready.reason).filter(|_| same)?;
    Some((reason, ready.message.clone()))
}
