//! The rights of a group: in the Launchpad, and on each node it has access to.

use serde_json::{Map, Value, json};

use super::nodes;
use super::records::text;
use super::refusal::{Wrong, because};
use crate::dss::PERMISSIONS;
use crate::world::World;

/// The three maps of a group and the rights that the server fills in.
const FIELDS: [(&str, &[&str]); 3] = [
    ("launchpadPermissions", &["mayTurnOnSpace"]),
    ("dataikuPermissions", &PERMISSIONS),
    ("governPermissions", &["isGovernArchitect"]),
];

/// A whole group from what was sent: a right that is not there is false. Names of rights are open.
pub(super) fn complete(world: &World, id: &str, mut sent: Map<String, Value>) -> Result<Map<String, Value>, Wrong> {
    sent.shift_remove("id");
    let mut stored = Map::from_iter([("id".to_owned(), json!(id))]);
    for name in ["name", "description"] {
        stored.insert(name.to_owned(), sent.shift_remove(name).unwrap_or_default());
    }
    let mut wrong = Wrong::new();
    for (field, known) in FIELDS {
        let rights = match sent.shift_remove(field) {
            Some(Value::Object(rights)) => rights,
            _ => Map::new(),
        };
        let checked = match field {
            "launchpadPermissions" => filled(rights, known),
            _ => on_nodes(world, field, rights, known),
        };
        match checked {
            Ok(rights) => _ = stored.insert(field.to_owned(), Value::Object(rights)),
            Err(why) => _ = wrong.insert(field.to_owned(), Value::Object(why)),
        }
    }
    stored.extend(sent);
    if wrong.is_empty() { Ok(stored) } else { Err(wrong) }
}

fn filled(mut rights: Map<String, Value>, known: &[&str]) -> Result<Map<String, Value>, Wrong> {
    let is_right = |value: &Value| {
        let nested = |map: &Map<String, Value>| map.values().all(Value::is_boolean);
        value.is_boolean() || value.as_object().is_some_and(nested)
    };
    let bad = rights.iter().filter(|(_, value)| !is_right(value));
    let bad: Wrong = bad
        .map(|(name, _)| (name.clone(), because("Not a valid boolean.")))
        .collect();
    if !bad.is_empty() {
        return Err(bad);
    }
    for name in known {
        rights.entry(*name).or_insert(json!(false));
    }
    Ok(rights)
}

fn on_nodes(
    world: &World,
    field: &str,
    by_node: Map<String, Value>,
    known: &[&str],
) -> Result<Map<String, Value>, Wrong> {
    let (mut checked, mut wrong) = (Map::new(), Wrong::new());
    for (node, rights) in by_node {
        let there = world.read("nodes").get(&node);
        let result = match (there, rights) {
            (Some(there), Value::Object(rights)) if nodes::is_govern(there) == (field == "governPermissions") => {
                filled(rights, known).map_err(Value::Object)
            }
            (Some(_), Value::Object(_)) => Err(because("The node is of another type")),
            (Some(_), _) => Err(because("Not a valid mapping type.")),
            (None, _) => Err(because("Unknown node")),
        };
        match result {
            Ok(rights) => _ = checked.insert(node, Value::Object(rights)),
            Err(why) => _ = wrong.insert(node, why),
        }
    }
    wrong.extend(inconsistent(world, &checked));
    if wrong.is_empty() { Ok(checked) } else { Err(wrong) }
}

/// The first node whose rights differ from those of an earlier node of the same type, where switch `A43` minds.
fn inconsistent(world: &World, by_node: &Map<String, Value>) -> Option<(String, Value)> {
    let across = world.switches.is("A43", "field");
    if world.switches.is("A43", "accepted") {
        return None;
    }
    let kind = |node: &str| world.read("nodes").get(node).map(|node| text(node, "type"));
    let differs = |(place, (node, rights)): (usize, (&String, &Value))| {
        let mut earlier = by_node.iter().take(place);
        let clash = |(other, theirs): (&String, &Value)| (across || kind(other) == kind(node)) && theirs != rights;
        let why = || {
            (
                node.clone(),
                because("Permissions must be the same on all nodes of one type"),
            )
        };
        earlier.any(clash).then(why)
    };
    by_node.iter().enumerate().find_map(differs)
}
