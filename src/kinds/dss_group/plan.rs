//! What is to be done about a DSS group. Pure.

use super::{
    DesiredGroup,
    change::{Field, REGEX},
};
use crate::dataiku::dss::groups::GroupRecord;

/// What a create cannot carry (contract sheet 2.6): the next round writes it.
pub(super) fn afterwards(desired: &DesiredGroup) -> Vec<String> {
    let flags = desired
        .flags
        .iter()
        .map(|(flag, value)| Field::Flag(flag.clone(), *value));
    let mappings = desired
        .mappings
        .iter()
        .map(|(list, names)| Field::Mapping(list, names.clone()));
    let regex = desired.regex.iter().map(|text| Field::Regex(text.clone()));
    flags.chain(mappings).chain(regex).map(|field| field.step()).collect()
}

pub(super) fn edit(desired: &DesiredGroup, group: &GroupRecord) -> Vec<Field> {
    let mut fields = Vec::new();
    if let Some(text) = desired.description.as_ref().filter(|text| {
        group.description.as_deref().unwrap_or_default() != **text || group.unreadable.contains("description")
    }) {
        fields.push(Field::Description(text.clone()));
    }
    if let Some(source) = desired
        .source_type
        .as_ref()
        .filter(|source| group.source_type.as_ref() != Some(*source))
    {
        fields.push(Field::SourceType(source.clone()));
    }
    let differing = desired
        .flags
        .iter()
        .filter(|(flag, value)| group.permission(flag) != Some(**value));
    fields.extend(differing.map(|(flag, value)| Field::Flag(flag.clone(), *value)));
    for (list, names) in &desired.mappings {
        if !group.mapping(list).is_some_and(|mapping| mapping.holds(names)) {
            fields.push(Field::Mapping(list, names.clone()));
        }
    }
    if let Some(text) = desired.regex.as_ref().filter(|text| {
        group.impersonatable_groups_regex.as_deref().unwrap_or_default() != **text || group.unreadable.contains(REGEX)
    }) {
        fields.push(Field::Regex(text.clone()));
    }
    fields
}
