//! `LaunchpadSpace`: the connection to a space of Dataiku Cloud.

use kube::{CustomResource, KubeSchema, core::Duration};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    common::SecretRef,
    connection::{AllowedNamespaces, BrakeStatus, BreakerStatus, ChangeWindow, GroupCounts, Limits, Orphans, Tls},
    delegation::Tenancy,
    status::{Nothing, Status},
};

/// Address of the vendor's Launchpad (contract sheet 1.1).
pub const DEFAULT_URL: &str = "https://api.launchpad-dku.app.dataiku.io/v1";

/// A Secret that holds the API key of a space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyPairRef {
    /// Name of the Secret, in the namespace of this object.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Key in its data that holds the id of the API key. Default: `apiKeyId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key_id_key: Option<String>,
    /// Key in its data that holds the secret of the API key. Default: `apiKeySecret`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key_secret_key: Option<String>,
}

/// Where the credentials of a space are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SpaceCredentials {
    /// The Secret with id and secret of an API key that has the scopes `read_users` and `read_groups`, and those for
    /// what is to be written.
    pub secret_ref: KeyPairRef,
}

/// Seats of one profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeatStatus {
    /// Name of the profile, such as `designer`.
    pub name: String,
    /// Whether these are trial seats.
    pub trial: bool,
    /// Seats there are; -1 is any number.
    pub total_seats: i64,
    /// Seats taken.
    pub used_seats: i64,
    /// People who are invited with this profile and have not accepted yet. Absent: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved_seats: Option<i64>,
}

/// A node of the space.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SpaceNodeStatus {
    /// Name, such as `design-0`.
    pub name: String,
    /// Type, such as `design` or `govern`.
    #[serde(rename = "type")]
    pub type_: String,
    /// State of the node, in the Launchpad's own word, such as `running`. Absent where its API does not report it, as in
    /// its release of 2026.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// Counts of people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SpaceUserCounts {
    /// Users of the space.
    pub total: i64,
    /// People who are invited and have not accepted yet; not among the users.
    pub invited: i64,
}

/// What a [`LaunchpadSpace`] shows in its status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SpaceStatus {
    /// Nodes of the space, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<SpaceNodeStatus>,
    /// Profiles with their seats. Absent where the key may not read users.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<SeatStatus>,
    /// Email address of the owner of the space. Absent: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Counts of people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<SpaceUserCounts>,
    /// Counts of groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<GroupCounts>,
    /// How many objects use this connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<i64>,
    /// Changes that wait for an acknowledgement, since too many users would lose their accounts at once. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brake: Option<BrakeStatus>,
    /// `Closed`: the operator calls the Launchpad. `Open`: five calls in a row failed, and only the read at each drift interval is
    /// sent until one succeeds. Absent before the first call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaker: Option<BreakerStatus>,
    /// What the operator set in the space and no object manages any more. Absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orphans: Option<Orphans>,
}

/// Status of a [`LaunchpadSpace`].
pub type LaunchpadSpaceStatus = Status<Nothing, SpaceStatus>;

/// The connection to a space of Dataiku Cloud: which one, with which key, and who may use it.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dataiku-operator.io",
    version = "v1alpha1",
    kind = "LaunchpadSpace",
    namespaced,
    category = "dataiku",
    shortname = "lps",
    status = "LaunchpadSpaceStatus",
    derive = "PartialEq",
    doc = "The connection to a space of Dataiku Cloud: which one, with which key, and who may use it.",
    printcolumn(name = "Space", type_ = "string", json_path = ".spec.spaceId"),
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
pub struct LaunchpadSpaceSpec {
    /// Id of the space, as its Launchpad shows it, such as `space-0123`.
    #[schemars(length(min = 1, max = 200))]
    pub space_id: String,
    /// Address of the Launchpad's API, with its version. Default: the vendor's. `http` only with
    /// `tls.allowInsecureHttp: true`. No user name, query or fragment. The Secret of the credentials has to name this host, or
    /// the vendor's `api.launchpad-dku.app.dataiku.io`, in its annotation `dataiku-operator.io/allowed-hosts`: otherwise nothing is
    /// sent, and the reason is `NotAllowed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(
        validation = Rule::new("isURL(self) && (url(self).getScheme() == 'https' || url(self).getScheme() == 'http')")
            .message("url must be an http or https URL")
    )]
    #[schemars(length(min = 1, max = 2048))]
    pub url: Option<String>,
    /// Where the API key is.
    pub credentials: SpaceCredentials,
    /// How the connection is secured. Default: verified TLS with the system's CA certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Which namespaces may use this connection. Default: its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_namespaces: Option<AllowedNamespaces>,
    /// What the allowed namespaces may do.
    #[serde(flatten)]
    pub tenancy: Tenancy,
    /// Stop all writes through this connection. The operator still finds differences and shows them (reason `Frozen`).
    /// Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freeze: Option<bool>,
    /// When changes may be written. Outside of these windows changes wait (reason `Frozen`; the message names the next window), but
    /// withdrawals and deletions proceed. Unset or empty: at any time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub change_windows: Vec<ChangeWindow>,
    /// Time between two reads of the whole space, which find drift. Default: 60s; at least 5s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(
        validation = Rule::new("duration(self) >= duration('5s')").message("driftInterval must be at least 5s")
    )]
    #[schemars(length(max = 32))]
    pub drift_interval: Option<Duration>,
    /// Limits of the calls to the Launchpad. Unset: the default of each of its fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// HTTP proxy through which the Launchpad is reached, for example `http://proxy.example.com:3128`. Default: none; the
    /// environment of the operator names none either. The name in `url` has to resolve to an allowed address in the cluster
    /// too: a proxy opens no address that the operator would not call itself. Every Secret of the credentials has to name the
    /// host of the proxy in its annotation `dataiku-operator.io/allowed-hosts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(
        validation = Rule::new("isURL(self) && (url(self).getScheme() == 'https' || url(self).getScheme() == 'http')")
            .message("proxyUrl must be an http or https URL")
    )]
    #[schemars(length(min = 1, max = 2048))]
    pub proxy_url: Option<String>,
    /// User name and password for the proxy: a Secret of type `kubernetes.io/basic-auth` in the namespace of this object. Unset:
    /// none are sent. Its annotation `dataiku-operator.io/allowed-hosts` has to name the host of the proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_secret_ref: Option<SecretRef>,
}
