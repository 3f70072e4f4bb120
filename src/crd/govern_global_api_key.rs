//! `GovernGlobalApiKey`: a global API key of a Govern node, published in a Secret.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::{
    common::InstanceRef,
    node_key::{GlobalKeySpec, KeySeen},
    status::{Nothing, Status},
};

/// Status of a [`GovernGlobalApiKey`].
pub type GovernGlobalApiKeyStatus = Status<KeySeen, Nothing>;

/// A global API key of a Govern node. The operator creates it, publishes its value in a Secret and rotates it. A field left out is not
/// managed; an empty list or text is managed to empty.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dataiku-operator.io",
    version = "v1alpha1",
    kind = "GovernGlobalApiKey",
    namespaced,
    category = "dataiku",
    shortname = "gvgk",
    status = "GovernGlobalApiKeyStatus",
    derive = "PartialEq",
    doc = "A global API key of a Govern node, published in a Secret.",
    printcolumn(name = "Id", type_ = "string", json_path = ".status.remote.id"),
    printcolumn(name = "Secret", type_ = "string", json_path = ".spec.secretName"),
    printcolumn(name = "Expires", type_ = "date", json_path = ".status.remote.expiresOn"),
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
pub struct GovernGlobalApiKeySpec {
    /// The connection, a `GovernInstance`. Immutable.
    #[x_kube(validation = Rule::new("self == oldSelf").message("instanceRef is immutable"))]
    pub instance_ref: InstanceRef,
    /// The fields of the key.
    #[serde(flatten)]
    pub global: GlobalKeySpec,
}
