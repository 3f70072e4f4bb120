//! What leaves the operator about a pass: Events on the object and one structured log record for each remote write.

use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Client,
    runtime::events::{Event, EventType, Recorder, Reporter},
};
use tokio::sync::mpsc;

/// Longest note of an Event: the apiserver refuses more than 1 KiB.
const LONGEST_NOTE: usize = 1000;
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

/// Publishes Events in the background.
#[derive(Clone)]
pub struct Reports {
    queue: mpsc::Sender<(Event, ObjectReference)>,
}

impl Reports {
    /// Starts the publisher; it ends with the last clone.
    pub fn start(client: Client) -> Self {
        let (queue, mut waiting) = mpsc::channel::<(Event, ObjectReference)>(QUEUE);
        let reporter = Reporter {
            controller: crate::crd::common::FIELD_MANAGER.into(),
            instance: std::env::var("HOSTNAME").ok(),
        };
        let recorder = Recorder::new(client, reporter);
        tokio::spawn(async move {
            while let Some((event, regarding)) = waiting.recv().await {
                if let Err(error) = recorder.publish(&event, &regarding).await {
                    tracing::warn!(%error, name = regarding.name, "an Event could not be published");
                }
            }
        });
        Self { queue }
    }

    /// An Event about something that went as it should.
    pub fn normal(&self, regarding: ObjectReference, reason: &str, action: &str, note: &str) {
        self.publish(EventType::Normal, regarding, reason, action, note);
    }

    /// An Event about something that people should look at.
    pub fn warning(&self, regarding: ObjectReference, reason: &str, action: &str, note: &str) {
        self.publish(EventType::Warning, regarding, reason, action, note);
    }

    fn publish(&self, type_: EventType, regarding: ObjectReference, reason: &str, action: &str, note: &str) {
        let end = (0..=LONGEST_NOTE.min(note.len()))
            .rev()
            .find(|end| note.is_char_boundary(*end))
            .unwrap_or(0);
        let event = Event {
            type_,
            reason: reason.to_owned(),
            note: Some(note[..end].to_owned()),
            action: action.to_owned(),
            secondary: None,
        };
        if self.queue.try_send((event, regarding)).is_err() {
            tracing::debug!(reason, "an Event was dropped: too many wait");
        }
    }
}
