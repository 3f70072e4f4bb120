//! What users and invites have in common: search by email, replacement by a whole document, deletion by email.

use serde_json::{Map, Value, json};

use super::bulk::Refused;
use super::records::{Records, by_email, ids, now, resolve_groups, same_email, text};
use super::{groups, schema, seats};
use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::world::World;

/// What the server alone decides.
const READ_ONLY: [&str; 4] = ["id", "email", "createdOn", "isOwner"];

/// L1 and L6.
pub(super) fn search(world: &World, call: &Call, collection: &str, records: &Records<'_>) -> Result<Answer, Failure> {
    let wanted = filter(world, call, "emails")?;
    let all = if collection == "users" {
        &*records.users
    } else {
        world.read(collection)
    };
    let fits = |stored: &&Value| {
        let email = text(stored, "email");
        let wanted = wanted.as_ref();
        wanted.is_none_or(|wanted| wanted.iter().any(|wanted| same_email(world, wanted, email)))
    };
    Ok(Answer::list(
        all.values().filter(fits).map(|stored| records.person(stored)),
    ))
}

/// A filter; what an empty one means is switch `A39`.
pub(super) fn filter(world: &World, call: &Call, name: &str) -> Result<Option<Vec<String>>, Failure> {
    let wanted = schema::filter(call, name)?;
    let everything = world.switches.is("A39", "everything");
    Ok(wanted.filter(|wanted| !(wanted.is_empty() && everything)))
}

/// A user as stored.
pub(super) fn user(id: &str, email: &str, profile: &Value, groups: &Value, created: Value) -> Value {
    let mut user = json!({"id": id, "email": email, "profile": with_trial(profile), "groups": groups});
    user["createdOn"] = created;
    user["isOwner"] = json!(false);
    user["adminProperties"] = json!({});
    user
}

/// The spelling in which an email is stored.
pub(super) fn spelled(world: &World, email: &str) -> String {
    if world.switches.is("A49", "lowercase") {
        email.to_lowercase()
    } else {
        email.to_owned()
    }
}

/// One item of L4 or L8: the whole document is replaced, what the server decides is not.
pub(super) fn replace(world: &mut World, collection: &str, item: &Value) -> Result<Value, Refused> {
    let id = text(item, "id");
    let Some(old) = world.read(collection).get(id).cloned() else {
        return Err(Refused::new("id", format!("{id} not found")));
    };
    let mut stored = item.as_object().cloned().unwrap_or_default();
    for name in READ_ONLY {
        stored.shift_remove(name);
        stored.extend(old.get(name).map(|value| (name.to_owned(), value.clone())));
    }
    if collection == "users" {
        stored.insert("profile".to_owned(), with_trial(&item["profile"]));
        if stored.get("adminProperties").is_none_or(Value::is_null) {
            stored.insert("adminProperties".to_owned(), json!({}));
        }
    }
    let groups = resolve_groups(world, item.get("groups"));
    let groups = groups.map_err(|name| Refused::new("groups", format!("Unknown group {name}")))?;
    stored.insert("groups".to_owned(), Value::Array(groups));
    let stored = Value::Object(stored);
    let (before, after) = (&old["profile"], &stored["profile"]);
    if before["name"] != after["name"] || (before["isTrial"] == true) != (after["isTrial"] == true) {
        seats::check(world, after, text(&old, "email"))?;
    }
    if groups::demotes_owner(world, &old, &stored) {
        return Err(Refused::new(
            "groups",
            "The owner of the space stays among its administrators",
        ));
    }
    let shown = Records::recorded(world).person(&stored);
    world.collection(collection).insert(id.to_owned(), stored);
    Ok(shown)
}

/// One item of L5 or L9.
pub(super) fn remove(world: &mut World, collection: &str, item: &Value) -> Result<Value, Refused> {
    let email = item.as_str().unwrap_or_default();
    let Some(id) = by_email(world, collection, email) else {
        return Err(Refused::new("email", format!("{email} not found")));
    };
    let owner = world
        .read(collection)
        .get(&id)
        .is_some_and(|one| one["isOwner"] == true);
    if owner && world.switches.is("A41", "refused") {
        return Err(Refused::new("email", "The owner of the space cannot be deleted"));
    }
    world.collection(collection).shift_remove(&id);
    Ok(json!({"id": id, "email": email}))
}

/// A profile that does not say that it is a trial is none.
fn with_trial(profile: &Value) -> Value {
    let mut profile = profile.clone();
    if profile.get("isTrial").is_none() {
        profile["isTrial"] = json!(false);
    }
    profile
}

/// Checks and completes what somebody did to a user or an invite in the UI, where groups may be named only.
pub(super) fn edited(
    world: &World,
    collection: &str,
    id: &str,
    mut document: Map<String, Value>,
) -> Result<Map<String, Value>, String> {
    let email = document.get("email").and_then(Value::as_str).unwrap_or_default();
    if !schema::is_email(email) {
        return Err(format!("{email:?} is no email"));
    }
    if by_email(world, collection, email).is_some_and(|other| other != id) {
        return Err(format!("{email} exists"));
    }
    let groups = resolve_groups(world, document.get("groups")).map_err(|name| format!("no group {name}"))?;
    document.insert("id".to_owned(), json!(id));
    document.insert("groups".to_owned(), Value::Array(groups));
    let mut complete = |name: &str, value: Value| _ = document.entry(name).or_insert(value);
    complete("profile", json!({"name": "reader"}));
    complete("createdOn", now(world));
    if collection == "users" {
        complete("isOwner", json!(false));
        complete("adminProperties", json!({}));
        document["profile"] = with_trial(&document["profile"]);
    }
    let wrong = schema::stored_person(&document);
    if wrong.is_empty() {
        Ok(document)
    } else {
        Err(Value::Object(wrong).to_string())
    }
}

/// Sets who is in a group and gives the ids of those for whom that is a change.
pub(super) fn set_members(world: &mut World, group: &str, members: &[String]) -> Vec<String> {
    let mut changed = Vec::new();
    for (id, user) in world.collection("users") {
        let (is, shall) = (ids(user).any(|one| one == group), members.contains(id));
        let Some(groups) = user.get_mut("groups").and_then(Value::as_array_mut) else {
            continue;
        };
        match (is, shall) {
            (false, true) => groups.push(json!(group)),
            (true, false) => groups.retain(|one| one != group),
            _ => continue,
        }
        changed.push(id.clone());
    }
    changed
}
