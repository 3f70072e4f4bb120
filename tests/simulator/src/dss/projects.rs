//! Projects, as far as notebooks need them: who may open one, and what somebody did to one in the UI.
//!
//! `/projects/KEY` of the state holds `name`, `owner`, `grants` by group, and `notebooks` by name, each with its
//! `content`, `sessions` and `discussions`.

use serde_json::{Map, Value, json};

use super::{auth, notebook_sessions};
use crate::answer::Failure;
use crate::call::Call;
use crate::world::World;

/// The collection of the state.
pub(super) const COLLECTION: &str = "projects";

/// What a caller wants of a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// To look.
    Read,
    /// To change what is in it.
    Write,
}

/// The project of the path, if the caller may.
pub(super) fn open<'a>(
    world: &'a mut World,
    call: &Call,
    access: Access,
) -> Result<&'a mut Map<String, Value>, Failure> {
    let key = call.param("projectKey");
    let Some(project) = world.document(COLLECTION, key) else {
        return Err(Failure::not_found(format!("Project '{key}' not found")));
    };
    if !permitted(world, call, key, project, access) {
        return Err(auth::forbidden(world, &format!("No access to project '{key}'")));
    }
    let project = world.collection(COLLECTION).get_mut(key).and_then(Value::as_object_mut);
    project.ok_or_else(|| Failure::not_found(format!("Project '{key}' not found")))
}

/// A notebook of the project of the path, if the caller may.
pub(super) fn notebook<'a>(
    world: &'a mut World,
    call: &Call,
    name: &str,
    access: Access,
) -> Result<&'a mut Map<String, Value>, Failure> {
    let status = world.switches.status("A8");
    let found = notebooks(open(world, call, access)?)
        .get_mut(name)
        .and_then(Value::as_object_mut);
    found.ok_or_else(|| Failure {
        status,
        ..Failure::not_found(format!("Jupyter notebook '{name}' not found"))
    })
}

/// The notebooks of a project.
pub(super) fn notebooks(project: &mut Map<String, Value>) -> &mut Map<String, Value> {
    member(project, "notebooks")
}

/// A member that is an object, made when absent.
pub(super) fn member<'a>(document: &'a mut Map<String, Value>, name: &str) -> &'a mut Map<String, Value> {
    let entry = document.entry(name.to_owned()).or_insert(Value::Null);
    if !entry.is_object() {
        *entry = json!({});
    }
    match entry {
        Value::Object(map) => map,
        _ => unreachable!("made an object above"),
    }
}

/// Administrators, the owner, members of groups with a grant, and keys with a permission on the project.
fn permitted(world: &World, call: &Call, key: &str, project: &Map<String, Value>, access: Access) -> bool {
    let caller = &call.caller;
    let Some(login) = &caller.login else {
        let held = world.document("globalApiKeys", &caller.identifier);
        let held = held.and_then(|held| held.get("projects")?.get(key));
        return caller.has("admin") || held.is_some_and(|held| allows(held, access));
    };
    let owner = project.get("owner").and_then(Value::as_str) == Some(login);
    let user = world.document("users", login);
    let groups = user
        .and_then(|user| user.get("groups")?.as_array())
        .into_iter()
        .flatten();
    let mut grants = groups.filter_map(|group| project.get("grants")?.get(group.as_str()?));
    caller.has("admin") || owner || grants.any(|grant| allows(grant, access))
}

fn allows(grant: &Value, access: Access) -> bool {
    let given = |name: &str| grant[name] == json!(true);
    given("admin") || given("writeProjectContent") || (access == Access::Read && given("readProjectContent"))
}

/// Checks and completes what somebody did to a project in the UI, such as opening a notebook.
pub(super) fn edited(world: &World, key: &str, mut project: Map<String, Value>) -> Result<Map<String, Value>, Failure> {
    project.insert("projectKey".to_owned(), json!(key));
    project.entry("name").or_insert_with(|| json!(key));
    for (name, notebook) in notebooks(&mut project) {
        let Value::Object(notebook) = notebook else {
            return Err(Failure::malformed(format!("notebook {name} is no object")));
        };
        let empty = || json!({"metadata": {}, "nbformat": 4, "nbformat_minor": 5, "cells": []});
        let content = notebook.entry("content").or_insert_with(empty);
        super::notebooks::check(content)?;
        member(notebook, "discussions");
        let sessions = notebook.entry("sessions").or_insert_with(|| json!([]));
        let Some(sessions) = sessions.as_array_mut() else {
            return Err(Failure::malformed(format!(
                "the sessions of notebook {name} are no array"
            )));
        };
        for session in sessions {
            notebook_sessions::complete(world, key, name, session)?;
        }
    }
    Ok(project)
}
