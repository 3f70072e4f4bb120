//! `DssUser`: a user of a DSS node.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::{
    common::InstanceRef,
    node_user::{UserSeen, UserSpec, immutable_login, valid_login},
    personal::PersonalSpec,
    status::{Nothing, Status},
};

/// Status of a [`DssUser`].
pub type DssUserStatus = Status<UserSeen, Nothing>;

/// A user of a DSS node. An unset field is not managed; an empty list or text is managed to empty; a map manages only the
/// keys that it declares.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dataiku-operator.io",
    version = "v1alpha1",
    kind = "DssUser",
    namespaced,
    category = "dataiku",
    shortname = "dssu",
    status = "DssUserStatus",
    derive = "PartialEq",
    doc = "A user of a DSS node.",
    validation = immutable_login(),
    validation = valid_login(),
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
pub struct DssUserSpec {
    /// The connection, a `DssInstance`. Immutable.
    #[x_kube(validation = Rule::new("self == oldSelf").message("instanceRef is immutable"))]
    pub instance_ref: InstanceRef,
    /// The fields that users of every node have.
    #[serde(flatten)]
    pub user: UserSpec,
    /// Preferences, secrets and credentials.
    #[serde(flatten)]
    pub personal: PersonalSpec,
}
