//! What follows from the outcome of a pass: the status, who is told, and when to come back.

use std::time::Duration;

use jiff::Timestamp;
use kube::{ResourceExt, runtime::controller::Action};

use super::{
    Error, Managed, Reason, Verdict, backoff,
    context::Context,
    error::Retry,
    progress::{SharedProgress, is_settled, lock},
    status::next_status,
};

/// When to look again where something else is expected to wake the object: a net under lost events.
const NET: Duration = Duration::from_mins(5);

/// Outcome of a pass: what to show, or why there is nothing.
pub(super) type Outcome = Result<(Reason, String), Error>;

/// Writes the status if it changed, tells who depends on it, and says when to come back.
pub(super) async fn settle<K: Managed>(
    context: &Context<K>,
    object: &K,
    progress: &SharedProgress<K>,
    outcome: &Outcome,
) -> Action {
    let uid = object.uid().unwrap_or_default();
    let (shown, action) = match outcome {
        Ok((reason, message)) => {
            context.failures.clear(&uid);
            let back = match reason {
                Reason::InSync | Reason::Observed | Reason::Frozen => object.interval(),
                _ => Some(object.interval().unwrap_or(NET)),
            };
            let back = back.into_iter().chain(again(progress)).min();
            (
                Some((*reason, message.clone())),
                back.map_or_else(Action::await_change, Action::requeue),
            )
        }
        Err(error) => {
            let action = retry(context, object, error);
            (worth_showing(context, object, progress, error), action)
        }
    };
    let Some((reason, message)) = shown else {
        return action;
    };
    object.settled(&context.world, &verdict(reason, &message));
    match write_if_changed(context, object, progress, reason, message).await {
        Ok(()) => action,
        Err(error) => retry(context, object, &error),
    }
}

/// Shortest time until a condition beside `Ready` is looked at again.
const SHORTEST: Duration = Duration::from_secs(1);

/// When a condition beside `Ready` wants to be looked at again.
fn again<K: Managed>(progress: &SharedProgress<K>) -> Option<Duration> {
    let progress = lock(progress);
    let aspects = progress
        .seen
        .as_ref()
        .map(|sight| sight.aspects.as_slice())
        .unwrap_or_default();
    let again = aspects.iter().filter_map(|aspect| aspect.again).min();
    again.map(|again| again.max(SHORTEST))
}

pub(super) fn verdict(reason: Reason, message: &str) -> Verdict {
    if reason.is_ready() {
        Verdict::Ready
    } else {
        Verdict::NotReady(reason, message.to_owned())
    }
}

pub(super) async fn write_if_changed<K: Managed>(
    context: &Context<K>,
    object: &K,
    progress: &SharedProgress<K>,
    reason: Reason,
    message: String,
) -> Result<(), Error> {
    let (finding, intent) = {
        let progress = lock(progress);
        (progress.finding(object, reason, message), progress.intent)
    };
    let previous = object.status();
    let next = next_status(previous, object.meta().generation, finding, Timestamp::now());
    // `previous` is older than the intent of this pass.
    if previous == Some(&next) && !intent && !context.wrote_since(object) {
        return Ok(());
    }
    let was = previous
        .and_then(|status| status.condition("Ready"))
        .map(|ready| ready.reason.clone());
    if (reason.is_stalled() || reason == Reason::Forbidden) && was.as_deref() != Some(reason.as_str()) {
        let message = next
            .conditions
            .first()
            .map(|ready| ready.message.clone())
            .unwrap_or_default();
        context
            .around
            .reports
            .warning(object.object_ref(&()), reason.as_str(), "Reconcile", &message);
    }
    match context.write_status(object, &next, false).await {
        // Deleted meanwhile: there is nobody left to tell.
        Err(Error::Kubernetes { source, .. }) if matches!(&*source, kube::Error::Api(status) if status.is_not_found()) => {
            Ok(())
        }
        other => other.map(|_| ()),
    }
}

/// What of a failure goes onto the object. An outage is shown on the connection: objects that were ready stay so, and
/// one failure is not an outage.
fn worth_showing<K: Managed>(
    context: &Context<K>,
    object: &K,
    progress: &SharedProgress<K>,
    error: &Error,
) -> Option<(Reason, String)> {
    let stands = match error {
        Error::NotYet(_) | Error::Busy { .. } | Error::Kubernetes { .. } => true,
        Error::ConnectionNotReady(_) | Error::CredentialsMissing { .. } => is_settled(object),
        _ => error.is_outage() && context.failures.count(&object.uid().unwrap_or_default()) < backoff::SHOWN_FROM,
    };
    let message = error.to_string();
    if !stands {
        return error.reason().map(|reason| (reason, message));
    }
    let recorded = {
        let progress = lock(progress);
        progress.changed || progress.intent
    };
    // Something was written, here or there, that the record must not lose; or nothing was said of this object yet.
    let new = object.status().is_none() && error.reason().is_some();
    (recorded || new).then_some((Reason::Progressing, message))
}

pub(super) fn retry<K: Managed>(context: &Context<K>, object: &K, error: &Error) -> Action {
    let uid = object.uid().unwrap_or_default();
    if error.is_outage() || error.retry() == Retry::Backoff {
        context.failures.add(&uid);
    }
    let chance: f64 = rand::random();
    match error.retry() {
        Retry::OnChange => Action::requeue(object.interval().unwrap_or(NET)),
        // Those that were told to wait do not come back all at once.
        Retry::After(after) => Action::requeue(after + after.mul_f64(chance)),
        Retry::Turn(turn) => {
            context.booked(&uid, turn);
            Action::requeue(turn)
        }
        Retry::Backoff => {
            tracing::debug!(kind = K::KIND, name = object.name_any(), %error, "a pass failed and is tried again");
            Action::requeue(backoff::wait(context.failures.count(&uid), chance))
        }
    }
}
