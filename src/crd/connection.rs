//! Spec and status parts that every connection kind has.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, Time};
use kube::{KubeSchema, core::Duration};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::orphans::{Orphan, Orphans};
use super::{
    common::{SecretKeyRef, SecretRef},
    delegation::Tenancy,
    inventory::{InventorySpec, InventoryStatus},
};

/// What the credentials of a connection manage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = super::common::undescribed)]
pub enum CredentialsScope {
    /// The node, as an administrator.
    #[default]
    Admin,
    /// The user to whom the key belongs.
    Own,
}

/// Where the credentials of a DSS or Govern node are: an API key or a token.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("has(self.apiKeySecretRef) != has(self.bearerTokenSecretRef)")
        .message("set exactly one of apiKeySecretRef and bearerTokenSecretRef")
)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyCredentials {
    /// `Admin` (default): the credentials are those of an administrator and manage the node. `Own` (DSS only): the key is the
    /// personal key of a user. The connection then manages the `DssUser` of that user alone, and of it `userProperties`,
    /// `preferences`, `secrets`, `connectionCredentials` and `pluginCredentials`; anything else is `Invalid`. The user exists, so
    /// its object needs `adoptionPolicy: Adopt`, and its deletion leaves everything as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<CredentialsScope>,
    /// Secret in the namespace of this object that holds the admin API key. `key` defaults to `apiKey`. Exactly one of
    /// this and `bearerTokenSecretRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key_secret_ref: Option<SecretKeyRef>,
    /// Secret in the namespace of this object that holds a token (a JWT) of an administrator, which is sent as
    /// `Authorization: Bearer` (DSS 15 and later). `key` defaults to `token`. Replace a token in the Secret before it
    /// expires; that takes effect at once. Exactly one of this and `apiKeySecretRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bearer_token_secret_ref: Option<SecretKeyRef>,
}

/// Kind of the object that holds a CA bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = super::common::undescribed)]
pub enum CaBundleKind {
    /// A `ConfigMap`.
    ConfigMap,
    /// A `Secret`.
    Secret,
}

/// An object in the namespace of the connection that holds CA certificates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CaBundleRef {
    /// Kind of the object that holds the certificates: `ConfigMap` or `Secret`, in the namespace of this object.
    pub kind: CaBundleKind,
    /// Name of that object.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Key in its data that holds PEM certificates. Default: `ca.crt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// How the connection is secured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tls {
    /// CA certificates to trust in addition to those of the system. Unset: only those of the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_bundle_ref: Option<CaBundleRef>,
    /// Certificate and private key that the operator presents (mutual TLS): a Secret of type `kubernetes.io/tls` (keys `tls.crt`
    /// and `tls.key`) in the namespace of this object. Unset: none is presented. Its annotation
    /// `dataiku-operator.io/allowed-hosts` has to name the host of `url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate_secret_ref: Option<SecretRef>,
    /// Do not verify the server's certificate. Default: false. Anyone between the operator and the server can then read the
    /// admin key. Works only where the operator runs with `--allow-insecure-tls` (otherwise `NotAllowed`), and sets the
    /// condition `Insecure`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insecure_skip_verify: Option<bool>,
    /// Allow `http://`. Default: false. The admin key is then sent in clear text. Works only where the operator runs with
    /// `--allow-insecure-tls` (otherwise `NotAllowed`), and sets the condition `Insecure`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_insecure_http: Option<bool>,
}

/// Which namespaces may use a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = super::common::undescribed)]
pub enum AllowedFrom {
    /// Only the connection's own namespace.
    #[default]
    Same,
    /// Every namespace.
    All,
    /// The connection's own namespace and those in `names`.
    Names,
    /// The connection's own namespace and those whose labels match `selector`.
    Selector,
}

/// Which namespaces may use a connection. The operator checks this before every write, so a change takes effect at once.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("has(self.selector) == (has(self.from) && self.from == 'Selector')")
        .message("selector is for from: Selector, which needs it")
)]
#[serde(rename_all = "camelCase")]
pub struct AllowedNamespaces {
    /// `Same` (default): only the namespace of this object. `All`: every namespace. `Names`: also those in `names`.
    /// `Selector`: also those whose labels match `selector`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<AllowedFrom>,
    /// Names of namespaces, with `from: Names`. The namespace of this object is always included. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), inner(length(min = 1, max = 63)))]
    pub names: Vec<String>,
    /// Labels of namespaces, with `from: Selector`, which needs it. The namespace of this object is always included. The
    /// operator watches namespaces and checks their labels before each write, so the right to label a namespace is the
    /// right to let it use the connection. An empty selector selects every namespace. Unset: no namespace is selected by
    /// labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

impl AllowedNamespaces {
    /// Whether objects in `namespace` may use a connection that lives in `home`, without what a selector says.
    pub fn admits(&self, home: &str, namespace: &str) -> bool {
        namespace == home
            || match self.from.unwrap_or_default() {
                AllowedFrom::Same | AllowedFrom::Selector => false,
                AllowedFrom::All => true,
                AllowedFrom::Names => self.names.iter().any(|name| name == namespace),
            }
    }

    /// The labels that decide, with `from: Selector`.
    pub fn selector(&self) -> Option<&LabelSelector> {
        let selects = self.from == Some(AllowedFrom::Selector);
        self.selector.as_ref().filter(|_| selects)
    }
}

/// A time in which changes may be written.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeWindow {
    /// When the window opens, as a cron schedule: minute, hour, day of month, month, day of week (0 or 7 is Sunday). For example
    /// `0 20 * * 1-5`: at 20:00 from Monday to Friday. A time that a clock change skips opens the window right after the change;
    /// one that it repeats opens it once.
    #[schemars(length(min = 1, max = 200))]
    pub schedule: String,
    /// How long the window stays open; from 1m to 168h. For example `4h`.
    #[x_kube(
        validation = Rule::new("duration(self) >= duration('1m') && duration(self) <= duration('168h')")
            .message("duration must be from 1m to 168h")
    )]
    #[schemars(length(max = 32))]
    pub duration: Duration,
    /// Time zone of `schedule`, by its name in the IANA database, such as `Europe/Paris`. Default: `UTC`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: Option<String>,
}

/// Limits of the calls to the remote side.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Calls in flight at once for the objects of this connection. Default: 8; from 1 to 256. The calls that read the
    /// lists for all objects come in addition: one at a time for the sweep, and on a node at most two for the slower
    /// lists (`inventory`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 256))]
    pub concurrency: Option<i32>,
    /// Calls per second. Default: 50; from 1 to 10000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10000))]
    pub requests_per_second: Option<i32>,
    /// Longest time for one call that reads a list, such as all users. Default: 60s; from 1s to 10m. Any other call may
    /// take 10s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(
        validation = Rule::new("duration(self) >= duration('1s') && duration(self) <= duration('10m')")
            .message("listTimeout must be from 1s to 10m")
    )]
    #[schemars(length(max = 32))]
    pub list_timeout: Option<Duration>,
    /// Largest list that is read, in bytes. Default: 67108864 (64 MiB); from 1 MiB to 1 GiB. The connection is not ready
    /// while a list is larger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1_048_576, max = 1_073_741_824))]
    pub list_bytes: Option<i64>,
}

/// Longest time for a call that reads a list, where none is given.
pub const DEFAULT_LIST_TIMEOUT: std::time::Duration = std::time::Duration::from_mins(1);
/// Largest list in bytes, where none is given.
pub const DEFAULT_LIST_BYTES: usize = 64 << 20;

impl Limits {
    /// Longest time for a call that reads a list.
    pub fn list_timeout(&self) -> std::time::Duration {
        self.list_timeout
            .map_or(DEFAULT_LIST_TIMEOUT, std::time::Duration::from)
    }

    /// Largest list in bytes.
    pub fn list_bytes(&self) -> usize {
        let declared = self.list_bytes.and_then(|bytes| bytes.try_into().ok());
        declared.unwrap_or(DEFAULT_LIST_BYTES)
    }
}

/// The connection to a DSS or Govern node.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeSpec {
    /// Scheme, host, port and path prefix of the node, for example `https://dss.example.com`. `http` only with
    /// `tls.allowInsecureHttp: true`. No user name, query or fragment. The Secret of the credentials has to name this host in
    /// its annotation `dataiku-operator.io/allowed-hosts`: otherwise nothing is sent, and the reason is `NotAllowed`.
    #[x_kube(
        validation = Rule::new("isURL(self) && (url(self).getScheme() == 'https' || url(self).getScheme() == 'http')")
            .message("url must be an http or https URL")
    )]
    #[schemars(length(min = 1, max = 2048))]
    pub url: String,
    /// Where the admin API key or token is. Exactly one of `apiKeySecretRef` and `bearerTokenSecretRef`.
    pub credentials: ApiKeyCredentials,
    /// How the connection is secured. Default: verified TLS with the system's CA certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Which namespaces may use this connection. Default: its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_namespaces: Option<AllowedNamespaces>,
    /// What the allowed namespaces may do.
    #[serde(flatten)]
    pub tenancy: Tenancy,
    /// Profile of new users whose object has no `userProfile`. Unset: such a user is not created (reason `Invalid`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 80))]
    pub default_user_profile: Option<String>,
    /// Stop all writes through this connection. The operator still finds differences and shows them (reason `Frozen`).
    /// Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freeze: Option<bool>,
    /// When changes may be written. Outside of these windows changes wait (reason `Frozen`; the message names the next window), but
    /// withdrawals and deletions proceed. Unset or empty: at any time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub change_windows: Vec<ChangeWindow>,
    /// Time between two reads of the whole remote side, which find drift. Default: 60s; at least 5s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(
        validation = Rule::new("duration(self) >= duration('5s')").message("driftInterval must be at least 5s")
    )]
    #[schemars(length(max = 32))]
    pub drift_interval: Option<Duration>,
    /// Limits of the calls to the node. Unset: the default of each of its fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// HTTP proxy through which the node is reached, for example `http://proxy.example.com:3128`. Default: none; the
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
    /// Whether users that the operator created carry a mark in `adminProperties` that names their object: by it, an object
    /// that was restored without its status recognises its user. The operator writes the mark together with other changes
    /// of the user, never for its own sake. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ownership_mark: Option<bool>,
    /// Whether the operator also reports what it wrote to the node's own audit trail, as entries of the type
    /// `dataiku-operator`: at most one call in ten seconds, after the writes. An entry that cannot be written holds up nothing and
    /// is not repeated; the log and the Events of the operator have every write. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit_trail: Option<bool>,
    /// How often the slower lists are read, and after which time a user counts as dormant. These reads never delay
    /// anything else. Unset: the default of each of its fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory: Option<InventorySpec>,
}

/// Drift interval where none is given.
pub const DEFAULT_DRIFT_INTERVAL: std::time::Duration = std::time::Duration::from_mins(1);
/// Shortest drift interval; the schema refuses less.
pub const MIN_DRIFT_INTERVAL: std::time::Duration = std::time::Duration::from_secs(5);

/// The interval in force for a declared one.
pub fn drift_interval(declared: Option<Duration>) -> std::time::Duration {
    declared
        .map_or(DEFAULT_DRIFT_INTERVAL, std::time::Duration::from)
        .max(MIN_DRIFT_INTERVAL)
}

/// The remote node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeStatus {
    /// Node id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Node name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Node type: `DESIGN`, `AUTOMATION`, `DEPLOYER`, `GOVERN`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<String>,
    /// Version of the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// Whom the remote side takes the operator for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IdentityStatus {
    /// Login, or id of the API key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Whether the key has the admin right.
    pub admin: bool,
    /// Whether the key has the right to roles, their assignments and blueprints (Govern nodes only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architect: Option<bool>,
}

/// What the licence allows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LicenseStatus {
    /// User profiles that the licence holds.
    pub user_profiles: Vec<String>,
}

/// Counts of users.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserCounts {
    /// Users on the remote side.
    pub total: i64,
    /// Of these, enabled.
    pub enabled: i64,
    /// Users with at least one open session. 0 means that the node can be restarted without disturbing anybody.
    pub connected: i64,
    /// Open sessions.
    pub sessions: i64,
    /// Users that no object declares.
    pub undeclared: i64,
    /// The first 20 of these, in the order of their logins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undeclared_sample: Vec<String>,
    /// Enabled users who never logged in. Absent while the activity of users is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub never_logged_in: Option<i64>,
    /// Enabled users who were last seen longer ago than `inventory.dormantAfter`. Absent while the activity of users is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dormant: Option<i64>,
}

/// Counts of groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupCounts {
    /// Groups on the remote side.
    pub total: i64,
    /// Groups that no object declares.
    pub undeclared: i64,
    /// The first 20 of these, in the order of their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undeclared_sample: Vec<String>,
}

/// Changes that the mass-change brake holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BrakeStatus {
    /// Value of the annotation `dataiku-operator.io/acknowledge` that releases exactly these changes.
    pub token: String,
    /// Number of users who would be disabled or deleted.
    pub pending: i64,
    /// When the brake held the first of them.
    pub since: Time,
}

/// Whether the operator calls the remote side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = super::common::undescribed)]
pub enum BreakerStatus {
    /// It does.
    Closed,
    /// Five calls in a row failed: only the read at each drift interval is sent, until one succeeds.
    Open,
}

/// What a connection shows in its status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionStatus {
    /// The remote node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeStatus>,
    /// Whom the remote side takes the operator for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<IdentityStatus>,
    /// What the licence allows. Absent where the node does not report it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<LicenseStatus>,
    /// Counts of users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<UserCounts>,
    /// Counts of groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<GroupCounts>,
    /// How many objects use this connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<i64>,
    /// Changes that wait for an acknowledgement, since too many users would lose their accounts at once. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brake: Option<BrakeStatus>,
    /// `Closed`: the operator calls the node. `Open`: five calls in a row failed, and only the read at each drift interval is sent
    /// until one succeeds. Absent before the first call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaker: Option<BreakerStatus>,
    /// What the operator set on the node and no object manages any more. Absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orphans: Option<Orphans>,
    /// What the slower lists show.
    #[serde(flatten)]
    pub inventory: InventoryStatus,
}
