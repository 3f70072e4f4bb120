//! The task on the remote side that carries a write on.

use super::{
    managed::Managed,
    pass::Pass,
    plan::{Change, Plan},
    propagation::Following,
};
use crate::engine::{error::Error, status::PROPAGATED};

impl<M: Managed> Pass<'_, M> {
    /// Takes out what a task on the remote side is still carrying on: reads may lag behind it.
    pub(super) fn with_task(
        &mut self,
        mut plan: Plan<M::Change>,
        seen: Option<&M::Seen>,
        fresh: bool,
    ) -> Result<Plan<M::Change>, Error> {
        if !M::TASKS {
            return Ok(plan);
        }
        let mut following = self.following();
        let steps: Vec<String> = plan
            .changes
            .iter()
            .filter(|change| change.starts_task())
            .flat_map(Change::steps)
            .collect();
        if steps.is_empty() {
            following.showed();
            if let (Some((task, attempt)), Some(seen)) = (following.resubmission(), seen) {
                plan.changes.extend(M::resubmit(seen, &task));
                self.resubmission = Some(attempt);
            }
        } else if let Some(reason) = following.pending(seen.is_none()) {
            plan.changes.retain(|change| !change.starts_task());
            plan.deferred = true;
            plan.in_progress
                .push(format!("{reason}; not shown yet: {}", steps.join("; ")));
            plan.unshown = steps;
        } else if following.unstored().is_some() && fresh {
            // From now on the attempt itself is remembered, so that it is repeated once something changed.
            following.showed();
            self.put_task(following);
            self.cx.report.plan = plan.outstanding();
            return Err(self.remember_unstored(&plan, seen));
        }
        self.put_task(following);
        Ok(plan)
    }

    pub(super) fn following(&self) -> Following {
        Following {
            task: self.cx.report.record.task.as_deref().cloned(),
            generation: kube::Resource::meta(&*self.cx.object).generation.unwrap_or_default(),
            now: self.cx.shell.env.clock.now(),
            deadline: self.cx.shell.env.propagation_deadline,
        }
    }

    pub(super) fn put_task(&mut self, following: Following) {
        self.cx.report.show(Some(following.condition()), PROPAGATED);
        self.cx.report.record.task = following.task.map(Box::new);
    }

    /// Asks for the state of the task, if that is due. A failure says nothing of the object: the next reconcile asks again.
    pub(super) async fn follow_task(&mut self) {
        if !M::TASKS {
            return;
        }
        let mut following = self.following();
        if let Some(task) = following.due().map(str::to_owned) {
            match M::task(&self.remote, &task).await {
                Ok(state) => following.found(state),
                Err(error) => tracing::debug!(task, %error, "the state of a task could not be read"),
            }
        }
        self.put_task(following);
    }
}
