//! The task that carries a write to the nodes: when to ask for it, what to say of it, and when to submit again.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::{
    crd::launchpad_group::{Propagation, TaskPhase},
    dataiku::launchpad::tasks::TaskState,
    engine::Aspect,
};

const PROPAGATED: &str = "Propagated";
/// How often a task that does not succeed is submitted again.
const RESUBMISSIONS: i32 = 3;
/// Wait before the first of them; each further one waits three times as long.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// A task is not asked for so soon after its submission.
const GRACE: Duration = Duration::from_secs(2);

/// A write that did not come to be is not made again for this long, unless the spec changes.
const REST: Duration = Duration::from_mins(10);
/// Time between two looks at a task that takes long.
const LATE_INTERVAL: Duration = Duration::from_secs(30);

/// The last task of a group, as seen at a time.
#[derive(Clone, Debug, Default)]
pub struct Following {
    /// The task; `None` where the last write needed none, or none was made.
    pub task: Option<Propagation>,
    /// The generation of the object.
    pub generation: i64,
    /// When it is looked at.
    pub now: Timestamp,
    /// How long a task may take.
    pub deadline: Duration,
}

impl Following {
    /// The task that a write of now has started.
    pub(super) fn submitted(&self, task_id: Option<String>, attempt: i32) -> Option<Propagation> {
        task_id.map(|task_id| Propagation {
            task_id,
            phase: TaskPhase::Running,
            generation: self.generation,
            attempt,
            shown: false,
            submitted_at: Time(to_second(Timestamp::now())),
            ended_at: None,
        })
    }

    /// The task to ask for, if it is time.
    pub(super) fn due(&self) -> Option<&str> {
        let task = self.task.as_ref()?;
        (task.phase == TaskPhase::Running && self.elapsed(&task.submitted_at) >= GRACE).then_some(&*task.task_id)
    }

    /// Notes how far the task is; `None`: the Launchpad does not know it.
    pub(super) fn found(&mut self, state: Option<TaskState>) {
        let now = Time(to_second(self.now));
        let Some(task) = self.task.as_mut() else { return };
        task.phase = match state {
            Some(TaskState { ready: false, .. }) => return,
            Some(TaskState { successful: true, .. }) => TaskPhase::Succeeded,
            Some(_) => TaskPhase::Failed,
            None => TaskPhase::Unknown,
        };
        task.ended_at = Some(now);
    }

    /// Notes that a read shows what was written.
    pub(super) fn showed(&mut self) {
        if let Some(task) = self.task.as_mut() {
            task.shown = true;
        }
    }

    /// The task of a write for this very spec that no read has shown yet.
    fn unshown(&self) -> Option<&Propagation> {
        let task = self.task.as_ref()?;
        (!task.shown && task.generation == self.generation).then_some(task)
    }

    /// Why what was written and is not shown yet is waited for, and not written again. A group that is to come to be is
    /// waited for without end: a second one would be refused, and the refusal taken for somebody else's group.
    pub(super) fn pending(&self, creates: bool) -> Option<String> {
        let task = self.unshown()?;
        let id = &task.task_id;
        match task.phase {
            TaskPhase::Running if creates || !self.is_late(task) => Some(format!("task {id} is under way")),
            TaskPhase::Succeeded if self.is_just_over(task) => Some(format!("task {id} is over")),
            TaskPhase::Failed | TaskPhase::Unknown if self.wait(task).is_some_and(|wait| !wait.is_zero()) => {
                Some(format!("task {id} did not succeed"))
            }
            _ => None,
        }
    }

    /// The task that may still bring a group into view, whatever the spec says by now.
    pub(super) fn unfinished(&self) -> Option<&str> {
        let task = self.task.as_ref()?;
        (task.phase == TaskPhase::Running && !task.shown).then_some(&*task.task_id)
    }

    /// The task that is over without that what was written came to be.
    pub(super) fn unstored(&self) -> Option<&str> {
        let task = self.unshown()?;
        let over = match task.phase {
            TaskPhase::Running => false,
            TaskPhase::Succeeded => !self.is_just_over(task),
            TaskPhase::Failed | TaskPhase::Unknown => self.wait(task).is_none(),
        };
        let since = task.ended_at.as_ref().map(|ended| self.elapsed(ended))?;
        (over && since < REST).then_some(&*task.task_id)
    }

    /// Which try a write is that is made now.
    pub(super) fn next_attempt(&self) -> i32 {
        match self.unshown() {
            Some(task) if matches!(task.phase, TaskPhase::Failed | TaskPhase::Unknown) => task.attempt + 1,
            _ => 1,
        }
    }

    /// Whether it ended by this look, so that the group was read before it was over.
    fn is_just_over(&self, task: &Propagation) -> bool {
        task.ended_at
            .as_ref()
            .is_some_and(|ended| ended.0 >= to_second(self.now))
    }

    /// The task that is to be submitted again now, and which try that is.
    pub(super) fn resubmission(&self) -> Option<(String, i32)> {
        let task = self.task.as_ref()?;
        let wait = self.wait(task)?;
        wait.is_zero().then(|| (task.task_id.clone(), task.attempt + 1))
    }

    /// Time until the task is submitted again; `None` where it is not.
    fn wait(&self, task: &Propagation) -> Option<Duration> {
        let failed = matches!(task.phase, TaskPhase::Failed | TaskPhase::Unknown);
        if !failed || task.attempt > RESUBMISSIONS {
            return None;
        }
        let since = task
            .ended_at
            .as_ref()
            .map(|ended| self.elapsed(ended))
            .unwrap_or_default();
        let wait = FIRST_WAIT * 3u32.pow(u32::try_from(task.attempt - 1).unwrap_or_default());
        Some(wait.saturating_sub(since))
    }

    fn is_late(&self, task: &Propagation) -> bool {
        self.elapsed(&task.submitted_at) >= self.deadline
    }

    fn elapsed(&self, since: &Time) -> Duration {
        Duration::try_from(self.now.duration_since(since.0)).unwrap_or_default()
    }

    /// The condition, and when it may have changed. Its text stays the same while nothing happens.
    pub(super) fn aspect(&self) -> Aspect {
        let aspect = |status, reason, message: String, again| Aspect {
            type_: PROPAGATED,
            status,
            reason,
            message,
            again,
        };
        let Some(task) = &self.task else {
            return aspect(
                true,
                "Propagated",
                "no task of the Launchpad is known to be under way".into(),
                None,
            );
        };
        let id = &task.task_id;
        match task.phase {
            TaskPhase::Succeeded => aspect(
                true,
                "Propagated",
                format!("task {id}: the nodes have the change"),
                None,
            ),
            TaskPhase::Running if self.is_late(task) => aspect(
                false,
                "PropagationTimeout",
                format!(
                    "task {id} is not over after {} s; the space may be stopped, then its nodes get the change when it \
                     starts",
                    self.deadline.as_secs()
                ),
                Some(LATE_INTERVAL),
            ),
            TaskPhase::Running => aspect(
                false,
                "Propagating",
                format!("task {id} carries the change to the nodes"),
                Some(self.interval(task)),
            ),
            TaskPhase::Failed | TaskPhase::Unknown => {
                let wait = self.wait(task);
                let what = if task.phase == TaskPhase::Failed {
                    format!("task {id} failed; the Launchpad gives no reason")
                } else {
                    format!("task {id} is not known any more")
                };
                let next = if wait.is_some() {
                    "it is submitted again"
                } else {
                    "submitted again three times already: look at the space, then change the object or its group"
                };
                // What is due is done by the next pass; where it may not be, nothing is gained by another.
                let again = wait.filter(|wait| !wait.is_zero());
                aspect(false, "PropagationFailed", format!("{what}; {next}"), again)
            }
        }
    }

    /// Time between two looks at a task: longer, the longer it takes.
    fn interval(&self, task: &Propagation) -> Duration {
        let elapsed = self.elapsed(&task.submitted_at);
        let interval = match elapsed.as_secs() {
            0..60 => Duration::from_secs(5),
            60..600 => Duration::from_secs(15),
            _ => LATE_INTERVAL,
        };
        // The deadline is told when it passes.
        interval.min(self.deadline.saturating_sub(elapsed).max(GRACE))
    }
}

/// The apiserver keeps whole seconds.
fn to_second(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}
