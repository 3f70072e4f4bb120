//! `GovernRoleAssignment`: who has a role on a blueprint of a Govern node.

use kube::{CustomResource, KubeSchema};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    common::{InstanceRef, ListPolicy, Policies},
    status::{Nothing, Status},
};

/// Status of a [`GovernRoleAssignment`].
pub type GovernRoleAssignmentStatus = Status<Nothing, Nothing>;

/// One rule: whom it gives the role, and when.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("(has(self.users) && size(self.users) > 0) || (has(self.groups) && size(self.groups) > 0) || (has(self.fieldIds) && size(self.fieldIds) > 0)")
        .message("a rule needs at least one of users, groups and fieldIds: an empty one blocks sign-offs")
)]
#[serde(rename_all = "camelCase")]
pub struct AssignmentRule {
    /// Logins of users who get the role.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), inner(length(min = 1, max = 200)))]
    pub users: Vec<String>,
    /// Groups whose members get the role.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), inner(length(min = 1, max = 200)))]
    pub groups: Vec<String>,
    /// Ids of artifact fields: the people stored in them get the role on that artifact.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 200)))]
    pub field_ids: Vec<String>,
    /// What has to hold for the rule to give the role, in Govern's own form; passed through as it is. All have to hold;
    /// none: always.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "criteria")]
    pub criteria: Vec<Map<String, Value>>,
}

fn criteria(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 100,
        "items": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
    })
}

/// Who has a role on a blueprint. The assignments of one blueprint are one document on the Govern node; other objects,
/// people and tools have their rules in it, and those are left alone.
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
    /// (reason `DependencyNotReady`). Immutable.
    #[x_kube(validation = Rule::new("self == oldSelf").message("roleId is immutable"))]
    #[schemars(length(min = 1, max = 200))]
    pub role_id: String,
    /// Rules that give the role; it is given where any of them holds. A rule that is there already with the same content
    /// is taken as it is and stays at deletion, whatever the policies say, unless another object of this kind put it there:
    /// then the last one that declares it takes it out. A rule that was declared and is declared no more is withdrawn, if
    /// the operator added it.
    #[schemars(length(min = 1, max = 100))]
    pub rules: Vec<AssignmentRule>,
    /// `AtLeast` (default): the listed rules are there, others are left alone. `Exact`: no other rule gives this role on
    /// this blueprint, except those that other objects declare: objects that the operator sees, so not those of
    /// other namespaces where it runs with `--watch-namespace`. Of two objects with `Exact` for one role and blueprint, the
    /// younger is refused (reason `Conflict`). Nothing is withdrawn while an object of this kind cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules_policy: Option<ListPolicy>,
    /// Management, adoption and deletion. `adoptionPolicy` means nothing here: the document belongs to nobody.
    #[serde(flatten)]
    pub policies: Policies,
}
