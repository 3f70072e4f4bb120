//! What an instance of Govern starts with.

use serde_json::{Value, json};

use super::{assignments, blueprints, roles};
use crate::api::{Api, Credentials};
use crate::dss::Dss;
use crate::world::World;

/// Parts of the state of DSS that Govern does not have.
pub(super) const ONLY_DSS: [&str; 6] = [
    "connections",
    "jobs",
    "personalApiKeys",
    "pluginPresets",
    "projects",
    "variables",
];

/// A fresh installation: the people of DSS, stock roles and blueprints, one of them with assignments.
pub(super) fn fresh(world: &mut World) -> Credentials {
    let credentials = Dss.fresh(world);
    world.state.retain(|name, _| !ONLY_DSS.contains(&name.as_str()));
    world.state["instanceInfo"]["nodeType"] = json!("GOVERN");
    for (id, label) in [
        ("ro.reader", "Reader"),
        ("ro.contributor", "Contributor"),
        ("ro.project_manager", "Project manager"),
    ] {
        put(world, "roles", id, json!({"label": label, "description": ""}));
    }
    for (id, name) in [
        ("bp.system.business_initiative", "Business initiative"),
        ("bp.system.dataiku_project", "Dataiku project"),
        ("bp.system.govern_project", "Govern project"),
    ] {
        put(world, "blueprints", id, json!({"blueprint": {"name": name}}));
    }
    let readers =
        json!({"criteria": [], "fieldIds": [], "userContainers": [{"type": "group", "groupName": "readers"}]});
    let assigned = json!({"roleAssignmentsRules": {"ro.reader": [readers]}});
    put(world, "roleAssignments", "bp.system.govern_project", assigned);
    // The names inside are made up: a client must take the document as it is.
    let default = json!({"everyone": {"read": false}, "roles": {"ro.reader": {"read": true}}});
    world.state.insert("defaultPermissions".to_owned(), default);
    for empty in ["roleAssignments", "blueprintPermissions"] {
        world.collection(empty);
    }
    credentials
}

fn put(world: &mut World, collection: &str, id: &str, document: Value) {
    let Value::Object(sent) = document else { return };
    let complete = match collection {
        "roles" => roles::complete(id, sent),
        "blueprints" => blueprints::complete(id, sent),
        _ => assignments::complete(world, id, sent),
    };
    if let Ok(stored) = complete {
        world
            .collection(collection)
            .insert(id.to_owned(), Value::Object(stored));
    }
}
