//! `DssGroup`: a group of a DSS node.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::{
    common::InstanceRef,
    node_group::{GroupSeen, GroupSpec, immutable_name, valid_name},
    status::{Nothing, Status},
};

/// Status of a [`DssGroup`].
pub type DssGroupStatus = Status<GroupSeen, Nothing>;

/// A group of a DSS node. An unset field is not managed; an empty list or text is managed to empty; a map manages only the
/// keys that it declares.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dataiku-operator.io",
    version = "v1alpha1",
    kind = "DssGroup",
    namespaced,
    category = "dataiku",
    shortname = "dssg",
    status = "DssGroupStatus",
    derive = "PartialEq",
    doc = "A group of a DSS node.",
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
pub struct DssGroupSpec {
    /// The connection, a `DssInstance`. Immutable.
    #[x_kube(validation = Rule::new("self == oldSelf").message("instanceRef is immutable"))]
    pub instance_ref: InstanceRef,
    /// The fields that groups of every node have.
    #[serde(flatten)]
    pub group: GroupSpec,
}
