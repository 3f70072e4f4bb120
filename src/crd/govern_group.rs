//! `GovernGroup`: a group of a Govern node.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::{
    common::InstanceRef,
    node_group::{GroupSeen, GroupSpec, immutable_name, valid_name},
    status::{Nothing, Status},
};

/// Status of a [`GovernGroup`].
pub type GovernGroupStatus = Status<GroupSeen, Nothing>;

/// A group of a Govern node. An unset field is not managed; an empty list or text is managed to empty; a map manages only the
/// keys that it declares.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dataiku-operator.io",
    version = "v1alpha1",
    kind = "GovernGroup",
    namespaced,
    category = "dataiku",
    shortname = "gvg",
    status = "GovernGroupStatus",
    derive = "PartialEq",
    doc = "A group of a Govern node.",
    validation = immutable_name(),
    validation = valid_name(),
    printcolumn(name = "Remote", type_ = "string", json_path = ".status.remote.key"),
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
#[serde(rename_all = "camelCase")]
pub struct GovernGroupSpec {
    /// The connection, a `GovernInstance`. Immutable.
    #[x_kube(validation = Rule::new("self == oldSelf").message("instanceRef is immutable"))]
    pub instance_ref: InstanceRef,
    /// The fields that groups of every node have.
    #[serde(flatten)]
    pub group: GroupSpec,
}
