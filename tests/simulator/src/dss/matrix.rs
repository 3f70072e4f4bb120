//! D28: the authorization matrix, computed from users, groups and the grants of projects.
//!
//! Projects are no part of the API that is simulated; those of the state look like
//! `{"P": {"name": "Project", "grants": {"analysts": {"readProjectContent": true}}}}`.

use serde_json::{Map, Value, json};

use super::flavour;
use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::operation::Verb::Get;
use crate::operation::{Operation, Right, reads};
use crate::world::World;

/// The rows of this file.
pub(super) const OPERATIONS: &[Operation] = &[reads(
    "D28",
    Get,
    "/admin/authorization-matrix",
    Right::Admin,
    authorization_matrix,
)];

fn authorization_matrix(world: &mut World, _call: &Call) -> Result<Answer, Failure> {
    let users = world
        .read("users")
        .iter()
        .filter(|(_, user)| user.get("enabled") != Some(&json!(false)));
    let users: Vec<(&str, Vec<&str>)> = users.map(|(login, user)| (login.as_str(), groups_of(user))).collect();
    let groups: Vec<(&str, Vec<&str>)> = world
        .read("groups")
        .keys()
        .map(|name| (name.as_str(), vec![name.as_str()]))
        .collect();
    Ok(Answer::json(
        &json!({"perUser": part(world, "users", &users), "perGroup": part(world, "groups", &groups)}),
    ))
}

fn groups_of(user: &Value) -> Vec<&str> {
    user.get("groups")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// Columns parallel to the names of the subjects, each of whom has the rights of its groups.
fn part(world: &World, title: &str, subjects: &[(&str, Vec<&str>)]) -> Value {
    let mut part = Map::new();
    part.insert(title.to_owned(), subjects.iter().map(|(name, _)| *name).collect());
    let admin = if world.switches.is("A20", "present") {
        &["admin"][..]
    } else {
        &[]
    };
    for permission in admin.iter().chain(flavour::permissions(world)) {
        let column = subjects
            .iter()
            .map(|(_, groups)| groups.iter().any(|group| grants(world, group, permission)));
        part.insert((*permission).to_owned(), column.collect());
    }
    let projects = world.read("projects").iter().map(|(key, project)| {
        let column: Vec<Value> = subjects
            .iter()
            .map(|(_, groups)| project_grants(project, groups))
            .collect();
        json!({"projectKey": key, "projectName": project.get("name").cloned().unwrap_or(json!(key)), "grants": column})
    });
    part.insert("projectsGrants".to_owned(), projects.collect());
    Value::Object(part)
}

fn grants(world: &World, group: &str, permission: &str) -> bool {
    let Some(group) = world.document("groups", group) else {
        return false;
    };
    let granted = |name: &str| group.get(name) == Some(&json!(true));
    granted(permission) || granted("admin")
}

fn project_grants(project: &Value, groups: &[&str]) -> Value {
    let all = groups
        .iter()
        .filter_map(|group| project.get("grants")?.get(*group)?.as_object());
    all.flatten()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
