//! What a manifest says of a group.

use serde_json::{Map, Value, json};

use crate::{
    crd::DssInstance,
    dataiku::dip::groups::{GroupRecord, Mapping},
    engine::connect::{ConnectionKind, Effect},
    kinds::node::NodeLists,
};

/// The group that every node has for its administrators.
const BUILT_IN: &str = "administrators";
const MAPPINGS: [&str; 4] = [
    "ldapGroupNames",
    "azureADGroupNames",
    "ssoGroupNames",
    "customGroupNames",
];

/// The fields that differ from those of a group that was just created.
pub(super) fn spec(group: &GroupRecord) -> Map<String, Value> {
    let mut spec = Map::new();
    let mut set = |field: &str, value: Value| _ = spec.insert(field.to_owned(), value);
    set("name", json!(group.name));
    if let Some(description) = &group.description {
        set("description", json!(description));
    }
    if let Some(source) = group.source_type.as_ref().filter(|source| *source != "LOCAL") {
        set("sourceType", json!(source));
    }
    if group.admin == Some(true) {
        set("admin", json!(true));
    }
    let given = group.permissions.iter().filter(|(_, given)| **given);
    let given: Map<String, Value> = given.map(|(flag, given)| (flag.clone(), json!(given))).collect();
    if !given.is_empty() {
        set("permissions", Value::Object(given));
    }
    for field in MAPPINGS {
        let names = group
            .mapping(field)
            .map(Mapping::names)
            .filter(|names| !names.is_empty());
        if let Some(names) = names {
            set(field, json!(names));
        }
    }
    if let Some(regex) = &group.impersonatable_groups_regex {
        set("impersonatableGroupsRegex", json!(regex));
    }
    spec
}

/// Whether a directory decides who is in the group.
pub(super) fn is_mapped(group: &GroupRecord) -> bool {
    let local = group.source_type.as_deref().is_none_or(|source| source == "LOCAL");
    let mut names = MAPPINGS.iter().filter_map(|field| group.mapping(field));
    !local || names.any(|mapping| !mapping.names().is_empty())
}

/// Why the group is not to be declared.
pub(super) fn protected(connection: &DssInstance, lists: &NodeLists, name: &str) -> Option<String> {
    if name == BUILT_IN {
        return Some("protected: the built-in group of the administrators".to_owned());
    }
    let why = connection.guard(lists, &[Effect::DeletesGroup(name.to_owned())]);
    why.map(|why| format!("protected: {why}"))
}
