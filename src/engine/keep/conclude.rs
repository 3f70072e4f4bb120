//! What a reconcile records and says at its end.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{managed::Managed, pass::Pass, plan::Plan};
use crate::{
    crd::{common::annotation, status::Origin},
    engine::{
        error::{Error, Reason},
        memory::NotStored,
        object::asks_for_reconcile,
        status::to_second,
        work::Outcome,
    },
};

impl<M: Managed> Pass<'_, M> {
    /// In sync, or waiting for something that the plan names. `settled`: the observation began after every write of ours
    /// had taken effect or failed.
    pub(super) fn conclude(&mut self, owned: Origin, plan: &Plan<M::Change>, settled: bool) -> Outcome {
        let observes = M::common(&self.cx.object).policies.observes();
        let (uid, left) = (self.cx.uid(), self.cx.unsettled_for());
        self.cx.shell.memory.with(&uid, |entry| entry.not_stored = None);
        if plan.unshown.is_empty() {
            self.announce_shown();
        }
        if !observes {
            let there = self.cx.report.seen.as_ref().is_some_and(|sighting| sighting.exists)
                || (M::ENTRIES && plan.waiting.is_empty());
            self.verify_credentials();
            self.cx.report.record.not_stored = None;
            self.remember_sources();
            let record = &mut self.cx.report.record;
            if there {
                self.cx.report.origin = Some(owned);
                record.create_refused = false;
                record.id = self.seen_id.take().or(record.id.take());
            }
            if let Some(succession) = &plan.succession {
                record.id = Some(succession.id.clone());
                record.published_at = Some(Time(to_second(succession.since)));
                let retiring = succession.retiring.iter();
                record.retiring = retiring
                    .map(|(id, since)| (id.clone(), to_second(*since).to_string()))
                    .collect();
            }
            let mut grants = plan.grants.clone();
            if plan.deferred || !settled {
                grants.add(std::mem::take(&mut record.grants));
            }
            record.grants = grants;
            if settled {
                record.unsettled_until = None;
            }
            let named: BTreeSet<&String> = record.grants.names().collect();
            let kept = |entry: &String| named.contains(entry);
            record.stored = std::mem::take(&mut record.stored)
                .into_iter()
                .filter(|(declared, _)| kept(declared))
                .collect();
            record.replaced.extend(plan.replaced.clone());
            record.replaced = std::mem::take(&mut record.replaced)
                .into_iter()
                .filter(|(place, _)| kept(place))
                .collect();
        }
        let mut due = plan.due.into_iter().chain(left).min();
        if M::TASKS {
            due = due.into_iter().chain(self.following().again()).min();
        }
        let (reason, message) = self.verdict(plan);
        Outcome { reason, message, due }
    }

    fn verdict(&self, plan: &Plan<M::Change>) -> (Reason, String) {
        if let Some(unusable) = self.secrets.unusable() {
            return (Reason::Invalid, unusable.to_owned());
        }
        let own = M::publication(&self.cx.object).map(|publication| publication.name);
        let mut waiting = plan.waiting.clone();
        // An object that is not created after its end waits for nothing.
        let exists = self.cx.report.seen.as_ref().is_some_and(|sighting| sighting.exists);
        if own.is_none() && (exists || plan.expired.is_empty()) {
            waiting.extend(self.secrets.all_missing());
        }
        if !waiting.is_empty() {
            waiting.extend(plan.in_progress.iter().cloned());
            (Reason::DependencyNotReady, waiting.join("; "))
        } else if !plan.in_progress.is_empty() {
            (Reason::Progressing, plan.in_progress.join("; "))
        } else if plan.expired.is_empty() {
            (Reason::InSync, format!("{} matches", self.remote_name()))
        } else {
            (Reason::Expired, plan.expired.join("; "))
        }
    }

    /// The error of a write that the remote side accepted and did not store, if this plan repeats it.
    pub(super) fn not_stored(&self, plan: &Plan<M::Change>, seen: Option<&M::Seen>, fresh: bool) -> Option<Error> {
        let generation = kube::Resource::meta(&*self.cx.object).generation;
        let attempt = attempt::<M>(plan, seen);
        let recorded = self.cx.report.record.not_stored.as_deref();
        let recorded = recorded.and_then(NotStored::from_record);
        let repeats = self.cx.shell.memory.with(&self.cx.uid(), |entry| {
            entry.not_stored = entry.not_stored.or(recorded);
            let known = entry
                .not_stored
                .as_mut()
                .filter(|known| known.generation == generation)?;
            let same = if fresh { Some(known.fresh) } else { known.listed } == Some(attempt);
            Some(same)
        });
        let asked = asks_for_reconcile(&*self.cx.object);
        (repeats == Some(true) && !self.secrets.any_changed() && !asked).then(|| self.unstored_error(plan))
    }

    /// The error of a write that the remote side accepted and did not store, remembered so that it is not repeated.
    pub(super) fn remember_unstored(&mut self, plan: &Plan<M::Change>, seen: Option<&M::Seen>) -> Error {
        let not_stored = NotStored {
            generation: kube::Resource::meta(&*self.cx.object).generation,
            fresh: attempt::<M>(plan, seen),
            listed: None,
        };
        self.cx.report.record.not_stored = Some(not_stored.recorded());
        let uid = self.cx.uid();
        self.cx.shell.memory.with(&uid, |entry| {
            entry.not_stored = Some(not_stored);
            entry.unshown.clear();
        });
        self.unstored_error(plan)
    }

    /// Remembers how the lists show a write that was not stored, so that the next sweep needs no read.
    pub(super) fn remember_listed(&self, listed: Option<u64>) {
        self.cx.shell.memory.with(&self.cx.uid(), |entry| {
            if let Some(known) = entry.not_stored.as_mut() {
                known.listed = listed;
            }
        });
    }

    fn unstored_error(&self, plan: &Plan<M::Change>) -> Error {
        let steps = plan.steps().join("; ");
        Error::Blocked(
            Reason::AcceptedButNotStored,
            format!(
                "{} accepted the change but does not show it: {steps}. The operator repeats it once the object, its \
                 Secret or the remote object changes, or when you set the annotation {}",
                self.remote_name(),
                annotation::RECONCILE_AT
            ),
        )
    }
}

/// Hash of what a plan does and of what it found.
pub(super) fn attempt<M: Managed>(plan: &Plan<M::Change>, seen: Option<&M::Seen>) -> u64 {
    plan.attempt() ^ seen.map(M::evidence).unwrap_or_default()
}
