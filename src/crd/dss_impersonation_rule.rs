//! `DssImpersonationRule`: as whom code of a DSS user or group runs.

use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    common::{InstanceRef, Policies, undescribed},
    status::{Nothing, Status},
};

/// Status of a [`DssImpersonationRule`].
pub type DssImpersonationRuleStatus = Status<Nothing, Nothing>;

/// What a rule matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = undescribed)]
pub enum RuleType {
    /// Everybody, and the target has the same name.
    #[serde(rename = "IDENTITY")]
    Identity,
    /// One user or group.
    #[serde(rename = "SINGLE_MAPPING")]
    SingleMapping,
    /// All whose names match a regular expression.
    #[serde(rename = "REGEXP_RULE")]
    Regexp,
}

/// Where a rule applies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(transform = undescribed)]
pub enum RuleScope {
    /// In all projects.
    #[default]
    Global,
    /// In one project.
    Project,
}

/// Whether a rule is to be there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = undescribed)]
pub enum RulePresence {
    /// It is there.
    #[default]
    Present,
    /// No rule has this content.
    Absent,
}

/// A rule for users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("self.type != 'IDENTITY' || !(has(self.dssUser) || has(self.ruleFrom) || has(self.targetUnix) || has(self.targetHadoop))")
        .message("an IDENTITY rule has neither a subject nor a target"),
    validation = Rule::new("self.type != 'SINGLE_MAPPING' || (has(self.dssUser) && has(self.targetUnix) && !has(self.ruleFrom))")
        .message("a SINGLE_MAPPING rule needs dssUser and targetUnix, and takes no ruleFrom"),
    validation = Rule::new("self.type != 'REGEXP_RULE' || (has(self.ruleFrom) && has(self.targetUnix) && !has(self.dssUser))")
        .message("a REGEXP_RULE needs ruleFrom and targetUnix, and takes no dssUser"),
    validation = Rule::new("(has(self.scope) && self.scope == 'PROJECT') == has(self.projectKey)")
        .message("projectKey belongs to scope: PROJECT")
)]
#[serde(rename_all = "camelCase")]
pub struct UserRule {
    /// `IDENTITY`: every user runs code under their own login. `SINGLE_MAPPING`: `dssUser` runs as `targetUnix`.
    /// `REGEXP_RULE`: a user whose login matches `ruleFrom` runs as `targetUnix`, in which `$1` stands for the first
    /// group of the expression.
    #[serde(rename = "type")]
    pub type_: RuleType,
    /// `GLOBAL` (default): in all projects. `PROJECT`: in the project `projectKey`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<RuleScope>,
    /// Key of the project, required with `scope: PROJECT`. Unset with `GLOBAL`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub project_key: Option<String>,
    /// Login of the user, required with `SINGLE_MAPPING`. Unset with every other type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub dss_user: Option<String>,
    /// Regular expression for logins, in the syntax of Java, such as `(.*)@example\.com`; required with `REGEXP_RULE`.
    /// Unset with every other type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500))]
    pub rule_from: Option<String>,
    /// Unix user, required with `SINGLE_MAPPING` and `REGEXP_RULE`. Unset with `IDENTITY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub target_unix: Option<String>,
    /// Hadoop user. Default: `targetUnix`. Unset with `IDENTITY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub target_hadoop: Option<String>,
}

/// A rule for groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("self.type != 'IDENTITY' || !(has(self.dssGroup) || has(self.ruleFrom) || has(self.targetUnix) || has(self.targetHadoop))")
        .message("an IDENTITY rule has neither a subject nor a target"),
    validation = Rule::new("self.type != 'SINGLE_MAPPING' || (has(self.dssGroup) && has(self.targetUnix) && !has(self.ruleFrom))")
        .message("a SINGLE_MAPPING rule needs dssGroup and targetUnix, and takes no ruleFrom"),
    validation = Rule::new("self.type != 'REGEXP_RULE' || (has(self.ruleFrom) && has(self.targetUnix) && !has(self.dssGroup))")
        .message("a REGEXP_RULE needs ruleFrom and targetUnix, and takes no dssGroup")
)]
#[serde(rename_all = "camelCase")]
pub struct GroupRule {
    /// `IDENTITY`: every group stands for the Unix group of its name. `SINGLE_MAPPING`: `dssGroup` stands for `targetUnix`.
    /// `REGEXP_RULE`: a group whose name matches `ruleFrom` stands for `targetUnix`, in which `$1` stands for the first group of
    /// the expression.
    #[serde(rename = "type")]
    pub type_: RuleType,
    /// Name of the group, required with `SINGLE_MAPPING`. Unset with every other type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub dss_group: Option<String>,
    /// Regular expression for names of groups, in the syntax of Java, such as `(.*)@example\.com`; required with
    /// `REGEXP_RULE`. Unset with every other type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500))]
    pub rule_from: Option<String>,
    /// Unix group, required with `SINGLE_MAPPING` and `REGEXP_RULE`. Unset with `IDENTITY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub target_unix: Option<String>,
    /// Hadoop group. Default: `targetUnix`. Unset with `IDENTITY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub target_hadoop: Option<String>,
}

/// A word or an object: no type covers both.
fn position(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "x-kubernetes-preserve-unknown-fields": true })
}

/// An impersonation rule of a DSS node: as which Unix and Hadoop user or group the node runs code. The rules are two lists in
/// the general settings; other objects, people and tools have rules in them, and the operator leaves those alone.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dataiku-operator.io",
    version = "v1alpha1",
    kind = "DssImpersonationRule",
    namespaced,
    category = "dataiku",
    shortname = "dssir",
    status = "DssImpersonationRuleStatus",
    derive = "PartialEq",
    doc = "An impersonation rule of a DSS node.",
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
    validation = Rule::new("has(self.user) != has(self.group)").message("declare either user or group"),
    validation = Rule::new("has(self.user) == has(oldSelf.user)").message("a rule stays one for users or for groups"),
    validation = Rule::new("!has(self.deletionPolicy) || self.deletionPolicy != 'Disable'")
        .message("a rule cannot be disabled: use Delete or Retain")
)]
#[serde(rename_all = "camelCase")]
pub struct DssImpersonationRuleSpec {
    /// The connection, a `DssInstance`. Immutable.
    #[x_kube(validation = Rule::new("self == oldSelf").message("instanceRef is immutable"))]
    pub instance_ref: InstanceRef,
    /// A rule for users. Exactly one of `user` and `group`. When you change the content, the operator removes the rule
    /// that it added and adds the new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserRule>,
    /// A rule for groups. Exactly one of `user` and `group`. When you change the content, the operator removes the rule
    /// that it added and adds the new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupRule>,
    /// Where the operator inserts the rule, since the first rule that matches wins: `First`, `Last` (default), or
    /// `{before: <name>}`, before the rule of another `DssImpersonationRule` in this namespace, for which this object waits. A
    /// rule that is there already stays where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "position")]
    pub position: Option<Value>,
    /// `Present` (default): there is a rule with this content. One that was there before stays when this object is deleted.
    /// `Absent`: there is none, as for the rules of a fresh installation; the rules come back when this object is deleted. If
    /// one object wants a rule and another one does not, the younger one reports `Conflict`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ensure: Option<RulePresence>,
    /// Management, adoption and deletion. `adoptionPolicy` has no effect: the lists belong to nobody.
    #[serde(flatten)]
    pub policies: Policies,
}
