//! Secrets whose values may have changed unnoticed, since the fingerprint key is another one.

use kube::{Resource, ResourceExt};

use super::{managed::Managed, pass::Pass};
use crate::{
    crd::{applied::Subject, common::annotation},
    engine::{
        object::kind,
        stable_hash::stable_hash,
        status::{CREDENTIALS_UNVERIFIED, ExtraCondition},
    },
};

/// Most slots that a message names.
const MOST_NAMED: usize = 5;

impl<M: Managed> Pass<'_, M> {
    /// Acts once on each text of the annotation `reapply-credentials`: forgets what was applied, so that every value counts as
    /// changed. The record takes note at once, and slot by slot when a value was written: a value that is missing holds up
    /// no other, and none is sent at every reconcile meanwhile.
    pub(super) fn reapply_credentials(&mut self) {
        if M::common(&self.cx.object).policies.observes() {
            return;
        }
        let Some(asked) = self.cx.object.annotations().get(annotation::REAPPLY_CREDENTIALS) else {
            return;
        };
        if asked.is_empty() {
            return;
        }
        let asked = Subject::new(stable_hash([asked.as_str()]));
        let record = &mut self.cx.report.record;
        if record.reapplied != Some(asked) {
            record.secrets.clear();
            record.reapplied = Some(asked);
        }
    }

    /// Records which values are known to be applied, and shows which ones are not. Nothing is sent for them: people may have
    /// set others since.
    pub(super) fn verify_credentials(&mut self) {
        let fingerprints = self.cx.shell.env.fingerprints.clone();
        let token = fingerprints.key_name();
        let accepts = self.cx.object.annotations().get(annotation::ACKNOWLEDGE) == Some(&token);
        let record = &mut self.cx.report.record;
        let foreign = record
            .secrets
            .iter()
            .filter(|(_, recorded)| !fingerprints.made(recorded));
        let foreign: Vec<String> = foreign.map(|(slot, _)| slot.clone()).collect();
        record.unverified.extend(foreign);
        self.secrets.refresh(record);
        if accepts {
            record.unverified.clear();
        }
        let slots = &self.cx.report.record.unverified;
        let condition = (!slots.is_empty()).then(|| {
            let mut named: Vec<&str> = slots.iter().take(MOST_NAMED).map(String::as_str).collect();
            let more = format!("{} more", slots.len().saturating_sub(MOST_NAMED));
            if slots.len() > MOST_NAMED {
                named.push(&more);
            }
            ExtraCondition {
                type_: CREDENTIALS_UNVERIFIED,
                status: true.into(),
                reason: "FingerprintKeyChanged",
                message: self.unverified(&named.join(", "), &token),
            }
        });
        self.cx.report.show(condition, CREDENTIALS_UNVERIFIED);
    }

    fn unverified(&self, slots: &str, token: &str) -> String {
        let object = &*self.cx.object;
        let command = format!(
            "kubectl annotate --overwrite {}/{} --namespace {}",
            kind::<M::Object>().to_lowercase(),
            object.meta().name.as_deref().unwrap_or_default(),
            self.cx.namespace(),
        );
        let issues = if M::publication(object).is_some() {
            " (a published key is replaced by a new one)"
        } else {
            ""
        };
        format!(
            "the operator's fingerprint key is another one than when it set these values, so it cannot tell whether their \
             Secrets changed since: {slots}. To set them again{issues}: {command} '{}='$(date +%s). To accept them as they are: \
             {command} '{}={token}'",
            annotation::REAPPLY_CREDENTIALS,
            annotation::ACKNOWLEDGE,
        )
    }
}
