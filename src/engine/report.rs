//! Events on objects, and what the engine counts.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::{
    api::{core::v1::ObjectReference, events::v1::Event},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use kube::{Api, Client, api::PostParams};
use tokio::{sync::mpsc, task::JoinHandle, time::Instant};

use crate::crd::common::FIELD_MANAGER;

/// Longest note of an Event: the apiserver refuses more than 1 KiB.
const LONGEST_NOTE: usize = 1000;
/// Longest part of an Event's name that tells the object; 253 are allowed in all.
const LONGEST_NAME: usize = 230;
/// Longest action of an Event.
const LONGEST_ACTION: usize = 128;
/// Events that may wait, of each type. Beyond that they are dropped and the log record alone remains: a reconcile never
/// waits for an Event, and a refusing apiserver never costs more memory than this.
const QUEUE: usize = 1024;
/// Longest time for publishing one Event, so that one that hangs does not stop all others.
const PATIENCE: Duration = Duration::from_secs(10);
/// An Event of type Normal is published this long after it came up: the status write that follows the same remote write goes first, and
/// people wait for that.
const AFTER_STATUS: Duration = Duration::from_millis(50);
/// Events of type Normal in a second, once the queue's worth was published at once.
const PER_SECOND: f64 = 20.0;

/// One reconcile, for the metrics.
#[derive(Clone, Copy, Debug)]
pub struct ReconcileRecord {
    /// Kind of the object.
    pub kind: &'static str,
    /// How it ended: a reason, or `Error` where the object's status says nothing of it.
    pub reason: &'static str,
    /// How long it took.
    pub duration: Duration,
}

/// Receives what the engine counts.
pub trait EngineObserver: Send + Sync {
    /// A reconcile ended.
    fn reconciled(&self, record: ReconcileRecord);
    /// The apiserver refused or lost a status write.
    fn status_write_failed(&self, kind: &'static str);
    /// The watch of a kind found out whether its CRD is installed.
    fn watching(&self, kind: &'static str, missing: bool);
}

/// Publishes Events in the background: a reconcile never waits for one.
///
/// Not by kube's `Recorder`: that takes two Events of one reason for the same, keeps the note of the first, and holds
/// every Event of the last minutes in memory.
#[derive(Clone)]
pub struct Reports {
    /// Each with the time when it came up.
    normal: mpsc::Sender<(Instant, Event)>,
    warnings: mpsc::Sender<Event>,
}

impl Reports {
    /// Starts the publisher; it ends when the last clone is gone and everything is published.
    pub fn start(client: Client) -> (Self, JoinHandle<()>) {
        let (normal, mut normal_waiting) = mpsc::channel::<(Instant, Event)>(QUEUE);
        let (warnings, mut warnings_waiting) = mpsc::channel::<Event>(QUEUE);
        let publisher = tokio::spawn(async move {
            let mut budget = Budget::new(Instant::now());
            loop {
                let event = tokio::select! {
                    biased;
                    Some(event) = warnings_waiting.recv() => event,
                    Some((since, event)) = normal_waiting.recv() => {
                        if !budget.spend(Instant::now()) {
                            tracing::debug!(reason = event.reason, "an Event was dropped: too many in a short time");
                            continue;
                        }
                        tokio::time::sleep_until(since + AFTER_STATUS).await;
                        event
                    }
                    else => return,
                };
                publish(&client, &event).await;
            }
        });
        (Self { normal, warnings }, publisher)
    }

    /// An Event about something that went as it should.
    pub fn normal(&self, regarding: ObjectReference, reason: &str, action: &str, note: &str) {
        let event = event("Normal", regarding, reason, action, note);
        if self.normal.try_send((Instant::now(), event)).is_err() {
            tracing::debug!(reason, "an Event was dropped: too many wait");
        }
    }

    /// An Event about something that people should look at.
    pub fn warning(&self, regarding: ObjectReference, reason: &str, action: &str, note: &str) {
        let event = event("Warning", regarding, reason, action, note);
        if self.warnings.try_send(event).is_err() {
            tracing::warn!(reason, note, "an Event was dropped: too many wait");
        }
    }
}

async fn publish(client: &Client, event: &Event) {
    let namespace = event.metadata.namespace.as_deref().unwrap_or("default");
    let events = Api::<Event>::namespaced(client.clone(), namespace);
    let parameters = PostParams::default();
    let created = tokio::time::timeout(PATIENCE, events.create(&parameters, event)).await;
    let name = event.regarding.as_ref().and_then(|regarding| regarding.name.as_deref());
    match created {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::warn!(%error, name, "an Event could not be published"),
        Err(_) => tracing::warn!(name, "an Event could not be published in time"),
    }
}

/// How many Events may still be published.
struct Budget {
    left: f64,
    since: Instant,
}

impl Budget {
    #[allow(clippy::cast_precision_loss, reason = "the queue is short")]
    const FULL: f64 = QUEUE as f64;

    fn new(now: Instant) -> Self {
        Self {
            left: Self::FULL,
            since: now,
        }
    }

    fn spend(&mut self, now: Instant) -> bool {
        let earned = now.duration_since(self.since).as_secs_f64() * PER_SECOND;
        self.left = (self.left + earned).min(Self::FULL);
        self.since = now;
        let allowed = self.left >= 1.0;
        if allowed {
            self.left -= 1.0;
        }
        allowed
    }
}

fn event(type_: &str, regarding: ObjectReference, reason: &str, action: &str, note: &str) -> Event {
    // The apiserver refuses an Event that does not say which process reports it.
    let instance = std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty());
    Event {
        metadata: ObjectMeta {
            namespace: regarding.namespace.clone(),
            // As client-go names them: the object, cut to leave room, and something that no other Event has.
            name: Some(format!(
                "{}.{:016x}",
                cut(regarding.name.as_deref().unwrap_or(FIELD_MANAGER), LONGEST_NAME),
                rand::random::<u64>()
            )),
            ..ObjectMeta::default()
        },
        event_time: Some(MicroTime(Timestamp::now())),
        type_: Some(type_.to_owned()),
        reason: Some(reason.to_owned()),
        action: Some(cut(action, LONGEST_ACTION).to_owned()),
        note: Some(cut(note, LONGEST_NOTE).to_owned()),
        regarding: Some(regarding),
        reporting_controller: Some(FIELD_MANAGER.to_owned()),
        reporting_instance: Some(instance.unwrap_or_else(|| FIELD_MANAGER.to_owned())),
        ..Event::default()
    }
}

fn cut(text: &str, longest: usize) -> &str {
    let end = (0..=longest.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(0);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_published_and_then_a_steady_rate() {
        let began = Instant::now();
        let mut budget = Budget::new(began);
        let burst = (0..5000).filter(|_| budget.spend(began)).count();
        assert_eq!(burst, QUEUE);
        let later = began + Duration::from_secs(10);
        assert_eq!((0..5000).filter(|_| budget.spend(later)).count(), 200);
    }
}
