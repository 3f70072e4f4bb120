//! What follows from a write that was answered with success: the receipt, the record, the log and the Event.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    managed::Managed,
    pass::Pass,
    plan::{Change, Plan, Receipt},
    work::Keeping,
};
use crate::engine::{
    connect::{
        ConnectionKind,
        audit::{self, Written},
        connections::Admitted,
    },
    error::Error,
    memory::Unshown,
    object::ObjectName,
    status::to_second,
    work::Reconcile,
};

/// A write that was answered with success and whose Event is not emitted yet.
pub(super) struct Announcement {
    event: &'static str,
    steps: Vec<String>,
}

/// Reports a write to the remote side's own audit trail, where the connection says so. Nobody waits for it.
pub(super) fn report<M: Managed>(
    keeping: &Keeping<M>,
    cx: &Reconcile<Keeping<M>>,
    admitted: &Admitted<M::Connection>,
    event: &'static str,
    steps: &[String],
) {
    if !admitted.object.reports() {
        return;
    }
    let (name, env) = (ObjectName::of(&*cx.object), &cx.shell.env);
    let written = Written {
        kind: cx.shell.kind(),
        namespace: name.namespace.to_string(),
        name: name.name.to_string(),
        remote: M::common(&cx.object).key,
        change: event,
        steps: steps.to_vec(),
        time: env.clock.now().as_millisecond(),
    };
    audit::report(&keeping.connections, &admitted.live, &env.fence, written);
}

impl<M: Managed> Pass<'_, M> {
    /// A write that was answered with success: the receipt, the record, the log. The Event follows once read-back shows the
    /// write.
    pub(super) async fn note(&mut self, change: &M::Change, receipt: Receipt) -> Result<(), Error> {
        self.before = None;
        self.cx.report.changed = true;
        let mut steps = change.steps();
        steps.extend(change.follows());
        steps.extend(receipt.also);
        let name = ObjectName::of(&*self.cx.object);
        tracing::info!(
            kind = self.cx.shell.kind(),
            namespace = &*name.namespace,
            name = &*name.name,
            remote = self.key,
            change = change.event(),
            ?steps,
            "remote write"
        );
        report(self.keeping, self.cx, &self.admitted, change.event(), &steps);
        self.announced.push(Announcement {
            event: change.event(),
            steps,
        });
        let record = &mut self.cx.report.record;
        for slot in change.slots() {
            self.secrets.mark_applied(&slot, record);
        }
        let publishes = receipt.secret.is_some();
        if !publishes && receipt.id.is_some() {
            record.id.clone_from(&receipt.id);
        }
        // The write may have found something else than the observation before it.
        record.replaced.extend(receipt.replaced);
        if M::TASKS && change.starts_task() {
            let mut following = self.following();
            let attempt = self.resubmission.take().unwrap_or_else(|| following.next_attempt());
            following.task = following.submitted(receipt.task, attempt);
            self.put_task(following);
        }
        if let Some(values) = receipt.secret {
            self.publish(values).await?;
            if let Some(id) = receipt.id {
                self.succeed(&id);
            }
        }
        Ok(())
    }

    /// A new remote object, whose value is published, takes the place of the recorded one. Until it is published, it is
    /// nothing that the record knows: its value may be lost.
    fn succeed(&mut self, id: &str) {
        let now = to_second(self.cx.shell.env.clock.now());
        let record = &mut self.cx.report.record;
        if let Some(old) = record.id.replace(id.to_owned())
            && old != id
        {
            record.retiring.insert(old, now.to_string());
        }
        record.retiring.remove(id);
        record.published_at = Some(Time(now));
    }

    /// Emits the Events of writes that read-back shows. A write that the remote side did not store is no success, and one
    /// that a task still carries is none yet.
    pub(super) fn announce_stored(&mut self, plan: &Plan<M::Change>) {
        let outstanding: BTreeSet<String> = plan.steps().into_iter().collect();
        let unshown: BTreeSet<&String> = plan.unshown.iter().collect();
        let generation = kube::Resource::meta(&*self.cx.object).generation;
        for mut announcement in std::mem::take(&mut self.announced) {
            announcement.steps.retain(|step| !outstanding.contains(step));
            let later = announcement.steps.extract_if(.., |step| unshown.contains(step));
            let later = Unshown {
                generation,
                event: announcement.event,
                steps: later.collect(),
            };
            if !later.steps.is_empty() {
                let uid = self.cx.uid();
                self.cx.shell.memory.with(&uid, |entry| {
                    // Those of an earlier spec are never reported, so edits during a long task add up to nothing.
                    entry.unshown.retain(|write| write.generation == generation);
                    entry.unshown.push(later);
                });
            }
            if !announcement.steps.is_empty() {
                self.announce(&announcement);
            }
        }
    }

    /// Emits the Events of earlier writes that a task carried, now that a read shows what the spec declares.
    pub(super) fn announce_shown(&self) {
        let generation = kube::Resource::meta(&*self.cx.object).generation;
        let shown = self
            .cx
            .shell
            .memory
            .with(&self.cx.uid(), |entry| std::mem::take(&mut entry.unshown));
        // A later spec may have taken back what an earlier one wrote.
        for write in shown.into_iter().filter(|write| write.generation == generation) {
            self.announce(&Announcement {
                event: write.event,
                steps: write.steps,
            });
        }
    }

    /// Emits the Events of writes that could not be read back.
    pub(super) fn announce_all(&mut self) {
        for announcement in std::mem::take(&mut self.announced) {
            self.announce(&announcement);
        }
    }

    fn announce(&self, announcement: &Announcement) {
        let steps = announcement.steps.join("; ");
        let note = format!("{}: {steps}", self.remote_name());
        let regarding = kube::Resource::object_ref(&*self.cx.object, &());
        // What was done is the action: two Events of one reason and action count as the same one.
        let reports = &self.cx.shell.env.reports;
        reports.normal(regarding, announcement.event, &steps, &note);
    }
}
