//! L10 to L14: groups.

use serde_json::{Map, Value, json};

use super::records::{Records, by_email, ids, text};
use super::refusal::{Wrong, because, refuse, unknown, unless_empty, unprocessable, wrong};
use super::{people, permissions, schema, tasks};
use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::operation::Verb::{Delete, Get, Post, Put};
use crate::operation::{Operation, Right, reads, writes};
use crate::world::World;

const READ: Right = Right::Named("read_groups");
const WRITE: Right = Right::Named("write_groups");

/// The group whose members administer the space.
pub(super) const ADMINISTRATORS: &str = "space_administrators";

/// The rows of this file.
pub(super) const OPERATIONS: &[Operation] = &[
    reads("L10", Post, "/spaces/{spaceId}/groups/search", READ, search),
    reads("L11", Get, "/spaces/{spaceId}/group/{id}", READ, get),
    writes("L12", Post, "/spaces/{spaceId}/group", WRITE, create),
    writes("L13", Put, "/spaces/{spaceId}/group/{id}", WRITE, put),
    writes("L14", Delete, "/spaces/{spaceId}/group/{id}", WRITE, delete),
];

fn search(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let wanted = people::filter(world, call, "names")?;
    let records = Records::served(world);
    let fits = |group: &Value| {
        let wanted = wanted.as_ref();
        wanted.is_none_or(|wanted| wanted.iter().any(|name| name == text(group, "name")))
    };
    Ok(Answer::list(records.groups(fits)))
}

fn get(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let id = call.param("id");
    let records = Records::served(world);
    let stored = records.groups.get(id).ok_or_else(|| unknown("Group", id))?;
    Ok(Answer::json(&records.group(stored)))
}

fn create(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let body = schema::object(call)?;
    unless_empty(schema::group(&body))?;
    save(world, &World::random(16), body)
}

fn put(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let id = call.param("id");
    let Some(old) = world.read("groups").get(id).cloned() else {
        return Err(unknown("Group", id));
    };
    let mut body = schema::object(call)?;
    unless_empty(schema::group(&body))?;
    if body.get("name") != old.get("name") {
        match world.switches.text("A48") {
            "refused" => return Err(unprocessable(wrong("name", "A group cannot be renamed"))),
            "ignored" => _ = body.insert("name".to_owned(), old["name"].clone()),
            _ => {}
        }
    }
    save(world, id, body)
}

/// Stores a whole group. Who is not in it is no member, what is not in it is no right.
fn save(world: &mut World, id: &str, mut body: Map<String, Value>) -> Result<Answer, Failure> {
    let name = body.get("name").and_then(Value::as_str).unwrap_or_default();
    free_name(world, id, name)?;
    let members = members(world, body.get("users")).map_err(unprocessable)?;
    body.shift_remove("users");
    let stored = permissions::complete(world, id, body).map_err(unprocessable)?;
    if loses_owner(world, id, &members) {
        return Err(unprocessable(wrong(
            "users",
            "The owner of the space stays among its administrators",
        )));
    }
    world.collection("groups").insert(id.to_owned(), Value::Object(stored));
    let changed = people::set_members(world, id, &members);
    let task = tasks::propagate(world, &[("groups", &[id.to_owned()]), ("users", &changed)]);
    let records = Records::recorded(world);
    let mut answer = json!({"group": records.groups.get(id).map(|stored| records.group(stored))});
    if let Some(task) = task {
        answer["taskId"] = json!(task);
    }
    Ok(Answer::json(&answer))
}

fn delete(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let id = call.param("id");
    if !world.read("groups").contains_key(id) {
        return Err(unknown("Group", id));
    }
    if loses_owner(world, id, &[]) {
        return Err(unprocessable(wrong(
            "name",
            "The owner of the space stays among its administrators",
        )));
    }
    world.collection("groups").shift_remove(id);
    let changed = people::set_members(world, id, &[]);
    for invite in world.collection("invites").values_mut() {
        if let Some(groups) = invite.get_mut("groups").and_then(Value::as_array_mut) {
            groups.retain(|group| group != id);
        }
    }
    let task = tasks::propagate(world, &[("groups", &[id.to_owned()]), ("users", &changed)]);
    Ok(task.map_or_else(Answer::no_content, |task| Answer::json(&json!({"taskId": task}))))
}

fn free_name(world: &World, id: &str, name: &str) -> Result<(), Failure> {
    let mut others = world.read("groups").iter().filter(|(other, _)| *other != id);
    if !others.any(|(_, group)| text(group, "name") == name) {
        return Ok(());
    }
    let message = format!("A group with the name {name} exists");
    match world.switches.status("A47") {
        422 => Err(unprocessable(wrong("name", &message))),
        status => Err(refuse(status, message)),
    }
}

/// The ids of the users that a list of `{"id","email"}` or of emails means.
fn members(world: &World, list: Option<&Value>) -> Result<Vec<String>, Wrong> {
    let (mut found, mut bad) = (Vec::new(), Wrong::new());
    for (place, reference) in list.and_then(Value::as_array).into_iter().flatten().enumerate() {
        let id = match reference.get("id").and_then(Value::as_str) {
            Some(id) => world.read("users").contains_key(id).then(|| id.to_owned()),
            None => by_email(
                world,
                "users",
                reference.as_str().unwrap_or_else(|| text(reference, "email")),
            ),
        };
        match id {
            Some(id) if found.contains(&id) && world.switches.is("repeatedMembers", "refused") => {
                bad.insert(place.to_string(), because("Repeated user"));
            }
            Some(id) => found.push(id),
            None => _ = bad.insert(place.to_string(), because("Unknown user")),
        }
    }
    if bad.is_empty() {
        Ok(found)
    } else {
        Err(Map::from_iter([("users".to_owned(), Value::Object(bad))]))
    }
}

/// Whether a group is the one of the administrators, its members leave out the owner, and that is refused.
fn loses_owner(world: &World, group: &str, members: &[String]) -> bool {
    let kept = |owner: &Value| members.iter().any(|id| id == text(owner, "id"));
    protects(world, group) && owners(world).any(|owner| ids(owner).any(|id| id == group) && !kept(owner))
}

/// The same for a user who is about to be replaced.
pub(super) fn demotes_owner(world: &World, old: &Value, new: &Value) -> bool {
    let left = |group: &str| protects(world, group) && !ids(new).any(|id| id == group);
    old["isOwner"] == true && ids(old).any(left)
}

fn owners(world: &World) -> impl Iterator<Item = &Value> {
    world.read("users").values().filter(|user| user["isOwner"] == true)
}

fn protects(world: &World, group: &str) -> bool {
    let name = world.read("groups").get(group).map(|group| text(group, "name"));
    name == Some(ADMINISTRATORS) && world.switches.is("A41", "refused")
}

/// Checks and completes what somebody did to a group in the UI. Members that differ from the present ones stay in the
/// document until [`settle`].
pub(super) fn edited(world: &World, id: &str, mut document: Map<String, Value>) -> Result<Map<String, Value>, String> {
    document.insert("id".to_owned(), json!(id));
    let text_of = |wrong: Wrong| Value::Object(wrong).to_string();
    let wanted = members(world, document.get("users")).map_err(text_of)?;
    document.insert("users".to_owned(), wanted.iter().map(|id| json!({"id": id})).collect());
    let bad = schema::group(&document);
    if !bad.is_empty() {
        return Err(text_of(bad));
    }
    let name = document.get("name").and_then(Value::as_str).unwrap_or_default();
    free_name(world, id, name).map_err(|_| format!("the group {name} exists"))?;
    document.shift_remove("users");
    let mut stored = permissions::complete(world, id, document).map_err(text_of)?;
    let is_in = |user: &Value| ids(user).any(|group| group == id);
    let same = world
        .read("users")
        .iter()
        .all(|(user, stored)| is_in(stored) == wanted.contains(user));
    if !same {
        stored.insert("users".to_owned(), json!(wanted));
    }
    Ok(stored)
}

/// Moves the members of an edited group to the users, and gives the ids of those who changed.
pub(super) fn settle(world: &mut World, id: &str) -> Vec<String> {
    let Some(group) = world.collection("groups").get_mut(id).and_then(Value::as_object_mut) else {
        return people::set_members(world, id, &[]);
    };
    let Some(Value::Array(members)) = group.shift_remove("users") else {
        return Vec::new();
    };
    let members: Vec<String> = members.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    people::set_members(world, id, &members)
}
