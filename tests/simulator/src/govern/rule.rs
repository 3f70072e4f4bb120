//! One rule of an assignment: criteria, fields and whom it names.

use serde_json::{Map, Value, json};

use super::documents::refused;
use crate::answer::Failure;
use crate::world::World;

const KEYS: [&str; 3] = ["criteria", "fieldIds", "userContainers"];

/// A rule as it is stored.
pub(super) fn complete(world: &World, sent: Value) -> Result<Value, Failure> {
    let Value::Object(mut rule) = sent else {
        return Err(Failure::malformed(format!("rule: expected an object, got {sent}")));
    };
    let mut incomplete = false;
    for key in KEYS {
        if rule.get(key).is_none_or(Value::is_null) {
            incomplete = true;
            rule.insert(key.to_owned(), json!([]));
        }
    }
    check(world, &rule)?;
    if incomplete && world.switches.is("A52", "empty") {
        return Ok(json!({"criteria": [], "fieldIds": [], "userContainers": []}));
    }
    Ok(Value::Object(rule))
}

fn check(world: &World, rule: &Map<String, Value>) -> Result<(), Failure> {
    for criterion in items(rule, "criteria")? {
        let fits = criterion.is_object() && (world.switches.is("A34", "opaque") || criterion["type"].is_string());
        if !fits {
            return Err(Failure::malformed(format!("criteria: {criterion} is no criterion")));
        }
    }
    for field in items(rule, "fieldIds")? {
        if !field.is_string() {
            return Err(Failure::malformed(format!("fieldIds: {field} is no string")));
        }
    }
    for container in items(rule, "userContainers")? {
        check_container(world, container)?;
    }
    Ok(())
}

fn items<'a>(rule: &'a Map<String, Value>, key: &str) -> Result<&'a Vec<Value>, Failure> {
    let items = rule.get(key).and_then(Value::as_array);
    items.ok_or_else(|| Failure::malformed(format!("{key}: expected an array")))
}

fn check_container(world: &World, container: &Value) -> Result<(), Failure> {
    let api_key = match world.switches.text("A35") {
        "globalApiKey" => ("globalApiKey", "id"),
        _ => ("apiKey", "apiKeyId"),
    };
    let (member, collection) = match container["type"].as_str() {
        Some("user") => ("login", "users"),
        Some("group") => ("groupName", "groups"),
        Some(kind) if kind == api_key.0 => (api_key.1, "globalApiKeys"),
        _ => {
            return Err(Failure::malformed(format!(
                "userContainers: {container} is of no known type"
            )));
        }
    };
    let Some(name) = container[member].as_str() else {
        return Err(Failure::malformed(format!(
            "userContainers: {container} lacks {member}"
        )));
    };
    if world.switches.is("A9", "refuse") && world.document(collection, name).is_none() {
        return Err(refused(
            world,
            format!("userContainers: {member} '{name}' does not exist"),
        ));
    }
    Ok(())
}
