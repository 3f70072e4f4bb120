//! G48 to G52: who has which role on the artifacts of a blueprint.

use serde_json::{Map, Value, json};

use super::ARCHITECT;
use super::documents::{new_blueprint_id, object, same_id, text_or_null, unknown};
use super::rule;
use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::operation::Verb::{Delete, Get, Post, Put};
use crate::operation::{Operation, reads, writes};
use crate::world::World;

/// The rows of this file.
pub(super) const OPERATIONS: &[Operation] = &[
    reads("G48", Get, ALL, ARCHITECT, list),
    writes("G49", Post, ALL, ARCHITECT, create),
    reads("G50", Get, ONE, ARCHITECT, get),
    writes("G51", Put, ONE, ARCHITECT, put),
    writes("G52", Delete, ONE, ARCHITECT, delete),
];

const ALL: &str = "/admin/blueprint-role-assignments";
const ONE: &str = "/admin/blueprint-role-assignments/{blueprintId}";

/// Only blueprints that have assignments of their own are in it.
fn list(world: &mut World, _call: &Call) -> Result<Answer, Failure> {
    Ok(Answer::list(world.read("roleAssignments").values().cloned()))
}

fn create(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let body = call.object()?;
    let id = new_blueprint_id(world, "roleAssignments", &body)?;
    save(world, &id, body)
}

fn get(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    Ok(Answer::json(existing(world, call.param("blueprintId"))?))
}

fn put(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let id = call.param("blueprintId");
    existing(world, id)?;
    save(world, id, call.object()?)
}

fn delete(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let id = call.param("blueprintId");
    existing(world, id)?;
    world.collection("roleAssignments").shift_remove(id);
    Ok(Answer::done())
}

fn existing<'a>(world: &'a World, id: &str) -> Result<&'a Map<String, Value>, Failure> {
    let found = world.document("roleAssignments", id);
    found.ok_or_else(|| unknown(world, "Role assignments of blueprint", id))
}

/// Stores assignments and answers them as they are stored.
fn save(world: &mut World, id: &str, body: Map<String, Value>) -> Result<Answer, Failure> {
    let mut stored = complete(world, id, body)?;
    rule::rewrite_all(world, &mut stored);
    let stored = Value::Object(stored);
    let answer = Answer::json(&stored);
    world.collection("roleAssignments").insert(id.to_owned(), stored);
    Ok(answer)
}

/// Whole assignments from what was sent.
pub(super) fn complete(world: &World, id: &str, mut sent: Map<String, Value>) -> Result<Map<String, Value>, Failure> {
    same_id(&mut sent, "blueprintId", id)?;
    let mut stored = Map::from_iter([("blueprintId".to_owned(), json!(id))]);
    for name in ["inheritBlueprintId", "inheritArtifactFieldId"] {
        stored.insert(name.to_owned(), text_or_null(&mut sent, name)?);
    }
    let mut bindings = Map::new();
    for (role, rules) in object(&mut sent, "roleAssignmentsRules")?.unwrap_or_default() {
        let Value::Array(rules) = rules else {
            let message = format!("roleAssignmentsRules.{role}: expected an array, got {rules}");
            return Err(Failure::malformed(message));
        };
        let rules: Result<Value, Failure> = rules.into_iter().map(|sent| rule::complete(world, sent)).collect();
        bindings.insert(role, rules?);
    }
    stored.insert("roleAssignmentsRules".to_owned(), Value::Object(bindings));
    stored.extend(sent);
    Ok(stored)
}
