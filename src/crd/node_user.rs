//! What `DssUser` and `GovernUser` share.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{KubeSchema, core::Rule};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{Ensure, ListPolicy, Policies, SecretKeyRef};

/// The login, declared or by default, never changes.
pub(super) fn immutable_login() -> Rule {
    Rule::new(
        "(has(self.spec.login) ? self.spec.login : self.metadata.name) == (has(oldSelf.spec.login) ? oldSelf.spec.login : self.metadata.name)",
    )
    .message("login is immutable")
    .reason(kube::core::Reason::FieldValueForbidden)
}

/// A name that is not a valid login needs `spec.login`.
pub(super) fn valid_login() -> Rule {
    Rule::new("has(self.spec.login) || self.metadata.name.matches('^[A-Za-z0-9@.+_-]{3,80}$')")
        .message("metadata.name is not a valid login (3 to 80 letters, digits and @ . + _ -): set spec.login")
}

/// Where a user of a node comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(transform = super::common::undescribed)]
pub enum SourceType {
    /// The node keeps the password.
    #[default]
    Local,
    /// LDAP directory.
    Ldap,
    /// No password; the node shows it as SSO.
    LocalNoAuth,
    /// Dataiku Cloud.
    Saas,
    /// PAM of the host.
    Pam,
    /// Azure AD.
    AzureAd,
    /// A custom source.
    Custom,
}

impl SourceType {
    /// Dataiku's own spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "LOCAL",
            Self::Ldap => "LDAP",
            Self::LocalNoAuth => "LOCAL_NO_AUTH",
            Self::Saas => "SAAS",
            Self::Pam => "PAM",
            Self::AzureAd => "AZURE_AD",
            Self::Custom => "CUSTOM",
        }
    }
}

/// One group of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Membership {
    /// Name of the group.
    #[schemars(length(min = 1, max = 80))]
    pub name: String,
    /// When the membership ends, for example `2027-01-31T18:00:00Z`. From then on the user is not in the group, and the
    /// operator removes the user again if somebody adds it (reason `Expired`). Unset: no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Time>,
    /// `Present` (default): the user is in the group. `Absent`: the user is not; the operator removes a membership that
    /// somebody else gave, and removes it again if it comes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ensure: Option<Ensure>,
}

impl Membership {
    /// Whether the user is to be in the group, as long as the time limit has not passed.
    pub fn is_present(&self) -> bool {
        self.ensure.unwrap_or_default() == Ensure::Present
    }
}

/// What the status of a user shows of the remote user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserSeen {
    /// The profile in force, computed by the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resulting_user_profile: Option<String>,
    /// Whether the user may log in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Groups of the user.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Open sessions, such as browser tabs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected: Option<i64>,
    /// Last login. This and the next two times are read every ten minutes. Absent: never, or not known yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_login: Option<Time>,
    /// Last login that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failed_login: Option<Time>,
    /// Hour of the last action in a session: the hour, so that this object does not change with every click.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_activity: Option<Time>,
    /// The trial of a profile, where the node's list of users shows one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<TrialSeen>,
    /// Whether the profile in force allows code. Absent: the node's list of users does not show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_allowed: Option<bool>,
    /// When the user was created on the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_on: Option<Time>,
}

/// The trial of a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrialSeen {
    /// Whether it is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid: Option<bool>,
    /// Whether it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expired: Option<bool>,
    /// Its end. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_on: Option<Time>,
}

/// A password that the operator makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GeneratePassword {
    /// Name of the Secret in the namespace of this object. A Secret of this name that does not belong to this object stays
    /// untouched (reason `AlreadyExists`).
    #[schemars(length(min = 1, max = 253))]
    pub secret_name: String,
    /// Number of letters and digits. Default: 24; from 12 to 128.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 12, max = 128))]
    pub length: Option<u16>,
}

/// Length of a generated password where none is given.
const DEFAULT_LENGTH: u16 = 24;

impl GeneratePassword {
    /// Number of letters and digits.
    pub fn length(&self) -> usize {
        self.length.unwrap_or(DEFAULT_LENGTH).into()
    }
}

/// The fields of a user. Rules of this struct apply where it is flattened, as long as the outer struct has none.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new(
        "!has(self.passwordSecretRef) || !has(self.sourceType) || self.sourceType == 'LOCAL'"
    ).message("passwordSecretRef is for sourceType LOCAL only"),
    validation = Rule::new(
        "!has(self.generatePassword) || !has(self.sourceType) || self.sourceType == 'LOCAL'"
    ).message("generatePassword is for sourceType LOCAL only"),
    validation = Rule::new("!has(self.generatePassword) || !has(self.passwordSecretRef)")
        .message("set passwordSecretRef or generatePassword, not both")
)]
#[serde(rename_all = "camelCase")]
pub struct UserSpec {
    /// Login: 3 to 80 letters, digits and `@ . + _ -`. Default: `metadata.name`. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[A-Za-z0-9@.+_-]{3,80}$"))]
    pub login: Option<String>,
    /// Where the user comes from: `LOCAL` (the node stores the password), `LDAP`, `LOCAL_NO_AUTH` (no password; the node
    /// shows it as SSO), `SAAS`, `PAM`, `AZURE_AD` or `CUSTOM`. Unset: `LOCAL` at creation, not managed afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_type: Option<SourceType>,
    /// Display name. Unset: the login at creation, not managed afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub display_name: Option<String>,
    /// Email address. Unset: not managed; empty: the user has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 320))]
    pub email: Option<String>,
    /// User profile by Dataiku's own name, for example `FULL_DESIGNER`. A profile that is not in the licence is refused
    /// (reason `Invalid`). Unset: the connection's `defaultUserProfile` at creation, not managed afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 80))]
    pub user_profile: Option<String>,
    /// Whether the user may log in. Unset: enabled at creation, not managed afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Groups of the user. Unset: not managed. A group that was listed and is later removed from the list is withdrawn. A
    /// group that does not exist yet is added as soon as it exists (reason `DependencyNotReady` until then).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    #[schemars(length(max = 200))]
    pub groups: Option<Vec<Membership>>,
    /// `AtLeast` (default) leaves the other groups of the user alone; `Exact` withdraws them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups_policy: Option<ListPolicy>,
    /// Secret in the namespace of this object that holds the password. `key` defaults to `password`. For `LOCAL` only,
    /// and required only to create the user. The operator sets the password once, and again when the Secret's value
    /// changes. While the Secret is missing, the operator still applies everything else. Unset: the password is not
    /// managed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_secret_ref: Option<SecretKeyRef>,
    /// Lets the operator make the password, for `LOCAL` only: it generates one, stores it in a Secret that this object
    /// owns (keys `login`, `password` and `url`), and then sets it. If somebody deletes that Secret, the operator
    /// generates and sets another password; if somebody edits its `password`, the operator sets that one. Not together
    /// with `passwordSecretRef`. Unset: none is generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generate_password: Option<GeneratePassword>,
    /// Properties that the user can see and edit, such as `costCenter: "1234"`; keys have at most 100 characters, values
    /// 256. Only the declared keys are managed. A key that is later removed from the map keeps its value. Unset or empty:
    /// no property is managed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = property_names())]
    #[schemars(extend("maxProperties" = 50), extend("additionalProperties" = property()))]
    pub user_properties: Option<BTreeMap<String, String>>,
    /// Properties that only administrators can see, such as `costCenter: "1234"`; keys have at most 100 characters,
    /// values 256. Only the declared keys are managed. A key that is later removed from the map keeps its value. Unset or
    /// empty: no property is managed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(
        validation = property_names(),
        validation = Rule::new("!('dataiku-operator.io/owner' in self)")
            .message("the property dataiku-operator.io/owner belongs to the operator")
    )]
    #[schemars(extend("maxProperties" = 50), extend("additionalProperties" = property()))]
    pub admin_properties: Option<BTreeMap<String, String>>,
    /// When the access ends, for example `2027-06-30T00:00:00Z`. From then on a user who exists is disabled, and disabled
    /// again if somebody enables it; a user who does not exist is not created (reason `Expired`, with `Ready` true). A later
    /// time, or none, enables a user whom the operator disabled for this reason. Unset: no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Time>,
    /// Management, adoption and deletion.
    #[serde(flatten)]
    pub policies: Policies,
}

fn property() -> serde_json::Value {
    serde_json::json!({ "type": "string", "maxLength": 256 })
}

fn property_names() -> Rule {
    Rule::new("self.all(name, size(name) >= 1 && size(name) <= 100)")
        .message("the name of a property has 1 to 100 characters")
}
