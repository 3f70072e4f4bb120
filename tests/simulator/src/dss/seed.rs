//! What an instance of DSS starts with.

use serde_json::{Map, Value, json};

use super::{credentials, flavour, general_settings, global_keys, groups, keys, variables};
use crate::api::Credentials;
use crate::config::{Product, Seed};
use crate::directory;
use crate::world::World;

const PROFILES: [&str; 5] = ["FULL_DESIGNER", "DATA_DESIGNER", "AI_CONSUMER", "READER", "NONE"];

/// A fresh installation with a key of an admin and a key that may do nothing.
pub(crate) fn fresh(world: &mut World) -> Credentials {
    let limits: Map<String, Value> = PROFILES
        .iter()
        .map(|profile| ((*profile).to_owned(), json!({"licensedLimit": -1})))
        .collect();
    world.state.insert(
        "licensing".to_owned(),
        json!({"base": {"valid": true, "userProfiles": PROFILES}, "limits": {"licensedProfiles": limits}}),
    );
    let info = json!({"nodeId": world.name, "nodeName": world.name, "nodeType": "DESIGN"});
    world.state.insert("instanceInfo".to_owned(), info);
    world.state.insert(directory::PART.to_owned(), directory::fresh());
    world.state.insert(
        general_settings::PART.to_owned(),
        general_settings::fresh(world.product),
    );
    world.state.insert(variables::PART.to_owned(), variables::fresh());
    for empty in [credentials::CONNECTIONS, credentials::PRESETS] {
        world.collection(empty);
    }
    group(world, "administrators", "Instance administrators", true);
    if world.product == Product::Dss {
        group(world, "data_team", "Data team", false);
    }
    group(world, "readers", "Read-only users", false);
    let mut admin = user(world, "admin", "Administrator", "FULL_DESIGNER", &["administrators"]);
    admin.insert("password".to_owned(), json!("admin"));
    world
        .collection("users")
        .insert("admin".to_owned(), Value::Object(admin));
    Credentials {
        api_key: key(world, "simulator", true),
        non_admin_api_key: key(world, "simulator, no rights", false),
        ..Credentials::default()
    }
}

/// Puts another node behind the same address: fresh, of another id, and with the same API keys, as after a move of the
/// address. The next time, the first node is back as it was. Gives what the node tells of itself.
pub(crate) fn swap(world: &mut World, fresh: fn(&mut World) -> Credentials) -> Value {
    let first = std::mem::take(&mut world.state);
    if let Some(other) = world.other.replace(first) {
        world.state = other;
    } else {
        let keys = world
            .other
            .as_ref()
            .and_then(|first| first.get("globalApiKeys"))
            .cloned();
        fresh(world);
        world.state.extend(keys.map(|keys| ("globalApiKeys".to_owned(), keys)));
        world.state["instanceInfo"]["nodeId"] = json!(format!("{}-other", world.name));
    }
    world.state["instanceInfo"].clone()
}

/// Adds users and groups by number; the users are spread over the groups.
pub(super) fn seed(world: &mut World, seed: Seed) {
    for number in 1..=seed.groups {
        group(world, &format!("group{number:03}"), &format!("Group {number}"), false);
    }
    for number in 1..=seed.users {
        let login = format!("user{number:05}");
        let mine = if seed.groups == 0 {
            if world.product == Product::Govern {
                "readers"
            } else {
                "data_team"
            }
            .to_owned()
        } else {
            format!("group{:03}", number % seed.groups + 1)
        };
        let user = user(world, &login, &format!("User {number}"), "READER", &[&mine]);
        world.collection("users").insert(login, Value::Object(user));
    }
}

fn group(world: &mut World, name: &str, description: &str, admin: bool) {
    let sent =
        json!({"description": description, "admin": admin, "mayWriteSafeCode": true, "mayCreateProjects": admin});
    if let Value::Object(sent) = sent
        && let Ok(stored) = groups::complete(world, name, sent)
    {
        world
            .collection("groups")
            .insert(name.to_owned(), Value::Object(stored));
    }
}

fn user(world: &World, login: &str, name: &str, profile: &str, groups: &[&str]) -> Map<String, Value> {
    Map::from_iter([
        ("login".to_owned(), json!(login)),
        ("sourceType".to_owned(), json!("LOCAL")),
        ("displayName".to_owned(), json!(name)),
        ("email".to_owned(), json!(format!("{login}@example.com"))),
        ("groups".to_owned(), json!(groups)),
        ("userProfile".to_owned(), json!(profile)),
        ("enabled".to_owned(), json!(true)),
        ("creationDate".to_owned(), json!(world.clock.millis())),
        ("password".to_owned(), json!("password")),
    ])
}

/// Creates a global key and gives its secret.
fn key(world: &mut World, label: &str, admin: bool) -> String {
    let own = keys::stamped(world, "admin");
    let text = |name: &str| own[name].as_str().unwrap_or_default().to_owned();
    let (id, secret) = (text("id"), text("key"));
    let mut permissions: Map<String, Value> = flavour::permissions(world)
        .iter()
        .map(|name| ((*name).to_owned(), json!(admin)))
        .collect();
    permissions.insert("admin".to_owned(), json!(admin));
    let sent = json!({"label": label, "description": "", "globalPermissions": permissions});
    if let Value::Object(sent) = sent
        && let Ok(stored) = global_keys::complete(world, own, sent)
    {
        world.collection("globalApiKeys").insert(id, Value::Object(stored));
    }
    secret
}
