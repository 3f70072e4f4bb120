//! The fields of a key (contract sheet 2.10), each compared with what the node has.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    NodeKey,
    mark::{Kin, kin, last, mark, marked},
    scoped,
};
use crate::{
    crd::{applied::Applied, node_key::KeyRights},
    dataiku::{dip::keys::KeyRecord, document::Document},
    engine::keep::fields::{FieldEdit, Fields, Names},
    kinds::node::{Known, NodeLists},
};

/// Flags that the object grants, in the record.
pub(super) const PERMISSIONS: &str = "permissions";
pub(super) const GLOBAL_PERMISSIONS: &str = "globalPermissions";
pub(super) const GROUPS: &str = "groups";
pub(super) const DESCRIPTION: &str = "description";
const EXPIRY: &str = "expiry";
const HOURS: u64 = 24;

/// All fields of the key that is in force. `label`: whether it is compared.
pub(super) fn all<'a, K: NodeKey>(
    object: &'a K,
    cluster: Option<&str>,
    lists: &'a NodeLists,
    record: &'a Applied,
    key: &'a KeyRecord,
    label: bool,
) -> Fields<'a> {
    let mut fields = Fields::new(record, &key.unreadable);
    if label {
        fields = fields.text("label", object.key().label.as_deref(), key.label.as_deref());
    }
    fields = description(fields, object, cluster, key);
    if let Some(declared) = object.rights() {
        fields = lifetime(fields, declared, key);
    }
    rights(fields, object, lists, record, key)
}

/// What a key may do, which a replaced one does as long as it works.
pub(super) fn rights<'a, K: NodeKey>(
    mut fields: Fields<'a>,
    object: &'a K,
    lists: &'a NodeLists,
    record: &'a Applied,
    key: &'a KeyRecord,
) -> Fields<'a> {
    let Some(declared) = object.rights() else {
        return fields;
    };
    fields = fields.text(
        "dssUserForImpersonation",
        declared.dss_user_for_impersonation.as_deref(),
        key.dss_user_for_impersonation.as_deref(),
    );
    fields = groups(fields, declared, lists, key);
    fields = permissions(fields, declared, record, key);
    scoped::fields(fields, object.scoped_permissions(), record, key)
}

fn description<'a, K: NodeKey>(
    fields: Fields<'a>,
    object: &K,
    cluster: Option<&str>,
    key: &'a KeyRecord,
) -> Fields<'a> {
    let declared = object.key().description.as_deref();
    if object.key().id.is_some() {
        return fields.text(DESCRIPTION, declared, key.description.as_deref());
    }
    if key.unreadable.contains(DESCRIPTION) {
        return fields.custom(None::<&str>, None);
    }
    let found = key.description.as_deref().unwrap_or_default();
    let is_own = kin(found, object, cluster) == Kin::Own;
    let mark = mark(object, cluster);
    let (step, text) = match declared {
        Some("") => ("clear description".to_owned(), mark.clone()),
        Some(text) => (format!("set description to {text}"), marked(text, &mark)),
        None if is_own => return fields,
        None => ("add the mark to the description".to_owned(), marked(found, &mark)),
    };
    // Another form of the same mark is no difference, or every key would be written after an upgrade.
    let in_its_form = last(found).filter(|_| is_own).zip(declared);
    let is_same = found == text || in_its_form.is_some_and(|(mark, declared)| found == marked(declared, mark));
    let edit = (!is_same).then(|| {
        FieldEdit::new(step, move |document| {
            document.set(DESCRIPTION, &text);
            Ok(())
        })
    });
    fields.custom(Some(found), edit)
}

/// The lifetime in whole days; `None`: not managed.
fn days(declared: &KeyRights) -> Option<u64> {
    let hours = std::time::Duration::from(declared.lifetime?).as_secs().div_ceil(3600);
    Some(hours.div_ceil(HOURS))
}

/// A text or a number, as the node has it; a text where it has none (contract sheet 2.10).
fn lifetime<'a>(fields: Fields<'a>, declared: &KeyRights, key: &'a KeyRecord) -> Fields<'a> {
    let Some(days) = days(declared) else { return fields };
    let edit = (key.expiry.and_then(|found| u64::try_from(found).ok()) != Some(days)).then(|| {
        FieldEdit::new(
            format!("set the lifetime to {days} days"),
            move |document: &mut Document| {
                match document.get::<Value>(EXPIRY) {
                    Ok(Some(Value::Number(_))) => document.set(EXPIRY, &days),
                    _ => document.set(EXPIRY, &days.to_string()),
                }
                Ok(())
            },
        )
    });
    fields.custom(Some(key.expiry), edit)
}

/// Whether a group exists, as far as the lists tell.
pub(super) fn may_exist(lists: &NodeLists, group: &str) -> bool {
    !matches!(lists.groups.get(group), Known::Absent)
}

/// A key has either the rights of groups or rights of its own: the list of its groups is null then.
fn groups<'a>(fields: Fields<'a>, declared: &'a KeyRights, lists: &NodeLists, key: &'a KeyRecord) -> Fields<'a> {
    let readable = !key.unreadable.contains(GROUPS);
    if let Some(groups) = &declared.groups {
        let found = key.groups.as_deref().unwrap_or_default();
        return fields.names(&Names {
            at: GROUPS,
            noun: "group",
            declared: Some(groups.iter().map(String::as_str).collect()),
            exact: true,
            found: readable.then_some(found),
            known: &|name| may_exist(lists, name),
        });
    }
    if declared.permissions.is_none() {
        return fields;
    }
    let edit = (!readable || key.groups.is_some()).then(|| {
        let edit = FieldEdit::new("take the rights of groups away", |document: &mut Document| {
            document.set(GROUPS, &None::<Vec<String>>);
            Ok(())
        });
        edit.withdrawing(true)
    });
    fields.custom(readable.then_some(&key.groups), edit)
}

/// Declared flags, and those that were granted and are declared no more.
fn wanted(declared: &KeyRights, record: &Applied) -> BTreeMap<String, bool> {
    let mut wanted = declared.permissions.clone().unwrap_or_default();
    let names: BTreeSet<String> = wanted.keys().cloned().collect();
    let withdrawn = record.withdrawn(PERMISSIONS, &names).into_iter();
    wanted.extend(withdrawn.map(|flag| (flag, false)));
    wanted
}

fn permissions<'a>(mut fields: Fields<'a>, declared: &KeyRights, record: &Applied, key: &'a KeyRecord) -> Fields<'a> {
    let wanted = wanted(declared, record);
    if wanted.is_empty() {
        return fields;
    }
    let Some(found) = &key.global_permissions else {
        fields.cannot_merge(GLOBAL_PERMISSIONS);
        return fields;
    };
    for (flag, granted) in wanted {
        // A flag that the node does not show is not granted.
        let current = found.get(&flag).copied().unwrap_or_default();
        let edit = (current != granted).then(|| {
            let step = format!("set {flag} to {granted}");
            let edit = FieldEdit::new(step, move |document: &mut Document| {
                let mut permissions = document.nested(GLOBAL_PERMISSIONS)?.unwrap_or_default();
                permissions.set(&flag, &granted);
                document.set(GLOBAL_PERMISSIONS, &permissions);
                Ok(())
            });
            edit.withdrawing(!granted)
        });
        // The map is replaced as a whole.
        fields = fields.custom(Some(found), edit);
    }
    fields
}
