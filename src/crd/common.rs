//! What the specs of all kinds share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// API group of every kind.
pub const GROUP: &str = "dataiku-operator.io";
/// API version of every kind.
pub const VERSION: &str = "v1alpha1";
/// Field manager of every write to Kubernetes.
pub const FIELD_MANAGER: &str = "dataiku-operator";
/// Finalizer of every kind.
pub const FINALIZER: &str = "dataiku-operator.io/finalizer";

/// Annotations that people set and the operator only reads.
pub mod annotation {
    /// The token of a condition that waits for it: releases what waits.
    pub const ACKNOWLEDGE: &str = "dataiku-operator.io/acknowledge";
    /// Any value but `false` and the empty one: no calls and no writes for this object; deletion still works.
    pub const PAUSED: &str = "dataiku-operator.io/paused";
    /// Any text: the operator sets every secret of this object once more, even those that did not change.
    pub const REAPPLY_CREDENTIALS: &str = "dataiku-operator.io/reapply-credentials";
    /// Any text: a pass now; the text is echoed in `status.lastHandledReconcileAt`.
    pub const RECONCILE_AT: &str = "dataiku-operator.io/reconcile-at";
    /// On a Secret that a connection reads: hosts that its values may be sent to, separated by commas. `*.example.com` stands
    /// for every name below; a port is optional, and without one every port is allowed.
    pub const ALLOWED_HOSTS: &str = "dataiku-operator.io/allowed-hosts";
    /// On a namespace: what happens to a remote object whose object there has no `deletionPolicy`.
    pub const DEFAULT_DELETION_POLICY: &str = "dataiku-operator.io/default-deletion-policy";
    /// `"true"` on an object being deleted: the finalizer goes at once, the remote object stays as it is.
    pub const FORCE_RELEASE: &str = "dataiku-operator.io/force-release";

    /// On a Secret that the operator publishes: keyed hashes of its values, by which the operator notices an edit. The only
    /// annotation that the operator writes.
    pub const PUBLISHED: &str = "dataiku-operator.io/published";

    /// Whether this value of [`PAUSED`] pauses. A value that is neither `true` nor `false` was meant to pause.
    pub fn pauses(value: &str) -> bool {
        !matches!(value.trim().to_ascii_lowercase().as_str(), "" | "false")
    }

    /// Whether the operator reads an annotation of this name.
    pub fn is_ours(name: &str) -> bool {
        [ACKNOWLEDGE, PAUSED, RECONCILE_AT, REAPPLY_CREDENTIALS, FORCE_RELEASE].contains(&name)
    }
}

/// Takes the description of an enumeration out of its schema. The field that has this type says what its values mean
/// there, and would be overruled.
pub(super) fn undescribed(schema: &mut schemars::Schema) {
    schema.remove("description");
}

/// A connection object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceRef {
    /// Name of the connection object.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Its namespace. Default: the namespace of this object. Another namespace works only if the connection's
    /// `allowedNamespaces` includes the namespace of this object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
}

/// A Secret in the namespace of the object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Name of the Secret, in the namespace of this object.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// One key of a Secret in the namespace of the object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyRef {
    /// Name of the Secret, in the namespace of this object.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Key in the Secret's data, such as `password`. Unset: the default that the description of this reference states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub key: Option<String>,
}

/// Whether the operator may write to the remote side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = undescribed)]
pub enum ManagementPolicy {
    /// Make the remote side match, and keep it so.
    #[default]
    Manage,
    /// Never write. What would be done is in `status.plan`.
    Observe,
}

/// What happens when the remote object exists already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = undescribed)]
pub enum AdoptionPolicy {
    /// Leave it alone and say so (reason `AlreadyExists`).
    #[default]
    Refuse,
    /// Take it over and make it match. Adopting never implies the right to delete.
    Adopt,
}

/// What happens to the remote object when this object is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = undescribed)]
pub enum DeletionPolicy {
    /// It is deleted.
    Delete,
    /// It is disabled, and memberships that this object set are withdrawn (users only).
    Disable,
    /// It stays as it is.
    Retain,
}

/// Whether an entry of a list is to be there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = undescribed)]
pub enum Ensure {
    /// It is there.
    #[default]
    Present,
    /// It is not there, whoever put it there.
    Absent,
}

/// How a list of names relates to what is found on the remote side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = undescribed)]
pub enum ListPolicy {
    /// The listed names are there; others are left alone. A name that was listed and is listed no more is withdrawn.
    #[default]
    AtLeast,
    /// Only the listed names are there.
    Exact,
}

/// The three policies that every kind takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Policies {
    /// `Manage` (default) makes the remote side match; `Observe` never writes and lists the differences in `status.plan`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management_policy: Option<ManagementPolicy>,
    /// `Refuse` (default) does not touch a remote object that exists already (reason `AlreadyExists`); `Adopt` takes it over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption_policy: Option<AdoptionPolicy>,
    /// What happens to the remote object when this object is deleted. Unset: the annotation
    /// `dataiku-operator.io/default-deletion-policy` of the namespace decides, then `run --default-deletion-policy`; without both, the
    /// operator disables users that it created and deletes anything else that it created. Unless it is set here, adopted objects
    /// stay unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
}

impl DeletionPolicy {
    /// The policy of this name, whatever its case.
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Delete, Self::Disable, Self::Retain];
        let name = name.trim();
        all.into_iter()
            .find(|policy| policy.as_str().eq_ignore_ascii_case(name))
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "Delete",
            Self::Disable => "Disable",
            Self::Retain => "Retain",
        }
    }
}

impl Policies {
    /// Whether this object only watches.
    pub fn observes(&self) -> bool {
        self.management_policy == Some(ManagementPolicy::Observe)
    }

    /// Whether a remote object found in place may be taken over.
    pub fn adopts(&self) -> bool {
        self.adoption_policy == Some(AdoptionPolicy::Adopt)
    }
}
