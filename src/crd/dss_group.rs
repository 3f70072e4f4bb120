//! `DssGroup`: a group of a DSS node.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    common::{InstanceRef, Policies},
    status::{Nothing, Status},
};

/// What a [`DssGroup`] shows of the remote group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DssGroupSeen {
    /// How many users are in the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<i64>,
}

/// Status of a [`DssGroup`].
pub type DssGroupStatus = Status<DssGroupSeen, Nothing>;

/// A group of a DSS node. A field left out is not managed; an empty list or text is managed to empty.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dataiku-operator.io",
    version = "v1alpha1",
    kind = "DssGroup",
    namespaced,
    category = "dataiku",
    shortname = "dssg",
    status = "DssGroupStatus",
    derive = "PartialEq",
    doc = "A group of a DSS node.",
    validation = Rule::new(
        "(has(self.spec.name) ? self.spec.name : self.metadata.name) == (has(oldSelf.spec.name) ? oldSelf.spec.name : self.metadata.name)"
    ).message("name is immutable").reason(Reason::FieldValueForbidden),
    validation = Rule::new(
        "has(self.spec.name) || self.metadata.name.matches('^[A-Za-z0-9@.+_-]{1,80}$')"
    ).message("metadata.name is no legal group name (at most 80 characters): set spec.name"),
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
    validation = Rule::new("!has(self.deletionPolicy) || self.deletionPolicy != 'Disable'")
        .message("a group cannot be disabled: use Delete or Retain")
)]
#[serde(rename_all = "camelCase")]
pub struct DssGroupSpec {
    /// The connection. Immutable.
    #[x_kube(validation = Rule::new("self == oldSelf").message("instanceRef is immutable"))]
    pub instance_ref: InstanceRef,
    /// Name of the group: at most 80 letters, digits and `@ . + _ -`. Default: `metadata.name`. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[A-Za-z0-9@.+_-]{1,80}$"))]
    pub name: Option<String>,
    /// Description. Unset: not managed; empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where members come from: `LOCAL`, `LDAP`, `SAAS`, `AZURE_AD`, `LOCAL_NO_AUTH` (SSO), `CUSTOM`, `PAM`.
    /// Unset: `LOCAL` at creation, not managed afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 40))]
    pub source_type: Option<String>,
    /// Whether members have all rights on the instance. Unset: not managed. A right that was declared and is left out
    /// later is withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin: Option<bool>,
    /// Permission flags by DSS's own names, for example `mayCreateProjects: true`. An open map: new flags appear with
    /// new releases. Flags left out are not managed; a flag that was declared true and is left out later is withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<BTreeMap<String, bool>>,
    /// LDAP groups whose members are in this group. Unset: not managed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ldap_group_names: Option<Vec<String>>,
    /// Azure AD groups whose members are in this group. Unset: not managed.
    #[serde(default, rename = "azureADGroupNames", skip_serializing_if = "Option::is_none")]
    pub azure_ad_group_names: Option<Vec<String>>,
    /// SSO groups whose members are in this group. Unset: not managed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sso_group_names: Option<Vec<String>>,
    /// Groups of a custom source whose members are in this group. Unset: not managed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_group_names: Option<Vec<String>>,
    /// Members may act as users of groups that match this expression (`canObtainAPITicketFromCookiesForGroupsRegex`).
    /// Unset: not managed; empty: nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impersonatable_groups_regex: Option<String>,
    /// Management, adoption and deletion.
    #[serde(flatten)]
    pub policies: Policies,
}
