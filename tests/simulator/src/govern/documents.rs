//! What roles, assignments and permissions have in common: refusals and checks of members.

use serde_json::{Map, Value};

use crate::answer::Failure;
use crate::world::World;

/// The refusal for something that is not there, whatever the verb.
pub(super) fn unknown(world: &World, what: &str, id: &str) -> Failure {
    Failure {
        status: world.switches.status("A8"),
        ..Failure::not_found(format!("{what} '{id}' not found"))
    }
}

/// The refusal of a value.
pub(super) fn refused(world: &World, message: impl Into<String>) -> Failure {
    Failure::new(
        world.switches.status("A2"),
        "java.lang.IllegalArgumentException",
        message,
    )
}

/// Takes a text or null out of a body; absent is null.
pub(super) fn text_or_null(body: &mut Map<String, Value>, name: &str) -> Result<Value, Failure> {
    match body.shift_remove(name) {
        None | Some(Value::Null) => Ok(Value::Null),
        Some(text @ Value::String(_)) => Ok(text),
        Some(other) => Err(Failure::malformed(format!("{name}: expected a string, got {other}"))),
    }
}

/// Takes an object out of a body.
pub(super) fn object(body: &mut Map<String, Value>, name: &str) -> Result<Option<Map<String, Value>>, Failure> {
    match body.shift_remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(map)) => Ok(Some(map)),
        Some(other) => Err(Failure::malformed(format!("{name}: expected an object, got {other}"))),
    }
}

/// Takes the id out of a whole document. The path names the document, so another id in it is a mistake of the caller.
pub(super) fn same_id(body: &mut Map<String, Value>, name: &str, id: &str) -> Result<(), Failure> {
    match text_or_null(body, name)? {
        Value::Null => Ok(()),
        Value::String(sent) if sent == id => Ok(()),
        sent => Err(Failure::malformed(format!("{name}: {sent} is not '{id}' of the path"))),
    }
}

/// The blueprint that a new document is for: it exists, and has no document of this kind yet.
pub(super) fn new_blueprint_id(world: &World, collection: &str, body: &Map<String, Value>) -> Result<String, Failure> {
    let Some(id) = body.get("blueprintId").and_then(Value::as_str) else {
        return Err(Failure::malformed("blueprintId: expected a string"));
    };
    if world.document("blueprints", id).is_none() {
        return Err(unknown(world, "Blueprint", id));
    }
    if world.document(collection, id).is_some() {
        return Err(refused(world, format!("Blueprint '{id}' has {collection} already")));
    }
    Ok(id.to_owned())
}
