//! `DssInstance`: the connection to a DSS node.

use kube::{CustomResource, KubeSchema, core::Duration};
use serde::{Deserialize, Serialize};

use super::{
    connection::{AllowedNamespaces, ApiKeyCredentials, ConnectionStatus, Limits, Tls},
    status::{Nothing, Status},
};

/// Status of a [`DssInstance`].
pub type DssInstanceStatus = Status<Nothing, ConnectionStatus>;

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
#[cfg_attr(test, kube(cel))]
#[serde(rename_all = "camelCase")]
pub struct DssInstanceSpec {
    /// Scheme, host, port and path prefix of the node, for example `https://dss.example.com`. `http` only with
    /// `tls.allowInsecureHttp: true`. No user name, query or fragment.
    #[x_kube(
        validation = Rule::new("isURL(self) && (url(self).getScheme() == 'https' || url(self).getScheme() == 'http')")
            .message("url must be an http or https URL")
    )]
    #[schemars(length(min = 1, max = 2048))]
    pub url: String,
    /// Where the admin API key is.
    pub credentials: ApiKeyCredentials,
    /// How the connection is secured. Default: verified TLS with the system's CA certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Which namespaces may use this connection. Default: its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_namespaces: Option<AllowedNamespaces>,
    /// Profile of new users whose object names none. Unset: such a user is not created, but `Invalid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_user_profile: Option<String>,
    /// Stop all writes through this connection. Differences are still found and shown (reason `Frozen`). Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freeze: Option<bool>,
    /// How often the remote side is looked at. Default: 60s; at least 5s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(
        validation = Rule::new("duration(self) >= duration('5s')").message("driftInterval must be at least 5s")
    )]
    #[schemars(length(max = 32))]
    pub drift_interval: Option<Duration>,
    /// What the node may be asked for at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
}
