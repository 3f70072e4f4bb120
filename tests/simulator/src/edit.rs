//! A human edit: a merge patch of the state, all of it or nothing, that leaves every document well-formed.

use serde_json::{Map, Value};

use crate::api::Api;
use crate::merge_patch;
use crate::world::World;

/// Applies a merge patch to the state; the error is for the person who edits.
pub(crate) fn apply(api: &dyn Api, world: &mut World, patch: &Value) -> Result<(), String> {
    let Value::Object(parts) = patch else {
        return Err("the patch is no object".to_owned());
    };
    let mut results: Vec<(String, Option<String>, Option<Value>)> = Vec::new();
    for (name, change) in parts {
        if !api.collections().contains(&name.as_str()) {
            results.push((name.clone(), None, single(api, world, name, change)?));
            continue;
        }
        let Value::Object(members) = change else {
            return Err(format!("/{name} is a collection of documents"));
        };
        for (key, change) in members {
            let changed = member(api, world, name, key, change).map_err(|why| format!("/{name}/{key}: {why}"))?;
            results.push((name.clone(), Some(key.clone()), changed));
        }
    }
    for (name, key, value) in results {
        match (key, value) {
            (Some(key), Some(value)) => {
                world.collection(&name).insert(key.clone(), value);
                api.written(world, &name, &key);
            }
            (Some(key), None) => {
                world.collection(&name).shift_remove(&key);
                api.deleted(world, &name, &key);
            }
            (None, value) => _ = world.state.insert(name, value.unwrap_or_default()),
        }
    }
    Ok(())
}

fn member(api: &dyn Api, world: &World, name: &str, key: &str, change: &Value) -> Result<Option<Value>, String> {
    if change.is_null() {
        return Ok(None);
    }
    let mut document = match world.read(name).get(key) {
        Some(stored) => api.shown(world, name, stored),
        None => Value::Object(Map::new()),
    };
    merge_patch::apply(&mut document, change);
    api.edited(world, name, key, document).map(Some)
}

fn single(api: &dyn Api, world: &World, name: &str, change: &Value) -> Result<Option<Value>, String> {
    let Some(stored) = world.state.get(name) else {
        return Err(format!("the state has no part /{name}"));
    };
    let mut document = api.shown(world, name, stored);
    merge_patch::apply(&mut document, change);
    api.edited(world, name, "", document).map(Some)
}

/// Splits the first token off a JSON pointer.
pub(crate) fn first_token(pointer: &str) -> Option<(String, &str)> {
    let rest = pointer.strip_prefix('/')?;
    let end = rest.find('/').unwrap_or(rest.len());
    Some((rest[..end].replace("~1", "/").replace("~0", "~"), &rest[end..]))
}
