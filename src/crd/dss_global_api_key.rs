//! `DssGlobalApiKey`: a global API key of a DSS node, published in a Secret.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::{
    common::InstanceRef,
    node_key::{KeySeen, KeySpec},
    status::{Nothing, Status},
};

/// Status of a [`DssGlobalApiKey`].
pub type DssGlobalApiKeyStatus = Status<KeySeen, Nothing>;

/// A global API key of a DSS node. The operator creates it and publishes its value in a Secret. A field left out is not
/// managed; an empty list or text is managed to empty.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dataiku-operator.io",
    version = "v1alpha1",
    kind = "DssGlobalApiKey",
    namespaced,
    category = "dataiku",
    shortname = "dssgk",
    status = "DssGlobalApiKeyStatus",
    derive = "PartialEq",
    doc = "A global API key of a DSS node, published in a Secret.",
    printcolumn(name = "Id", type_ = "string", json_path = ".status.remote.id"),
    printcolumn(name = "Secret", type_ = "string", json_path = ".spec.secretName"),
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
pub struct DssGlobalApiKeySpec {
    /// The connection, a `DssInstance`. Immutable.
    #[x_kube(validation = Rule::new("self == oldSelf").message("instanceRef is immutable"))]
    pub instance_ref: InstanceRef,
    /// The fields that global keys of every node have.
    #[serde(flatten)]
    pub key: KeySpec,
}
