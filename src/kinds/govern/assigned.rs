//! Roles on blueprints with the people whom rules give them, for a report on access.

use serde_json::Value;

use crate::{
    dataiku::{error::ApiError, govern::Govern},
    kinds::access::Assigned,
};

/// Every rule that assigns a role. People whom a field of an artifact lists are not known.
///
/// # Errors
/// The call fails; it needs the architect right.
pub async fn assigned(api: &Govern) -> Result<Vec<Assigned>, ApiError> {
    let mut found = Vec::new();
    for record in api.assignments().await?.items {
        for (role, rules) in record.roles() {
            for rule in rules.into_iter().flatten() {
                let named = |kind: &str, key: &str| -> Vec<String> {
                    let of_kind = |one: &&Value| {
                        one["type"]
                            .as_str()
                            .is_some_and(|found| found.eq_ignore_ascii_case(kind))
                    };
                    let containers = rule.user_containers.iter().filter(of_kind);
                    containers
                        .filter_map(|one| one[key].as_str().map(str::to_owned))
                        .collect()
                };
                found.push(Assigned {
                    role: format!("{role} on {}", record.blueprint_id),
                    conditional: !rule.criteria.is_empty(),
                    users: named("user", "login"),
                    groups: named("group", "groupName"),
                });
            }
        }
    }
    Ok(found)
}
