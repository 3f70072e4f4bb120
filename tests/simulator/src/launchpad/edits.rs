//! The state as a test sees it, and what a human edit of it leads to.

use serde_json::{Map, Value, json};

use super::records::Records;
use super::{groups, invites, people, seats, tasks};
use crate::world::World;

/// A stored document as the control port shows it.
pub(super) fn shown(world: &World, collection: &str, document: &Value) -> Value {
    match collection {
        "users" | "invites" => Records::recorded(world).person(document),
        "groups" => Records::recorded(world).group(document),
        "profiles" => seats::with_used(world, document),
        "propagated" => tasks::node_views(world),
        _ => document.clone(),
    }
}

/// Checks and completes a document that somebody edited.
pub(super) fn edited(
    world: &World,
    collection: &str,
    key: &str,
    mut document: Map<String, Value>,
) -> Result<Map<String, Value>, String> {
    let need = |fits: bool, what: &str| if fits { Ok(()) } else { Err(what.to_owned()) };
    let has = |name: &str, fits: fn(&Value) -> bool| document.get(name).is_some_and(fits);
    match collection {
        "users" => return people::edited(world, "users", key, document),
        "invites" => return invites::edited(world, key, document),
        "groups" => return groups::edited(world, key, document),
        "profiles" => {
            need(has("name", Value::is_string), "name is a text")?;
            need(has("totalSeats", Value::is_i64), "totalSeats is a number")?;
            document.shift_remove("usedSeats");
            document.entry("isTrial").or_insert(json!(false));
        }
        "nodes" => {
            need(has("type", Value::is_string), "type is a text")?;
            document.insert("name".to_owned(), json!(key));
        }
        "apiKeys" => {
            need(has("secret", Value::is_string), "secret is a text")?;
            need(has("scopes", Value::is_array), "scopes is a list")?;
            document.insert("id".to_owned(), json!(key));
        }
        "tasks" => need(has("readyAt", Value::is_u64), "readyAt is a time")?,
        "space" => need(has("id", Value::is_string), "id is a text")?,
        _ => return Err(format!("/{collection} is no part that somebody edits")),
    }
    Ok(document)
}

/// Sends what somebody edited to the nodes, as the UI does.
pub(super) fn settle(world: &mut World, collection: &str, key: &str) {
    let key = [key.to_owned()];
    match collection {
        "users" => _ = tasks::propagate(world, &[("users", &key)]),
        "groups" => {
            let changed = groups::settle(world, &key[0]);
            tasks::propagate(world, &[("groups", &key), ("users", &changed)]);
        }
        _ => {}
    }
}
