//! What leaves the operator about a pass: Events on the object and one structured log record for each remote write.

use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Client,
    runtime::events::{Event, EventType, Recorder, Reporter},
};
use tokio::{sync::mpsc, task::JoinHandle};

/// Longest note of an Event: the apiserver refuses more than 1 KiB.
const LONGEST_NOTE: usize = 1000;
/// Longest action of an Event.
const LONGEST_ACTION: usize = 128;
/// Events that may wait. Beyond that they are dropped and the log record alone remains: a pass never waits for an Event.
const QUEUE: usize = 1024;

/// One pass, for the metrics.
#[derive(Clone, Copy, Debug)]
pub struct PassRecord {
    /// Kind of the object.
    pub kind: &'static str,
    /// How it ended: a reason, or `Error` where the object says nothing of it.
    pub outcome: &'static str,
    /// How long it took.
    pub duration: Duration,
}

/// Receives every pass.
pub type PassObserver = std::sync::Arc<dyn Fn(PassRecord) + Send + Sync>;

type Waiting = (Event, ObjectReference);

/// Publishes Events in the background: a pass never waits for one.
#[derive(Clone)]
pub struct Reports {
    normal: mpsc::Sender<Waiting>,
    // Warnings are few and may be all that is left of an object, so none is dropped.
    warnings: mpsc::UnboundedSender<Waiting>,
}

impl Reports {
    /// Starts the publisher; it ends when the last clone is gone and everything is published.
    pub fn start(client: Client) -> (Self, JoinHandle<()>) {
        let (normal, mut normal_waiting) = mpsc::channel::<Waiting>(QUEUE);
        let (warnings, mut warnings_waiting) = mpsc::unbounded_channel::<Waiting>();
        let reporter = Reporter {
            controller: crate::crd::common::FIELD_MANAGER.into(),
            instance: std::env::var("HOSTNAME").ok(),
        };
        let recorder = Recorder::new(client, reporter);
        let publisher = tokio::spawn(async move {
            loop {
                let next = tokio::select! {
                    biased;
                    Some(next) = warnings_waiting.recv() => next,
                    Some(next) = normal_waiting.recv() => next,
                    else => return,
                };
                let (event, regarding) = next;
                if let Err(error) = recorder.publish(&event, &regarding).await {
                    tracing::warn!(%error, name = regarding.name, "an Event could not be published");
                }
            }
        });
        (Self { normal, warnings }, publisher)
    }

    /// An Event about something that went as it should. Dropped if too many wait: the log record remains.
    pub fn normal(&self, regarding: ObjectReference, reason: &str, action: &str, note: &str) {
        let event = event(EventType::Normal, reason, action, note);
        if self.normal.try_send((event, regarding)).is_err() {
            tracing::debug!(reason, "an Event was dropped: too many wait");
        }
    }

    /// An Event about something that people should look at.
    pub fn warning(&self, regarding: ObjectReference, reason: &str, action: &str, note: &str) {
        let event = event(EventType::Warning, reason, action, note);
        if self.warnings.send((event, regarding)).is_err() {
            tracing::warn!(reason, note, "an Event came after the last");
        }
    }
}

fn event(type_: EventType, reason: &str, action: &str, note: &str) -> Event {
    Event {
        type_,
        reason: reason.to_owned(),
        note: Some(cut(note, LONGEST_NOTE).to_owned()),
        action: cut(action, LONGEST_ACTION).to_owned(),
        secondary: None,
    }
}

fn cut(text: &str, longest: usize) -> &str {
    let end = (0..=longest.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(0);
    &text[..end]
}
