//! What a finished provisioning or resync leaves behind.

use serde_json::{Map, Value, json};

use super::{mapping, part, texts};
use crate::answer::Failure;
use crate::world::World;

/// Creates users as they were read from a directory; all of them or nobody.
pub(crate) fn provision(world: &mut World, source: &str, users: &[Map<String, Value>]) -> Result<Value, Failure> {
    for user in users {
        let login = text(user, "login");
        if directory_user(world, source, login).is_none() {
            return Err(Failure::not_found(format!("{source} has no user '{login}'")));
        }
        if world.document("users", login).is_some() {
            let message = format!("User '{login}' already exists");
            let status = world.switches.status("A2");
            return Err(
                Failure::new(status, "com.dataiku.dip.exceptions.CodedException", message)
                    .code("ERR_SECURITY_USER_EXISTS"),
            );
        }
    }
    for user in users {
        let login = text(user, "login").to_owned();
        let stored = json!({
            "login": login, "sourceType": source, "displayName": user.get("displayName"), "email": user.get("email"),
            "groups": mapped(world, source, user), "userProfile": user.get("userProfile").unwrap_or(&json!("READER")),
            "enabled": true, "creationDate": world.clock.millis(),
        });
        world.collection("users").insert(login, stored);
    }
    let logins: Vec<&str> = users.iter().map(|user| text(user, "login")).collect();
    Ok(json!({"provisionedUsers": logins}))
}

/// Brings users in line with their directories: the named ones, or everybody who comes from one.
pub(crate) fn resync(world: &mut World, logins: Option<&[String]>) -> Value {
    let asked: Vec<String> = match logins {
        Some(logins) => logins.to_vec(),
        None => world.read("users").keys().cloned().collect(),
    };
    let mut synced = Vec::new();
    for login in asked {
        let Some(stored) = world.document("users", &login) else {
            continue;
        };
        let source = text(stored, "sourceType").to_owned();
        if mapping(&source).is_none() {
            continue;
        }
        let changed = match directory_user(world, &source, &login) {
            Some(user) => follow(world, &source, stored, user),
            None if world.switches.is("resyncOfMissing", "disable") => disabled(stored),
            None => continue,
        };
        world.collection("users").insert(login.clone(), Value::Object(changed));
        synced.push(login);
    }
    json!({"syncedUsers": synced})
}

/// A user with the names, groups and standing of the directory. Membership in other groups stays.
fn follow(world: &World, source: &str, stored: &Map<String, Value>, user: &Map<String, Value>) -> Map<String, Value> {
    let mut changed = stored.clone();
    for name in ["displayName", "email", "userProfile"] {
        changed.extend(user.get(name).map(|value| (name.to_owned(), value.clone())));
    }
    let foreign = |name: &&str| {
        let group = world.document("groups", name);
        group.is_none_or(|group| text(group, "sourceType") != source)
    };
    let mut groups: Vec<&str> = texts(stored.get("groups")).filter(foreign).collect();
    groups.extend(mapped(world, source, user));
    changed.insert("groups".to_owned(), json!(groups));
    if user.get("enabled") == Some(&json!(false)) {
        return disabled(&changed);
    }
    changed
}

fn disabled(stored: &Map<String, Value>) -> Map<String, Value> {
    let mut changed = stored.clone();
    changed.insert("enabled".to_owned(), json!(false));
    changed
}

/// The groups of the product that the groups of a directory user are mapped to.
fn mapped<'a>(world: &'a World, source: &str, user: &Map<String, Value>) -> Vec<&'a str> {
    let Some(mapping) = mapping(source) else {
        return Vec::new();
    };
    let theirs: Vec<&str> = texts(user.get("groups")).collect();
    let groups = world.read("groups").values().filter_map(Value::as_object);
    groups
        .filter(|group| text(group, "sourceType") == source)
        .filter(|group| texts(group.get(mapping)).any(|name| theirs.contains(&name)))
        .map(|group| text(group, "name"))
        .collect()
}

fn directory_user<'a>(world: &'a World, source: &str, login: &str) -> Option<&'a Map<String, Value>> {
    part(world, source)?.get("users")?.get(login)?.as_object()
}

fn text<'a>(document: &'a Map<String, Value>, name: &str) -> &'a str {
    document.get(name).and_then(Value::as_str).unwrap_or_default()
}
