//! The numbers of a node among the metrics. Pure: they are those of the status, so they cost no call and survive a restart.

use crate::{
    crd::{
        connection::{ConnectionStatus, UserCounts},
        inventory::{ApiKeyCounts, TaskCounts, UsageCounts},
    },
    engine::meters::{Gauge, Series},
};

/// The numbers that the status shows. A number that the node does not give, or whose list cannot be read, has no series:
/// zero would say that there is nothing.
pub fn gauges(shown: &ConnectionStatus) -> Vec<Series> {
    let inventory = &shown.inventory;
    let numbers = [
        shown.users.as_ref().map(users),
        inventory.api_keys.as_ref().map(keys),
        inventory.tasks.as_ref().map(tasks),
        inventory.usage.as_ref().map(usage),
    ];
    numbers.into_iter().flatten().flatten().collect()
}

fn series(gauge: Gauge, numbers: &[(&str, Option<i64>)]) -> Vec<Series> {
    let given = numbers.iter().filter_map(|(label, value)| Some((label, (*value)?)));
    given
        .map(|(label, value)| Series::new(gauge, &[label], value))
        .collect()
}

fn users(users: &UserCounts) -> Vec<Series> {
    series(
        Gauge::Users,
        &[
            ("enabled", Some(users.enabled)),
            ("connected", Some(users.connected)),
            ("dormant", users.dormant),
            ("undeclared", Some(users.undeclared)),
        ],
    )
}

fn keys(keys: &ApiKeyCounts) -> Vec<Series> {
    series(
        Gauge::ApiKeys,
        &[
            ("global", keys.global),
            ("personal", keys.personal),
            ("admin", keys.admin),
            ("undeclared", keys.undeclared),
            ("expiring_soon", keys.expiring_soon),
        ],
    )
}

fn tasks(tasks: &TaskCounts) -> Vec<Series> {
    series(Gauge::Tasks, &[("running", Some(tasks.running))])
}

fn usage(usage: &UsageCounts) -> Vec<Series> {
    series(
        Gauge::Usage,
        &[
            ("projects", usage.projects),
            ("datasets", usage.datasets),
            ("recipes", usage.recipes),
            ("notebooks", usage.notebooks),
            ("jupyter_notebooks", usage.jupyter_notebooks),
            ("sql_notebooks", usage.sql_notebooks),
            ("scenarios", usage.scenarios),
            ("active_scenarios", usage.active_scenarios),
        ],
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(status: serde_json::Value) -> Vec<(Gauge, String, i64)> {
        let status: ConnectionStatus = serde_json::from_value(status).unwrap();
        let all = gauges(&status).into_iter();
        all.map(|one| (one.gauge, one.labels.concat(), one.value)).collect()
    }

    #[test]
    fn the_counts_of_the_status_are_numbers_among_the_metrics() {
        let status = json!({
            "apiKeys": { "global": 3, "personal": 2, "admin": 1, "undeclared": 4, "expiringSoon": 5 },
            "tasks": { "running": 6 },
            "usage": { "projects": 7, "sqlNotebooks": 8, "activeScenarios": 9 },
        });
        let expected = [
            (Gauge::ApiKeys, "global", 3),
            (Gauge::ApiKeys, "personal", 2),
            (Gauge::ApiKeys, "admin", 1),
            (Gauge::ApiKeys, "undeclared", 4),
            (Gauge::ApiKeys, "expiring_soon", 5),
            (Gauge::Tasks, "running", 6),
            (Gauge::Usage, "projects", 7),
            (Gauge::Usage, "sql_notebooks", 8),
            (Gauge::Usage, "active_scenarios", 9),
        ];
        assert_eq!(
            shown(status),
            expected.map(|(gauge, label, value)| (gauge, label.to_owned(), value))
        );
    }

    #[test]
    fn a_list_that_cannot_be_read_has_no_series_and_no_zero() {
        assert_eq!(shown(json!({})), []);
        let status = json!({ "apiKeys": { "global": 1 }, "usage": {} });
        assert_eq!(shown(status), [(Gauge::ApiKeys, "global".to_owned(), 1)]);
    }
}
