//! What `DssGlobalApiKey` and `GovernGlobalApiKey` share.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::Policies;

/// Labels and annotations that a Secret gets when the operator writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretTemplate {
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub annotations: BTreeMap<String, String>,
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
    /// Who created the key, as the node tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// When the key expires; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub expires_on: Option<Time>,
}

/// The fields of a global API key. Rules of this struct apply where it is flattened, as long as the outer struct has none.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("has(self.groups) != has(self.permissions)")
        .message("set exactly one of groups and permissions"),
    validation = Rule::new("!has(self.adoptionPolicy) || self.adoptionPolicy == 'Refuse'")
        .message("an API key cannot be adopted: the node shows its value only once"),
    validation = Rule::new("!has(self.deletionPolicy) || self.deletionPolicy != 'Disable'")
        .message("an API key cannot be disabled: use Delete or Retain")
)]
#[serde(rename_all = "camelCase")]
pub struct KeySpec {
    /// Label of the key. Labels are not unique. Unset: `metadata.name` at creation, not managed afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub label: Option<String>,
    /// Description of the key. The operator adds a mark to it by which it recognizes the key. Unset: not managed; empty: the
    /// mark alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000))]
    pub description: Option<String>,
    /// Groups whose rights the key has, and no others. Exactly one of `groups` and `permissions`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 80)))]
    pub groups: Option<Vec<String>>,
    /// Rights of the key by Dataiku's own names, for example `admin: false` or `mayCreateProjects: true`. An open map: new flags
    /// appear with new releases. Flags left out are not managed; a flag that was declared true and is left out later is
    /// withdrawn. Exactly one of `groups` and `permissions`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 200))]
    pub permissions: Option<BTreeMap<String, bool>>,
    /// The user as whom code started with this key runs, with user isolation. It gives no rights. Unset: not managed; empty:
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 80))]
    pub dss_user_for_impersonation: Option<String>,
    /// Secret in this namespace that the operator writes and this object owns, with the keys `apiKey`, `apiKeyId` and `url`. If
    /// it is deleted, or its `apiKey` is changed, the operator replaces the API key by a new one. A Secret of this name that
    /// belongs to somebody else stays as it is (reason `AlreadyExists`).
    #[schemars(length(max = 253), regex(pattern = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub secret_name: String,
    /// Labels and annotations that this Secret gets whenever the operator writes a key into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_template: Option<SecretTemplate>,
    /// Management, adoption and deletion.
    #[serde(flatten)]
    pub policies: Policies,
}
