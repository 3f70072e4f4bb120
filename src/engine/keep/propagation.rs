//! Tasks on the remote side that carry a write on: when to ask for their state, what to report, and when to submit again.
//!
//! After a write that started a task, reads that contradict the write are ignored until the task ends or its deadline
//! passes: some releases show a write only once the nodes have it (contract sheet, A46).

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::managed::TaskState;
use crate::{
    crd::propagation::{Propagation, TaskPhase},
    engine::status::{ExtraCondition, PROPAGATED, to_second},
};

/// How often a task that does not succeed is submitted again.
const RESUBMISSIONS: i32 = 3;
/// Wait before the first resubmission; each further one waits three times as long.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// A task younger than this is not asked for its state.
const GRACE: Duration = Duration::from_secs(2);
/// Longest time between two requests for the state of a task.
const LONGEST_INTERVAL: Duration = Duration::from_secs(30);

/// The task of an object's last write, at one moment.
#[derive(Clone, Debug, Default)]
pub struct Following {
    /// The task; `None` where the last write started none.
    pub task: Option<Propagation>,
    /// The `metadata.generation` of the object.
    pub generation: i64,
    /// The present time.
    pub now: Timestamp,
    /// How long a task may take before it counts as late.
    pub deadline: Duration,
}

impl Following {
    /// The id of the task to ask for its state, if that is due.
    pub fn due(&self) -> Option<&str> {
        let task = self.task.as_ref()?;
        (task.phase == TaskPhase::Running && self.elapsed(&task.submitted_at) >= GRACE).then_some(&*task.task_id)
    }

    /// Notes the state of the task; `None`: the remote side does not know the task.
    pub fn found(&mut self, state: Option<TaskState>) {
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
    pub fn showed(&mut self) {
        if let Some(task) = self.task.as_mut() {
            task.shown = true;
        }
    }

    /// Why a read that contradicts the last write is ignored, and the write not repeated. `creates`: the write to repeat
    /// creates the remote object.
    pub fn pending(&self, creates: bool) -> Option<String> {
        // An edit of the spec meanwhile does not undo a create that does not show yet.
        let begun = self.task.as_ref().filter(|task| creates && !task.shown);
        let task = begun.or_else(|| self.unshown())?;
        let id = &task.task_id;
        match task.phase {
            // Never repeat a pending create: the duplicate would be refused and mistaken for somebody else's object.
            TaskPhase::Running if creates || !self.is_late(task) => Some(format!("task {id} is running")),
            TaskPhase::Succeeded if self.just_ended(task) => Some(format!("task {id} has just ended")),
            TaskPhase::Failed | TaskPhase::Unknown if self.wait(task).is_some_and(|wait| !wait.is_zero()) => {
                Some(format!("task {id} did not succeed and is submitted again soon"))
            }
            _ => None,
        }
    }

    /// The task that ended although the write never took effect: repeating the write would change nothing.
    pub fn unstored(&self) -> Option<&str> {
        let task = self.unshown()?;
        let over = match task.phase {
            TaskPhase::Running => false,
            TaskPhase::Succeeded => !self.just_ended(task),
            TaskPhase::Failed | TaskPhase::Unknown => self.wait(task).is_none(),
        };
        over.then_some(&*task.task_id)
    }

    /// The task that may still make the remote object appear, whatever the spec says by now.
    pub fn unfinished(&self) -> Option<&str> {
        let task = self.task.as_ref()?;
        (task.phase == TaskPhase::Running && !task.shown).then_some(&*task.task_id)
    }

    /// Number of the attempt that a write of now is.
    pub fn next_attempt(&self) -> i32 {
        match self.unshown() {
            Some(task) if matches!(task.phase, TaskPhase::Failed | TaskPhase::Unknown) => task.attempt + 1,
            _ => 1,
        }
    }

    /// The task to record after a write that may start one: the one that the remote side named, if any.
    pub fn submitted(&self, task_id: Option<String>, attempt: i32) -> Option<Propagation> {
        task_id.map(|task_id| Propagation {
            task_id,
            phase: TaskPhase::Running,
            generation: self.generation,
            attempt,
            shown: false,
            submitted_at: Time(to_second(self.now)),
            ended_at: None,
        })
    }

    /// The task to submit again now, and the number of that attempt. Only where the remote object already shows what was
    /// written; where it does not, the plan repeats the write.
    pub fn resubmission(&self) -> Option<(String, i32)> {
        let task = self.task.as_ref()?;
        let wait = self.wait(task)?;
        wait.is_zero().then(|| (task.task_id.clone(), task.attempt + 1))
    }

    /// The condition `Propagated`. It does not change by the passage of time alone, except at the deadline.
    pub fn condition(&self) -> ExtraCondition {
        let (status, reason, message) = match &self.task {
            None => (true, "Propagated", "no task is running".to_owned()),
            Some(task) => self.describe(task),
        };
        ExtraCondition {
            type_: PROPAGATED,
            status: status.into(),
            reason,
            message,
        }
    }

    /// When the state of the task may have changed; `None`: not by itself.
    pub fn again(&self) -> Option<Duration> {
        let task = self.task.as_ref()?;
        match task.phase {
            TaskPhase::Running => Some(self.interval(task)),
            TaskPhase::Succeeded => (!task.shown && self.just_ended(task)).then_some(GRACE),
            // The next reconcile performs due work; if it cannot, requeueing sooner does not help.
            TaskPhase::Failed | TaskPhase::Unknown => self.wait(task).filter(|wait| !wait.is_zero()),
        }
    }

    /// Status, reason and message of the condition.
    fn describe(&self, task: &Propagation) -> (bool, &'static str, String) {
        let id = &task.task_id;
        let problem = match task.phase {
            TaskPhase::Succeeded => {
                return (
                    true,
                    "Propagated",
                    format!("task {id} succeeded: the nodes have the change"),
                );
            }
            TaskPhase::Running if self.is_late(task) => {
                let message = format!(
                    "task {id} has not ended within {} s; the space may be stopped: its nodes get the change when it starts",
                    self.deadline.as_secs()
                );
                return (false, "PropagationTimeout", message);
            }
            TaskPhase::Running => {
                let message = format!("task {id} propagates the change to the nodes");
                return (false, "Propagating", message);
            }
            TaskPhase::Failed => format!("task {id} failed; the remote side gives no reason"),
            TaskPhase::Unknown => format!("the remote side does not know task {id} any more"),
        };
        let next = if self.wait(task).is_some() {
            "the operator submits the change again".to_owned()
        } else {
            format!(
                "the operator submitted the change {RESUBMISSIONS} times again: check the space, then edit the object"
            )
        };
        (false, "PropagationFailed", format!("{problem}; {next}"))
    }

    /// The task of a write for the present spec that no read has shown yet.
    fn unshown(&self) -> Option<&Propagation> {
        let task = self.task.as_ref()?;
        (!task.shown && task.generation == self.generation).then_some(task)
    }

    /// Whether the task ended at the present time: the read may be older than that.
    fn just_ended(&self, task: &Propagation) -> bool {
        let ended = task.ended_at.as_ref();
        ended.is_some_and(|ended| ended.0 >= to_second(self.now))
    }

    /// Time until the task is submitted again; `None` where it is not.
    fn wait(&self, task: &Propagation) -> Option<Duration> {
        let failed = matches!(task.phase, TaskPhase::Failed | TaskPhase::Unknown);
        if !failed || task.attempt > RESUBMISSIONS {
            return None;
        }
        let since = task.ended_at.as_ref().map(|ended| self.elapsed(ended));
        let earlier = u32::try_from(task.attempt - 1).unwrap_or_default();
        let wait = FIRST_WAIT * 3u32.pow(earlier);
        Some(wait.saturating_sub(since.unwrap_or_default()))
    }

    fn is_late(&self, task: &Propagation) -> bool {
        self.elapsed(&task.submitted_at) >= self.deadline
    }

    fn elapsed(&self, since: &Time) -> Duration {
        Duration::try_from(self.now.duration_since(since.0)).unwrap_or_default()
    }

    /// Time between two requests for the state of a task: longer, the longer it takes, and so that the deadline is noticed.
    fn interval(&self, task: &Propagation) -> Duration {
        let elapsed = self.elapsed(&task.submitted_at);
        let interval = match elapsed.as_secs() {
            0..60 => Duration::from_secs(5),
            60..600 => Duration::from_secs(15),
            _ => LONGEST_INTERVAL,
        };
        match self.deadline.saturating_sub(elapsed) {
            Duration::ZERO => LONGEST_INTERVAL,
            left => interval.min(left.max(GRACE)),
        }
    }
}

#[cfg(test)]
mod tests;
