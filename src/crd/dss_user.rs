//! `DssUser`: a user of a DSS node.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    common::{InstanceRef, ListPolicy, Policies, SecretKeyRef},
    status::{Nothing, Status},
};

/// Where a DSS user comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(transform = super::common::undescribed)]
pub enum SourceType {
    /// Password kept by DSS.
    #[default]
    Local,
    /// LDAP directory.
    Ldap,
    /// No password; shown as SSO by DSS.
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
    /// DSS's own spelling.
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
}

/// What a [`DssUser`] shows of the remote user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DssUserSeen {
    /// The profile that DSS arrived at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resulting_user_profile: Option<String>,
    /// Whether the user may log in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Groups that the user is in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
}

/// Status of a [`DssUser`].
pub type DssUserStatus = Status<DssUserSeen, Nothing>;

/// A user of a DSS node. A field left out is not managed; an empty list, map or text is managed to empty.
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
    validation = Rule::new(
        "(has(self.spec.login) ? self.spec.login : self.metadata.name) == (has(oldSelf.spec.login) ? oldSelf.spec.login : self.metadata.name)"
    ).message("login is immutable").reason(Reason::FieldValueForbidden),
    validation = Rule::new(
        "has(self.spec.login) || self.metadata.name.matches('^[A-Za-z0-9@.+_-]{3,80}$')"
    ).message("metadata.name is no legal login (3 to 80 characters): set spec.login"),
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
#[x_kube(
    validation = Rule::new(
        "!has(self.passwordSecretRef) || !has(self.sourceType) || self.sourceType == 'LOCAL'"
    ).message("passwordSecretRef is for sourceType LOCAL only")
)]
#[serde(rename_all = "camelCase")]
pub struct DssUserSpec {
    /// The connection. Immutable.
    #[x_kube(validation = Rule::new("self == oldSelf").message("instanceRef is immutable"))]
    pub instance_ref: InstanceRef,
    /// Login: 3 to 80 letters, digits and `@ . + _ -`. Default: `metadata.name`. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[A-Za-z0-9@.+_-]{3,80}$"))]
    pub login: Option<String>,
    /// Where the user comes from. Unset: `LOCAL` at creation, not managed afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_type: Option<SourceType>,
    /// Name to show. Unset: the login at creation, not managed afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub display_name: Option<String>,
    /// Email address. Unset: not managed; empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 320))]
    pub email: Option<String>,
    /// User profile by DSS's own name, for example `FULL_DESIGNER`; must be in the licence. Unset: the connection's
    /// `defaultUserProfile` at creation, not managed afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 80))]
    pub user_profile: Option<String>,
    /// Whether the user may log in. Unset: enabled at creation, not managed afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Groups of the user. Unset: not managed. A group that was listed and is left out later is withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub groups: Option<Vec<Membership>>,
    /// `AtLeast` (default): other groups of the user are left alone. `Exact`: they are withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups_policy: Option<ListPolicy>,
    /// Secret in the namespace of this object that holds the password. `key` defaults to `password`. For `LOCAL` only,
    /// and needed only to create the user. Set once; set again when the Secret's value changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_secret_ref: Option<SecretKeyRef>,
    /// Properties that the user can see and edit. Only the keys given are managed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_properties: Option<BTreeMap<String, String>>,
    /// Properties that only administrators see. Only the keys given are managed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_properties: Option<BTreeMap<String, String>>,
    /// Management, adoption and deletion.
    #[serde(flatten)]
    pub policies: Policies,
}
