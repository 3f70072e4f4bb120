//! What leaves the operator about a pass: Events on the object and one structured log record for each remote write.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::{
    api::{core::v1::ObjectReference, events::v1::Event},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use kube::{Api, Client, api::PostParams};
use tokio::{sync::mpsc, task::JoinHandle};

use crate::crd::common::FIELD_MANAGER;

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

/// Publishes Events in the background: a pass never waits for one.
///
/// Not by kube's `Recorder`: that takes two Events of one reason for the same, keeps the note of the first, and holds
/// every Event of the last minutes in memory.
#[derive(Clone)]
pub struct Reports {
    normal: mpsc::Sender<Event>,
    // Warnings are few and may be all that is left of an object, so none is dropped.
    warnings: mpsc::UnboundedSender<Event>,
}

impl Reports {
    /// Starts the publisher; it ends when the last clone is gone and everything is published.
    pub fn start(client: Client) -> (Self, JoinHandle<()>) {
        let (normal, mut normal_waiting) = mpsc::channel::<Event>(QUEUE);
        let (warnings, mut warnings_waiting) = mpsc::unbounded_channel::<Event>();
        let publisher = tokio::spawn(async move {
            loop {
                let event = tokio::select! {
                    biased;
                    Some(event) = warnings_waiting.recv() => event,
                    Some(event) = normal_waiting.recv() => event,
                    else => return,
                };
                let namespace = event.metadata.namespace.as_deref().unwrap_or("default");
                let events = Api::<Event>::namespaced(client.clone(), namespace);
                if let Err(error) = events.create(&PostParams::default(), &event).await {
                    let name = event.regarding.and_then(|regarding| regarding.name);
                    tracing::warn!(%error, name, "an Event could not be published");
                }
            }
        });
        (Self { normal, warnings }, publisher)
    }

    /// An Event about something that went as it should. Dropped if too many wait: the log record remains.
    pub fn normal(&self, regarding: ObjectReference, reason: &str, action: &str, note: &str) {
        let event = event("Normal", regarding, reason, action, note);
        if self.normal.try_send(event).is_err() {
            tracing::debug!(reason, "an Event was dropped: too many wait");
        }
    }

    /// An Event about something that people should look at.
    pub fn warning(&self, regarding: ObjectReference, reason: &str, action: &str, note: &str) {
        let event = event("Warning", regarding, reason, action, note);
        if self.warnings.send(event).is_err() {
            tracing::warn!(reason, note, "an Event came after the last");
        }
    }
}

fn event(type_: &str, regarding: ObjectReference, reason: &str, action: &str, note: &str) -> Event {
    // The apiserver refuses an Event that does not say which process reports it.
    let instance = std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty());
    Event {
        metadata: ObjectMeta {
            namespace: regarding.namespace.clone(),
            generate_name: Some(format!("{}.", regarding.name.as_deref().unwrap_or(FIELD_MANAGER))),
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
