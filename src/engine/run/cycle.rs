//! One reconcile of a task: follow the run that has not ended, start the one that is due, and say how things are.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{
    Resource, ResourceExt,
    api::{DeleteParams, Preconditions},
};

use super::{Ending, Running, Task, history, schedule::Schedule, stage::Stage};
use crate::{
    crd::run::{Run, RunPhase, RunStatus},
    engine::{
        error::{Error, Reason, Refused},
        object::{HasStatus, created},
        status::{cut, to_second},
        work::{Outcome, Reconcile, Work},
    },
};

/// Longest message of a run in bytes.
const LONGEST_MESSAGE: usize = 1024;
/// Longest result of a run in bytes (`api.md` 4).
const LONGEST_RESULT: usize = 4096;

/// One reconcile.
pub(super) struct Cycle<'a, T: Task> {
    pub(super) running: &'a Running<T>,
    pub(super) cx: &'a mut Reconcile<Running<T>>,
    pub(super) status: RunStatus,
    schedule: Option<Schedule>,
    pub(super) now: Timestamp,
}

impl<'a, T: Task> Cycle<'a, T> {
    /// Does what is due.
    pub(super) async fn run(running: &'a Running<T>, cx: &'a mut Reconcile<Running<T>>) -> Result<Outcome, Error> {
        let object = cx.object.clone();
        let terms = T::terms(&object);
        let schedule = terms
            .schedule
            .map(|text| Schedule::new(text, terms.time_zone))
            .transpose()
            .map_err(Error::invalid)?;
        let mut cycle = Self::new(running, cx, schedule);
        let result = cycle.proceed().await;
        cycle.show();
        result
    }

    pub(super) fn new(running: &'a Running<T>, cx: &'a mut Reconcile<Running<T>>, schedule: Option<Schedule>) -> Self {
        let mut status = trusted(cx);
        running.remembered.reconciles();
        running.remembered.refresh(&cx.uid(), &mut status);
        Self {
            running,
            now: cx.shell.env.clock.now(),
            status,
            schedule,
            cx,
        }
    }

    async fn proceed(&mut self) -> Result<Outcome, Error> {
        let object = self.cx.object.clone();
        let terms = T::terms(&object);
        if self.active().is_none() && self.due().is_none() && terms.schedule.is_none() {
            return self.settled().await;
        }
        let mut stage = Stage::new(self.running, self.cx)?;
        if self.active().is_some()
            && let Some(outcome) = self.follow(&mut stage).await?
        {
            return Ok(outcome);
        }
        let Some(due) = self.due() else {
            if terms.schedule.is_some() {
                stage.check_terms()?;
            }
            return self.settled().await;
        };
        if terms.suspend || terms.observes {
            return self.settled().await;
        }
        stage.check_terms()?;
        self.begin(&mut stage, due).await
    }

    /// The run that has not ended.
    pub(super) fn active(&self) -> Option<&Run> {
        self.status.runs.first().filter(|run| run.is_active())
    }

    /// The time of the run that is due, whether or not it may start: that of the schedule, or now for a task that runs once.
    pub(super) fn due(&self) -> Option<Due> {
        let last = self.status.runs.first();
        match &self.schedule {
            None => {
                let done = last.is_some_and(|run| run.is_active() || run.action == self.action());
                (!done).then_some(Due(None))
            }
            Some(schedule) => {
                let since = last.map_or_else(
                    || created(&*self.cx.object),
                    |run| run.scheduled_at.as_ref().unwrap_or(&run.started_at).0,
                );
                schedule.due(since, self.now).map(|time| Due(Some(time)))
            }
        }
    }

    /// Hash of what a run does.
    pub(super) fn action(&self) -> String {
        stable_hash(&T::action(&self.cx.object))
    }

    /// Puts the newest run into the status.
    pub(super) fn put(&mut self, run: Run) {
        match self.status.runs.first_mut().filter(|newest| newest.id == run.id) {
            Some(newest) => *newest = run,
            None => self.status.runs.insert(0, run),
        }
        let keep = T::terms(&self.cx.object).history;
        history::prune(&mut self.status, keep);
        if let Some(run) = self.status.runs.first() {
            self.running.remembered.note(&self.cx.uid(), run);
        }
    }

    /// Takes back a run that did nothing.
    pub(super) fn take_back(&mut self, id: &str) {
        self.status.runs.retain(|run| run.id != id);
        self.running.remembered.drop_run(&self.cx.uid());
        self.cx.report.intent = true;
    }

    /// Ends the active run.
    pub(super) async fn finish(&mut self, stage: &Stage<'_, T>, ending: Ending) -> Result<(), Error> {
        let Some(mut run) = self.active().cloned() else {
            return Ok(());
        };
        let Ending {
            mut phase,
            mut message,
            counts,
            result,
            files,
        } = ending;
        if let Some(files) = files {
            match self.publish(files).await? {
                Ok(Some(form)) => message = format!("{message}, {form}"),
                Ok(None) => {}
                Err(why) => {
                    phase = RunPhase::Failed;
                    message = why;
                }
            }
        }
        run.phase = phase;
        run.message = Some(cut(message, LONGEST_MESSAGE));
        run.counts = counts;
        run.result = result.map(|result| cut(result, LONGEST_RESULT));
        run.finished_at = Some(self.time());
        run.attempt = None;
        run.result_ready = false;
        let what = T::describe(&stage.object);
        let note = format!(
            "{what}: run {} is {}: {}",
            run.id,
            phase.as_str(),
            run.message.as_deref().unwrap_or_default()
        );
        let regarding = self.cx.object.object_ref(&());
        let reports = &self.cx.shell.env.reports;
        if phase == RunPhase::Succeeded {
            reports.normal(regarding, phase.as_str(), "Run", &note);
        } else {
            reports.warning(regarding, phase.as_str(), "Run", &note);
        }
        self.cx.report.intent = true;
        self.put(run);
        Ok(())
    }

    /// The present time as the status holds it.
    pub(super) fn time(&self) -> Time {
        Time(to_second(self.cx.shell.env.clock.now()))
    }

    /// Writes the runs into the status at once; fails where the object changed since it was read.
    pub(super) async fn save(&mut self, message: String) -> Result<(), Error> {
        self.show();
        let subject = self.running.subject(&self.cx.object);
        let report = &self.cx.report;
        let update = report.update(&*self.cx.object, subject, Reason::Progressing, message);
        let written = self.cx.shell.write_status(&self.cx.object, update, true).await?;
        self.cx.object = written.ok_or(Error::Refused(Refused::Superseded))?;
        Ok(())
    }

    /// Puts the runs where the shell finds them.
    fn show(&mut self) {
        let suspended = T::terms(&self.cx.object).suspend;
        let next = self.schedule.as_ref().filter(|_| !suspended);
        self.status.next_run_at = next.and_then(|schedule| schedule.next(self.now)).map(Time);
        self.status.active = self.active().map(|_| 1);
        self.cx.report.record.id = self.status.runs.first().map(|run| run.id.clone());
        self.cx.report.shown = Some(self.status.clone());
    }

    /// A run goes on.
    pub(super) fn progressing(message: String, due: Duration) -> Outcome {
        Outcome {
            due: Some(due),
            ..Outcome::new(Reason::Progressing, message)
        }
    }

    /// Something is due and may not be done now.
    pub(super) fn held(&mut self, what: String, refused: &Refused) -> Outcome {
        self.cx.report.plan = vec![what];
        Outcome {
            due: self.until_next(),
            ..Outcome::new(Reason::Frozen, format!("{refused}; status.plan shows what waits"))
        }
    }

    /// Time until the schedule is due again.
    fn until_next(&self) -> Option<Duration> {
        let next = self.schedule.as_ref()?.next(self.now)?;
        Duration::try_from(next.duration_since(self.now)).ok()
    }

    /// Nothing runs and nothing starts.
    async fn settled(&mut self) -> Result<Outcome, Error> {
        let object = self.cx.object.clone();
        let terms = T::terms(&object);
        let due = self.due().is_some();
        self.cx.report.plan.clear();
        let (reason, message) = if due && terms.observes {
            self.cx.report.plan = vec![T::describe(&object)];
            (
                Reason::Observed,
                "managementPolicy is Observe: no run starts".to_owned(),
            )
        } else if due && terms.suspend {
            (Reason::Paused, "suspend is true: no run starts".to_owned())
        } else {
            self.verdict()
        };
        let mut waits: Vec<Duration> = Vec::new();
        waits.extend(self.until_next().filter(|_| !terms.suspend && !terms.observes));
        if let Some(left) = self.until_deletion() {
            if left.is_zero() {
                self.delete().await?;
            } else {
                waits.push(left);
            }
        }
        Ok(Outcome {
            due: waits.into_iter().min(),
            ..Outcome::new(reason, message)
        })
    }

    /// How things are right after a run ended.
    pub(super) fn concluded(&mut self) -> Outcome {
        self.cx.report.plan.clear();
        let (reason, message) = self.verdict();
        Outcome::new(reason, message)
    }

    /// What the last run says of the task.
    fn verdict(&self) -> (Reason, String) {
        let Some(run) = self.status.runs.first() else {
            return (Reason::InSync, "no run was due yet".to_owned());
        };
        let message = run.message.clone().unwrap_or_default();
        match run.phase {
            RunPhase::Succeeded => (Reason::InSync, message),
            phase => (
                Reason::RunFailed,
                format!("the last run is {}: {message}", phase.as_str()),
            ),
        }
    }

    /// Time until the object of a finished run is deleted.
    fn until_deletion(&self) -> Option<Duration> {
        let terms = T::terms(&self.cx.object);
        let ttl = terms.ttl.filter(|_| terms.schedule.is_none())?;
        let run = self.status.runs.first()?;
        // Only a run whose end was written down.
        let shown = self.cx.object.status().map(|status| &status.shown.runs);
        let shown = shown.and_then(|runs| runs.first()).filter(|shown| *shown == run);
        let finished = run.finished_at.as_ref()?.0;
        let passed = Duration::try_from(self.now.duration_since(finished)).unwrap_or_default();
        let left = ttl.saturating_sub(passed);
        Some(if shown.is_none() {
            left.max(Duration::from_secs(1))
        } else {
            left
        })
    }

    async fn delete(&self) -> Result<(), Error> {
        if !self.cx.shell.env.fence.holds() {
            return Err(Error::Refused(Refused::NotLeading));
        }
        let object = &*self.cx.object;
        let parameters = DeleteParams {
            preconditions: Some(Preconditions {
                uid: object.uid(),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        match self.cx.shell.api(object).delete(&object.name_any(), &parameters).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(()),
            Err(error) => Err(Error::kubernetes("delete the finished task")(error)),
        }
    }
}

/// A run that is due, with its time in the schedule.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due(pub(super) Option<Timestamp>);

/// The runs in the status, if it is about this very object.
pub(super) fn trusted<T: Task>(cx: &Reconcile<Running<T>>) -> RunStatus {
    let status = cx.object.status().filter(|_| cx.report.record.id.is_some());
    status.map(|status| status.shown.clone()).unwrap_or_default()
}

/// A hash that outlives the process and the release.
fn stable_hash(text: &str) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{hash:016x}")
}
