//! `LaunchpadGroup`: a group of a space of Dataiku Cloud.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{
    common::{Ensure, InstanceRef, ListPolicy, Policies},
    status::{Nothing, Status},
};

/// A right: given or not, or several of one name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a permission is true or false, or a map of these")]
pub enum Right {
    /// Given or not.
    Flag(bool),
    /// Rights below this one.
    Flags(BTreeMap<String, bool>),
}

/// Rights by Dataiku's own names.
pub type Rights = BTreeMap<String, Right>;

/// No schema can say "a boolean, or a map of booleans", so what else is given is refused by the operator; nor can a CEL
/// rule see a map of such values.
fn rights(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 200,
        "additionalProperties": { "x-kubernetes-preserve-unknown-fields": true },
    })
}

/// Access to one node.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeAccess {
    /// Name of the node, such as `design-0`.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    /// Rights on the node, by Dataiku's own names: booleans, or maps of booleans, for example
    /// `mayCreateProjects: true`. Rights left out are not managed. All nodes of one specific type that the
    /// group can access need the same rights; where the space reports only generic types, the Launchpad decides. Unset:
    /// none is managed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "rights")]
    pub permissions: Option<Rights>,
    /// Another node, whose rights this node gets too: the `permissions` that `nodes` declares for it or, where `nodes`
    /// does not name it, the rights that the group currently has there. Not together with `permissions`. Unset: no rights
    /// are copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub permissions_from: Option<String>,
    /// `Present` (default): the group has access. `Absent`: it has none; the operator withdraws access that somebody else
    /// gave, and withdraws it again if it comes back. Counts more than a type in `nodeTypes` that includes the node. With
    /// `Absent`, `permissions` and `permissionsFrom` mean nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ensure: Option<Ensure>,
}

/// Access to all nodes of one type.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeTypeAccess {
    /// Type of the nodes, as the status of the `LaunchpadSpace` shows it: `design`, `automation`, `govern`. `dataiku` is
    /// every node except Govern nodes. The group also gets access to nodes that are added later. While there is no such
    /// node the object waits (reason `DependencyNotReady`).
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = 100))]
    pub type_: String,
    /// Whether the group gets access to the nodes. Default: true. `false` only sets rights on those nodes that the group can
    /// access already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_access: Option<bool>,
    /// Rights on each of the nodes, by Dataiku's own names: booleans, or maps of booleans. Rights left out are not
    /// managed. Unset: none is managed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "rights")]
    pub permissions: Option<Rights>,
    /// `Present` (default): as the other fields say. `Absent`: the group has access to no node of the type, also not to one
    /// that is added later or that another entry declares; the operator withdraws access that somebody else gave, and
    /// withdraws it again if it comes back. With `Absent`, `grantAccess` and `permissions` mean nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ensure: Option<Ensure>,
}

impl NodeAccess {
    /// Whether the group is to have no access.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.ensure == Some(Ensure::Absent)
    }
}

impl NodeTypeAccess {
    /// Whether the group is to have access to no node of the type.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.ensure == Some(Ensure::Absent)
    }
}

/// A member of a group.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupMember {
    /// Email address of a user or of a pending invite. Case does not count; a member listed in two spellings counts once.
    #[schemars(length(min = 3, max = 320), regex(pattern = "^[^@\\s]+@[^@\\s]+$"))]
    pub email: String,
    /// When the membership ends, for example `2027-01-31T18:00:00Z`. From then on nobody of this address is a member, nor by
    /// an invite, and the operator removes the member again if somebody adds it (reason `Expired`, with `Ready` true).
    /// Unset: no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Time>,
    /// `Present` (default): a member. `Absent`: no member, nor by an invite; the operator removes a membership that somebody
    /// else gave, and removes it again if it comes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ensure: Option<Ensure>,
}

/// Access of a group to one node, as the Launchpad has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeRights {
    /// Name of the node.
    pub name: String,
    /// Rights that are true; one below another is `parent/child`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rights: Vec<String>,
}

/// What a [`LaunchpadGroup`] shows of the remote group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LaunchpadGroupSeen {
    /// Id, made by the Launchpad.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Number of users in the group, without those who are only invited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<i64>,
    /// Nodes that members can access, by name: at most 200, with at most 16 KiB of rights.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodeRights>,
}

/// Status of a [`LaunchpadGroup`].
pub type LaunchpadGroupStatus = Status<LaunchpadGroupSeen, Nothing>;

/// A group of a space of Dataiku Cloud. A field left out is not managed; an empty list or text is managed to empty.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dataiku-operator.io",
    version = "v1alpha1",
    kind = "LaunchpadGroup",
    namespaced,
    category = "dataiku",
    shortname = "lpg",
    status = "LaunchpadGroupStatus",
    derive = "PartialEq",
    doc = "A group of a space of Dataiku Cloud.",
    validation = Rule::new(
        "(has(self.spec.name) ? self.spec.name : self.metadata.name) == (has(oldSelf.spec.name) ? oldSelf.spec.name : self.metadata.name)"
    ).message("name is immutable").reason(Reason::FieldValueForbidden),
    printcolumn(name = "Remote", type_ = "string", json_path = ".status.remote.key"),
    printcolumn(name = "Space", type_ = "string", json_path = ".spec.spaceRef.name"),
    printcolumn(name = "Members", type_ = "integer", json_path = ".status.remote.members"),
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
    printcolumn(
        name = "Propagated",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Propagated')].status"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[x_kube(
    validation = Rule::new("!has(self.deletionPolicy) || self.deletionPolicy != 'Disable'")
        .message("a group cannot be disabled: use Delete or Retain")
)]
#[serde(rename_all = "camelCase")]
pub struct LaunchpadGroupSpec {
    /// The connection, a `LaunchpadSpace`. Immutable.
    #[x_kube(validation = Rule::new("self == oldSelf").message("spaceRef is immutable"))]
    pub space_ref: InstanceRef,
    /// Name of the group. Default: `metadata.name`. Immutable. The default groups of a space (`space_administrators`,
    /// `designers` …) exist already: they take `adoptionPolicy: Adopt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub name: Option<String>,
    /// Description. Unset: not managed; empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4000))]
    pub description: Option<String>,
    /// Rights in the Launchpad itself, by Dataiku's own names: booleans, or maps of booleans, for example
    /// `mayTurnOnSpace: true`. Rights left out are not managed; one that was declared true and is left out later is
    /// withdrawn. Unset: none is managed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "rights")]
    pub launchpad_permissions: Option<Rights>,
    /// Nodes that members can access, and what they may do there. Access to a node that was declared and is left out
    /// later is withdrawn. While there is no such node the object waits (reason `DependencyNotReady`); the other nodes
    /// are written. Unset: no node is declared by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub nodes: Option<Vec<NodeAccess>>,
    /// Types of nodes that members can access, and what they may do there: as `nodes`, for all nodes of a type, also
    /// those that are added later. Unset: no type is declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub node_types: Option<Vec<NodeTypeAccess>>,
    /// `AtLeast` (default): the nodes in `nodes` and `nodeTypes` can be accessed, others are left alone. `Exact`: access
    /// to other nodes is withdrawn. Without `nodes` and `nodeTypes` it has no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes_policy: Option<ListPolicy>,
    /// Members. Somebody who is only invited gets the group with the invite. While somebody is neither user nor invited
    /// the object waits (reason `DependencyNotReady`); the others are written. A member whom this object added and who is
    /// left out later is removed. Unset: not managed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 5000), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["email"]))]
    pub members: Option<Vec<GroupMember>>,
    /// `AtLeast` (default): the listed members are in the group, others are left alone. `Exact`: nobody else is, be it by
    /// an invite. Without `members` it has no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members_policy: Option<ListPolicy>,
    /// Management, adoption and deletion.
    #[serde(flatten)]
    pub policies: Policies,
}
