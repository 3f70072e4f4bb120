//! `DssPersonalApiKey`: an API key of a user of a DSS node, published in a Secret.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::{
    common::InstanceRef,
    node_key::{KeySeen, PersonalKeySpec},
    status::{Nothing, Status},
};

/// Status of a [`DssPersonalApiKey`].
pub type DssPersonalApiKeyStatus = Status<KeySeen, Nothing>;

/// A personal API key of a DSS node, which acts as its user. The operator creates it, publishes its value in a Secret and
/// rotates it. A field left out is not managed; an empty text is managed to empty.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dataiku-operator.io",
    version = "v1alpha1",
    kind = "DssPersonalApiKey",
    namespaced,
    category = "dataiku",
    shortname = "dsspk",
    status = "DssPersonalApiKeyStatus",
    derive = "PartialEq",
    doc = "An API key of a user of a DSS node, published in a Secret.",
    printcolumn(name = "Id", type_ = "string", json_path = ".status.remote.id"),
    printcolumn(name = "User", type_ = "string", json_path = ".spec.user"),
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
pub struct DssPersonalApiKeySpec {
    /// The connection, a `DssInstance`. Immutable.
    #[x_kube(validation = Rule::new("self == oldSelf").message("instanceRef is immutable"))]
    pub instance_ref: InstanceRef,
    /// The fields of the key.
    #[serde(flatten)]
    pub personal: PersonalKeySpec,
}
