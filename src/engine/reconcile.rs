//! The top of every pass: finalizer, annotations, deadline, panics, status, Events, and when to come back.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use kube::{
    ResourceExt,
    runtime::{
        controller::Action,
        finalizer::{self, finalizer},
    },
};

use super::{
    Change, Error, Managed, Reason, Verdict, backoff,
    cleanup::{self, Removed},
    context::Context,
    pass::Pass,
    progress::{Progress, SharedProgress},
    report::PassRecord,
    settle::{Outcome, retry, settle, write_if_changed},
};
use crate::crd::common::{FINALIZER, annotation};

/// Longest pass. Calls have their own, shorter deadlines; this one frees the slot whatever happens.
const DEADLINE: Duration = Duration::from_mins(1);
/// When to look again at a removal that waits.
const REMOVAL_INTERVAL: Duration = Duration::from_secs(2);

/// What `finalizer` is told where the finalizer has to stay: it takes any success of a removal for "done".
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Unfinished {
    /// What it waits for.
    message: String,
    /// When to look again.
    after: Duration,
}

/// Failure of a reconcile as a whole.
pub type ReconcileError = finalizer::Error<Unfinished>;

/// One reconcile of one object.
pub async fn reconcile<K: Managed>(object: Arc<K>, context: Arc<Context<K>>) -> Result<Action, ReconcileError> {
    let began = Instant::now();
    let current = match context.current(object.clone()).await {
        Ok(Some(current)) => current,
        Ok(None) => return Ok(Action::await_change()),
        Err(error) => return Ok(retry(&context, &*object, &error)),
    };
    let api = context.api(&current);
    let result = finalizer(&api, FINALIZER, current, |event| async {
        match event {
            finalizer::Event::Apply(object) => Ok(apply(&context, object).await),
            finalizer::Event::Cleanup(object) => remove(&context, object).await,
        }
    })
    .await;
    tracing::debug!(kind = K::KIND, name = object.name_any(), elapsed = ?began.elapsed(), ok = result.is_ok(), "pass");
    result
}

/// When to come back after a failure of a reconcile as a whole.
pub fn error_policy<K: Managed>(object: &K, error: &ReconcileError, context: &Context<K>) -> Action {
    match error {
        finalizer::Error::CleanupFailed(unfinished) | finalizer::Error::ApplyFailed(unfinished) => {
            Action::requeue(unfinished.after)
        }
        // Gone between the event and this pass: nothing is left to do.
        finalizer::Error::AddFinalizer(kube::Error::Api(status))
        | finalizer::Error::RemoveFinalizer(kube::Error::Api(status))
            if status.is_not_found() =>
        {
            Action::await_change()
        }
        other => {
            tracing::warn!(kind = K::KIND, name = object.name_any(), error = %other, "the finalizer could not be changed");
            let failures = context.failures.add(&object.uid().unwrap_or_default());
            Action::requeue(backoff::wait(failures, rand::random()))
        }
    }
}

async fn apply<K: Managed>(context: &Arc<Context<K>>, object: Arc<K>) -> Action {
    let began = Instant::now();
    let progress = Progress::of(&*object);
    let outcome = if is_annotated(&*object, annotation::PAUSED) {
        Ok((Reason::Paused, "paused by annotation".to_owned()))
    } else {
        guarded(context, &object, &progress).await
    };
    let action = settle(context, &*object, &progress, &outcome).await;
    let reason = outcome.as_ref().map_or_else(Error::reason, |(reason, _)| Some(*reason));
    (context.around.passes)(PassRecord {
        kind: K::KIND,
        outcome: reason.map_or("Error", Reason::as_str),
        duration: began.elapsed(),
    });
    action
}

/// Runs the pass in a task of its own, so that a panic is this object's error and nobody else's.
async fn guarded<K: Managed>(context: &Arc<Context<K>>, object: &Arc<K>, progress: &SharedProgress<K>) -> Outcome {
    let (context, object, progress) = (context.clone(), object.clone(), progress.clone());
    let task = tokio::spawn(async move {
        let mut pass = Pass::prepare(&*object, &context, progress).await?;
        let outcome = pass.run().await;
        match outcome {
            Ok((reason, message)) => Ok((reason, pass.redact(&message))),
            Err(Error::Blocked(reason, message)) => Err(Error::Blocked(reason, pass.redact(&message))),
            Err(Error::Remote {
                reason,
                message,
                retry_after,
                certain,
                exists,
            }) => {
                let message = pass.redact(&message);
                Err(Error::Remote {
                    reason,
                    message,
                    retry_after,
                    certain,
                    exists,
                })
            }
            Err(other) => Err(other),
        }
    });
    let abort = task.abort_handle();
    match tokio::time::timeout(DEADLINE, task).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panic)) => {
            tracing::error!(kind = K::KIND, %panic, "a pass panicked");
            Err(Error::Internal(
                "the operator failed on this object; its log has the cause".into(),
            ))
        }
        Err(_) => {
            abort.abort();
            Err(Error::Remote {
                reason: Reason::Unavailable,
                message: format!("not done within {} s", DEADLINE.as_secs()),
                retry_after: None,
                certain: false,
                exists: false,
            })
        }
    }
}

async fn remove<K: Managed>(context: &Arc<Context<K>>, object: Arc<K>) -> Result<Action, Unfinished> {
    let progress = Progress::of(&*object);
    let removed = {
        let removing = cleanup::run(&*object, context, &progress);
        tokio::time::timeout(DEADLINE, removing)
            .await
            .unwrap_or_else(|_| Ok(Removed::Waiting(format!("not done within {} s", DEADLINE.as_secs()))))
    };
    let (message, after) = match removed {
        Ok(Removed::Released(note)) => {
            if let Some(note) = note {
                tracing::warn!(
                    kind = K::KIND,
                    namespace = object.namespace(),
                    name = object.name_any(),
                    note,
                    "released"
                );
                context
                    .around
                    .reports
                    .warning(object.object_ref(&()), "Released", "Delete", &note);
            }
            object.settled(&context.world, &Verdict::Gone);
            context.forget(&object.uid().unwrap_or_default());
            return Ok(Action::await_change());
        }
        Ok(Removed::Waiting(message)) => (message, REMOVAL_INTERVAL),
        Err(error) => {
            let failures = context.failures.add(&object.uid().unwrap_or_default());
            (error.to_string(), backoff::wait(failures, rand::random()))
        }
    };
    if let Err(error) = write_if_changed(context, &*object, &progress, Reason::Deleting, message.clone()).await {
        tracing::debug!(kind = K::KIND, %error, "the state of a removal could not be shown");
    }
    Err(Unfinished { message, after })
}

/// The Event and the log record of a write that got through.
pub(super) fn announce<K: Managed>(context: &Context<K>, object: &K, key: &str, change: &K::Change) {
    let steps = change.steps();
    tracing::info!(
        kind = K::KIND,
        namespace = object.namespace(),
        name = object.name_any(),
        remote = key,
        change = change.event(),
        ?steps,
        "remote write"
    );
    let note = format!("{}: {}", remote_name::<K>(key), steps.join("; "));
    context
        .around
        .reports
        .normal(object.object_ref(&()), change.event(), "Write", &note);
}

/// The remote object as people call it.
pub(super) fn remote_name<K: Managed>(key: &str) -> String {
    format!("{} {key}", K::REMOTE)
}

fn is_annotated<K: Managed>(object: &K, name: &str) -> bool {
    object.annotations().get(name).is_some_and(|value| value == "true")
}
