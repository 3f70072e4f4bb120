//! One pass over one object: observe, plan, apply, observe again.

use std::collections::BTreeSet;

use jiff::Timestamp;
use kube::ResourceExt;

use super::{
    Error, Freshness, Inputs, Managed, Plan, Presence, Reason,
    context::Context,
    plan::Change,
    progress::{SharedProgress, Sight, granted, lane, lock},
    sources,
    status::next_status,
};
use crate::crd::status::{Origin, Status};

/// Rounds of write and read-back in one pass. A create takes two where the remote side cannot take everything at once;
/// one more absorbs a change by somebody else in between.
const ROUNDS: usize = 4;

/// A pass over an object that is not being deleted.
pub struct Pass<'a, K: Managed> {
    object: &'a K,
    context: &'a Context<K>,
    progress: SharedProgress<K>,
    inputs: Inputs,
    client: K::Client,
    key: String,
}

impl<'a, K: Managed> Pass<'a, K> {
    /// Resolves what the pass needs. No remote call.
    pub async fn prepare(object: &'a K, context: &'a Context<K>, progress: SharedProgress<K>) -> Result<Self, Error> {
        object.admission(&context.world)?;
        let applied = lock(&progress).applied.clone();
        let inputs = sources::resolve(
            &context.around.client,
            &context.around.fingerprints,
            &object.namespace().unwrap_or_default(),
            &object.uid().unwrap_or_default(),
            &object.sources(),
            applied,
        )
        .await?;
        let client = object.connect(&context.world, &inputs, lane(object)).await?;
        let key = object.key();
        Ok(Self {
            object,
            context,
            progress,
            inputs,
            client,
            key,
        })
    }

    /// Takes secret values out of a text that goes to people.
    pub fn redact(&self, text: &str) -> String {
        self.inputs.redact(text)
    }

    /// Brings the remote side in line; returns what to show.
    pub async fn run(&mut self) -> Result<(Reason, String), Error> {
        let seen = self.observe(Freshness::Shared).await?;
        let plan = self.plan(&seen)?;
        let owned = self.ownership(&seen)?;
        if plan.is_empty() {
            return Ok(self.conclude(owned, &plan, &seen));
        }
        if let Some(held) = self.held(&plan) {
            return Ok(held);
        }
        // What follows writes, so it goes by what is there now and not by the shared list.
        let seen = self.observe(Freshness::Fresh).await?;
        let plan = self.plan(&seen)?;
        self.ownership(&seen)?;
        self.converge(seen, plan).await
    }

    async fn converge(&mut self, mut seen: K::Observed, mut plan: Plan<K::Change>) -> Result<(Reason, String), Error> {
        let mut done = BTreeSet::new();
        for _ in 0..ROUNDS {
            let owned = self.ownership(&seen)?;
            if plan.is_empty() {
                return Ok(self.conclude(owned, &plan, &seen));
            }
            if plan.steps().iter().all(|step| done.contains(step)) {
                break;
            }
            if Some(owned) != self.recorded_origin() || self.grants_unrecorded(&seen) {
                self.record_intent(owned, &plan, &seen).await?;
            }
            for change in &plan.changes {
                self.apply(&seen, change).await?;
                done.extend(change.steps());
            }
            seen = self.observe(Freshness::Fresh).await?;
            plan = self.plan(&seen)?;
        }
        if plan.is_empty() {
            let owned = self.ownership(&seen)?;
            return Ok(self.conclude(owned, &plan, &seen));
        }
        let steps = plan.steps().join("; ");
        Err(Error::Blocked(
            Reason::AcceptedButNotStored,
            format!(
                "{} accepted the change but does not show it: {steps}",
                self.remote_name()
            ),
        ))
    }

    async fn observe(&self, freshness: Freshness) -> Result<K::Observed, Error> {
        let observed = K::observe(&self.client, &self.key, freshness).await?;
        lock(&self.progress).seen = Some(Sight::of(&observed));
        Ok(observed)
    }

    fn plan(&self, seen: &K::Observed) -> Result<Plan<K::Change>, Error> {
        let desired = self.object.desired(&self.inputs)?;
        let plan = K::diff(&desired, seen)?;
        lock(&self.progress).plan = plan.outstanding();
        Ok(plan)
    }

    /// Whose the remote object is, or will be by the plan; an error where it is not ours to touch.
    fn ownership(&self, seen: &K::Observed) -> Result<Origin, Error> {
        let origin = lock(&self.progress).origin;
        let policies = self.object.policies();
        match (K::presence(seen), origin) {
            (Presence::Present, Some(origin)) => Ok(origin),
            (Presence::Present, None) if policies.adopts() || policies.observes() => Ok(Origin::Adopted),
            (Presence::Present, None) => {
                lock(&self.progress).plan.clear();
                Err(self.already_exists())
            }
            (Presence::Shared { complete }, origin) => {
                Ok(origin.unwrap_or(if complete { Origin::Adopted } else { Origin::Created }))
            }
            // Somebody removed it: what comes next is made by us.
            (Presence::Absent | Presence::None, _) => Ok(Origin::Created),
        }
    }

    fn already_exists(&self) -> Error {
        Error::Blocked(
            Reason::AlreadyExists,
            format!(
                "{} exists already and was not created by this object: set adoptionPolicy: Adopt to take it over",
                self.remote_name()
            ),
        )
    }

    /// What keeps the plan from being carried out.
    fn held(&self, plan: &Plan<K::Change>) -> Option<(Reason, String)> {
        let count = plan.outstanding().len();
        if self.object.policies().observes() {
            return Some((
                Reason::Observed,
                format!(
                    "{} differs in {count} points, listed in status.plan",
                    self.remote_name()
                ),
            ));
        }
        K::frozen(&self.client).then(|| {
            (
                Reason::Frozen,
                format!("the connection is frozen; {count} changes wait in status.plan"),
            )
        })
    }

    /// In sync, or waiting for something that the plan names.
    fn conclude(&self, owned: Origin, plan: &Plan<K::Change>, seen: &K::Observed) -> (Reason, String) {
        let mut progress = lock(&self.progress);
        if !self.object.policies().observes() {
            if matches!(K::presence(seen), Presence::Present | Presence::Shared { .. }) {
                progress.origin = Some(owned);
            }
            let grants = granted(self.object, seen, &progress.applied);
            progress.applied = self.inputs.applied.clone();
            progress.applied.grants = grants;
        }
        if plan.waiting.is_empty() {
            (Reason::InSync, K::in_sync(&self.key))
        } else {
            (Reason::DependencyNotReady, plan.waiting.join("; "))
        }
    }

    fn recorded_origin(&self) -> Option<Origin> {
        lock(&self.progress).origin
    }

    fn grants_unrecorded(&self, seen: &K::Observed) -> bool {
        let progress = lock(&self.progress);
        granted(self.object, seen, &progress.applied)
            .iter()
            .any(|(list, names)| {
                progress
                    .applied
                    .grants
                    .get(list)
                    .is_none_or(|known| !known.is_superset(names))
            })
    }

    /// Puts down what is about to be done, so that a crash right after the write does not turn our own work into
    /// something that we find and do not know. Fails if the object changed meanwhile: then this pass is out of date.
    async fn record_intent(&mut self, owned: Origin, plan: &Plan<K::Change>, seen: &K::Observed) -> Result<(), Error> {
        let creates = plan.changes.iter().filter(|change| change.creates());
        let slots: Vec<_> = creates.flat_map(Change::secrets).collect();
        let finding = {
            let mut progress = lock(&self.progress);
            if K::presence(seen) != Presence::None {
                progress.origin = Some(owned);
            }
            for (list, names) in granted(self.object, seen, &progress.applied) {
                progress.applied.grants.entry(list).or_default().extend(names);
            }
            let steps = plan.steps().join("; ");
            let mut finding = progress.finding(self.object, Reason::Progressing, self.inputs.redact(&steps));
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
        let generation = self.object.meta().generation;
        let status = next_status(self.object.status(), generation, finding, Timestamp::now());
        self.context.write_status(self.object, &status, true).await?;
        Ok(())
    }

    async fn apply(&mut self, seen: &K::Observed, change: &K::Change) -> Result<(), Error> {
        let begun_earlier = self.object.status().and_then(Status::origin).is_some();
        match K::apply(&self.client, seen, change).await {
            Ok(()) => self.note(change),
            // An earlier try of ours got through and its answer was lost: read-back tells the rest.
            Err(Error::Remote { exists: true, .. }) if change.creates() && begun_earlier => {}
            Err(Error::Remote { exists: true, .. }) if change.creates() => {
                lock(&self.progress).origin = None;
                if !self.object.policies().adopts() {
                    return Err(self.already_exists());
                }
            }
            Err(error) => {
                if change.creates() && !error.is_ambiguous() {
                    lock(&self.progress).origin = None;
                }
                tracing::info!(
                    kind = K::KIND,
                    namespace = self.object.namespace(),
                    name = self.object.name_any(),
                    remote = self.key,
                    steps = ?change.steps(),
                    error = self.inputs.redact(&error.to_string()),
                    "remote write failed"
                );
                return Err(error);
            }
        }
        Ok(())
    }

    /// A write that got through: the record, the log, the Event.
    fn note(&mut self, change: &K::Change) {
        for slot in change.secrets() {
            self.inputs.mark_applied(slot);
        }
        {
            let mut progress = lock(&self.progress);
            progress.changed = true;
            progress.applied.secrets.clone_from(&self.inputs.applied.secrets);
        }
        super::reconcile::announce(self.context, self.object, &self.key, change);
    }

    fn remote_name(&self) -> String {
        super::reconcile::remote_name::<K>(&self.key)
    }
}
