//! What a reconcile records before a write whose traces it would not recognise, and what becomes of that record when the
//! write fails.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use litemap::LiteMap;

use super::{
    managed::{Managed, Read},
    pass::Pass,
    plan::{Change, Plan},
};
use crate::{
    crd::{applied::Grants, status::Origin},
    engine::{
        error::{Error, Fate, Reason, Refused},
        object::ObjectName,
        outcome::standing,
    },
};

/// The record before an intent.
pub(super) struct Before {
    origin: Option<Origin>,
    grants: Grants,
    replaced: LiteMap<String, String>,
    id: Option<String>,
    unsettled_until: Option<Time>,
    /// Whether an earlier write may still create the object.
    unsettled: bool,
}

impl<M: Managed> Pass<'_, M> {
    /// Records what is about to be written, so that a crash right after the write does not turn our own work into something
    /// that we find and do not recognise. Fails if the object changed meanwhile: then this reconcile is outdated.
    ///
    /// After the remote side refused to create the object for this very spec, further attempts record nothing: the status
    /// would change twice with each of them. If one of them succeeds and the operator is killed before it has recorded that,
    /// the object ends as `AlreadyExists`, which a person can resolve; the opposite mistake would claim somebody else's
    /// object.
    pub(super) async fn record_intent(&mut self, owned: Origin, plan: &Plan<M::Change>) -> Result<(), Error> {
        let unsettled = self.unsettled().is_some();
        let report = &mut self.cx.report;
        self.before = Some(Before {
            origin: report.origin,
            grants: report.record.grants.clone(),
            replaced: report.record.replaced.clone(),
            id: report.record.id.clone(),
            unsettled_until: report.record.unsettled_until.clone(),
            unsettled,
        });
        let refused = report.record.create_refused && plan.creates();
        report.origin = Some(owned);
        report.record.grants.add(plan.grants.clone());
        report.record.replaced.extend(plan.replaced.clone());
        if self.seen_id.is_some() {
            report.record.id.clone_from(&self.seen_id);
        } else if plan.creates() && !report.seen.as_ref().is_some_and(|sighting| sighting.exists) {
            // The recorded object is gone, and the new one gets another id: until that is known, its key identifies it.
            report.record.id = None;
        }
        if refused && self.is_same_spec() {
            return Ok(());
        }
        let slots: Vec<String> = plan
            .changes
            .iter()
            // Whether a secret entry of a shared document was written does not show.
            .filter(|change| change.creates() && !M::ENTRIES)
            .flat_map(Change::slots)
            .collect();
        // Until the outcome is written, a write may be in flight.
        self.cx.note_lost_write();
        let steps = plan.steps().join("; ");
        let (reason, message) = standing(&*self.cx.object).unwrap_or((Reason::Progressing, steps));
        let subject = crate::engine::work::Work::subject(self.keeping, &self.cx.object);
        let mut update = self.cx.report.update(&*self.cx.object, subject, reason, message);
        for slot in slots {
            if let Some(print) = self.secrets.fingerprint(&slot) {
                update.applied.applied_secret(&slot, print.to_owned());
            }
        }
        let written = self.cx.shell.write_status(&self.cx.object, update, true).await?;
        let Some(written) = written else {
            return Err(Error::Refused(Refused::Superseded));
        };
        self.cx.object = written;
        if let Some(before) = &self.before {
            self.cx
                .report
                .record
                .unsettled_until
                .clone_from(&before.unsettled_until);
        }
        Ok(())
    }

    fn is_same_spec(&self) -> bool {
        let object = &*self.cx.object;
        let observed = kube::core::object::HasStatus::status(object).and_then(|status| status.observed_generation);
        observed == kube::Resource::meta(object).generation
    }

    /// A create that failed: whether the intent stands, and whose the object is if there is one.
    pub(super) async fn not_created(&mut self, error: Error) -> Result<(), Error> {
        match error.fate() {
            // An earlier attempt succeeded and its answer was lost: read-back tells the rest.
            Fate::Exists if self.begun_earlier => return Ok(()),
            Fate::Exists => {
                self.take_back();
                // A document that many share belongs to nobody: the next observation takes it in.
                if M::common(&self.cx.object).policies.adopts() || M::ENTRIES {
                    return Ok(());
                }
                return Err(self.already_exists());
            }
            Fate::NotDone => {
                let refused = self.cx.report.record.create_refused;
                self.take_back();
                if matches!(error, Error::Refused(_)) {
                    // Nothing was sent, so the remote side refused nothing.
                    self.cx.report.record.create_refused = refused;
                }
            }
            // What does not exist right after an answer was not created by us; if somebody creates it later, it is theirs.
            Fate::Answered | Fate::Unreadable => {
                let seen = self.observe(Read::Fresh).await?;
                if seen.is_none() || M::ENTRIES {
                    self.take_back();
                }
            }
            Fate::Unknown => {}
        }
        let name = ObjectName::of(&*self.cx.object);
        tracing::info!(
            kind = self.cx.shell.kind(),
            namespace = &*name.namespace,
            name = &*name.name,
            remote = self.key,
            error = self.secrets.quotable(&error.to_string()),
            "remote create failed"
        );
        Err(error)
    }

    /// Nothing of the intent happened: what somebody else creates now is not ours. An earlier attempt whose answer was lost
    /// may still create the object, so its intent stays.
    fn take_back(&mut self) {
        let report = &mut self.cx.report;
        match self.before.take() {
            Some(before) if before.unsettled => {
                report.record.unsettled_until = before.unsettled_until;
            }
            Some(before) => {
                report.record.grants = before.grants;
                report.record.replaced = before.replaced;
                report.record.id = before.id;
                report.record.unsettled_until = before.unsettled_until;
                report.origin = before.origin;
                report.record.create_refused = before.origin.is_none();
            }
            None => {
                if !M::ENTRIES && !self.begun_earlier {
                    report.origin = None;
                }
            }
        }
        // The status may hold the intent.
        report.intent = true;
    }

    pub(super) fn log_failure(&self, change: &M::Change, error: &Error) {
        let name = ObjectName::of(&*self.cx.object);
        tracing::info!(
            kind = self.cx.shell.kind(),
            namespace = &*name.namespace,
            name = &*name.name,
            remote = self.key,
            steps = ?change.steps(),
            error = self.secrets.quotable(&error.to_string()),
            "remote write failed"
        );
    }
}
