//! What `DssGroup` and `GovernGroup` share.

use std::collections::BTreeMap;

use kube::{KubeSchema, core::Rule};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::Policies;

/// The name, declared or by default, never changes.
pub(super) fn immutable_name() -> Rule {
    Rule::new(
        "(has(self.spec.name) ? self.spec.name : self.metadata.name) == (has(oldSelf.spec.name) ? oldSelf.spec.name : self.metadata.name)",
    )
    .message("name is immutable")
    .reason(kube::core::Reason::FieldValueForbidden)
}

/// A name that is not a valid group name needs `spec.name`.
pub(super) fn valid_name() -> Rule {
    Rule::new("has(self.spec.name) || self.metadata.name.matches('^[A-Za-z0-9@.+_-]{1,80}$')")
        .message("metadata.name is not a valid group name (at most 80 letters, digits and @ . + _ -): set spec.name")
}

/// What the status of a group shows of the remote group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupSeen {
    /// Number of users in the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<i64>,
}

/// The fields of a group. Rules of this struct apply where it is flattened, as long as the outer struct has none.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("!has(self.deletionPolicy) || self.deletionPolicy != 'Disable'")
        .message("a group cannot be disabled: use Delete or Retain")
)]
#[serde(rename_all = "camelCase")]
pub struct GroupSpec {
    /// Name of the group: at most 80 letters, digits and `@ . + _ -`. Default: `metadata.name`. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[A-Za-z0-9@.+_-]{1,80}$"))]
    pub name: Option<String>,
    /// Description. Unset: not managed; empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub description: Option<String>,
    /// Where members come from: `LOCAL`, `LDAP`, `SAAS`, `AZURE_AD`, `LOCAL_NO_AUTH` (SSO), `CUSTOM` or `PAM`. Unset: `LOCAL`
    /// at creation, not managed afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 40))]
    pub source_type: Option<String>,
    /// Whether members have every right on the node. Unset: not managed, except that a right that this field gave is
    /// withdrawn when the field is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin: Option<bool>,
    /// Permission flags by Dataiku's own names, for example `mayCreateProjects: true` on a DSS node or
    /// `isGovernArchitect: true` on a Govern node. The map is open, since releases add flags. A flag that is not listed
    /// is not managed; a flag that was listed as true and is later removed from the map is withdrawn. The right to
    /// everything is the field `admin`. Unset: no flag is managed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(
        validation = Rule::new(
            "self.all(flag, !(flag in ['admin', 'name', 'description', 'sourceType', 'ldapGroupNames', 'azureADGroupNames', 'ssoGroupNames', 'customGroupNames', 'canObtainAPITicketFromCookiesForGroupsRegex']))"
        ).message("a key of permissions is not a permission flag: use the field of spec for it"),
        validation = Rule::new("self.all(flag, size(flag) >= 1 && size(flag) <= 100)")
            .message("the name of a permission flag has 1 to 100 characters")
    )]
    #[schemars(extend("maxProperties" = 200))]
    pub permissions: Option<BTreeMap<String, bool>>,
    /// LDAP groups whose members are in this group. Unset: not managed; empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 512)))]
    pub ldap_group_names: Option<Vec<String>>,
    /// Azure AD groups whose members are in this group. Unset: not managed; empty: none.
    #[serde(default, rename = "azureADGroupNames", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 512)))]
    pub azure_ad_group_names: Option<Vec<String>>,
    /// SSO groups whose members are in this group. Unset: not managed; empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 512)))]
    pub sso_group_names: Option<Vec<String>>,
    /// Groups of a custom source whose members are in this group. Unset: not managed; empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 512)))]
    pub custom_group_names: Option<Vec<String>>,
    /// Members may act as users of groups whose names match this regular expression
    /// (`canObtainAPITicketFromCookiesForGroupsRegex`). Unset: not managed; empty: as nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub impersonatable_groups_regex: Option<String>,
    /// Management, adoption and deletion.
    #[serde(flatten)]
    pub policies: Policies,
}
