//! `DssGlobalApiKey`: a global API key of a DSS node, published in a Secret.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    common::InstanceRef,
    node_key::{GlobalKeySpec, KeySeen},
    status::{Nothing, Status},
};

fn scoped(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 20,
        "x-kubernetes-preserve-unknown-fields": true,
    })
}

/// Status of a [`DssGlobalApiKey`].
pub type DssGlobalApiKeyStatus = Status<KeySeen, Nothing>;

/// A global API key of a DSS node. The operator creates it, publishes its value in a Secret and rotates it. A field left out is not
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
pub struct DssGlobalApiKeySpec {
    /// The connection, a `DssInstance`. Immutable.
    #[x_kube(validation = Rule::new("self == oldSelf").message("instanceRef is immutable"))]
    pub instance_ref: InstanceRef,
    /// Rights of the key on projects, code environments and other single objects, by Dataiku's own names, for example
    /// `projects: {RISK: {readProjectContent: true}}`. Passed through; the operator owns only the declared values, each
    /// on its own. A value that was declared and is left out later is withdrawn: a flag becomes false, anything else is
    /// removed. Unset: none is managed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "scoped")]
    pub scoped_permissions: BTreeMap<String, Value>,
    /// The fields of the key.
    #[serde(flatten)]
    pub global: GlobalKeySpec,
}
