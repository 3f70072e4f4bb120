//! What is to be done about a DSS group. Pure.

use std::collections::BTreeSet;

use super::{ADMIN, AZURE_AD, DesiredGroup, LDAP, SSO, change::Field};
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
    if let Some(text) = desired
        .description
        .as_ref()
        .filter(|text| group.description.as_deref().unwrap_or_default() != **text)
    {
        fields.push(Field::Description(text.clone()));
    }
    if let Some(source) = desired
        .source_type
        .as_ref()
        .filter(|source| group.source_type.as_ref() != Some(*source))
    {
        fields.push(Field::SourceType(source.clone()));
    }
    // A flag that the node does not know counts as not granted.
    let granted = |flag: &str| match flag {
        ADMIN => group.admin,
        flag => group.permissions.get(flag).copied().unwrap_or_default(),
    };
    let differing = desired.flags.iter().filter(|(flag, value)| granted(flag) != **value);
    fields.extend(differing.map(|(flag, value)| Field::Flag(flag.clone(), *value)));
    for (list, names) in &desired.mappings {
        let found: BTreeSet<String> = mapping(group, list).iter().cloned().collect();
        if found != *names {
            fields.push(Field::Mapping(list, names.clone()));
        }
    }
    if let Some(text) = desired
        .regex
        .as_ref()
        .filter(|text| group.impersonatable_groups_regex.as_deref().unwrap_or_default() != **text)
    {
        fields.push(Field::Regex(text.clone()));
    }
    fields
}

fn mapping<'a>(group: &'a GroupRecord, list: &str) -> &'a [String] {
    match list {
        LDAP => &group.ldap_group_names,
        AZURE_AD => &group.azure_ad_group_names,
        SSO => &group.sso_group_names,
        _ => &group.custom_group_names,
    }
}
