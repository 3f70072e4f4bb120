//! What a space starts with.

use serde_json::{Map, Value, json};

use super::auth::SCOPES;
use super::groups::ADMINISTRATORS;
use super::records::{now, resolve_groups};
use super::{people, permissions, tasks};
use crate::api::Credentials;
use crate::config::Seed;
use crate::world::World;

const NODES: [(&str, &str); 4] = [
    ("design-0", "design"),
    ("automation-0", "automation"),
    ("deployer-0", "deployer"),
    ("govern-0", "govern"),
];

const GROUPS: [(&str, &str); 5] = [
    (ADMINISTRATORS, "They administer the space"),
    ("designers", "They design"),
    ("code_studios_designers", "They design code studios"),
    ("deployers", "They deploy"),
    ("project_deployers", "They deploy projects"),
];

/// The rows of the licence: name, trial, seats.
const PROFILES: [(&str, bool, i64); 4] = [
    ("designer", false, 5),
    ("designer", true, 2),
    ("explorer", false, 20),
    ("reader", false, -1),
];

/// A space with its owner, the usual groups and a key with every scope.
pub(super) fn fresh(world: &mut World) -> Credentials {
    let space_id = World::random(12).to_lowercase();
    world
        .state
        .insert("space".to_owned(), json!({"id": space_id, "name": world.name}));
    for (name, kind) in NODES {
        world
            .collection("nodes")
            .insert(name.to_owned(), json!({"name": name, "type": kind}));
    }
    for (name, trial, seats) in PROFILES {
        let key = if trial {
            format!("{name}-trial")
        } else {
            name.to_owned()
        };
        let row = json!({"name": name, "totalSeats": seats, "isTrial": trial});
        world.collection("profiles").insert(key, row);
    }
    for (name, description) in GROUPS {
        group(world, name, description, name == ADMINISTRATORS);
    }
    user(world, "owner@example.com", "designer", ADMINISTRATORS, true);
    for empty in ["invites", "tasks"] {
        world.collection(empty);
    }
    tasks::start_in_sync(world);
    key(world, space_id)
}

/// Adds users and groups by number; the users are spread over the groups.
pub(super) fn seed(world: &mut World, seed: Seed) {
    for number in 1..=seed.groups {
        group(world, &format!("group{number:03}"), &format!("Group {number}"), false);
    }
    for number in 1..=seed.users {
        let mine = match seed.groups {
            0 => "designers".to_owned(),
            groups => format!("group{:03}", number % groups + 1),
        };
        user(world, &format!("user{number:05}@example.com"), "reader", &mine, false);
    }
    tasks::start_in_sync(world);
}

fn group(world: &mut World, name: &str, description: &str, all_nodes: bool) {
    let mut sent = Map::from_iter([
        ("name".to_owned(), json!(name)),
        ("description".to_owned(), json!(description)),
    ]);
    sent.insert("launchpadPermissions".to_owned(), json!({"mayTurnOnSpace": all_nodes}));
    let dataiku = json!({"design-0": {"mayCreateProjects": true}});
    let rights = json!({"mayCreateProjects": true});
    let everywhere = json!({"design-0": rights, "automation-0": rights, "deployer-0": rights});
    sent.insert(
        "dataikuPermissions".to_owned(),
        if all_nodes { everywhere } else { dataiku },
    );
    if all_nodes {
        sent.insert(
            "governPermissions".to_owned(),
            json!({"govern-0": {"isGovernArchitect": true}}),
        );
    }
    let id = World::random(16);
    if let Ok(stored) = permissions::complete(world, &id, sent) {
        world.collection("groups").insert(id, Value::Object(stored));
    }
}

fn user(world: &mut World, email: &str, profile: &str, group: &str, owner: bool) {
    let groups = resolve_groups(world, Some(&json!([group]))).unwrap_or_default();
    let id = World::random(16);
    let mut user = people::user(&id, email, &json!({"name": profile}), &Value::Array(groups), now(world));
    user["isOwner"] = json!(owner);
    world.collection("users").insert(id, user);
}

fn key(world: &mut World, space_id: String) -> Credentials {
    let (id, secret) = (World::random(16), World::random(32));
    let write_groups = world.switches.text("A38").to_owned();
    let mut scopes: Vec<String> = SCOPES.iter().map(|scope| (*scope).to_owned()).collect();
    if !scopes.contains(&write_groups) {
        scopes.push(write_groups);
    }
    let key = json!({"id": id, "secret": secret, "description": "simulator", "scopes": scopes, "expiresOn": null});
    world.collection("apiKeys").insert(id.clone(), key);
    Credentials {
        space_id,
        api_key_id: id,
        api_key_secret: secret,
        ..Credentials::default()
    }
}
