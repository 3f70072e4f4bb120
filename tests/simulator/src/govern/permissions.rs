//! G53 to G59: who may do what with the artifacts of a blueprint, and by default.
//!
//! What a permission looks like is not known, so everything inside is kept as it was sent.

use serde_json::{Map, Value, json};

use super::ARCHITECT;
use super::documents::{new_blueprint_id, object, same_id, unknown};
use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::operation::Verb::{Delete, Get, Post, Put};
use crate::operation::{Operation, reads, writes};
use crate::world::World;

/// The rows of this file.
pub(super) const OPERATIONS: &[Operation] = &[
    reads("G53", Get, ALL, ARCHITECT, list),
    writes("G54", Post, ALL, ARCHITECT, create),
    reads("G55", Get, ONE, ARCHITECT, get),
    writes("G56", Put, ONE, ARCHITECT, put),
    writes("G57", Delete, ONE, ARCHITECT, delete),
    reads("G58", Get, DEFAULT, ARCHITECT, get_default),
    writes("G59", Put, DEFAULT, ARCHITECT, put_default),
];

const ALL: &str = "/admin/blueprint-permissions";
const ONE: &str = "/admin/blueprint-permissions/{blueprintId}";
const DEFAULT: &str = "/admin/blueprint-permissions/default";

/// Only blueprints that have permissions of their own are in it.
fn list(world: &mut World, _call: &Call) -> Result<Answer, Failure> {
    Ok(Answer::list(world.read("blueprintPermissions").values().cloned()))
}

fn create(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let body = call.object()?;
    let id = new_blueprint_id(world, "blueprintPermissions", &body)?;
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
    world.collection("blueprintPermissions").shift_remove(id);
    Ok(Answer::done())
}

fn get_default(world: &mut World, _call: &Call) -> Result<Answer, Failure> {
    Ok(Answer::json(&default_document(world)))
}

fn put_default(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let mut body = call.object()?;
    if world.switches.is("A36", "wrapped") {
        let inside = object(&mut body, "permissions")?;
        body = inside.ok_or_else(|| Failure::malformed("permissions: expected an object"))?;
    }
    world.state.insert("defaultPermissions".to_owned(), Value::Object(body));
    Ok(Answer::json(&default_document(world)))
}

fn default_document(world: &World) -> Value {
    let stored = json!(world.read("defaultPermissions"));
    if world.switches.is("A36", "wrapped") {
        json!({"permissions": stored})
    } else {
        stored
    }
}

fn existing<'a>(world: &'a World, id: &str) -> Result<&'a Map<String, Value>, Failure> {
    let found = world.document("blueprintPermissions", id);
    found.ok_or_else(|| unknown(world, "Permissions of blueprint", id))
}

/// Stores permissions and answers them as they are stored.
fn save(world: &mut World, id: &str, body: Map<String, Value>) -> Result<Answer, Failure> {
    let stored = Value::Object(complete(id, body)?);
    let answer = Answer::json(&stored);
    world.collection("blueprintPermissions").insert(id.to_owned(), stored);
    Ok(answer)
}

/// Whole permissions from what was sent.
pub(super) fn complete(id: &str, mut sent: Map<String, Value>) -> Result<Map<String, Value>, Failure> {
    same_id(&mut sent, "blueprintId", id)?;
    let Some(permissions) = object(&mut sent, "permissions")? else {
        return Err(Failure::malformed("permissions: expected an object"));
    };
    let mut stored = Map::from_iter([
        ("blueprintId".to_owned(), json!(id)),
        ("permissions".to_owned(), Value::Object(permissions)),
    ]);
    stored.extend(sent);
    Ok(stored)
}
