//! `LaunchpadUser`: somebody in a space of Dataiku Cloud, from the invite on.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    common::{InstanceRef, ListPolicy, Policies},
    node_user::Membership,
    status::{Nothing, Status},
};

/// Profile of an invite whose object declares none.
pub const DEFAULT_PROFILE: &str = "reader";

fn properties(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 50,
        "additionalProperties": { "x-kubernetes-preserve-unknown-fields": true },
    })
}

/// The seat of somebody.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatProfile {
    /// Name of the profile, as the status of the `LaunchpadSpace` shows it, such as `designer`.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    /// Whether it is a trial seat. Unset: not managed; a trial stays a trial, and an invite is for a seat that is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<bool>,
}

/// How far somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = super::common::undescribed)]
pub enum Phase {
    /// Invited, and the invite is not accepted yet.
    Invited,
    /// A user of the space.
    Active,
}

/// What a [`LaunchpadUser`] shows of the invite or the user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LaunchpadUserSeen {
    /// Email address in the spelling of the Launchpad.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// `Invited` until the invite is accepted, then `Active`. Absent: neither invited nor a user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// Id of the invite, then of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// When the last invite was sent, as far as this object saw it. The operator renews an invite that is gone a day after this
    /// at the earliest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invited_at: Option<Time>,
    /// When the user was created, which is when the invite was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_on: Option<Time>,
    /// Whether this is the owner of the space. Absent: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<bool>,
    /// Whether the seat is a trial seat. Absent: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<bool>,
}

/// Status of a [`LaunchpadUser`].
pub type LaunchpadUserStatus = Status<LaunchpadUserSeen, Nothing>;

/// Somebody in a space of Dataiku Cloud: invited while unknown, and the user once the invite is accepted. A pending invite is
/// in sync. A field left out is not managed; an empty list is managed to empty.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dataiku-operator.io",
    version = "v1alpha1",
    kind = "LaunchpadUser",
    namespaced,
    category = "dataiku",
    shortname = "lpu",
    status = "LaunchpadUserStatus",
    derive = "PartialEq",
    doc = "Somebody in a space of Dataiku Cloud, from the invite on.",
    printcolumn(name = "Remote", type_ = "string", json_path = ".status.remote.key"),
    printcolumn(name = "Space", type_ = "string", json_path = ".spec.spaceRef.name"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.remote.phase"),
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
    printcolumn(
        name = "Propagated",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Propagated')].status"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[x_kube(
    validation = Rule::new("!has(self.deletionPolicy) || self.deletionPolicy != 'Disable'")
        .message("a user of a space cannot be disabled: use Delete or Retain")
)]
#[serde(rename_all = "camelCase")]
pub struct LaunchpadUserSpec {
    /// The connection, a `LaunchpadSpace`. Immutable.
    #[x_kube(validation = Rule::new("self == oldSelf").message("spaceRef is immutable"))]
    pub space_ref: InstanceRef,
    /// Email address. Case does not count: an invite or a user in another spelling is this one. Immutable.
    #[x_kube(validation = Rule::new("self == oldSelf").message("email is immutable"))]
    #[schemars(length(min = 3, max = 320), regex(pattern = "^[^@\\s]+@[^@\\s]+$"))]
    pub email: String,
    /// The seat. Unset: not managed, and an invite is for `reader`. While no seat is free nobody is invited and no profile is
    /// changed (reason `Guarded`; the message names who has the seats); a seat that becomes free goes to the oldest object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<SeatProfile>,
    /// Groups of the space, in the invite and later of the user. A membership may be declared here, in the `members` of
    /// the `LaunchpadGroup`, or in both. While a group does not exist the object waits (reason `DependencyNotReady`); the
    /// others are written. Unset: not managed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub groups: Option<Vec<Membership>>,
    /// `AtLeast` (default): the user is in the listed groups, other memberships are left alone. `Exact`: the user is in
    /// no others, except those that a `LaunchpadGroup` on the same connection declares. Without `groups` it has no
    /// effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups_policy: Option<ListPolicy>,
    /// Properties that administrators see, of any JSON type, such as `costCenter: 1234`. The operator owns the keys
    /// listed here and leaves others alone. They are set once the invite is accepted. Unset: none is managed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "properties")]
    pub admin_properties: Option<BTreeMap<String, Value>>,
    /// Management, adoption and deletion.
    #[serde(flatten)]
    pub policies: Policies,
}
