//! `DssInstanceVariables`: variables of a DSS node.

use kube::{CustomResource, KubeSchema};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    common::{InstanceRef, Policies},
    status::{Nothing, Status},
};

/// Status of a [`DssInstanceVariables`].
pub type DssInstanceVariablesStatus = Status<Nothing, Nothing>;

fn variables(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 500,
        "x-kubernetes-preserve-unknown-fields": true,
    })
}

/// Variables of a DSS node. They are one document on the node; other objects, people and tools have their variables in it,
/// and the operator leaves those alone.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dataiku-operator.io",
    version = "v1alpha1",
    kind = "DssInstanceVariables",
    plural = "dssinstancevariables",
    singular = "dssinstancevariables",
    namespaced,
    category = "dataiku",
    shortname = "dssv",
    status = "DssInstanceVariablesStatus",
    derive = "PartialEq",
    doc = "Variables of a DSS node.",
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
#[x_kube(
    validation = Rule::new("!has(self.deletionPolicy) || self.deletionPolicy != 'Disable'")
        .message("variables cannot be disabled: use Delete or Retain")
)]
#[serde(rename_all = "camelCase")]
pub struct DssInstanceVariablesSpec {
    /// The connection, a `DssInstance`. Immutable.
    #[x_kube(validation = Rule::new("self == oldSelf").message("instanceRef is immutable"))]
    pub instance_ref: InstanceRef,
    /// Variables by name, with values of any JSON type; at most 64 KiB. In a map of maps every leaf is declared by itself, and
    /// its neighbours are left alone; a list is one leaf. `null`: the variable must not exist (`kubectl apply` needs
    /// `--server-side` to change a value to `null`). Every user of the node can read them: do not put secrets
    /// there. A variable that is left out later, or whose object is deleted, gets back the value that it had before, unless
    /// somebody changed it meanwhile.
    #[schemars(schema_with = "variables")]
    pub variables: Map<String, Value>,
    /// Management, adoption and deletion.
    #[serde(flatten)]
    pub policies: Policies,
}
