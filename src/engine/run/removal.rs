//! The end of a task: a run that has not ended is aborted.

use std::time::Duration;

use super::{Running, Task, Trace, cycle::trusted, follow::stops, stage::Stage};
use crate::{
    crd::run::Run,
    engine::{
        error::{Error, Reason, Refused},
        shell::LOST_WRITE,
        work::{Reconcile, Removed},
    },
};

/// Aborts what runs, and tells whether the finalizer may go.
pub(super) async fn remove<T: Task>(running: &Running<T>, cx: &mut Reconcile<Running<T>>) -> Result<Removed, Error> {
    let mut status = trusted(cx);
    running.remembered.refresh(&cx.uid(), &mut status);
    let object = cx.object.clone();
    let terms = T::terms(&object);
    let Some(run) = status.runs.first().filter(|run| run.is_active()) else {
        return Ok(Removed::Released(None));
    };
    if terms.observes || run.foreign {
        return Ok(Removed::Released(None));
    }
    let what = match &run.future_id {
        Some(future) => format!("future {future}"),
        None => "what it started".to_owned(),
    };
    let goes_on = format!("{what} goes on");
    if terms.retains {
        return Ok(Removed::Released(Some(format!("deletionPolicy is Retain; {goes_on}"))));
    }
    let release_after = cx.shell.env.release_after;
    let released = |why: String| Ok(Removed::Released(Some(format!("{why}; {goes_on}"))));
    match abort(running, cx, run).await {
        // Nobody can be made to wait for what will not come back.
        Err(error @ (Error::ConnectionGone(_) | Error::Blocked(Reason::NotAllowed, _))) => released(error.to_string()),
        Err(Error::Refused(Refused::NotAllowed(why))) => released(why),
        Err(Error::CredentialsMissing { message, since }) if since >= release_after => released(message),
        Err(Error::CredentialsMissing { message, since }) => {
            let left = release_after.saturating_sub(since) + Duration::from_secs(1);
            Ok(Removed::Waiting(message, Some(left)))
        }
        Err(error @ (Error::ConnectionNotReady(_) | Error::NotYet(_))) => Ok(Removed::Waiting(error.to_string(), None)),
        Err(Error::Refused(Refused::Frozen)) => {
            Ok(Removed::Waiting(format!("the connection is frozen; {goes_on}"), None))
        }
        done => done,
    }
}

async fn abort<T: Task>(running: &Running<T>, cx: &mut Reconcile<Running<T>>, run: &Run) -> Result<Removed, Error> {
    let stage = Stage::new(running, cx)?;
    let found = match (&run.future_id, &run.attempt) {
        (Some(future), _) => Some(future.clone()),
        (None, Some(attempt)) => {
            let waited = cx.shell.env.clock.now().duration_since(attempt.at.0);
            let waited = Duration::try_from(waited).unwrap_or_default();
            if waited < LOST_WRITE {
                let message = "the answer to a start was lost; waiting until it can no longer take effect";
                return Ok(Removed::Waiting(
                    message.to_owned(),
                    Some(LOST_WRITE.saturating_sub(waited)),
                ));
            }
            match T::trace(&stage.given(&run.id), attempt).await? {
                Trace::Found(future) => Some(future),
                Trace::Done(_) | Trace::Nothing => None,
                Trace::Unclear(why) => return Ok(Removed::Released(Some(why))),
            }
        }
        (None, None) => None,
    };
    let Some(future) = found else {
        return Ok(Removed::Released(None));
    };
    if stage.abort(&run.id, &future).await? && !stops(&stage, &run.id, &future).await {
        let note = format!("the node was told to abort future {future}, which has not stopped yet");
        return Ok(Removed::Released(Some(note)));
    }
    Ok(Removed::Released(None))
}
