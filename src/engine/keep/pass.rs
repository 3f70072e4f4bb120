//! One pass over one object: observe, plan, apply, observe again.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use kube::ResourceExt;

use super::{
    Error, Fate, Freshness, Inputs, Managed, Plan, Presence, Reason,
    context::Context,
    plan::Change,
    progress::{SharedProgress, Sight, asks_for_a_pass, granted, is_recorded, lane, lock},
    sources,
};
use crate::crd::{applied::Grants, status::Origin};

/// Rounds of write and read-back in one pass. A create takes two where the remote side cannot take everything at once;
/// one more absorbs a change by somebody else in between.
const ROUNDS: usize = 4;

/// Longest time for remote work in one pass, the wait for its turn not counted. Calls have their own, shorter deadlines;
/// this one frees the slot whatever happens.
pub(super) const DEADLINE: Duration = Duration::from_mins(1);

/// What a pass gets that took too long.
pub(super) fn overdue() -> Error {
    Error::Remote {
        reason: Reason::Unavailable,
        message: format!("not done within {} s", DEADLINE.as_secs()),
        retry_after: None,
        fate: Fate::Unknown,
    }
}

/// Whose the remote object is, and what of it was given for this object.
pub(super) type Record = (Option<Origin>, Grants);

/// A pass over an object that is not being deleted.
pub struct Pass<'a, K: Managed> {
    pub(super) object: &'a K,
    pub(super) context: &'a Context<K>,
    pub(super) progress: SharedProgress<K>,
    pub(super) inputs: Inputs,
    client: K::Client,
    pub(super) key: String,
    /// Whether an earlier pass had begun to make the remote object.
    pub(super) begun_earlier: bool,
    /// What the record said before the intent that stands, until something of that is done.
    pub(super) before: Option<Record>,
    /// The object as this pass wrote it last.
    pub(super) written: Option<Arc<K>>,
}

impl<'a, K: Managed> Pass<'a, K> {
    /// Resolves what the pass needs. No remote call.
    pub async fn prepare(object: &'a K, context: &'a Context<K>, progress: SharedProgress<K>) -> Result<Self, Error> {
        object.admission(&context.world)?;
        let applied = lock(&progress).applied.clone();
        let mut inputs = sources::resolve(
            &context.around.client,
            &context.around.fingerprints,
            &object.namespace().unwrap_or_default(),
            &object.uid().unwrap_or_default(),
            &object.sources(),
            applied,
        )
        .await?;
        if object.policies().observes() {
            inputs.leave_unchanged();
        }
        let client = object.connect(&context.world, &inputs, lane(object)).await?;
        let begun_earlier = lock(&progress).origin.is_some();
        Ok(Self {
            object,
            context,
            begun_earlier,
            progress,
            inputs,
            client,
            key: object.key(),
            before: None,
            written: None,
        })
    }

    /// Takes secret values out of a text that goes to people.
    pub fn redact(&self, text: &str) -> String {
        self.inputs.redact(text)
    }

    /// Brings the remote side in line; returns what to show.
    pub async fn run(&mut self) -> Result<(Reason, String), Error> {
        if !asks_for_a_pass(self.object) {
            let seen = self.observe(Freshness::Shared).await?;
            let desired = self.object.desired(&self.inputs)?;
            if K::suffices(&desired, &seen) {
                let plan = self.plan(&seen)?;
                let owned = self.ownership(&seen)?;
                if let Some(held) = self.held(&plan) {
                    return Ok(held);
                }
                if plan.is_empty() {
                    return Ok(self.conclude(owned, &plan, &seen));
                }
            }
        }
        let _slot = K::slot(&self.client).await?;
        match tokio::time::timeout(DEADLINE, Box::pin(self.look_and_converge())).await {
            Ok(outcome) => outcome,
            Err(_) => Err(overdue()),
        }
    }

    /// What follows may write, so it goes by what is there now and not by the shared list.
    async fn look_and_converge(&mut self) -> Result<(Reason, String), Error> {
        let seen = self.observe(Freshness::Fresh).await?;
        let plan = self.plan(&seen)?;
        self.ownership(&seen)?;
        if let Some(held) = self.held(&plan) {
            return Ok(held);
        }
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
            let creates = plan.changes.iter().any(Change::creates);
            if creates
                || Some(owned) != self.recorded_origin()
                || !is_recorded(self.object, &seen, &lock(&self.progress).applied)
            {
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

    pub(super) async fn observe(&self, freshness: Freshness) -> Result<K::Observed, Error> {
        let mut observed = Box::pin(K::observe(&self.client, &self.key, freshness)).await?;
        Box::pin(K::follow(&self.client, &mut observed)).await?;
        lock(&self.progress).seen = Some(Sight::of(&observed));
        Ok(observed)
    }

    fn plan(&self, seen: &K::Observed) -> Result<Plan<K::Change>, Error> {
        let desired = self.object.desired(&self.inputs)?;
        let plan = K::diff(&desired, seen)?;
        lock(&self.progress).plan = plan.outstanding();
        Ok(plan)
    }

    /// What keeps the plan from being carried out.
    fn held(&self, plan: &Plan<K::Change>) -> Option<(Reason, String)> {
        let count = plan.outstanding().len();
        if count == 0 {
            return None;
        }
        if self.object.policies().observes() {
            return Some((
                Reason::Observed,
                format!(
                    "{} differs in {count} points, listed in status.plan",
                    self.remote_name()
                ),
            ));
        }
        (K::frozen(&self.client) && !plan.is_empty()).then(|| {
            (
                Reason::Frozen,
                format!("the connection is frozen; {count} changes wait in status.plan"),
            )
        })
    }

    /// In sync, or waiting for something that the plan names.
    fn conclude(&mut self, owned: Origin, plan: &Plan<K::Change>, seen: &K::Observed) -> (Reason, String) {
        if !self.object.policies().observes() {
            self.inputs.refresh_record();
            let mut progress = lock(&self.progress);
            // Entries that still wait are nobody's.
            if matches!(
                K::presence(seen),
                Presence::Present | Presence::Shared { complete: true }
            ) {
                progress.origin = Some(owned);
            }
            let mut grants = granted(self.object, seen, &progress.applied);
            if plan.deferred {
                grants.add(std::mem::take(&mut progress.applied.grants));
            }
            progress.applied = self.inputs.applied.clone();
            progress.applied.grants = grants;
        }
        if !plan.waiting.is_empty() {
            let all: Vec<_> = plan.waiting.iter().chain(&plan.under_way).map(String::as_str).collect();
            (Reason::DependencyNotReady, all.join("; "))
        } else if plan.under_way.is_empty() {
            (Reason::InSync, K::in_sync(&self.key))
        } else {
            (Reason::Progressing, plan.under_way.join("; "))
        }
    }

    fn recorded_origin(&self) -> Option<Origin> {
        lock(&self.progress).origin
    }

    async fn apply(&mut self, seen: &K::Observed, change: &K::Change) -> Result<(), Error> {
        let error = match K::apply(&self.client, seen, change).await {
            Ok(()) => {
                self.note(change);
                return Ok(());
            }
            Err(error) => error,
        };
        if change.creates() {
            return self.not_created(error).await;
        }
        self.log_failure(change, &error);
        Err(error)
    }

    /// A write that got through: the record, the log, the Event.
    fn note(&mut self, change: &K::Change) {
        self.before = None;
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

    pub(super) fn remote_name(&self) -> String {
        super::reconcile::remote_name::<K>(&self.key)
    }
}
