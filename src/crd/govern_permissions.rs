//! `GovernBlueprintPermissions` and `GovernDefaultPermissions`: who may do what with the artifacts of a Govern node.

use kube::{CustomResource, KubeSchema};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    common::{InstanceRef, Policies},
    status::{Nothing, Status},
};

/// Status of a [`GovernBlueprintPermissions`].
pub type GovernBlueprintPermissionsStatus = Status<Nothing, Nothing>;
/// Status of a [`GovernDefaultPermissions`].
pub type GovernDefaultPermissionsStatus = Status<Nothing, Nothing>;

fn permissions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 500,
        "x-kubernetes-preserve-unknown-fields": true,
    })
}

/// Permissions on a blueprint. They are one document on the Govern node; other objects, people and tools have their keys in
/// it, and the operator leaves those alone.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dataiku-operator.io",
    version = "v1alpha1",
    kind = "GovernBlueprintPermissions",
    plural = "governblueprintpermissions",
    singular = "governblueprintpermissions",
    namespaced,
    category = "dataiku",
    shortname = "gvbp",
    status = "GovernBlueprintPermissionsStatus",
    derive = "PartialEq",
    doc = "Permissions on a blueprint of a Govern node.",
    printcolumn(name = "Blueprint", type_ = "string", json_path = ".spec.blueprintId"),
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
    validation = Rule::new("has(self.permissions) != (has(self.useDefaults) && self.useDefaults)")
        .message("declare either permissions or useDefaults: true"),
    validation = Rule::new("!has(self.deletionPolicy) || self.deletionPolicy != 'Disable'")
        .message("permissions cannot be disabled: use Delete or Retain")
)]
#[serde(rename_all = "camelCase")]
pub struct GovernBlueprintPermissionsSpec {
    /// The connection, a `GovernInstance`. Immutable.
    #[x_kube(validation = Rule::new("self == oldSelf").message("instanceRef is immutable"))]
    pub instance_ref: InstanceRef,
    /// Id of the blueprint, such as `bp.system.dataiku_project`. While there is no such blueprint, the object waits (reason
    /// `DependencyNotReady`). Immutable.
    #[x_kube(validation = Rule::new("self == oldSelf").message("blueprintId is immutable"))]
    #[x_kube(validation = Rule::new("self != 'default'").message("use GovernDefaultPermissions"))]
    #[schemars(length(min = 1, max = 200))]
    pub blueprint_id: String,
    /// Permissions in Govern's own form; at most 64 KiB. Every leaf is declared by itself, and its neighbours stay as they
    /// are; a list is one leaf, and `null` means that the key must be absent. A blueprint that used the default permissions
    /// gets permissions of its own with nothing but these keys, and uses the defaults again when the last of them goes. A key
    /// that you remove from the spec gets back the value that it had before, unless somebody changed it meanwhile; the same
    /// happens to all of them when this object is deleted. The operator writes a key that Govern drops once and reports
    /// `AcceptedButNotStored`. If two objects declare one key, the younger one reports `Conflict`. Exactly one of this and
    /// `useDefaults` is declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "permissions")]
    pub permissions: Option<Map<String, Value>>,
    /// `true`: the blueprint has no permissions of its own, so that the default permissions apply. The permissions that it had
    /// come back when this object is deleted. Default: `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_defaults: Option<bool>,
    /// Management, adoption and deletion. `adoptionPolicy` has no effect: the document belongs to nobody.
    #[serde(flatten)]
    pub policies: Policies,
}

/// Permissions on every blueprint that has none of its own. They are one document on the Govern node; other objects, people
/// and tools have their keys in it, and the operator leaves those alone.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dataiku-operator.io",
    version = "v1alpha1",
    kind = "GovernDefaultPermissions",
    plural = "governdefaultpermissions",
    singular = "governdefaultpermissions",
    namespaced,
    category = "dataiku",
    shortname = "gvdp",
    status = "GovernDefaultPermissionsStatus",
    derive = "PartialEq",
    doc = "Default permissions of a Govern node.",
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
        .message("permissions cannot be disabled: use Delete or Retain")
)]
#[serde(rename_all = "camelCase")]
pub struct GovernDefaultPermissionsSpec {
    /// The connection, a `GovernInstance`. Immutable.
    #[x_kube(validation = Rule::new("self == oldSelf").message("instanceRef is immutable"))]
    pub instance_ref: InstanceRef,
    /// Permissions in Govern's own form; at most 64 KiB. Every leaf is declared by itself, and its neighbours stay as they
    /// are; a list is one leaf, and `null` means that the key must be absent. A key that you remove from the spec gets back the
    /// value that it had before, unless somebody changed it meanwhile; the same happens to all of them when this object is
    /// deleted. The operator writes a key that Govern drops once and reports `AcceptedButNotStored`. If two objects declare one
    /// key, the younger one reports `Conflict`.
    #[schemars(schema_with = "permissions")]
    pub permissions: Map<String, Value>,
    /// Management, adoption and deletion. `adoptionPolicy` has no effect: the document belongs to nobody.
    #[serde(flatten)]
    pub policies: Policies,
}
