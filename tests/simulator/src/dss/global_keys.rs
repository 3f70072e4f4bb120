//! D35 to D40: global API keys.

use serde_json::{Map, Value, json};

use super::{flavour, groups, keys, user};
use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::operation::Verb::{Delete, Get, Post, Put};
use crate::operation::{Operation, Right, reads, writes};
use crate::world::World;

/// The rows of this file.
pub(super) const OPERATIONS: &[Operation] = &[
    reads("D35", Get, "/admin/global-api-keys", Right::Admin, list),
    writes("D36", Post, "/admin/global-api-keys", Right::Admin, create),
    reads("D37", Get, "/admin/global-api-keys/{id}", Right::Admin, get),
    writes("D38", Put, "/admin/global-api-keys/{id}", Right::Admin, put),
    writes("D39", Delete, "/admin/global-api-keys/{id}", Right::Admin, delete),
    reads("D40", Get, "/admin/globalAPIKeys/{secret}", Right::Admin, by_secret),
];

const COLLECTION: &str = "globalApiKeys";
const DAY: u64 = 24 * 60 * 60 * 1000;

/// Rights on single objects: maps from an id to a permission object.
const MAPS: [&str; 8] = [
    "projects",
    "projectFolders",
    "codeEnvs",
    "clusters",
    "codeStudioTemplates",
    "plugins",
    "pluginPresets",
    "pluginParameterSets",
];

fn list(world: &mut World, _call: &Call) -> Result<Answer, Failure> {
    let all = world.read(COLLECTION).values().filter_map(Value::as_object);
    Ok(Answer::list(all.map(|stored| keys::shown(world, stored, "A25"))))
}

fn get(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let id = call.param("id");
    let stored = world.document(COLLECTION, id).ok_or_else(|| keys::unknown(world, id))?;
    Ok(Answer::json(&keys::shown(world, stored, "A25")))
}

/// The deprecated way, with the secret in the URL.
fn by_secret(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let holds = |stored: &&Map<String, Value>| stored.get("key").and_then(Value::as_str) == Some(call.param("secret"));
    let mut all = world.read(COLLECTION).values().filter_map(Value::as_object);
    let stored = all.find(holds);
    // The secret must not come back in an error text.
    let stored = stored.ok_or_else(|| Failure::not_found("No API key has this secret"))?;
    Ok(Answer::json(&keys::shown(world, stored, "A25")))
}

fn create(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let mut body = call.object()?;
    let asked = ["label", "description", "globalPermissions", "groups"];
    body.retain(|name, _| asked.contains(&name.as_str()));
    if !world.switches.since(14, 3) {
        body.shift_remove("groups");
    }
    check_label(world, &body)?;
    let key = keys::stamped(world, &call.caller.identifier);
    let stored = complete(world, key, body)?;
    let id = stored["id"].as_str().unwrap_or_default().to_owned();
    let answer = Answer::json(&keys::as_created(&stored));
    world.collection(COLLECTION).insert(id, Value::Object(stored));
    Ok(answer)
}

fn put(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let id = call.param("id");
    let old = world.document(COLLECTION, id);
    let old = old.ok_or_else(|| keys::unknown(world, id))?;
    let own = keys::READ_ONLY
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), old.get(name)?.clone())));
    let mut body = call.object()?;
    let changed = old.get("label") != body.get("label");
    body.retain(|name, _| name != "expiresOn" && !keys::READ_ONLY.contains(&name.as_str()));
    if changed {
        check_label(world, &body)?;
    }
    let stored = complete(world, own.collect(), body)?;
    world
        .collection(COLLECTION)
        .insert(id.to_owned(), Value::Object(stored));
    Ok(Answer::done())
}

fn delete(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let id = call.param("id");
    match world.collection(COLLECTION).shift_remove(id) {
        Some(_) => Ok(Answer::done()),
        None => Err(keys::unknown(world, id)),
    }
}

/// Labels are free, unless the switch `A24` says otherwise.
fn check_label(world: &World, body: &Map<String, Value>) -> Result<(), Failure> {
    let label = body.get("label").filter(|label| !label.is_null());
    let taken = label.is_some() && world.read(COLLECTION).values().any(|key| key.get("label") == label);
    if taken && world.switches.is("A24", "unique") {
        let message = "The label of an API key must be unique";
        return Err(user::invalid(world, "ERR_SECURITY_CRUD_INVALID_SETTINGS", message));
    }
    Ok(())
}

/// A whole key from its own members and what was sent. A permission that is not there is not given.
pub(super) fn complete(
    world: &World,
    mut key: Map<String, Value>,
    mut sent: Map<String, Value>,
) -> Result<Map<String, Value>, Failure> {
    keys::check_texts(&sent, &["label", "description", "dssUserForImpersonation"])?;
    for name in ["label", "description"] {
        key.insert(name.to_owned(), sent.shift_remove(name).unwrap_or_default());
    }
    let groups = sent.shift_remove("groups").unwrap_or_default();
    check_groups(world, &groups)?;
    key.insert("groups".to_owned(), groups);
    key.insert(
        "globalPermissions".to_owned(),
        permissions(world, sent.shift_remove("globalPermissions"))?,
    );
    let created = key.get("createdOn").and_then(Value::as_u64).unwrap_or_default();
    key.insert("expiresOn".to_owned(), json!(expires_on(created, sent.get("expiry"))?));
    for name in ["adminProperties", "userProperties"].into_iter().chain(MAPS) {
        let value = sent.shift_remove(name).unwrap_or_else(|| json!({}));
        if !value.is_object() {
            return Err(Failure::malformed(format!("{name}: {value} has the wrong type")));
        }
        key.insert(name.to_owned(), value);
    }
    for (name, default) in [("execSQLLike", json!(false)), ("unscopedDatasets", json!([]))] {
        key.insert(name.to_owned(), sent.shift_remove(name).unwrap_or(default));
    }
    key.extend(sent);
    Ok(key)
}

fn permissions(world: &World, sent: Option<Value>) -> Result<Value, Failure> {
    let mut all = Map::from_iter([("admin".to_owned(), json!(false))]);
    let known = flavour::permissions(world).iter();
    all.extend(known.map(|name| ((*name).to_owned(), json!(false))));
    match sent.unwrap_or_default() {
        Value::Null => {}
        Value::Object(sent) if sent.values().all(Value::is_boolean) => all.extend(sent),
        other => {
            return Err(Failure::malformed(format!(
                "globalPermissions: {other} has the wrong type"
            )));
        }
    }
    all.retain(|name, _| !flavour::is_foreign_permission(world, name));
    Ok(Value::Object(all))
}

fn check_groups(world: &World, groups: &Value) -> Result<(), Failure> {
    let Value::Array(names) = groups else {
        let wrong = || Failure::malformed(format!("groups: {groups} has the wrong type"));
        return groups.is_null().then_some(()).ok_or_else(wrong);
    };
    for name in names {
        let Some(name) = name.as_str() else {
            return Err(Failure::malformed(format!("groups: {name} has the wrong type")));
        };
        if world.switches.is("A9", "refuse") && groups::stored_name(world, name).is_none() {
            let message = format!("Group '{name}' does not exist");
            return Err(user::invalid(world, "ERR_SECURITY_CRUD_INVALID_SETTINGS", message));
        }
    }
    Ok(())
}

/// The lifetime is a number of days, as a text or a number; nothing and 0 mean for ever.
fn expires_on(created: u64, expiry: Option<&Value>) -> Result<u64, Failure> {
    let days = match expiry {
        None | Some(Value::Null) => Some(0),
        Some(Value::String(text)) if text.is_empty() => Some(0),
        Some(Value::String(text)) => text.parse().ok(),
        Some(value) => value.as_u64(),
    };
    match days {
        Some(0) => Ok(0),
        Some(days) => Ok(created.saturating_add(DAY.saturating_mul(days))),
        None => Err(Failure::malformed("expiry: expected a number of days")),
    }
}

/// Checks and completes a key that somebody makes or changes in the UI.
pub(super) fn edited(world: &World, id: &str, mut document: Map<String, Value>) -> Result<Map<String, Value>, Failure> {
    let mut key = if document.contains_key("createdOn") {
        Map::new()
    } else {
        keys::stamped(world, "admin")
    };
    for name in keys::READ_ONLY {
        key.extend(document.shift_remove(name).map(|value| (name.to_owned(), value)));
    }
    key.insert("id".to_owned(), json!(id));
    let expires = document.shift_remove("expiresOn").filter(Value::is_u64);
    let mut stored = complete(world, key, document)?;
    stored.extend(expires.map(|moment| ("expiresOn".to_owned(), moment)));
    Ok(stored)
}
