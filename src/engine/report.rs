//! What leaves the operator about a pass: Events on the object and one structured log record for each remote write.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::{
    api::{core::v1::ObjectReference, events::v1::Event},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use kube::{Api, Client, api::PostParams};
use tokio::sync::mpsc;

use crate::crd::common::FIELD_MANAGER;

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
///
/// Not by kube's `Recorder`: that takes two Events of one reason for the same, keeps the note of the first, and holds
/// every Event of the last minutes in memory.
#[derive(Clone)]
pub struct Reports {
    queue: mpsc::Sender<Event>,
    instance: String,
}

impl Reports {
    /// Starts the publisher; it ends with the last clone.
    pub fn start(client: Client) -> Self {
        let (queue, mut waiting) = mpsc::channel::<Event>(QUEUE);
        tokio::spawn(async move {
            while let Some(event) = waiting.recv().await {
                let namespace = event.metadata.namespace.as_deref().unwrap_or("default");
                let events = Api::<Event>::namespaced(client.clone(), namespace);
                if let Err(error) = events.create(&PostParams::default(), &event).await {
                    let regarding = event.regarding.and_then(|regarding| regarding.name);
                    tracing::warn!(%error, name = regarding, "an Event could not be published");
                }
            }
        });
        // The apiserver refuses an Event without it.
        let instance = std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty());
        Self {
            queue,
            instance: instance.unwrap_or_else(|| FIELD_MANAGER.to_owned()),
        }
    }

    /// An Event about something that went as it should.
    pub fn normal(&self, regarding: ObjectReference, reason: &str, action: &str, note: &str) {
        self.publish("Normal", regarding, reason, action, note);
    }

    /// An Event about something that people should look at.
    pub fn warning(&self, regarding: ObjectReference, reason: &str, action: &str, note: &str) {
        self.publish("Warning", regarding, reason, action, note);
    }

    fn publish(&self, type_: &str, regarding: ObjectReference, reason: &str, action: &str, note: &str) {
        let event = Event {
            metadata: ObjectMeta {
                namespace: regarding.namespace.clone(),
                generate_name: Some(format!("{}.", regarding.name.as_deref().unwrap_or(FIELD_MANAGER))),
                ..ObjectMeta::default()
            },
            event_time: Some(MicroTime(Timestamp::now())),
            type_: Some(type_.to_owned()),
            reason: Some(reason.to_owned()),
            action: Some(action.to_owned()),
            note: Some(cut(note).to_owned()),
            regarding: Some(regarding),
            reporting_controller: Some(FIELD_MANAGER.to_owned()),
            reporting_instance: Some(self.instance.clone()),
            ..Event::default()
        };
        if self.queue.try_send(event).is_err() {
            tracing::debug!(reason, "an Event was dropped: too many wait");
        }
    }
}

/// As much of a note as the apiserver takes.
fn cut(note: &str) -> &str {
    let end = (0..=LONGEST_NOTE.min(note.len())).rev().find(|end| note.is_char_boundary(*end));
    &note[..end.unwrap_or_default()]
}
