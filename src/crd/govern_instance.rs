//! `GovernInstance`: the connection to a Govern node.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::{
    connection::{ConnectionStatus, NodeSpec},
    status::{Nothing, Status},
};

/// Status of a [`GovernInstance`].
pub type GovernInstanceStatus = Status<Nothing, ConnectionStatus>;

/// The connection to a Govern node: where it is, with which key, and who may use it.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dataiku-operator.io",
    version = "v1alpha1",
    kind = "GovernInstance",
    namespaced,
    category = "dataiku",
    shortname = "gvi",
    status = "GovernInstanceStatus",
    derive = "PartialEq",
    doc = "The connection to a Govern node: where it is, with which key, and who may use it.",
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
#[x_kube(
    validation = Rule::new("!has(self.credentials.scope) || self.credentials.scope != 'Own'")
        .message("credentials.scope: Own is for DSS: the keys of a Govern node belong to no user")
)]
#[serde(rename_all = "camelCase")]
pub struct GovernInstanceSpec {
    /// The connection.
    #[serde(flatten)]
    pub node: NodeSpec,
}
