//! `GovernRole`: a role of a Govern node.

use kube::{CustomResource, KubeSchema, core::Rule};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    common::{InstanceRef, Policies},
    status::{Nothing, Status},
};

/// Status of a [`GovernRole`].
pub type GovernRoleStatus = Status<RoleSeen, Nothing>;

/// What the status of a role shows of the remote role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleSeen {
    /// Id that the node gave to the role, such as `ro.project_manager`. Absent while there is no such role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

fn definition(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 200,
        "x-kubernetes-preserve-unknown-fields": true,
    })
}

fn immutable_identifier() -> Rule {
    Rule::new(
        "(has(self.spec.identifier) ? self.spec.identifier : self.metadata.name) == (has(oldSelf.spec.identifier) ? oldSelf.spec.identifier : self.metadata.name)",
    )
    .message("identifier is immutable")
    .reason(kube::core::Reason::FieldValueForbidden)
}

fn valid_identifier() -> Rule {
    Rule::new("has(self.spec.identifier) || self.metadata.name.matches('^[A-Za-z0-9_-]{1,100}$')")
        .message("metadata.name is not a valid identifier (at most 100 letters, digits, - and _): set spec.identifier")
}

/// A role of a Govern node. Who has it on which blueprint is in `GovernRoleAssignment` objects. An unset field is not managed.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dataiku-operator.io",
    version = "v1alpha1",
    kind = "GovernRole",
    namespaced,
    category = "dataiku",
    shortname = "gvr",
    status = "GovernRoleStatus",
    derive = "PartialEq",
    doc = "A role of a Govern node.",
    validation = immutable_identifier(),
    validation = valid_identifier(),
    printcolumn(name = "Id", type_ = "string", json_path = ".status.remote.id"),
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
    validation = Rule::new("!has(self.deletionPolicy) || self.deletionPolicy != 'Disable'")
        .message("a role cannot be disabled: use Delete or Retain")
)]
#[serde(rename_all = "camelCase")]
pub struct GovernRoleSpec {
    /// The connection, a `GovernInstance`. Immutable.
    #[x_kube(validation = Rule::new("self == oldSelf").message("instanceRef is immutable"))]
    pub instance_ref: InstanceRef,
    /// Identifier from which the node derives the id of the role: `project_manager` becomes `ro.project_manager`. At most 100
    /// letters, digits, `-` and `_`. The id is in `status.remote.id`. Default: `metadata.name`. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[A-Za-z0-9_-]{1,100}$"))]
    pub identifier: Option<String>,
    /// Display name. Unset: the identifier at creation, not managed afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200))]
    pub label: Option<String>,
    /// Description. Unset: not managed; empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub description: Option<String>,
    /// Other keys of the role in Govern's own form, passed through; at most 64 KiB. Every leaf is declared by itself, and its
    /// neighbours stay as they are; a list is one leaf, and `null` means that the key must be absent. Of a leaf that you remove
    /// from the spec, what was there before the operator set it comes back. `id`, `label` and `description` are `Invalid` here. Unset: not managed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "definition")]
    pub definition: Option<Map<String, Value>>,
    /// Management, adoption and deletion. The deletion of the role waits (reason `Deleting`) while an assignment names it,
    /// whether an object declares the assignment or the node has it.
    #[serde(flatten)]
    pub policies: Policies,
}
