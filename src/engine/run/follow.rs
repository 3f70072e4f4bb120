//! Follows a run on the remote side until it ends, is over its time, or is replaced.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Ending, Poll, Taken, Task, cycle::Cycle, stage::Stage};
use crate::{
    crd::run::{Run, RunPhase},
    engine::{
        error::{Error, Refused},
        work::Outcome,
    },
};

/// After this long without a look, a run that the node does not know any more counts as expired rather than vanished.
const UNSEEN: SignedDuration = SignedDuration::from_mins(10);
/// Shortest and longest wait between two looks.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(15);
/// How often, and how long apart, an aborted run is looked at.
const LOOKS: usize = 3;
const LOOK_AFTER: Duration = Duration::from_millis(300);

/// Wait until the next look at a run that has gone on for this long: a tenth of it.
pub(super) fn poll_after(elapsed: Duration) -> Duration {
    (elapsed / 10).clamp(SHORTEST, LONGEST)
}

impl<T: Task> Cycle<'_, T> {
    /// Looks at the run that has not ended. `None`: it has by now.
    pub(super) async fn follow(&mut self, stage: &mut Stage<'_, T>) -> Result<Option<Outcome>, Error> {
        let Some(mut run) = self.active().cloned() else {
            return Ok(None);
        };
        let Some(id) = run.future_id.clone() else {
            return self.follow_start(stage, run).await;
        };
        let uid = self.cx.uid();
        let poll = T::poll(&stage.given(&run.id), &id).await?;
        let taken = match poll {
            Poll::Running => Taken::Running,
            Poll::Aborted => Taken::Ended(Ending::new(
                RunPhase::Aborted,
                format!("somebody aborted future {id} on the node"),
            )),
            Poll::Gone => Taken::Gone,
            Poll::Ready | Poll::Unsure if run.foreign => T::look(&stage.given(&run.id), &id).await?,
            Poll::Ready | Poll::Unsure => {
                if poll == Poll::Ready && !run.result_ready {
                    // The node forgets a result that was fetched: a crash right after that must not look like a failure.
                    run.result_ready = true;
                    self.put(run.clone());
                    let what = T::describe(&stage.object);
                    self.save(format!("{what}: future {id} has ended")).await?;
                }
                T::take(&stage.given(&run.id), &id).await?
            }
        };
        match taken {
            Taken::Running => {
                self.running.remembered.saw(&uid, self.now);
                self.keep_running(stage, &run, &id).await
            }
            Taken::Ended(ending) => {
                self.finish(stage, ending).await?;
                Ok(None)
            }
            Taken::Gone => {
                let seen = self.running.remembered.last_seen(&uid).unwrap_or(run.started_at.0);
                let ending = gone(&run, &id, seen, self.now);
                self.finish(stage, ending).await?;
                Ok(None)
            }
        }
    }

    async fn follow_start(&mut self, stage: &mut Stage<'_, T>, run: Run) -> Result<Option<Outcome>, Error> {
        if run.attempt.is_none() {
            let message = "the status does not say how far this run is: it was edited";
            self.finish(stage, Ending::new(RunPhase::Unknown, message)).await?;
            return Ok(None);
        }
        self.recover(stage, run).await
    }

    async fn keep_running(&mut self, stage: &Stage<'_, T>, run: &Run, id: &str) -> Result<Option<Outcome>, Error> {
        let terms = T::terms(&stage.object);
        let elapsed = Duration::try_from(self.now.duration_since(run.started_at.0)).unwrap_or_default();
        let what = T::describe(&stage.object);
        let ending = if elapsed >= terms.timeout {
            let message = format!("future {id} ran longer than {} s", terms.timeout.as_secs());
            Some((RunPhase::TimedOut, message))
        } else {
            let due = self
                .due()
                .filter(|_| terms.replaces && !terms.suspend && !terms.observes);
            due.map(|_| (RunPhase::Aborted, "a newer run takes its place".to_owned()))
        };
        let Some((phase, message)) = ending else {
            let left = terms.timeout.saturating_sub(elapsed);
            let wait = poll_after(elapsed).min(left);
            return Ok(Some(Self::progressing(format!("{what}: future {id} runs"), wait)));
        };
        let aborted = if run.foreign {
            "it belongs to somebody else and goes on"
        } else {
            match self.stop(stage, run, id).await {
                Ok(aborted) => aborted,
                Err(Error::Refused(refused @ Refused::Frozen)) => {
                    return Ok(Some(self.held(format!("abort future {id}"), &refused)));
                }
                Err(error) => return Err(error),
            }
        };
        let ending = Ending::new(phase, format!("{message}; {aborted}"));
        self.finish(stage, ending).await?;
        Ok(None)
    }

    /// Aborts the run; says for people what came of it.
    async fn stop(&mut self, stage: &Stage<'_, T>, run: &Run, id: &str) -> Result<&'static str, Error> {
        if !stage.abort(&run.id, id).await? {
            return Ok("the node did not know it any more");
        }
        self.cx.report.changed = true;
        Ok(if stops(stage, &run.id, id).await {
            "the operator aborted it"
        } else {
            "the operator told the node to abort it, and it has not stopped yet"
        })
    }

    /// What follows from the end of a run within the same reconcile.
    pub(super) fn after_end(&mut self) -> Outcome {
        Outcome {
            due: Some(SHORTEST),
            ..self.concluded()
        }
    }
}

/// Whether an aborted run stops within a moment: the node aborts later than it answers.
pub(super) async fn stops<T: Task>(stage: &Stage<'_, T>, run: &str, id: &str) -> bool {
    for _ in 0..LOOKS {
        match T::poll(&stage.given(run), id).await {
            Ok(Poll::Running | Poll::Unsure) => tokio::time::sleep(LOOK_AFTER).await,
            Ok(Poll::Aborted | Poll::Gone | Poll::Ready) => return true,
            Err(_) => return false,
        }
    }
    false
}

/// How a run ended that the node does not know any more.
fn gone(run: &Run, id: &str, seen: Timestamp, now: Timestamp) -> Ending {
    if run.result_ready {
        let message = format!("future {id} ended with a result, and somebody else fetched it first");
        return Ending::new(RunPhase::ResultTaken, message);
    }
    if now.duration_since(seen) > UNSEEN {
        let message = format!(
            "the node does not know future {id} any more; the operator last saw it at {seen}: its result has probably expired, \
             and how it ended is not known"
        );
        return Ending::new(RunPhase::Expired, message);
    }
    let message = format!(
        "the node does not know future {id} any more: it was restarted, or somebody else fetched the result; how it ended is not \
         known"
    );
    Ending::new(RunPhase::Vanished, message)
}
