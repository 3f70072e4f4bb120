//! What the kinds of API keys share.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{KubeSchema, core::Duration};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::Policies;

/// Shortest rotation interval; the schema refuses less.
pub const MIN_ROTATION: std::time::Duration = std::time::Duration::from_secs(10);
/// Longest default of the overlap.
const LONGEST_DEFAULT_OVERLAP: std::time::Duration = std::time::Duration::from_hours(1);

/// Labels and annotations that a Secret gets when the operator writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretTemplate {
    /// Labels, such as `team: risk`. Default: none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub labels: BTreeMap<String, String>,
    /// Annotations. Default: none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub annotations: BTreeMap<String, String>,
}

/// When a key is replaced by a new one.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rotation {
    /// How long the operator publishes a key before it issues the next one. At least 10 s; for example `720h`.
    #[schemars(length(max = 32))]
    #[x_kube(
        validation = Rule::new("duration(self) >= duration('10s')").message("rotation.interval must be at least 10s")
    )]
    pub interval: Duration,
    /// How long a replaced key still works, so that clients can read the new one. At most `interval` (else reason `Invalid`).
    /// Default: a tenth of `interval`, at most 1h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(
        validation = Rule::new("duration(self) >= duration('0s')").message("rotation.overlap must not be negative")
    )]
    pub overlap: Option<Duration>,
}

impl Rotation {
    /// Time from one key to the next.
    pub fn interval(&self) -> std::time::Duration {
        std::time::Duration::from(self.interval).max(MIN_ROTATION)
    }

    /// How long a replaced key still works.
    pub fn overlap(&self) -> std::time::Duration {
        let default = || (self.interval() / 10).min(LONGEST_DEFAULT_OVERLAP);
        self.overlap.map_or_else(default, std::time::Duration::from)
    }
}

/// What the status shows of the remote key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeySeen {
    /// Id of the key. It is not secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// When the key was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub created_on: Option<Time>,
    /// Who created the key, according to the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// When the key expires; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub expires_on: Option<Time>,
    /// Since when the Secret holds the value of this key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub published_at: Option<Time>,
    /// When the operator replaces this key by a new one; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub next_rotation_at: Option<Time>,
    /// Ids of replaced keys that still work. The operator deletes each of them `rotation.overlap` after its replacement.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retiring: Vec<String>,
    /// Ids of keys with the mark of an earlier object of this name in this cluster, at most 20. That object may have retained them
    /// (`deletionPolicy: Retain`), so the operator never changes or deletes them. Delete those that nobody uses in Dataiku.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<String>,
}

/// The fields that every API key has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeySpec {
    /// Label of the key. Labels are not unique. Unset: `metadata.name` at creation, not managed afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub label: Option<String>,
    /// Description of the key. To a key that it created, the operator adds a mark by which it recognizes the key. Unset: not
    /// managed; empty: the mark alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000))]
    pub description: Option<String>,
    /// Secret in this namespace that the operator writes and this object owns, with the keys `apiKey`, `apiKeyId` and `url`. If
    /// somebody deletes it, or changes its `apiKey` or `apiKeyId`, the operator replaces the API key by a new one. A Secret of
    /// this name that belongs to somebody else stays as it is (reason `AlreadyExists`). Exactly one of `secretName` and `id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253), regex(pattern = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub secret_name: Option<String>,
    /// Labels and annotations that this Secret gets whenever the operator writes a key into it. Unset: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_template: Option<SecretTemplate>,
    /// Replaces the key by a new one at regular times. Unset: no rotation; a key that is replaced for another reason is deleted
    /// as soon as the new one is published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<Rotation>,
    /// Id of an existing key, with `adoptionPolicy: Adopt` or `managementPolicy: Observe`. The operator manages its fields; its
    /// value stays unknown, so there is no Secret and no rotation. Immutable. Exactly one of `secretName` and `id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub id: Option<String>,
    /// Management, adoption and deletion.
    #[serde(flatten)]
    pub policies: Policies,
}

/// What a global API key may do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyRights {
    /// Groups whose rights the key has, and no others. Exactly one of `groups` and `permissions`; with `id`, none of them leaves
    /// the rights of the key unmanaged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 80)))]
    pub groups: Option<Vec<String>>,
    /// Rights of the key by Dataiku's own names, for example `admin: false` or `mayCreateProjects: true`. An open map: new flags
    /// appear with new releases. Flags left out are not managed; a flag that was declared true and is left out later is
    /// withdrawn. Exactly one of `groups` and `permissions`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 200))]
    pub permissions: Option<BTreeMap<String, bool>>,
    /// With user isolation, code that is started with this key runs as this user. This gives no rights. Unset: not managed;
    /// empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 80))]
    pub dss_user_for_impersonation: Option<String>,
    /// How long a key is valid from its creation, in whole days (rounded up), on releases that support it; for example `2160h`.
    /// At least `rotation.interval` plus `rotation.overlap` (else reason `Invalid`). Unset: not managed; a new
    /// key then never expires. Without `rotation`, the operator does not replace a key that expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub lifetime: Option<Duration>,
}

/// The fields of a global API key. Rules of this struct apply where it is flattened, as long as the outer struct has none.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("!(has(self.groups) && has(self.permissions)) && (has(self.id) || has(self.groups) || has(self.permissions))")
        .message("set exactly one of groups and permissions"),
    validation = Rule::new("has(self.id) != has(self.secretName)")
        .message("set exactly one of secretName (a key that the operator creates) and id (an existing key)"),
    validation = Rule::new("has(self.id) == has(oldSelf.id) && (!has(self.id) || self.id == oldSelf.id)")
        .message("id is immutable"),
    validation = Rule::new("!has(self.id) || (has(self.adoptionPolicy) && self.adoptionPolicy == 'Adopt') || (has(self.managementPolicy) && self.managementPolicy == 'Observe')")
        .message("id needs adoptionPolicy: Adopt or managementPolicy: Observe"),
    validation = Rule::new("has(self.id) || !has(self.adoptionPolicy) || self.adoptionPolicy == 'Refuse'")
        .message("to adopt an API key, set id"),
    validation = Rule::new("!has(self.id) || !(has(self.rotation) || has(self.secretTemplate))")
        .message("rotation and secretTemplate need secretName: the value of an existing key stays unknown"),
    validation = Rule::new("!has(self.deletionPolicy) || self.deletionPolicy != 'Disable'")
        .message("an API key cannot be disabled: use Delete or Retain")
)]
#[serde(rename_all = "camelCase")]
pub struct GlobalKeySpec {
    /// The fields that every API key has.
    #[serde(flatten)]
    pub key: KeySpec,
    /// What it may do.
    #[serde(flatten)]
    pub rights: KeyRights,
}

/// The fields of a personal API key. Rules of this struct apply where it is flattened, as long as the outer struct has none.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("has(self.id) != has(self.secretName)")
        .message("set exactly one of secretName (a key that the operator creates) and id (an existing key)"),
    validation = Rule::new("has(self.id) == has(oldSelf.id) && (!has(self.id) || self.id == oldSelf.id)")
        .message("id is immutable"),
    validation = Rule::new("self.user == oldSelf.user").message("user is immutable"),
    validation = Rule::new("!has(self.id) || (has(self.adoptionPolicy) && self.adoptionPolicy == 'Adopt') || (has(self.managementPolicy) && self.managementPolicy == 'Observe')")
        .message("id needs adoptionPolicy: Adopt or managementPolicy: Observe"),
    validation = Rule::new("has(self.id) || !has(self.adoptionPolicy) || self.adoptionPolicy == 'Refuse'")
        .message("to adopt an API key, set id"),
    validation = Rule::new("!has(self.id) || !(has(self.rotation) || has(self.secretTemplate))")
        .message("rotation and secretTemplate need secretName: the value of an existing key stays unknown"),
    validation = Rule::new("!has(self.deletionPolicy) || self.deletionPolicy != 'Disable'")
        .message("an API key cannot be disabled: use Delete or Retain")
)]
#[serde(rename_all = "camelCase")]
pub struct PersonalKeySpec {
    /// Login of the user as whom the key acts. Immutable. The operator waits until the user exists.
    #[schemars(length(min = 1, max = 80))]
    pub user: String,
    /// The fields that every API key has.
    #[serde(flatten)]
    pub key: KeySpec,
}
