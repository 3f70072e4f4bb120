//! D22 to D27: groups.

use serde_json::{Map, Value, json};

use super::{flavour, own_user, user};
use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::operation::Verb::{Delete, Get, Post, Put};
use crate::operation::{Operation, Right, reads, writes};
use crate::world::World;

/// The rows of this file.
pub(super) const OPERATIONS: &[Operation] = &[
    reads("D22", Get, "/groups", Right::Authenticated, names),
    reads("D23", Get, "/admin/groups", Right::Admin, list),
    writes("D24", Post, "/admin/groups", Right::Admin, create),
    reads("D25", Get, "/admin/groups/{name}", Right::Admin, get),
    writes("D26", Put, "/admin/groups/{name}", Right::Admin, put),
    writes("D27", Delete, "/admin/groups/{name}", Right::Admin, delete),
];

/// The global permissions, which groups, keys and the authorization matrix share.
pub(crate) const PERMISSIONS: [&str; 28] = [
    "mayManageUDM",
    "mayCreateProjects",
    "mayCreateProjectsFromMacros",
    "mayCreateProjectsFromTemplates",
    "mayCreateProjectsFromDataikuApps",
    "mayWriteUnsafeCode",
    "mayWriteSafeCode",
    "mayCreateAuthenticatedConnections",
    "mayCreateCodeEnvs",
    "mayCreateClusters",
    "mayCreateCodeStudioTemplates",
    "mayDevelopPlugins",
    "mayEditLibFolders",
    "mayManageCodeEnvs",
    "mayManageClusters",
    "mayManageCodeStudioTemplates",
    "mayViewIndexedHiveConnections",
    "mayCreatePublishedAPIServices",
    "mayCreatePublishedProjects",
    "mayWriteInRootProjectFolder",
    "mayCreateActiveWebContent",
    "mayCreateWorkspaces",
    "mayShareToWorkspaces",
    "mayCreateDataCollections",
    "mayPublishToDataCollections",
    "mayManageFeatureStore",
    "mayManageEnterpriseAssetLibrary",
    "mayCreateEnterpriseAssetCollections",
];

const MAPPINGS: [&str; 4] = [
    "ldapGroupNames",
    "azureADGroupNames",
    "ssoGroupNames",
    "customGroupNames",
];

/// The spelling under which a group name is stored, if it is.
pub(super) fn stored_name(world: &World, name: &str) -> Option<String> {
    world.stored_key("groups", name, world.switches.is("A50", "insensitive"))
}

/// Adds the default group to a new user.
pub(super) fn join_default(world: &World, user: &mut Map<String, Value>) {
    let default = json!(world.switches.text("defaultGroup"));
    let Some(groups) = user.get_mut("groups").and_then(Value::as_array_mut) else {
        return;
    };
    if default != "" && !groups.contains(&default) {
        groups.push(default);
    }
}

fn names(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let own = call
        .caller
        .login
        .as_deref()
        .and_then(|login| world.document("users", login)?.get("groups")?.as_array());
    let all = call.caller.has("admin") || !own_user::restricted(world);
    let seen = |name: &&String| all || own.is_some_and(|own| own.contains(&json!(name)));
    Ok(Answer::list(
        world
            .read("groups")
            .keys()
            .filter(seen)
            .map(|name| json!({"name": name})),
    ))
}

fn list(world: &mut World, _call: &Call) -> Result<Answer, Failure> {
    let groups = world.read("groups").values().filter_map(Value::as_object);
    Ok(Answer::list(groups.map(|stored| view(world, stored))))
}

fn get(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let name = call.param("name");
    let stored = stored_name(world, name).ok_or_else(|| unknown(name))?;
    let stored = world.document("groups", &stored).ok_or_else(|| unknown(name))?;
    Ok(Answer::json(&view(world, stored)))
}

fn create(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let body = call.object()?;
    let asked = ["name", "description", "sourceType"];
    let asked = body.into_iter().filter(|(key, _)| asked.contains(&key.as_str()));
    let mut asked: Map<String, Value> = asked
        .filter(|(key, value)| key == "description" || !value.is_null())
        .collect();
    let name = asked.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    user::check_name(world, &name, 1)?;
    let name = user::spelled(world, name);
    if stored_name(world, &name).is_some() {
        return Err(user::invalid(
            world,
            "ERR_SECURITY_GROUP_EXISTS",
            format!("Group '{name}' already exists"),
        ));
    }
    asked.insert("mayWriteSafeCode".to_owned(), json!(true));
    let stored = complete(world, &name, asked)?;
    world.collection("groups").insert(name.clone(), Value::Object(stored));
    Ok(Answer::json(&json!({"msg": format!("Created group {name}")})))
}

fn put(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let name = call.param("name");
    let name = stored_name(world, name).ok_or_else(|| unknown_to_write(world, name))?;
    let mut body = call.object()?;
    mappings_as_lists(world, &mut body)?;
    let stored = complete(world, &name, body)?;
    world.collection("groups").insert(name.clone(), Value::Object(stored));
    Ok(Answer::json(&json!({"msg": format!("Updated group {name}")})))
}

fn delete(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let name = call.param("name");
    let name = stored_name(world, name).ok_or_else(|| unknown_to_write(world, name))?;
    world.collection("groups").shift_remove(&name);
    group_deleted(world, &name);
    Ok(Answer::done())
}

/// A group is gone; its name stays in users, or goes along.
pub(super) fn group_deleted(world: &mut World, name: &str) {
    if !world.switches.is("A19", "removed") {
        return;
    }
    for user in world.collection("users").values_mut() {
        if let Some(groups) = user.get_mut("groups").and_then(Value::as_array_mut) {
            groups.retain(|group| group.as_str() != Some(name));
        }
    }
}

fn unknown(name: &str) -> Failure {
    Failure::not_found(format!("Group '{name}' not found"))
}

fn unknown_to_write(world: &World, name: &str) -> Failure {
    Failure {
        status: world.switches.status("A8"),
        ..unknown(name)
    }
}

/// A whole document from what was sent: the name is the path's, a boolean that is not there is false, a member that
/// the product does not know stays as it is.
pub(super) fn complete(world: &World, name: &str, mut sent: Map<String, Value>) -> Result<Map<String, Value>, Failure> {
    let mut stored = Map::new();
    stored.insert("name".to_owned(), json!(name));
    sent.shift_remove("name");
    let mut known = |key: &str, default: Value, fits: fn(&Value) -> bool| {
        let value = sent.shift_remove(key).unwrap_or(default);
        if !fits(&value) {
            return Err(Failure::malformed(format!("{key}: {value} has the wrong type")));
        }
        stored.insert(key.to_owned(), value);
        Ok(())
    };
    known("description", Value::Null, |value| value.is_null() || value.is_string())?;
    known("sourceType", json!("LOCAL"), Value::is_string)?;
    known("admin", json!(false), Value::is_boolean)?;
    for key in MAPPINGS {
        known(key, json!([]), |value| {
            value.as_array().is_some_and(|items| items.iter().all(Value::is_string))
        })?;
    }
    known("canObtainAPITicketFromCookiesForGroupsRegex", json!(""), |value| {
        value.is_null() || value.is_string()
    })?;
    for key in flavour::permissions(world) {
        known(key, json!(false), Value::is_boolean)?;
    }
    sent.retain(|name, _| !flavour::is_foreign_permission(world, name));
    stored.extend(sent);
    Ok(stored)
}

/// Checks and completes what somebody did to a group in the UI.
pub(super) fn edited(
    world: &World,
    name: &str,
    mut document: Map<String, Value>,
) -> Result<Map<String, Value>, Failure> {
    user::check_name(world, name, 1)?;
    if world.document("groups", name).is_none() {
        document.entry("mayWriteSafeCode").or_insert(json!(true));
    }
    complete(world, name, document)
}

/// Before 12.6 a mapping is one text with commas.
fn view(world: &World, stored: &Map<String, Value>) -> Value {
    let mut shown = stored.clone();
    if !world.switches.since(12, 6) {
        for key in MAPPINGS {
            let names = stored
                .get(key)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str);
            shown.insert(key.to_owned(), json!(names.collect::<Vec<_>>().join(",")));
        }
    }
    Value::Object(shown)
}

fn mappings_as_lists(world: &World, body: &mut Map<String, Value>) -> Result<(), Failure> {
    if world.switches.since(12, 6) {
        return Ok(());
    }
    for key in MAPPINGS {
        let Some(value) = body.get_mut(key) else { continue };
        let Some(text) = value.as_str() else {
            return Err(Failure::malformed(format!(
                "{key}: Expected a string but was BEGIN_ARRAY"
            )));
        };
        *value = text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    }
    Ok(())
}
