//! L1 to L5: invites, and what becomes of one that is accepted.

use serde_json::{Map, Value, json};

use super::bulk::{self, Refused};
use super::people;
use super::records::{Records, by_email, now, resolve_groups, same_email, text};
use super::refusal::unknown;
use super::{schema, seats, tasks};
use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::operation::Verb::{Delete, Get, Post, Put};
use crate::operation::{Operation, Right, reads, writes};
use crate::world::World;

const READ: Right = Right::Named("read_users");
const WRITE: Right = Right::Named("write_users");
const WEEK_MILLIS: i64 = 7 * 24 * 3_600_000;

/// The rows of this file.
pub(super) const OPERATIONS: &[Operation] = &[
    reads("L1", Post, "/spaces/{spaceId}/invites/search", READ, search),
    reads("L2", Get, "/spaces/{spaceId}/invite/{id}", READ, get),
    writes("L3", Post, "/spaces/{spaceId}/invites", WRITE, create),
    writes("L4", Put, "/spaces/{spaceId}/invites", WRITE, update),
    writes("L5", Delete, "/spaces/{spaceId}/invites", WRITE, delete),
];

fn search(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    drop_expired(world);
    people::search(world, call, "invites", &Records::recorded(world))
}

fn get(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    drop_expired(world);
    let id = call.param("id");
    let stored = world.read("invites").get(id).ok_or_else(|| unknown("Invite", id))?;
    Ok(Answer::json(&Records::recorded(world).person(stored)))
}

fn create(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    drop_expired(world);
    let items = schema::people(call, schema::new_invite)?;
    Ok(bulk::run(world, call, "invites", "email", &items, invite)?.answer(None))
}

fn update(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    drop_expired(world);
    let items = schema::people(call, schema::known_person)?;
    let replace: bulk::Apply = |world, item| people::replace(world, "invites", item);
    Ok(bulk::run(world, call, "invites", "id", &items, replace)?.answer(None))
}

fn delete(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    drop_expired(world);
    let items: Vec<Value> = schema::emails(call)?.into_iter().map(Value::String).collect();
    let remove: bulk::Apply = |world, item| people::remove(world, "invites", item);
    Ok(bulk::run(world, call, "invites", "email", &items, remove)?.answer(None))
}

/// One item of L3.
fn invite(world: &mut World, item: &Value) -> Result<Value, Refused> {
    let email = text(item, "email");
    for (collection, what) in [("invites", "is already invited"), ("users", "is already a user")] {
        if by_email(world, collection, email).is_some() {
            return Err(Refused::new("email", format!("{email} {what}")));
        }
    }
    seats::check(world, &item["profile"], email)?;
    let groups = resolve_groups(world, item.get("groups"));
    let groups = groups.map_err(|name| Refused::new("groups", format!("Unknown group {name}")))?;
    let mut stored = item.as_object().cloned().unwrap_or_default();
    let id = World::random(16);
    stored.insert("id".to_owned(), json!(id));
    stored.insert("email".to_owned(), json!(people::spelled(world, email)));
    stored.insert("groups".to_owned(), Value::Array(groups));
    stored.insert("createdOn".to_owned(), now(world));
    let stored = Value::Object(stored);
    let mut success = Records::recorded(world).person(&stored);
    // The client finds its own invite again by the email it sent.
    success["email"] = json!(email);
    world.collection("invites").insert(id, stored);
    Ok(success)
}

/// Lets an invited person accept; gives the user who comes of it.
pub(super) fn accept(world: &mut World, asked: &Value) -> Result<Value, String> {
    drop_expired(world);
    let email = text(asked, "email");
    let id = by_email(world, "invites", email).ok_or_else(|| format!("{email} is not invited"))?;
    let invite = world.read("invites").get(&id).cloned().unwrap_or_default();
    seats::check(world, &invite["profile"], email).map_err(|refused| refused.message)?;
    world.collection("invites").shift_remove(&id);
    let id = if world.switches.is("A51", "same") {
        id
    } else {
        World::random(16)
    };
    let user = people::user(
        &id,
        text(&invite, "email"),
        &invite["profile"],
        &invite["groups"],
        now(world),
    );
    world.collection("users").insert(id.clone(), user.clone());
    tasks::propagate(world, &[("users", &[id])]);
    Ok(Records::recorded(world).person(&user))
}

/// With switch `acceptMillis` people accept their invites by themselves. Whoever gets no seat stays invited.
pub(super) fn accept_due(world: &mut World) {
    let after = world.switches.millis("acceptMillis");
    if after == 0 || world.read("invites").is_empty() {
        return;
    }
    let before = i64::try_from(world.clock.millis().saturating_sub(after)).unwrap_or(i64::MAX);
    let is_due = |invite: &&Value| {
        let created = text(invite, "createdOn").parse::<jiff::Timestamp>();
        created.is_ok_and(|created| created.as_millisecond() <= before)
    };
    let due = world.read("invites").values().filter(is_due);
    let emails: Vec<Value> = due.map(|invite| invite["email"].clone()).collect();
    for email in emails {
        let _ = accept(world, &json!({ "email": email }));
    }
}

/// With switch `inviteExpiry` an invite goes away by itself.
fn drop_expired(world: &mut World) {
    if !world.switches.is("inviteExpiry", "week") {
        return;
    }
    let now = i64::try_from(world.clock.millis()).unwrap_or(i64::MAX);
    let alive = |invite: &Value| {
        let created = text(invite, "createdOn").parse::<jiff::Timestamp>();
        created.is_ok_and(|created| created.as_millisecond() + WEEK_MILLIS > now)
    };
    world.collection("invites").retain(|_, invite| alive(invite));
}

/// Checks and completes what somebody did to an invite in the UI.
pub(super) fn edited(world: &World, id: &str, document: Map<String, Value>) -> Result<Map<String, Value>, String> {
    let email = document
        .get("email")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let taken = world
        .read("users")
        .values()
        .any(|user| same_email(world, text(user, "email"), &email));
    if taken {
        return Err(format!("{email} is a user"));
    }
    people::edited(world, "invites", id, document)
}
