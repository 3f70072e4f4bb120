//! `GovernRoleAssignment`: who has a role on a blueprint of a Govern node.

use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    common::{InstanceRef, ListPolicy, Policies},
    status::{Nothing, Status},
};

/// Status of a [`GovernRoleAssignment`].
pub type GovernRoleAssignmentStatus = Status<Nothing, Nothing>;

/// One rule: whom it grants the role, and when.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("(has(self.users) && size(self.users) > 0) || (has(self.groups) && size(self.groups) > 0) || (has(self.fieldIds) && size(self.fieldIds) > 0)")
        .message("a rule needs at least one of users, groups and fieldIds: an empty one blocks sign-offs")
)]
#[serde(rename_all = "camelCase")]
pub struct AssignmentRule {
    /// Logins of users who get the role. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), inner(length(min = 1, max = 200)))]
    pub users: Vec<String>,
    /// Groups whose members get the role. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), inner(length(min = 1, max = 200)))]
    pub groups: Vec<String>,
    /// Ids of artifact fields: the people stored in them get the role on that artifact. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 200)))]
    pub field_ids: Vec<String>,
    /// Conditions of the rule in Govern's own form, passed through unchanged. All have to hold. Default: none, so that
    /// the rule always holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "criteria")]
    pub criteria: Vec<Map<String, Value>>,
}

fn criteria(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 50,
        "items": { "type": "object", "maxProperties": 50, "x-kubernetes-preserve-unknown-fields": true },
    })
}

/// A `GovernRole` object in the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleRef {
    /// Name of the object.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// From where the people who have roles on an artifact are inherited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("has(self.blueprintId) || has(self.artifactFieldId)")
        .message("inherit needs blueprintId or artifactFieldId")
)]
#[serde(rename_all = "camelCase")]
pub struct Inherit {
    /// Id of the blueprint whose rules without criteria apply, too. Unset: not managed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub blueprint_id: Option<String>,
    /// Id of the artifact field that names the artifact to inherit from. Unset: not managed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub artifact_field_id: Option<String>,
}

/// Who has a role on a blueprint. The assignments of one blueprint are one document on the Govern node. Other objects,
/// people and tools have their rules in it, and the operator leaves those alone.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dataiku-operator.io",
    version = "v1alpha1",
    kind = "GovernRoleAssignment",
    namespaced,
    category = "dataiku",
    shortname = "gra",
    status = "GovernRoleAssignmentStatus",
    derive = "PartialEq",
    doc = "Who has a role on a blueprint of a Govern node.",
    printcolumn(name = "Blueprint", type_ = "string", json_path = ".spec.blueprintId"),
    printcolumn(name = "Role", type_ = "string", json_path = ".spec.roleId"),
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
    validation = Rule::new("(has(self.rules) && size(self.rules) > 0) || (has(self.rulesPolicy) && self.rulesPolicy == 'Exact') || has(self.inherit)")
        .message("an empty list of rules needs rulesPolicy: Exact or inherit"),
    validation = Rule::new("has(self.roleId) != has(self.roleRef)")
        .message("declare either roleId or roleRef"),
    validation = Rule::new("has(self.roleId) == has(oldSelf.roleId)")
        .message("roleId and roleRef are immutable"),
    validation = Rule::new("!has(self.deletionPolicy) || self.deletionPolicy != 'Disable'")
        .message("a role assignment cannot be disabled: use Delete or Retain")
)]
#[serde(rename_all = "camelCase")]
pub struct GovernRoleAssignmentSpec {
    /// The connection, a `GovernInstance`. Immutable.
    #[x_kube(validation = Rule::new("self == oldSelf").message("instanceRef is immutable"))]
    pub instance_ref: InstanceRef,
    /// Id of the blueprint, such as `bp.system.business_initiative`. While there is no such blueprint, the object waits
    /// (reason `DependencyNotReady`). Immutable.
    #[x_kube(validation = Rule::new("self == oldSelf").message("blueprintId is immutable"))]
    #[x_kube(validation = Rule::new("self != 'default'").message("default is reserved: it is no blueprint"))]
    #[schemars(length(min = 1, max = 200))]
    pub blueprint_id: String,
    /// Id of the role, such as `ro.project_manager`, as the node has it. While there is no such role, the object waits
    /// (reason `DependencyNotReady`). Exactly one of this and `roleRef` is declared. Immutable.
    #[x_kube(validation = Rule::new("self == oldSelf").message("roleId is immutable"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub role_id: Option<String>,
    /// The role that a `GovernRole` object in this namespace stands for, on the same connection. While there is no such object,
    /// or its role has no id yet, this object waits (reason `DependencyNotReady`). Exactly one of this and `roleId` is declared.
    /// Immutable.
    #[x_kube(validation = Rule::new("self == oldSelf").message("roleRef is immutable"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_ref: Option<RoleRef>,
    /// Rules that grant the role; it is granted where any of them holds. At most 64 KiB as JSON. The operator takes over no
    /// rule that it finds with the same content: that rule stays when this object is deleted, unless another object of this
    /// kind created it; then the last object that declares it removes it. When you remove a rule from this list, the operator
    /// withdraws it if it added it. Where the node stores a rule in another form, the operator follows that form. An empty
    /// list needs `rulesPolicy: Exact`, and nobody has the role then, or `inherit`. Default: empty.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub rules: Vec<AssignmentRule>,
    /// `AtLeast` (default): the listed rules exist, and others stay as they are. `Exact`: no other rule grants this role on
    /// this blueprint, except those that other objects declare on the same connection. With `--watch-namespace` the operator
    /// sees only the objects of that namespace. If two objects have `Exact` for one role and blueprint, the younger one
    /// reports `Conflict`. While the operator cannot read an object of this kind in a namespace that the connection allows,
    /// it removes no rule of others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules_policy: Option<ListPolicy>,
    /// From where roles on artifacts of this blueprint are inherited, whatever the role: it is part of the document of the
    /// blueprint, so one object declares it, and the younger of two reports `Conflict`. What was there before comes back when
    /// you remove it or delete this object, unless somebody changed it meanwhile. Unset: not managed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inherit: Option<Inherit>,
    /// Management, adoption and deletion. `adoptionPolicy` has no effect: the document belongs to nobody.
    #[serde(flatten)]
    pub policies: Policies,
}
