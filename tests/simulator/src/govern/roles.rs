//! G43 to G47: roles.

use serde_json::{Map, Value, json};

use super::ARCHITECT;
use super::documents::{refused, same_id, text_or_null, unknown};
use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::operation::Verb::{Delete, Get, Post, Put};
use crate::operation::{Operation, reads, writes};
use crate::world::World;

/// The rows of this file.
pub(super) const OPERATIONS: &[Operation] = &[
    reads("G43", Get, "/admin/roles", ARCHITECT, list),
    writes("G44", Post, "/admin/roles", ARCHITECT, create),
    reads("G45", Get, "/admin/role/{roleId}", ARCHITECT, get),
    writes("G46", Put, "/admin/role/{roleId}", ARCHITECT, put),
    writes("G47", Delete, "/admin/role/{roleId}", ARCHITECT, delete),
];

fn list(world: &mut World, _call: &Call) -> Result<Answer, Failure> {
    Ok(Answer::list(world.read("roles").values().cloned()))
}

fn create(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let identifier = call.query("newIdentifier").unwrap_or_default();
    let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    if identifier.is_empty() || !identifier.chars().all(fits) {
        let message = format!("newIdentifier '{identifier}': letters, digits, hyphen and underscore");
        return Err(refused(world, message));
    }
    let id = if world.switches.is("A33", "prefixed") {
        format!("ro.{identifier}")
    } else {
        identifier.to_owned()
    };
    if world.document("roles", &id).is_some() {
        return Err(refused(world, format!("Role '{id}' already exists")));
    }
    let mut body = call.object()?;
    body.shift_remove("id");
    save(world, &id, body)
}

fn get(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    Ok(Answer::json(existing(world, call.param("roleId"))?))
}

fn put(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let id = call.param("roleId");
    existing(world, id)?;
    save(world, id, call.object()?)
}

fn delete(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let id = call.param("roleId");
    existing(world, id)?;
    if world.switches.is("A37", "refuse")
        && let Some(blueprint) = assigned_in(world, id)
    {
        return Err(refused(
            world,
            format!("Role '{id}' is assigned in blueprint '{blueprint}'"),
        ));
    }
    if world.switches.is("A37", "removed") {
        for assignments in world.collection("roleAssignments").values_mut() {
            if let Some(rules) = assignments["roleAssignmentsRules"].as_object_mut() {
                rules.shift_remove(id);
            }
        }
    }
    world.collection("roles").shift_remove(id);
    Ok(Answer::done())
}

fn existing<'a>(world: &'a World, id: &str) -> Result<&'a Map<String, Value>, Failure> {
    world.document("roles", id).ok_or_else(|| unknown(world, "Role", id))
}

fn assigned_in<'a>(world: &'a World, role: &str) -> Option<&'a String> {
    let refers = |document: &Value| document["roleAssignmentsRules"].get(role).is_some();
    let mut all = world.read("roleAssignments").iter();
    all.find(|(_, document)| refers(document))
        .map(|(blueprint, _)| blueprint)
}

/// Stores a role and answers it as it is stored.
fn save(world: &mut World, id: &str, body: Map<String, Value>) -> Result<Answer, Failure> {
    let stored = Value::Object(complete(id, body)?);
    let answer = Answer::json(&stored);
    world.collection("roles").insert(id.to_owned(), stored);
    Ok(answer)
}

/// A whole role from what was sent.
pub(super) fn complete(id: &str, mut sent: Map<String, Value>) -> Result<Map<String, Value>, Failure> {
    same_id(&mut sent, "id", id)?;
    let mut stored = Map::from_iter([("id".to_owned(), json!(id))]);
    for name in ["label", "description"] {
        stored.insert(name.to_owned(), text_or_null(&mut sent, name)?);
    }
    stored.extend(sent);
    Ok(stored)
}
