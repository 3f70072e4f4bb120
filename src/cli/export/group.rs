//! What a manifest says of a group of a node.

use serde_json::{Map, Value, json};

use super::draw::{Drawn, Draws, Refusal, Wanted, set, some_entries};
use crate::{
    dataiku::dip::groups::{GroupRecord, Mapping},
    engine::connect::{ConnectionKind, Effect, single::Bench},
    kinds::node::{Group, NodeGroup, NodeLists},
};

/// The group that every node has for its administrators.
const BUILT_IN: &str = "administrators";
const MAPPINGS: [&str; 4] = [
    "ldapGroupNames",
    "azureADGroupNames",
    "ssoGroupNames",
    "customGroupNames",
];

impl<K: NodeGroup> Draws for Group<K> {
    const KEY: Option<&'static str> = Some("name");

    fn unreadable(bench: &Bench<K::Instance>) -> Option<String> {
        let lists: &NodeLists = (*bench.live.lists).as_ref();
        some_entries(lists.groups.is_complete())
    }

    fn drawn<'a>(bench: &'a Bench<K::Instance>, wanted: &'a Wanted<'a>) -> Box<dyn Iterator<Item = Drawn> + 'a> {
        let lists: &NodeLists = (*bench.live.lists).as_ref();
        let mut found = lists.groups.filter(|group| (wanted.selects)(&group.name));
        found.sort_by(|one, other| one.name.cmp(&other.name));
        Box::new(found.into_iter().map(|group| {
            let effect = Effect::DeletesGroup(group.name.clone());
            let guarded = bench.object.guard(&bench.live.lists, &[effect]);
            let refused = match guarded {
                _ if group.name == BUILT_IN => Some(Refusal::protected("the built-in group of the administrators")),
                guarded => guarded.map(Refusal::protected),
            };
            Drawn {
                from_directory: is_mapped(&group),
                refused,
                ..Drawn::new(&group.name, spec(&group))
            }
        }))
    }
}

/// The fields that differ from those of a group that was just created.
fn spec(group: &GroupRecord) -> Map<String, Value> {
    let mut spec = Map::new();
    set(&mut spec, "name", Some(group.name.as_str()));
    set(&mut spec, "description", group.description.as_deref());
    let source = group.source_type.as_deref().filter(|source| *source != "LOCAL");
    set(&mut spec, "sourceType", source);
    set(&mut spec, "admin", group.admin.filter(|admin| *admin));
    let given = group.permissions.iter().filter(|(_, given)| **given);
    let given: Map<String, Value> = given.map(|(flag, given)| (flag.clone(), json!(given))).collect();
    set(&mut spec, "permissions", (!given.is_empty()).then_some(given));
    for field in MAPPINGS {
        let names = group
            .mapping(field)
            .map(Mapping::names)
            .filter(|names| !names.is_empty());
        set(&mut spec, field, names);
    }
    set(
        &mut spec,
        "impersonatableGroupsRegex",
        group.impersonatable_groups_regex.as_deref(),
    );
    spec
}

/// Whether a directory decides who is in the group.
pub(super) fn is_mapped(group: &GroupRecord) -> bool {
    let local = group.source_type.as_deref().is_none_or(|source| source == "LOCAL");
    let mut names = MAPPINGS.iter().filter_map(|field| group.mapping(field));
    !local || names.any(|mapping| !mapping.names().is_empty())
}
