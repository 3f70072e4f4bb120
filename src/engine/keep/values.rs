//! The values of Secrets and `ConfigMap`s that a reconcile needs, read only where they may have changed.

use super::{managed::Managed, pass::Pass};
use crate::{
    crd::applied::Sources,
    engine::{
        error::Error,
        object::{HasStatus as _, is_ready},
        secrets,
    },
};

impl<M: Managed> Pass<'_, M> {
    /// Reads every value that the object uses.
    pub(super) async fn resolve_secrets(&mut self) -> Result<(), Error> {
        let env = &self.cx.shell.env;
        let uses = M::secrets(&self.cx.object);
        self.secrets = secrets::resolve(
            &env.client,
            &env.fingerprints,
            &env.sources,
            &self.cx.namespace(),
            &self.cx.uid(),
            &uses,
            &self.cx.report.record,
        )
        .await?;
        if M::common(&self.cx.object).policies.observes() {
            self.secrets.leave_unchanged();
        }
        Ok(())
    }

    /// Whether every value is known to be the one that was applied last, by the versions of what they are read from. A value
    /// that the object publishes is compared with its Secret each time.
    pub(super) fn reads_nothing_new(&self) -> bool {
        let uses = M::secrets(&self.cx.object);
        let env = &self.cx.shell.env;
        let record = &self.cx.report.record;
        let applied = uses.iter().all(|one| {
            let print = record.secrets.get(&one.slot);
            !one.published && print.is_some_and(|print| env.fingerprints.made(print))
        });
        let Some(state) = env.sources.state(&self.cx.namespace(), &uses).filter(|_| applied) else {
            return false;
        };
        let unchanged = record.sources == Some(Sources::new(state));
        unchanged
            || self
                .cx
                .shell
                .memory
                .with(&self.cx.uid(), |entry| entry.sources == Some(state))
    }

    /// Records the versions of what was read, once every value of it is applied. Where nothing else is to be written into the
    /// status, this is not either: then the process alone remembers them.
    pub(super) fn remember_sources(&mut self) {
        let Some(state) = self.secrets.applied_state(&self.cx.report.record) else {
            return;
        };
        let object = &*self.cx.object;
        let observed = object.status().and_then(|status| status.observed_generation);
        let writes = self.cx.report.changed || !is_ready(object) || observed != kube::Resource::meta(object).generation;
        let recorded = Some(Sources::new(state));
        let record = &mut self.cx.report.record;
        if writes {
            record.sources = recorded;
        }
        let known = record.sources == recorded;
        self.cx.shell.memory.with(&self.cx.uid(), |entry| {
            entry.sources = (!known).then_some(state);
        });
    }
}
