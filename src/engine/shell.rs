//! The top of every pass: finalizer, annotations, deadline, panics, status, Events, and when to come back.
//!
//! Hundreds of passes wait at a time while a few call. What waits holds the room for all that it may come to do, so the
//! calls are boxed: they take their room when they are made.

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
    isolated::isolated,
    pass::{DEADLINE, Pass, overdue},
    progress::{Progress, SharedProgress, lock},
    report::PassRecord,
    settle::{Outcome, retry, settle, verdict, write_if_changed},
};
use crate::crd::common::{FINALIZER, annotation};

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
    let current = match Box::pin(context.held(context.current(object.clone()))).await {
        Ok(Some(current)) => current,
        Ok(None) => return Ok(Action::await_change()),
        Err(error) => return Ok(retry(&context, &*object, &error)),
    };
    let result = if current.meta().deletion_timestamp.is_none() {
        Ok(apply(&context, current).await)
    } else {
        Box::pin(clean_up(&context, current)).await
    };
    tracing::debug!(kind = K::KIND, name = object.name_any(), elapsed = ?began.elapsed(), ok = result.is_ok(), "pass");
    result
}

async fn clean_up<K: Managed>(context: &Arc<Context<K>>, object: Arc<K>) -> Result<Action, ReconcileError> {
    finalizer(&context.api(&object), FINALIZER, object, |event| async {
        match event {
            // Only of an object that is not being deleted.
            finalizer::Event::Apply(_) => Ok(Action::await_change()),
            finalizer::Event::Cleanup(object) => remove(context, object).await,
        }
    })
    .await
}

/// When to come back after a failure of a reconcile as a whole.
pub fn error_policy<K: Managed>(object: &K, error: &ReconcileError, context: &Context<K>) -> Action {
    match error {
        finalizer::Error::CleanupFailed(unfinished) => Action::requeue(unfinished.after),
        // Gone between the event and this pass: nothing is left to do.
        finalizer::Error::RemoveFinalizer(kube::Error::Api(status)) if status.is_not_found() => Action::await_change(),
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
    let action = Box::pin(settle(context, &*object, &progress, &outcome)).await;
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
    isolated(K::KIND, async move {
        let preparation = Box::pin(Pass::prepare(&*object, &context, progress));
        let prepared = tokio::time::timeout(DEADLINE, preparation).await;
        let mut pass = prepared.unwrap_or_else(|_| Err(overdue()))?;
        match pass.run().await {
            Ok((reason, message)) => Ok((reason, pass.redact(&message))),
            Err(error) => Err(error.reworded(|message| pass.redact(message))),
        }
    })
    .await
}

async fn remove<K: Managed>(context: &Arc<Context<K>>, object: Arc<K>) -> Result<Action, Unfinished> {
    let progress = Progress::of(&*object);
    let removed = {
        let (context, object, progress) = (context.clone(), object.clone(), progress.clone());
        isolated(
            K::KIND,
            async move { cleanup::run(&*object, &context, &progress).await },
        )
        .await
    };
    let uid = object.uid().unwrap_or_default();
    let (message, after) = match removed {
        Ok(Removed::Released(note)) => {
            release(context, &*object, note);
            return Ok(Action::await_change());
        }
        Ok(Removed::InUse(message)) => {
            keep_alive(context, &object, &progress).await;
            (message, REMOVAL_INTERVAL)
        }
        Ok(Removed::Waiting(message)) => (hint(&message), REMOVAL_INTERVAL),
        Ok(Removed::Turn(message, turn)) => (hint(&message), turn),
        Err(error) => {
            let failures = context.failures.add(&uid);
            (hint(&error.to_string()), backoff::wait(failures, rand::random()))
        }
    };
    let message = message_of(&progress, message);
    let written = write_if_changed(context, &*object, &progress, Reason::Deleting, message.clone());
    if let Err(error) = Box::pin(written).await {
        tracing::debug!(kind = K::KIND, %error, "the state of a removal could not be shown");
    }
    Err(Unfinished { message, after })
}

/// A removal shows what it waits for and nothing of what was planned before it, unless something is planned now.
fn message_of<K: Managed>(progress: &SharedProgress<K>, message: String) -> String {
    let outstanding = lock(progress).plan.join("; ");
    if outstanding.is_empty() {
        message
    } else {
        format!("{message} ({outstanding})")
    }
}

fn release<K: Managed>(context: &Context<K>, object: &K, note: Option<String>) {
    if let Some(note) = note {
        let (namespace, name) = (object.namespace(), object.name_any());
        tracing::warn!(kind = K::KIND, namespace, name, note, "released");
        context
            .around
            .reports
            .warning(object.object_ref(&()), "Released", "Delete", &note);
    }
    object.settled(&context.world, &Verdict::Gone);
    context.forget(&object.uid().unwrap_or_default());
}

/// An object that others still need goes on with its work while it waits for them to go.
async fn keep_alive<K: Managed>(context: &Arc<Context<K>>, object: &Arc<K>, progress: &SharedProgress<K>) {
    let uid = object.uid().unwrap_or_default();
    let Some(interval) = object.interval().filter(|interval| context.is_due(&uid, *interval)) else {
        return;
    };
    let outcome = guarded(context, object, progress).await;
    if outcome.as_ref().is_err_and(|error| error.reason().is_none()) {
        return;
    }
    tracing::debug!(
        kind = K::KIND,
        ?interval,
        "a connection in use is looked at while it waits to go"
    );
    let (reason, message) =
        outcome.unwrap_or_else(|error| (error.reason().unwrap_or(Reason::InternalError), error.to_string()));
    object.settled(&context.world, &verdict(reason, &message));
}

fn hint(message: &str) -> String {
    format!(
        "{message}. To let go without touching the remote side, set the annotation {}: \"true\"",
        annotation::FORCE_RELEASE
    )
}

/// The Event and the log record of a write that got through.
pub(super) fn announce<K: Managed>(context: &Context<K>, object: &K, key: &str, change: &K::Change) {
    let mut steps = change.steps();
    steps.extend(change.follows());
    tracing::info!(
        kind = K::KIND,
        namespace = object.namespace(),
        name = object.name_any(),
        remote = key,
        change = change.event(),
        ?steps,
        "remote write"
    );
    let steps = steps.join("; ");
    let note = format!("{}: {steps}", remote_name::<K>(key));
    // The recorder takes Events of one reason and action for the same one and keeps the first note, so what was done
    // is the action.
    context
        .around
        .reports
        .normal(object.object_ref(&()), change.event(), &steps, &note);
}

/// The remote object as people call it.
pub(super) fn remote_name<K: Managed>(key: &str) -> String {
    format!("{} {key}", K::REMOTE)
}

fn is_annotated<K: Managed>(object: &K, name: &str) -> bool {
    object.annotations().get(name).is_some_and(|value| value == "true")
}
