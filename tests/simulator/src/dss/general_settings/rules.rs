//! Impersonation rules. A rule may carry the members of another kind, which are harmless leftovers of a change of its
//! kind; they stay.

use serde_json::{Map, Value, json};

use crate::answer::Failure;
use crate::world::World;

const USER: [&str; 7] = [
    "scope",
    "projectKey",
    "type",
    "dssUser",
    "ruleFrom",
    "targetUnix",
    "targetHadoop",
];
const GROUP: [&str; 5] = ["type", "dssGroup", "ruleFrom", "targetUnix", "targetHadoop"];

/// Checks and completes the rules of a settings document.
pub(super) fn complete(world: &World, settings: &mut Value, dropped: &mut Vec<String>) -> Result<(), Failure> {
    for (list, known, subject) in [
        ("userRules", &USER[..], "dssUser"),
        ("groupRules", &GROUP[..], "dssGroup"),
    ] {
        let Some(impersonation) = settings.get_mut("impersonation") else {
            return Ok(());
        };
        let rules = impersonation[list].as_array_mut();
        for rule in rules.into_iter().flatten() {
            let Value::Object(rule) = rule else {
                return Err(Failure::malformed(format!("{list}: {rule} has the wrong type")));
            };
            let unknown = rule.keys().filter(|key| !known.contains(&key.as_str()));
            dropped.extend(unknown.map(|key| format!("/impersonation/{list}/{key}")));
            rule.retain(|key, _| known.contains(&key.as_str()));
            if list == "userRules" {
                scope(rule)?;
            }
            kind(rule, subject)?;
            target_hadoop(world, rule);
        }
    }
    Ok(())
}

fn scope(rule: &mut Map<String, Value>) -> Result<(), Failure> {
    match rule.entry("scope").or_insert_with(|| json!("GLOBAL")).as_str() {
        Some("GLOBAL") => Ok(()),
        Some("PROJECT") => required(rule, &["projectKey"]),
        _ => Err(Failure::malformed(format!("no such scope: {}", rule["scope"]))),
    }
}

fn kind(rule: &mut Map<String, Value>, subject: &str) -> Result<(), Failure> {
    match rule.entry("type").or_insert_with(|| json!("IDENTITY")).as_str() {
        Some("IDENTITY") => Ok(()),
        Some("SINGLE_MAPPING") => required(rule, &[subject, "targetUnix"]),
        Some("REGEXP_RULE") => required(rule, &["ruleFrom", "targetUnix"]),
        _ => Err(Failure::malformed(format!("no such type of rule: {}", rule["type"]))),
    }
}

fn required(rule: &Map<String, Value>, names: &[&str]) -> Result<(), Failure> {
    let missing = names
        .iter()
        .find(|name| !rule.get(**name).is_some_and(Value::is_string));
    missing.map_or(Ok(()), |name| {
        Err(Failure::malformed(format!("an impersonation rule needs {name}")))
    })
}

/// No Hadoop target means the Unix one; how the product stores that is the switch `A22`.
fn target_hadoop(world: &World, rule: &mut Map<String, Value>) {
    if rule.get("targetHadoop").is_some_and(|target| !target.is_null()) {
        return;
    }
    match (world.switches.text("A22"), rule.get("targetUnix").cloned()) {
        ("filled", Some(target)) => _ = rule.insert("targetHadoop".to_owned(), target),
        ("null", Some(_)) => _ = rule.insert("targetHadoop".to_owned(), Value::Null),
        _ => _ = rule.shift_remove("targetHadoop"),
    }
}
