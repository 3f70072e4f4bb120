//! `DssGeneralSettings`: general settings of a DSS node.

use kube::{CustomResource, KubeSchema};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    common::{InstanceRef, Policies, SecretKeyRef},
    status::{Nothing, Status},
};

/// Status of a [`DssGeneralSettings`].
pub type DssGeneralSettingsStatus = Status<Nothing, Nothing>;

fn settings(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 500,
        "x-kubernetes-preserve-unknown-fields": true,
    })
}

fn secret_settings(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 50,
        "items": generator.subschema_for::<SecretSetting>(),
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["path"],
    })
}

/// A setting whose value is in a Secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("has(self.valueSecretRef.key)").message("valueSecretRef needs a key")
)]
#[serde(rename_all = "camelCase")]
pub struct SecretSetting {
    /// Place of the setting, as a JSON pointer (RFC 6901), such as `/ldapSettings/bindPassword`. A place in a list cannot be
    /// named.
    #[schemars(length(min = 2, max = 500), regex(pattern = "^/"))]
    pub path: String,
    /// The value, in a Secret in the namespace of this object. `key` is required.
    pub value_secret_ref: SecretKeyRef,
}

/// General settings of a DSS node. They are one document on the node; other objects, people and tools have their settings in
/// it, and the operator leaves those alone.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dataiku-operator.io",
    version = "v1alpha1",
    kind = "DssGeneralSettings",
    plural = "dssgeneralsettings",
    singular = "dssgeneralsettings",
    namespaced,
    category = "dataiku",
    shortname = "dssgs",
    status = "DssGeneralSettingsStatus",
    derive = "PartialEq",
    doc = "General settings of a DSS node.",
    printcolumn(name = "Instance", type_ = "string", json_path = ".spec.instanceRef.name"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].reason"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[x_kube(
    validation = Rule::new("has(self.settings) || has(self.secretSettings)")
        .message("declare settings or secretSettings"),
    validation = Rule::new("!has(self.deletionPolicy) || self.deletionPolicy != 'Disable'")
        .message("settings cannot be disabled: use Delete or Retain")
)]
#[serde(rename_all = "camelCase")]
pub struct DssGeneralSettingsSpec {
    /// The connection, a `DssInstance`. Immutable.
    #[x_kube(validation = Rule::new("self == oldSelf").message("instanceRef is immutable"))]
    pub instance_ref: InstanceRef,
    /// Settings in DSS's own form, such as `security: {restrictUsersAndGroupsVisibility: true}`; at most 64 KiB. Every leaf is
    /// declared by itself, and its neighbours stay as they are; a list is one leaf. `null`: the key must be absent
    /// (`kubectl apply` needs `--server-side` to change a value to `null`); where DSS then fills in a default, the reason is
    /// `AcceptedButNotStored`: declare that default. The same holds for a path that DSS does not have: it drops the value and
    /// reports success, the operator writes it once and names the path. A setting that you remove from the spec gets back the
    /// value that it had before, unless somebody changed it meanwhile; the same happens to all of them when this object is
    /// deleted. A value with a password or a token in it is never recorded, so it stays as it is then. Passwords and tokens
    /// belong in `secretSettings`, impersonation rules in `DssImpersonationRule`: both are `Invalid` here. If two objects
    /// declare one setting, the younger one reports `Conflict`. Unset: this object has no plain settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "settings")]
    pub settings: Option<Map<String, Value>>,
    /// Settings whose values are in Secrets, by `path`. DSS does not show such a value: the operator writes it when the Secret
    /// changes or the setting is empty, and does not notice that somebody sets another one. The operator waits for a Secret
    /// that does not exist, and applies everything else. When you remove an entry, the operator removes the value, unless there
    /// was another one before: that one was never read, so the setting stays as it is. Unset: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "secret_settings")]
    pub secret_settings: Option<Vec<SecretSetting>>,
    /// Management, adoption and deletion. `adoptionPolicy` has no effect: the document belongs to nobody.
    #[serde(flatten)]
    pub policies: Policies,
}
