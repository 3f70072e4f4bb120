//! L6 to L9: users. There is no creation; a user is somebody who accepted an invite.

use serde_json::Value;

use super::records::Records;
use super::refusal::unknown;
use super::{bulk, people, schema, tasks};
use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::operation::Verb::{Delete, Get, Post, Put};
use crate::operation::{Operation, Right, reads, writes};
use crate::world::World;

const READ: Right = Right::Named("read_users");
const WRITE: Right = Right::Named("write_users");

/// The rows of this file.
pub(super) const OPERATIONS: &[Operation] = &[
    reads("L6", Post, "/spaces/{spaceId}/users/search", READ, search),
    reads("L7", Get, "/spaces/{spaceId}/user/{id}", READ, get),
    writes("L8", Put, "/spaces/{spaceId}/users", WRITE, update),
    writes("L9", Delete, "/spaces/{spaceId}/users", WRITE, delete),
];

fn search(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    people::search(world, call, "users", &Records::served(world))
}

fn get(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let id = call.param("id");
    let records = Records::served(world);
    let stored = records.users.get(id).ok_or_else(|| unknown("User", id))?;
    Ok(Answer::json(&records.person(stored)))
}

fn update(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let items = schema::people(call, schema::known_person)?;
    let replace: bulk::Apply = |world, item| people::replace(world, "users", item);
    let outcome = bulk::run(world, call, "users", "id", &items, replace)?;
    let task = tasks::propagate(world, &[("users", &outcome.ids())]);
    Ok(outcome.answer(task))
}

fn delete(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let items: Vec<Value> = schema::emails(call)?.into_iter().map(Value::String).collect();
    let remove: bulk::Apply = |world, item| people::remove(world, "users", item);
    let outcome = bulk::run(world, call, "users", "email", &items, remove)?;
    let task = tasks::propagate(world, &[("users", &outcome.ids())]);
    Ok(outcome.answer(task))
}
