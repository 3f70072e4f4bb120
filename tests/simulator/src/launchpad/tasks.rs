//! L17 and what a task does: bring a recorded change to the nodes.
//!
//! A task carries the documents that a write left behind. What the nodes have is the state `propagated`, which stays
//! behind the records until the clock has passed the end of the task.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::records::{Records, text};
use super::refusal::unknown;
use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::operation::Verb::Get;
use crate::operation::{Operation, Right, reads};
use crate::world::World;

/// The rows of this file. The sheet names no scope for tasks.
pub(super) const OPERATIONS: &[Operation] = &[reads(
    "L17",
    Get,
    "/spaces/{spaceId}/task/{taskId}",
    Right::Authenticated,
    get,
)];

fn get(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    deliver(world);
    let id = call.param("taskId");
    let task = world.read("tasks").get(id).ok_or_else(|| unknown("Task", id))?;
    let ready = is_ready(world, task);
    let successful = ready && task["successful"] == true;
    let result = if successful {
        task["result"].clone()
    } else {
        Value::Null
    };
    Ok(Answer::json(
        &json!({"ready": ready, "successful": successful, "result": result}),
    ))
}

/// Starts to bring documents to the nodes, and gives the id of the task when there is one.
pub(super) fn propagate(world: &mut World, changed: &[(&str, &[String])]) -> Option<String> {
    deliver(world);
    let each = changed
        .iter()
        .flat_map(|(collection, ids)| ids.iter().map(move |id| (*collection, id)));
    let left = |(collection, id): (&str, &String)| json!([collection, id, world.read(collection).get(id)]);
    let carried: Vec<Value> = each.map(left).collect();
    if carried.is_empty() {
        return None;
    }
    if world.switches.is("tasks", "none") {
        apply(world.collection("propagated"), &carried);
        return None;
    }
    let id = World::random(20);
    let nodes: Vec<&String> = world.read("nodes").keys().collect();
    let task = json!({
        "id": id,
        "readyAt": world.clock.millis() + world.switches.millis("taskMillis"),
        "held": world.switches.is("space", "stopped"),
        "successful": !world.switches.is("tasks", "failing"),
        "result": {"nodes": nodes},
        "changes": carried,
    });
    world.collection("tasks").insert(id.clone(), task);
    Some(id)
}

/// Whether a task has ended. One that was given to a stopped space waits for the space.
fn is_ready(world: &World, task: &Value) -> bool {
    let due = task["readyAt"].as_u64().is_some_and(|at| at <= world.clock.millis());
    let held = task["held"] == true && world.switches.is("space", "stopped");
    due && !held
}

/// Keeps what the ended tasks have brought.
fn deliver(world: &mut World) {
    let ended = |task: &Value| is_ready(world, task) && !task["changes"].is_null();
    let ended = world.read("tasks").iter().filter(|(_, task)| ended(task));
    let ended: Vec<String> = ended.map(|(id, _)| id.clone()).collect();
    for id in ended {
        let Some(task) = world.collection("tasks").get_mut(&id) else {
            continue;
        };
        // An ended task is not held again when the space stops later.
        task["held"] = json!(false);
        let successful = task["successful"] == true;
        if let (Value::Array(changes), true) = (task["changes"].take(), successful) {
            apply(world.collection("propagated"), &changes);
        }
    }
}

fn apply(propagated: &mut Map<String, Value>, changes: &[Value]) {
    for change in changes {
        let (collection, id) = (
            change[0].as_str().unwrap_or_default(),
            change[1].as_str().unwrap_or_default(),
        );
        let Some(documents) = propagated.get_mut(collection).and_then(Value::as_object_mut) else {
            continue;
        };
        match &change[2] {
            Value::Null => _ = documents.shift_remove(id),
            document => _ = documents.insert(id.to_owned(), packed(document)),
        }
    }
}

/// The users and groups that have reached the nodes by now.
pub(super) fn propagated(world: &World) -> Records<'_> {
    let mut reached = world.read("propagated").clone();
    for task in world.read("tasks").values() {
        if let (Value::Array(changes), true) = (&task["changes"], task["successful"] == true && is_ready(world, task)) {
            apply(&mut reached, changes);
        }
    }
    let mut take = |name: &str| match reached.shift_remove(name) {
        Some(Value::Object(documents)) => Cow::Owned(documents.iter().map(unpacked).collect()),
        _ => Cow::Owned(Map::new()),
    };
    Records {
        users: take("users"),
        groups: take("groups"),
    }
}

/// What is recorded is what the nodes have: the start of a space.
pub(super) fn start_in_sync(world: &mut World) {
    let all = |name: &str| -> Map<String, Value> {
        let documents = world.read(name).iter();
        documents.map(|(id, document)| (id.clone(), packed(document))).collect()
    };
    let (users, groups) = (all("users"), all("groups"));
    world
        .state
        .insert("propagated".to_owned(), json!({"users": users, "groups": groups}));
}

/// A document as text: the nodes have a second copy of everything, and as a tree that is most of the memory.
fn packed(document: &Value) -> Value {
    json!(document.to_string())
}

fn unpacked((id, text): (&String, &Value)) -> (String, Value) {
    let document = text.as_str().and_then(|text| serde_json::from_str(text).ok());
    (id.clone(), document.unwrap_or_default())
}

/// What each node has: the groups with access and their rights, and the users of these groups.
pub(super) fn node_views(world: &World) -> Value {
    let records = propagated(world);
    let view = |node: &String| {
        let rights = |group: &Value| {
            let fields = ["dataikuPermissions", "governPermissions"];
            fields.iter().find_map(|field| group[field].get(node)).cloned()
        };
        let access = records
            .groups
            .values()
            .filter_map(|group| Some((group, rights(group)?)));
        let groups: Map<String, Value> = access
            .map(|(group, rights)| (text(group, "name").to_owned(), rights))
            .collect();
        let users = records
            .users
            .values()
            .map(|user| records.person(user))
            .filter_map(|mut user| {
                let names = user["groups"].take();
                let names = names
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|group| text(group, "name").to_owned());
                let names: Vec<String> = names.filter(|name| groups.contains_key(name)).collect();
                let shown = json!({"profile": user["profile"], "groups": names});
                (!names.is_empty()).then(|| (text(&user, "email").to_owned(), shown))
            });
        let users: Map<String, Value> = users.collect();
        json!({"users": users, "groups": groups})
    };
    world
        .read("nodes")
        .keys()
        .map(|node| (node.clone(), view(node)))
        .collect()
}
