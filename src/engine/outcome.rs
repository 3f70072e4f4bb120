//! What follows from the outcome of a reconcile: the status, a Warning, and when to come back.

use std::{sync::Arc, time::Duration};

use kube::{Resource, ResourceExt, runtime::controller::Action};
use tokio::time::Instant;

use super::{
    backoff,
    error::{Error, Reason, Refused, Retry},
    object::{HasStatus, Object, is_ready},
    shell::{NET, Shell},
    work::{Outcome, Reconcile, Work},
};

impl<W: Work> Reconcile<W> {
    /// Writes the status if it changed, tells who depends on the object, and says when to come back.
    pub(super) async fn settle(self, outcome: Result<Outcome, Error>) -> Action {
        let uid = self.uid();
        let shell = self.shell.clone();
        let interval = shell.work.interval(&self.object);
        match outcome {
            Ok(Outcome { reason, message, due }) => {
                shell.memory.with(&uid, |entry| {
                    entry.remote_failures = 0;
                    if !reason.is_stalled() {
                        entry.refused_attempts = 0;
                        entry.not_before = None;
                    }
                });
                let back = match reason {
                    Reason::InSync | Reason::Observed | Reason::Expired | Reason::Frozen | Reason::Paused => interval,
                    _ => Some(interval.unwrap_or(NET)),
                };
                let back = back.into_iter().chain(due.map(|due| due.max(SHORTEST))).min();
                let action = back.map_or_else(Action::await_change, Action::requeue);
                shell.work.settled(&self.object, reason, &message);
                self.show(reason, message, action).await
            }
            Err(error) => {
                let action = shell.retry(&self.object, &error);
                let Some((reason, message)) = self.worth_showing(&error) else {
                    return action;
                };
                shell.work.settled(&self.object, reason, &message);
                self.show(reason, message, action).await
            }
        }
    }

    /// Writes the status if it changed; then comes back as `action` says, or earlier if the write failed.
    pub(super) async fn show(self, reason: Reason, message: String, action: Action) -> Action {
        let Self { shell, object, report } = self;
        let subject = shell.work.subject(&object);
        let update = report.update(&*object, subject, reason, message);
        let before = object.status().and_then(|status| status.condition("Ready"));
        let before = before.map(|ready| ready.reason.clone());
        let written = match Box::pin(shell.write_status(&object, update, false)).await {
            Ok(written) => written,
            Err(error) => return shell.status_failed(&object, &error),
        };
        shell.memory.with(&object.uid().unwrap_or_default(), |entry| {
            entry.kubernetes_failures = 0;
        });
        let warns = reason.is_stalled() || reason == Reason::Forbidden;
        if warns
            && before.as_deref() != Some(reason.as_str())
            && let Some(ready) = written.as_ref().and_then(|object| object.status()?.condition("Ready"))
        {
            let regarding = object.object_ref(&());
            shell
                .env
                .reports
                .warning(regarding, reason.as_str(), "Reconcile", &ready.message);
        }
        action
    }

    /// What of a failure the object shows. An outage shows on the connection: objects that were ready stay so, and one
    /// failure is not an outage.
    fn worth_showing(&self, error: &Error) -> Option<(Reason, String)> {
        let failures = self.shell.memory.with(&self.uid(), |entry| entry.remote_failures);
        let stands = match error {
            error if error.reason().is_none() => true,
            Error::ConnectionNotReady(_) | Error::CredentialsMissing { .. } => is_ready(&*self.object),
            _ => error.is_outage() && failures < backoff::SHOWN_FROM,
        };
        let message = error.to_string();
        if !stands {
            return error.reason().map(|reason| (reason, message));
        }
        // A write here or there that the record must not lose; or nothing was said of this object yet.
        let recorded = self.report.changed || self.report.intent;
        let new = self.object.status().is_none() && error.reason().is_some();
        (recorded || new).then(|| standing(&*self.object).unwrap_or((Reason::Progressing, message)))
    }
}

/// Shortest time until something that is due by the passage of time.
const SHORTEST: Duration = Duration::from_secs(1);

/// What the object says of its present spec, if it is not ready.
pub(super) fn standing<K: Object>(object: &K) -> Option<(Reason, String)> {
    let status = object.status()?;
    let ready = status.condition("Ready")?;
    let same = status.observed_generation == object.meta().generation && ready.status != "True";
    let reason = Reason::named(&ready.reason).filter(|_| same)?;
    Some((reason, ready.message.clone()))
}

impl<W: Work> Shell<W> {
    /// When to come back after a failure.
    pub(super) fn retry(&self, object: &Arc<W::Object>, error: &Error) -> Action {
        let uid = object.uid().unwrap_or_default();
        let chance: f64 = rand::random();
        if let Error::Kubernetes { .. } = error {
            return self.kubernetes_failed(object, error);
        }
        let interval = self.work.interval(object);
        match error.retry() {
            Retry::OnChange => {
                let wait: Option<fn(u32) -> Duration> = match error.reason() {
                    Some(Reason::Rejected) => Some(backoff::stalled),
                    Some(Reason::Forbidden) => Some(backoff::forbidden),
                    _ => None,
                };
                if let Some(wait) = wait {
                    self.memory.with(&uid, |entry| {
                        entry.refused_attempts = entry.refused_attempts.saturating_add(1);
                        entry.not_before = Some(Instant::now() + wait(entry.refused_attempts));
                    });
                }
                Action::requeue(interval.unwrap_or(NET))
            }
            Retry::After(after) => {
                if error.is_outage() {
                    self.memory.with(&uid, |entry| {
                        entry.remote_failures = entry.remote_failures.saturating_add(1);
                    });
                }
                let wait = backoff::retry_after(after, chance);
                if !matches!(error, Error::Refused(Refused::Frozen)) {
                    self.memory
                        .with(&uid, |entry| entry.not_before = Some(Instant::now() + after));
                }
                Action::requeue(wait)
            }
            Retry::Backoff => {
                let failures = self.memory.with(&uid, |entry| {
                    entry.remote_failures = entry.remote_failures.saturating_add(1);
                    entry.remote_failures
                });
                let wait = backoff::wait(failures, backoff::REMOTE, chance);
                Action::requeue(wait)
            }
        }
    }

    fn status_failed(&self, object: &Arc<W::Object>, error: &Error) -> Action {
        if !matches!(error, Error::Refused(_)) {
            self.env.observer.status_write_failed(self.kind());
        }
        match error {
            Error::Kubernetes { .. } => self.kubernetes_failed(object, error),
            error => self.retry(object, error),
        }
    }

    fn kubernetes_failed(&self, object: &Arc<W::Object>, error: &Error) -> Action {
        let uid = object.uid().unwrap_or_default();
        let failures = self.memory.with(&uid, |entry| {
            entry.kubernetes_failures = entry.kubernetes_failures.saturating_add(1);
            entry.kubernetes_failures
        });
        let longest = match error {
            Error::Kubernetes { source, .. } if is_refusal(source) => backoff::REFUSED,
            _ => backoff::APISERVER,
        };
        let wait = backoff::wait(failures, longest, rand::random());
        let (namespace, name) = (object.namespace(), object.name_any());
        tracing::warn!(kind = self.kind(), namespace, name, %error, ?wait, "Kubernetes refused or lost a call");
        Action::requeue(wait)
    }
}

/// Whether the apiserver understood the call and refused it.
fn is_refusal(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if (400..500).contains(&status.code) && !matches!(status.code, 409 | 429))
}
