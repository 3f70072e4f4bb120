//! Starts a run: its intent is in the status before the first call, so that nothing is started twice.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Resource;

use super::{
    Ending, Progress, Task, Trace, Writes,
    cycle::{Cycle, Due},
    follow::poll_after,
    stage::Stage,
};
use crate::{
    crd::run::{Attempt, Run, RunPhase},
    engine::{
        error::{Error, Fate, Reason, Refused},
        shell::LOST_WRITE,
        work::Outcome,
    },
};

/// Attempts of one run whose answers are lost.
const ATTEMPTS: i32 = 3;
/// Ids that the intent records.
const RECORDED: usize = 50;

impl<T: Task> Cycle<'_, T> {
    /// Starts the run that is due.
    pub(super) async fn begin(&mut self, stage: &mut Stage<'_, T>, due: Due) -> Result<Outcome, Error> {
        self.check_output().await?;
        stage.resolve(self.cx).await?;
        let id = format!("{:016x}", rand::random::<u64>());
        T::check(&stage.given(&id)).await?;
        if let Some(held) = self.held_up(stage)? {
            return Ok(held);
        }
        let run = Run {
            id,
            scheduled_at: due.0.map(Time),
            started_at: self.time(),
            finished_at: None,
            phase: RunPhase::Running,
            future_id: None,
            message: None,
            counts: std::collections::BTreeMap::new(),
            result: None,
            action: self.action(),
            foreign: !T::owns_run(&stage.object),
            attempt: None,
            result_ready: false,
        };
        self.attempt(stage, run).await
    }

    /// What keeps a run from starting now, if it is the connection's freeze or its change windows.
    fn held_up(&mut self, stage: &Stage<'_, T>) -> Result<Option<Outcome>, Error> {
        match stage.permits().check(&[], false) {
            Ok(()) => Ok(None),
            Err(refused @ (Refused::Frozen | Refused::OutsideWindow(_))) => {
                let what = T::describe(&stage.object);
                Ok(Some(self.held(what, &refused)))
            }
            Err(Refused::NotAllowed(message)) => Err(Error::Blocked(Reason::NotAllowed, message)),
            Err(refused) => Err(Error::Refused(refused)),
        }
    }

    /// Records the intent and makes the call.
    async fn attempt(&mut self, stage: &Stage<'_, T>, mut run: Run) -> Result<Outcome, Error> {
        let attempt = if let Some(last) = run.attempt.take() {
            // What the first attempt may have started is still not in the list of then.
            Attempt {
                at: self.time(),
                number: last.number + 1,
                ..last
            }
        } else {
            let mut before = T::listed(&stage.given(&run.id)).await?;
            let crowded = before.len() > RECORDED;
            before.truncate(if crowded { 0 } else { RECORDED });
            Attempt {
                at: self.time(),
                number: 1,
                before,
                crowded,
            }
        };
        let number = attempt.number;
        run.attempt = Some(attempt);
        self.put(run.clone());
        let what = T::describe(&stage.object);
        self.save(format!("{what}: starting")).await?;
        let writes = Writes::new(stage);
        let calling = self.running.remembered.calling(&self.cx.uid());
        let started = T::start(&stage.given(&run.id), &writes).await;
        drop(calling);
        self.cx.report.changed |= writes.wrote();
        match started {
            Ok(Progress::Running(future)) => {
                run.attempt = None;
                run.future_id = Some(future.clone());
                self.cx.report.changed = true;
                let regarding = self.cx.object.object_ref(&());
                let note = format!("{what}: run {} is future {future}", run.id);
                self.cx.shell.env.reports.normal(regarding, "Started", "Run", &note);
                self.put(run);
                self.running.remembered.saw(&self.cx.uid(), self.now);
                Ok(Self::progressing(
                    format!("{what}: future {future} runs"),
                    poll_after(Duration::ZERO),
                ))
            }
            Ok(Progress::Ended(ending)) => {
                self.finish(stage, ending).await?;
                Ok(self.after_end())
            }
            Err(error) => self.not_started(stage, &run.id, number, error, &writes).await,
        }
    }

    /// What a failed start means for the run.
    async fn not_started(
        &mut self,
        stage: &Stage<'_, T>,
        id: &str,
        number: i32,
        error: Error,
        writes: &Writes<'_, T>,
    ) -> Result<Outcome, Error> {
        // An earlier attempt may have done something.
        let nothing = number == 1 && writes.did_nothing(&error);
        self.cx.report.intent = true;
        match &error {
            Error::Refused(refused) => {
                if nothing {
                    self.take_back(id);
                }
                match refused {
                    Refused::Frozen | Refused::OutsideWindow(_) => {
                        let what = T::describe(&stage.object);
                        Ok(self.held(what, refused))
                    }
                    _ => Err(error),
                }
            }
            Error::Remote { reason, fate, .. } => {
                let definite = match fate {
                    Fate::NotDone => !matches!(reason, Reason::Unavailable | Reason::RateLimited),
                    Fate::Answered | Fate::Exists => true,
                    // What the node did without a word of its own is looked up.
                    Fate::Unreadable | Fate::Unknown => false,
                };
                if definite {
                    let ending = Ending::new(RunPhase::Failed, error.to_string());
                    self.finish(stage, ending).await?;
                    return Ok(self.after_end());
                }
                if nothing {
                    self.take_back(id);
                }
                Err(error)
            }
            _ => {
                if nothing {
                    self.take_back(id);
                }
                Err(error)
            }
        }
    }

    /// Finds out what became of a start whose answer was lost; `None`: the run has ended.
    pub(super) async fn recover(&mut self, stage: &mut Stage<'_, T>, run: Run) -> Result<Option<Outcome>, Error> {
        let Some(attempt) = run.attempt.clone() else {
            return Ok(None);
        };
        let what = T::describe(&stage.object);
        let recorded = Duration::try_from(self.now.duration_since(attempt.at.0)).unwrap_or_default();
        // The call may have left the queue of its connection long after it was recorded.
        let waited = recorded.min(self.running.remembered.quiet_for(&self.cx.uid()));
        if waited < LOST_WRITE {
            let message =
                format!("{what}: the answer to the start was lost; waiting until it can no longer take effect");
            return Ok(Some(Self::progressing(message, LOST_WRITE.saturating_sub(waited))));
        }
        if !T::sources(&stage.object).is_empty() {
            // What the run was to write is compared with what is there, or written once more.
            stage.check_terms()?;
            stage.resolve(self.cx).await?;
        }
        let trace = T::trace(&stage.given(&run.id), &attempt).await?;
        let changed = run.action != self.action();
        let ending = match trace {
            Trace::Found(future) => {
                let message = format!("{what}: future {future} runs");
                let run = Run {
                    attempt: None,
                    future_id: Some(future),
                    ..run
                };
                self.put(run);
                self.cx.report.changed = true;
                self.running.remembered.saw(&self.cx.uid(), self.now);
                return Ok(Some(Self::progressing(message, poll_after(Duration::ZERO))));
            }
            Trace::Done(ending) => ending,
            Trace::Unclear(why) => Ending::new(RunPhase::Unknown, why),
            Trace::Nothing if changed => {
                let message = "the task was changed before this run was complete";
                Ending::new(RunPhase::Aborted, message)
            }
            Trace::Nothing if attempt.number >= ATTEMPTS => {
                let message = format!("the answer to the start was lost {ATTEMPTS} times: whether it ran is not known");
                Ending::new(RunPhase::Unknown, message)
            }
            Trace::Nothing => {
                stage.check_terms()?;
                if let Some(held) = self.held_up(stage)? {
                    return Ok(Some(held));
                }
                return Box::pin(self.attempt(stage, run)).await.map(Some);
            }
        };
        self.finish(stage, ending).await?;
        Ok(None)
    }
}
