//! What other namespaces may do through a connection, and what nobody may do: parts of the spec of every connection.

use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::connection::AllowedNamespaces;

/// Whose state the status of objects may show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = super::common::undescribed)]
pub enum Visible {
    /// Only that of remote objects which the namespace's own objects created or adopted.
    #[default]
    Own,
    /// That of every remote object.
    All,
}

/// Users and groups that the operator never changes, whatever an object declares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Protected {
    /// Logins or emails of users that no object may manage, in any namespace; without case. Default: none. The user whose
    /// key the operator uses is always protected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200), inner(length(min = 1, max = 320)))]
    pub users: Vec<String>,
    /// Groups that no object may manage, and that no object may add members to or remove them from, in any namespace; without
    /// case. Default: none. A membership that the operator gave earlier can still be withdrawn.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200), inner(length(min = 1, max = 200)))]
    pub groups: Vec<String>,
}

/// Names, or globs.
fn names(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 200,
        "items": { "type": "string", "minLength": 1, "maxLength": 320 },
    })
}

/// What some namespaces may do through a connection.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delegation {
    /// The namespaces that this entry applies to, in the form of `allowedNamespaces`. It allows no namespace by itself:
    /// `allowedNamespaces` has to include it too.
    pub namespaces: AllowedNamespaces,
    /// Kinds that the namespaces may declare. Default: users, groups, role assignments and personal API keys. Every other
    /// kind is privileged as a whole and has to be named here: `DssGlobalApiKey`, `DssInstanceVariables` and so on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50), inner(length(min = 1, max = 63)))]
    pub kinds: Option<Vec<String>>,
    /// Logins or emails that objects may name: declare, adopt, add to groups, give keys or roles to. Globs: `*` is any
    /// text, `?` any character; without case. Default: `["*"]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "names")]
    pub users: Option<Vec<String>>,
    /// Groups that objects may name: declare, adopt, join, give roles to. Globs. Default: `["*"]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "names")]
    pub groups: Option<Vec<String>>,
    /// Profiles that users may get by `userProfile`. Default: every licensed one. The connection's `defaultUserProfile` is
    /// always allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50), inner(length(min = 1, max = 80)))]
    pub user_profiles: Option<Vec<String>>,
    /// Source types that users and groups may have, such as `LDAP` or `LOCAL_NO_AUTH`. A user without `sourceType` counts as
    /// `LOCAL`. Default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20), inner(length(min = 1, max = 40)))]
    pub source_types: Option<Vec<String>>,
    /// Permission flags that may be true. Default: every flag that is not privileged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200), inner(length(min = 1, max = 200)))]
    pub permissions: Option<Vec<String>>,
    /// Ids of Govern roles that assignments may give. Globs. Default: `["*"]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "names")]
    pub roles: Option<Vec<String>>,
    /// Ids of Govern blueprints that assignments may concern. Globs. Default: `["*"]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "names")]
    pub blueprints: Option<Vec<String>>,
    /// Nodes of a space that groups may get access to. Globs. `nodeTypes` of a group needs `*` here. Default: `["*"]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "names")]
    pub nodes: Option<Vec<String>>,
    /// Whether objects may adopt remote objects that exist already, and remove entries of others with the policy `Exact`.
    /// Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopt: Option<bool>,
    /// Whether `deletionPolicy: Delete` may delete adopted remote objects. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete: Option<bool>,
    /// `Own` (default): objects show only what they created or adopted. `All`: objects with `managementPolicy: Observe` show
    /// groups, profile and activity of any user, and any group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observe: Option<Visible>,
    /// Privileged flags, by their exact names, and groups with such flags, by their exact names, that objects may give to
    /// others. Default: none. The manual lists the privileged flags in docs/security.md.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200), inner(length(min = 1, max = 200)))]
    pub privileges: Option<Vec<String>>,
}

/// Who may do what through a connection, beside `allowedNamespaces`.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tenancy {
    /// What other namespaces may do; of several entries, the first one whose `namespaces` match applies. The connection's
    /// own namespace may do everything that `protected` does not exclude. A namespace that `allowedNamespaces` includes
    /// and that no entry matches may declare new users and groups without privileges, and change and delete those that it
    /// created: it adopts nothing, and sees nothing that it did not create. The operator checks this on every reconcile
    /// and before every write (reason `NotAllowed`). Removing an entry stops writes and withdraws nothing by itself.
    /// Default: no entry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub delegations: Vec<Delegation>,
    /// Users and groups that nobody may change through the operator. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protected: Option<Protected>,
}
