//! `DssInstance`: the connection to a DSS node.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    connection::{ConnectionStatus, NodeSpec},
    status::{Nothing, Status},
};

/// Status of a [`DssInstance`].
pub type DssInstanceStatus = Status<Nothing, ConnectionStatus>;

/// Identities that tasks may act as.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActAs {
    /// Logins that a `DssTask` may name in `asUser`. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200), inner(length(min = 1, max = 320)))]
    pub logins: Vec<String>,
    /// Groups whose members a `DssTask` may name in `asUser`. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200), inner(length(min = 1, max = 200)))]
    pub groups: Vec<String>,
}

/// The connection to a DSS node: where it is, with which key, and who may use it.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dataiku-operator.io",
    version = "v1alpha1",
    kind = "DssInstance",
    namespaced,
    category = "dataiku",
    shortname = "dssi",
    status = "DssInstanceStatus",
    derive = "PartialEq",
    doc = "The connection to a DSS node: where it is, with which key, and who may use it.",
    printcolumn(name = "URL", type_ = "string", json_path = ".spec.url"),
    printcolumn(name = "Version", type_ = "string", json_path = ".status.node.version"),
    printcolumn(name = "Users", type_ = "integer", json_path = ".status.users.total"),
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
pub struct DssInstanceSpec {
    /// The connection.
    #[serde(flatten)]
    pub node: NodeSpec,
    /// Identities that a `DssTask` may act as, beside the one that the operator uses. Unset: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act_as: Option<ActAs>,
}
