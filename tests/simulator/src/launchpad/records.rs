//! Users, invites and groups as they are shown. A membership is stored once, as an id in the user or the invite, and
//! shown from both sides.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::tasks;
use crate::world::World;

/// The users and the groups that a view is made of.
pub(super) struct Records<'a> {
    /// Users by id.
    pub users: Cow<'a, Map<String, Value>>,
    /// Groups by id.
    pub groups: Cow<'a, Map<String, Value>>,
}

impl<'a> Records<'a> {
    /// What is recorded.
    pub fn recorded(world: &'a World) -> Self {
        Self {
            users: Cow::Borrowed(world.read("users")),
            groups: Cow::Borrowed(world.read("groups")),
        }
    }

    /// What a read shows: what is recorded, or with switch `A46` only what has reached the nodes.
    pub fn served(world: &'a World) -> Self {
        if world.switches.is("A46", "propagated") {
            tasks::propagated(world)
        } else {
            Self::recorded(world)
        }
    }

    /// A user or an invite, its groups with their names.
    pub fn person(&self, stored: &Value) -> Value {
        let mut shown = stored.clone();
        let groups = ids(stored).filter_map(|id| self.groups.get(id));
        shown["groups"] = groups
            .map(|group| json!({"id": group["id"], "name": group["name"]}))
            .collect();
        shown
    }

    /// A group with its members.
    pub fn group(&self, stored: &Value) -> Value {
        let id = text(stored, "id");
        let members = self.users.values().filter(|user| ids(user).any(|group| group == id));
        with_members(stored, members.map(member).collect())
    }

    /// Groups with their members, in one walk through the users.
    pub fn groups<'b>(&'b self, wanted: impl Fn(&Value) -> bool + 'b) -> impl Iterator<Item = Value> + 'b {
        let mut members: HashMap<&str, Vec<Value>> = HashMap::new();
        for user in self.users.values() {
            for group in ids(user) {
                members.entry(group).or_default().push(member(user));
            }
        }
        let groups = self.groups.values().filter(move |group| wanted(group));
        groups.map(move |group| with_members(group, members.remove(text(group, "id")).unwrap_or_default()))
    }
}

fn with_members(stored: &Value, members: Vec<Value>) -> Value {
    let mut shown = stored.clone();
    shown["users"] = Value::Array(members);
    shown
}

fn member(user: &Value) -> Value {
    json!({"id": user["id"], "email": user["email"]})
}

/// The ids of the groups of a stored user or invite.
pub(super) fn ids(stored: &Value) -> impl Iterator<Item = &str> {
    let groups = stored.get("groups").and_then(Value::as_array).into_iter().flatten();
    groups.filter_map(Value::as_str)
}

/// A text of a document; empty when absent.
pub(super) fn text<'a>(document: &'a Value, name: &str) -> &'a str {
    document.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Whether two emails are one, as far as switch `A49` goes.
pub(super) fn same_email(world: &World, one: &str, other: &str) -> bool {
    one == other || one.eq_ignore_ascii_case(other) && !world.switches.is("A49", "sensitive")
}

/// The id of the user or invite with an email.
pub(super) fn by_email(world: &World, collection: &str, email: &str) -> Option<String> {
    let mut all = world.read(collection).iter();
    all.find(|(_, one)| same_email(world, text(one, "email"), email))
        .map(|(id, _)| id.clone())
}

/// The ids of the groups that a list of `{"id","name"}` or of names means; the error is the reference that means none.
pub(super) fn resolve_groups(world: &World, list: Option<&Value>) -> Result<Vec<Value>, String> {
    let all = world.read("groups");
    let mut found: Vec<Value> = Vec::new();
    for reference in list.and_then(Value::as_array).into_iter().flatten() {
        let by_id = reference.get("id").and_then(Value::as_str);
        let name = reference
            .as_str()
            .or_else(|| reference.get("name").and_then(Value::as_str));
        let id = match by_id {
            Some(id) => all.contains_key(id).then_some(id),
            None => all
                .iter()
                .find(|(_, group)| Some(text(group, "name")) == name)
                .map(|(id, _)| id.as_str()),
        };
        let id = json!(id.ok_or_else(|| by_id.or(name).unwrap_or_default().to_owned())?);
        if !found.contains(&id) {
            found.push(id);
        }
    }
    Ok(found)
}

/// The present time as the Launchpad writes it.
pub(super) fn now(world: &World) -> Value {
    let millis = i64::try_from(world.clock.millis()).unwrap_or(i64::MAX);
    let time = jiff::Timestamp::from_millisecond(millis).unwrap_or_default();
    json!(time.strftime("%Y-%m-%dT%H:%M:%S.%6f+00:00").to_string())
}
