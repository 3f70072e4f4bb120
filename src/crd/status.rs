//! The status that every kind has.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::applied::Applied;

/// How the remote object came to be ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = super::common::undescribed)]
pub enum Origin {
    /// This object created it. Recorded before the call that creates it, so that a crash in between loses nothing.
    Created,
    /// It existed already and `adoptionPolicy: Adopt` took it over.
    Adopted,
}

/// The remote object as last seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Remote<R> {
    /// Its key on the remote side: login, name, email.
    pub key: String,
    /// The operator writes `Created` where it made the remote object for this object, and `Adopted` where `adoptionPolicy` let
    /// this object take over one that existed. Absent while this object does not manage it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// What else this kind shows.
    #[serde(flatten)]
    pub seen: R,
}

/// Nothing to show beside what every kind shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Nothing {}

// Common to all kinds: `R` is what a kind shows of its remote object, `T` what it shows beside that.
/// What the operator observed and did. The next reconcile removes what others write here, except conditions of other types.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status<R, T> {
    /// The `metadata.generation` that this status describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready` always; `Reconciling` and `Stalled` only while they are true (kstatus).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions")]
    pub conditions: Vec<Condition>,
    /// The remote object as last seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<Remote<R>>,
    /// Changes that the operator has not made yet, because of `Observe`, a frozen connection or something that it waits for. Absent
    /// when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plan: Vec<String>,
    /// When the remote side was last written for this object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_change_time: Option<Time>,
    /// The value of the annotation `dataiku-operator.io/reconcile-at` that was handled last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// What the operator set, so that it can withdraw it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<Applied>,
    /// What this kind shows beside its remote object.
    #[serde(flatten)]
    pub shown: T,
}

impl<R, T> Status<R, T> {
    /// The condition of this type.
    pub fn condition(&self, type_: &str) -> Option<&Condition> {
        self.conditions.iter().find(|c| c.type_ == type_)
    }

    /// How the remote object came to be ours, if it is.
    pub fn origin(&self) -> Option<Origin> {
        self.remote.as_ref().and_then(|remote| remote.origin)
    }
}

/// A list keyed by type, so that server-side apply merges it by condition.
fn conditions(generator: &mut SchemaGenerator) -> Schema {
    let items = generator.subschema_for::<Condition>();
    json_schema!({
        "type": "array",
        "items": items,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
    })
}
