//! D31 and D32: the variables of the instance, replaced as a whole.

use serde_json::{Map, Value};

use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::operation::Verb::{Get, Put};
use crate::operation::{Operation, Right, reads, writes};
use crate::world::World;

/// The rows of this file.
pub(super) const OPERATIONS: &[Operation] = &[
    reads("D31", Get, "/admin/variables", Right::Admin, get),
    writes("D32", Put, "/admin/variables", Right::Admin, put),
];

/// The document of the state that holds them.
pub(super) const PART: &str = "variables";

/// A fresh instance has none.
pub(super) fn fresh() -> Value {
    Value::Object(Map::new())
}

fn get(world: &mut World, _call: &Call) -> Result<Answer, Failure> {
    Ok(Answer::json(world.read(PART)))
}

fn put(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let variables = call.object()?;
    world.state.insert(PART.to_owned(), Value::Object(variables));
    Ok(Answer::done())
}
