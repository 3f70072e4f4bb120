//! What a connection to a node reads beside users and groups, and what its status shows of it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{KubeSchema, core::Duration};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Time between two reads of the inventory, where none is given.
pub const DEFAULT_INTERVAL: std::time::Duration = std::time::Duration::from_mins(10);
/// Shortest time between two reads of the inventory; the schema refuses less.
pub const MIN_INTERVAL: std::time::Duration = std::time::Duration::from_secs(5);
/// Time after which a user counts as dormant, where none is given.
pub const DEFAULT_DORMANT_AFTER: jiff::SignedDuration = jiff::SignedDuration::from_hours(90 * 24);

/// A number of days, hours or minutes, such as `90d`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LongDuration(pub String);

impl LongDuration {
    /// The time that it stands for; a day has 24 hours. `None`: the text is of another form, which the schema refuses.
    pub fn read(&self) -> Option<jiff::SignedDuration> {
        let (number, unit) = self.0.split_at_checked(self.0.len().checked_sub(1)?)?;
        let number: i64 = number.parse().ok().filter(|number| *number > 0)?;
        let minutes = match unit {
            "d" => 24 * 60,
            "h" => 60,
            "m" => 1,
            _ => return None,
        };
        Some(jiff::SignedDuration::from_mins(
            number.checked_mul(minutes)?.min(MOST_MINUTES),
        ))
    }
}

/// A hundred years.
const MOST_MINUTES: i64 = 100 * 366 * 24 * 60;

impl JsonSchema for LongDuration {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "LongDuration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": 10, "pattern": "^[1-9][0-9]{0,8}[dhm]$" })
    }
}

/// How often the slower lists are read, and whom they show as dormant.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InventorySpec {
    /// Time between two reads of the slower lists: activity of users, API keys, tasks, jobs, notebooks, usage and impersonation
    /// rules. Default: 10m; at least 5s. While nobody has a session, what runs is read at each drift interval, since the
    /// condition `InUse` depends on it then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(
        validation = Rule::new("duration(self) >= duration('5s')").message("interval must be at least 5s")
    )]
    #[schemars(length(max = 32))]
    pub interval: Option<Duration>,
    /// A user who was last seen longer ago than this counts as dormant: a number of days (`d`), hours (`h`) or minutes (`m`).
    /// Default: 90d.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dormant_after: Option<LongDuration>,
}

impl InventorySpec {
    /// Time between two reads of the slower lists.
    pub fn interval(&self) -> std::time::Duration {
        self.interval
            .map_or(DEFAULT_INTERVAL, std::time::Duration::from)
            .max(MIN_INTERVAL)
    }

    /// Time after which a user counts as dormant.
    pub fn dormant_after(&self) -> jiff::SignedDuration {
        let declared = self.dormant_after.as_ref().and_then(LongDuration::read);
        declared.unwrap_or(DEFAULT_DORMANT_AFTER)
    }
}

/// Counts of administrators.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdminCounts {
    /// Enabled users in a group with the admin right.
    pub users: i64,
    /// Groups with the admin right.
    pub groups: i64,
    /// Of these users, those that no object declares.
    pub undeclared: i64,
}

/// Counts of API keys. A number is absent while a list that it needs cannot be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyCounts {
    /// Global keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global: Option<i64>,
    /// Personal keys of all users (DSS only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub personal: Option<i64>,
    /// Keys with the admin right: their own, that of a group, or that of their user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin: Option<i64>,
    /// Keys that no object declares, without the global key that the operator itself uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undeclared: Option<i64>,
    /// Keys that expire within 30 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiring_soon: Option<i64>,
}

/// Long tasks and runs of scenarios.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskCounts {
    /// Tasks and runs of scenarios that run, of all users.
    pub running: i64,
    /// When the oldest of them began. Absent where none runs, or where the node does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_started_at: Option<Time>,
}

/// Notebooks that run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotebookCounts {
    /// Notebooks with a session.
    pub running: i64,
    /// Their sessions.
    pub sessions: i64,
    /// Of these, sessions whose kernel is not idle.
    pub busy: i64,
}

/// Impersonation rules in the general settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImpersonationRuleCounts {
    /// Rules for users.
    pub user: i64,
    /// Rules for groups.
    pub group: i64,
    /// Rules of both lists that no object declares.
    pub undeclared: i64,
}

/// Numbers of objects on the node. A number that the node does not give is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageCounts {
    /// Projects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub projects: Option<i64>,
    /// Datasets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datasets: Option<i64>,
    /// Recipes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipes: Option<i64>,
    /// Jupyter and SQL notebooks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notebooks: Option<i64>,
    /// Jupyter notebooks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jupyter_notebooks: Option<i64>,
    /// SQL notebooks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql_notebooks: Option<i64>,
    /// Scenarios.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenarios: Option<i64>,
    /// Scenarios that are active and have a trigger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_scenarios: Option<i64>,
}

/// A number of objects, and how many of them no Kubernetes object declares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeclaredCounts {
    /// All of them.
    pub total: i64,
    /// Of these, those that no object declares.
    pub undeclared: i64,
}

/// The part of a connection's status that comes from the slower lists. A part is absent until its list was read, where the
/// product has no such list, and while it cannot be read: the message of `Ready` says why then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InventoryStatus {
    /// Administrators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admins: Option<AdminCounts>,
    /// API keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_keys: Option<ApiKeyCounts>,
    /// Long tasks and runs of scenarios.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks: Option<TaskCounts>,
    /// Notebooks that run (DSS only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notebooks: Option<NotebookCounts>,
    /// Impersonation rules (DSS only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impersonation_rules: Option<ImpersonationRuleCounts>,
    /// Numbers of objects on the node (DSS only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<UsageCounts>,
    /// Roles (Govern only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<DeclaredCounts>,
    /// Rules of role assignments (Govern only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignments: Option<DeclaredCounts>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_duration_has_days_hours_or_minutes() {
        let read = |text: &str| LongDuration(text.to_owned()).read();
        assert_eq!(read("90d"), Some(DEFAULT_DORMANT_AFTER));
        assert_eq!(read("36h"), Some(jiff::SignedDuration::from_hours(36)));
        assert_eq!(read("5m"), Some(jiff::SignedDuration::from_mins(5)));
        for odd in ["", "d", "0d", "-1d", "90", "1w", "9é", "1d12h"] {
            assert_eq!(read(odd), None, "{odd}");
        }
        assert!(read("999999999d").is_some());
    }
}
