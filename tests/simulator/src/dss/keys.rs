//! What global and personal API keys share: their secret, and who still sees it.

use serde_json::{Map, Value, json};

use crate::answer::Failure;
use crate::world::World;

/// Marks a key that was created in hashed mode. Whoever stores a hash cannot show the secret when the mode ends.
const HASHED: &str = "storedHashed";

/// A new key: its id, its secret, who made it and when.
pub(super) fn stamped(world: &World, created_by: &str) -> Map<String, Value> {
    let mut key = Map::new();
    key.insert("id".to_owned(), json!(World::random(16)));
    key.insert("key".to_owned(), json!(World::random(32)));
    key.insert("createdOn".to_owned(), json!(world.clock.millis()));
    key.insert("createdBy".to_owned(), json!(created_by));
    if world.switches.flag("hashedKeys") {
        key.insert(HASHED.to_owned(), json!(true));
    }
    key
}

/// The one answer that has the secret in every mode.
pub(super) fn as_created(stored: &Map<String, Value>) -> Value {
    let mut shown = stored.clone();
    shown.shift_remove(HASHED);
    Value::Object(shown)
}

/// A key as it is listed and got; `form` is the switch that says what becomes of a hashed secret.
pub(super) fn shown(world: &World, stored: &Map<String, Value>, form: &str) -> Value {
    let mut shown = stored.clone();
    let hashed = shown.shift_remove(HASHED).is_some() || world.switches.flag("hashedKeys");
    if hashed {
        match world.switches.text(form) {
            "masked" => _ = shown.insert("key".to_owned(), json!("************")),
            "null" => _ = shown.insert("key".to_owned(), Value::Null),
            _ => _ = shown.shift_remove("key"),
        }
    }
    Value::Object(shown)
}

/// The members of a key that only the product writes.
pub(super) const READ_ONLY: [&str; 5] = ["id", "key", "createdOn", "createdBy", HASHED];

/// The failure for an id that no key has, whatever the verb.
pub(super) fn unknown(world: &World, id: &str) -> Failure {
    Failure {
        status: world.switches.status("A8"),
        ..Failure::not_found(format!("API key '{id}' not found"))
    }
}

/// Whether a member is a text, null or not there.
pub(super) fn check_texts(body: &Map<String, Value>, names: &[&str]) -> Result<(), Failure> {
    for name in names {
        if let Some(value) = body.get(*name)
            && !value.is_string()
            && !value.is_null()
        {
            return Err(Failure::malformed(format!("{name}: {value} has the wrong type")));
        }
    }
    Ok(())
}
