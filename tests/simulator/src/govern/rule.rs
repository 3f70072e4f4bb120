//! One rule of an assignment: criteria, fields and whom it names.

use serde_json::{Map, Number, Value, json};

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

/// Puts the rules of a document into the form in which a save stores them, as the switch `rules` has it.
pub(super) fn rewrite_all(world: &World, document: &mut Map<String, Value>) {
    let form = world.switches.text("rules");
    let by_role = document.get_mut("roleAssignmentsRules").and_then(Value::as_object_mut);
    for rules in by_role.into_iter().flat_map(Map::values_mut) {
        let Value::Array(rules) = rules else { continue };
        for rule in rules.iter_mut() {
            rewrite(form, rule);
        }
        if form == "reordered" {
            rules.sort_by_key(Value::to_string);
        }
    }
}

fn rewrite(form: &str, rule: &mut Value) {
    match form {
        "numbers" => each_number(&mut rule["criteria"], &|number| {
            number
                .as_i64()
                .and_then(|whole| whole.to_string().parse::<f64>().ok())
                .map_or_else(|| json!(number), |number| json!(number))
        }),
        "texts" => each_number(&mut rule["criteria"], &|number| json!(number.to_string())),
        "capitals" => each_criterion(rule, |criterion| {
            if let Some(Value::String(operator)) = criterion.get_mut("operator") {
                *operator = operator.to_uppercase();
            }
        }),
        "filledIn" => {
            each_criterion(rule, |criterion| _ = criterion.entry("negate").or_insert(json!(false)));
            if let Some(rule) = rule.as_object_mut() {
                rule.entry("ruleId").or_insert_with(|| json!(World::random(8)));
            }
        }
        "reordered" => {
            each_criterion(rule, Map::sort_keys);
            for list in KEYS {
                if let Some(items) = rule[list].as_array_mut() {
                    items.sort_by_key(|item| std::cmp::Reverse(item.to_string()));
                }
            }
        }
        _ => {}
    }
}

fn each_criterion(rule: &mut Value, change: impl Fn(&mut Map<String, Value>)) {
    let criteria = rule["criteria"].as_array_mut().into_iter().flatten();
    criteria.filter_map(Value::as_object_mut).for_each(change);
}

fn each_number(value: &mut Value, change: &dyn Fn(&Number) -> Value) {
    match value {
        Value::Number(number) => *value = change(number),
        Value::Array(items) => items.iter_mut().for_each(|item| each_number(item, change)),
        Value::Object(members) => members.values_mut().for_each(|member| each_number(member, change)),
        _ => {}
    }
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
