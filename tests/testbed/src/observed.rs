//! What a user reads about an object: its conditions and its Events.

use anyhow::Result;
use k8s_openapi::api::events::v1::Event as KubeEvent;
use kube::api::{Api, ListParams};
use serde::Deserialize;
use serde_json::Value;

use crate::namespace::Namespace;

/// A condition in the status of an object.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// `Ready`, for example.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// The machine-readable cause.
    #[serde(default)]
    pub reason: String,
    /// The text for humans.
    #[serde(default)]
    pub message: String,
    /// The generation of the object that it speaks of.
    pub observed_generation: Option<i64>,
    /// When the status last changed, as written.
    pub last_transition_time: Option<String>,
}

/// An Event about an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// `Normal` or `Warning`.
    pub kind: String,
    /// The machine-readable cause.
    pub reason: String,
    /// What the controller did.
    pub action: String,
    /// The text for humans.
    pub note: String,
    /// How often it was seen.
    pub count: i32,
    /// The kind of the object it is about.
    pub regarding: String,
}

// === impl Condition ===

impl Condition {
    /// The condition of this type in an object.
    #[must_use]
    pub fn of(object: &Value, kind: &str) -> Option<Self> {
        let conditions = object["status"]["conditions"].as_array()?;
        let condition = conditions.iter().find(|condition| condition["type"] == kind)?;
        serde_json::from_value(condition.clone()).ok()
    }

    /// Whether it is, for example, `True` or `False/SecretMissing`, and up to date with the object.
    #[must_use]
    pub fn is(&self, state: &str, object: &Value) -> bool {
        let (status, reason) = state
            .split_once('/')
            .map_or((state, None), |(status, reason)| (status, Some(reason)));
        let generation = object["metadata"]["generation"].as_i64();
        self.status == status
            && reason.is_none_or(|reason| reason == self.reason)
            && self
                .observed_generation
                .is_none_or(|observed| Some(observed) == generation)
    }
}

// === impl Event ===

impl Event {
    pub(crate) async fn about(namespace: &Namespace, name: &str) -> Result<Vec<Self>> {
        let api: Api<KubeEvent> = Api::namespaced(namespace.client(), namespace.name());
        let mut events = api
            .list(&ListParams::default().fields(&format!("regarding.name={name}")))
            .await?
            .items;
        events.sort_by_key(kube::ResourceExt::creation_timestamp);
        Ok(events.into_iter().map(Self::from).collect())
    }
}

impl From<KubeEvent> for Event {
    fn from(event: KubeEvent) -> Self {
        Self {
            kind: event.type_.unwrap_or_default(),
            reason: event.reason.unwrap_or_default(),
            action: event.action.unwrap_or_default(),
            note: event.note.unwrap_or_default(),
            count: event.series.map_or(1, |series| series.count),
            regarding: event.regarding.and_then(|object| object.kind).unwrap_or_default(),
        }
    }
}
