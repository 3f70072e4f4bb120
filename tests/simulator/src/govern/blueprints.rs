//! G60: the blueprints. Their design is another part of Govern's API; here they are there to be named.

use serde_json::{Map, Value, json};

use super::documents::{object, same_id};
use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::operation::Verb::Get;
use crate::operation::{Operation, Right, reads};
use crate::world::World;

/// The rows of this file.
pub(super) const OPERATIONS: &[Operation] = &[reads("G60", Get, "/blueprints", Right::Authenticated, list)];

fn list(world: &mut World, _call: &Call) -> Result<Answer, Failure> {
    Ok(Answer::list(world.read("blueprints").values().cloned()))
}

/// A whole element of the list from what was sent: the id is inside.
pub(super) fn complete(id: &str, mut sent: Map<String, Value>) -> Result<Map<String, Value>, Failure> {
    let mut inside = object(&mut sent, "blueprint")?.unwrap_or_default();
    same_id(&mut inside, "id", id)?;
    let mut blueprint = Map::from_iter([("id".to_owned(), json!(id)), ("name".to_owned(), json!(id))]);
    blueprint.extend(inside);
    sent.insert("blueprint".to_owned(), Value::Object(blueprint));
    Ok(sent)
}
