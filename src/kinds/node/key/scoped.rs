//! Rights of a key on single objects such as projects. Passed through: every declared value is owned by itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    crd::applied::Applied,
    dataiku::dip::keys::{KeyRecord, is_scoped},
    engine::{
        Error,
        keep::fields::{FieldEdit, Fields},
    },
};

/// Values that the object granted, by their place, in the record.
pub(super) const SCOPED: &str = "scopedPermissions";

type Declared = BTreeMap<String, Value>;

/// Whether every member may be passed through.
///
/// # Errors
/// A member that has a field of its own, or a text.
pub(super) fn check(declared: Option<&Declared>) -> Result<(), Error> {
    for (name, value) in declared.into_iter().flatten() {
        if !is_scoped(name) || value.is_string() {
            return Err(Error::invalid(format!(
                "scopedPermissions.{name} is no right on single objects"
            )));
        }
    }
    Ok(())
}

/// Places of the values that grant something.
pub(super) fn granted(declared: Option<&Declared>) -> BTreeSet<String> {
    let granting = leaves(declared).into_iter().filter(|(_, value)| !is_nothing(value));
    granting.map(|(path, _)| place(&path)).collect()
}

pub(super) fn fields<'a>(
    mut fields: Fields<'a>,
    declared: Option<&Declared>,
    record: &Applied,
    key: &'a KeyRecord,
) -> Fields<'a> {
    let mut wanted: BTreeMap<Vec<String>, Option<Value>> = leaves(declared)
        .into_iter()
        .map(|(path, value)| (path, Some(value.clone())))
        .collect();
    let names: BTreeSet<String> = wanted.keys().map(|path| place(path)).collect();
    for place in record.withdrawn(SCOPED, &names) {
        let path = parts(&place);
        let was_flag = found(key, &path).is_some_and(Value::is_boolean);
        wanted.insert(path, was_flag.then_some(Value::Bool(false)));
    }
    for (path, value) in wanted {
        let current = found(key, &path);
        let same = match &value {
            Some(value) if !is_nothing(value) => current == Some(value),
            // A member that grants nothing may be absent.
            _ => current.is_none_or(is_nothing),
        };
        let edit = (!same).then(|| {
            let name = path.join(".");
            let step = match &value {
                Some(value) => format!("set {name} to {value}"),
                None => format!("remove {name}"),
            };
            let withdraws = value.as_ref().is_none_or(is_nothing);
            FieldEdit::at(step, path.clone(), value).withdrawing(withdraws)
        });
        fields = fields.custom(Some(current.map(Value::to_string)), edit);
    }
    fields
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// Every declared value that is no map, by its path. An empty map declares nothing.
fn leaves(declared: Option<&Declared>) -> Vec<(Vec<String>, &Value)> {
    fn walk<'a>(path: &mut Vec<String>, value: &'a Value, found: &mut Vec<(Vec<String>, &'a Value)>) {
        let Value::Object(members) = value else {
            found.push((path.clone(), value));
            return;
        };
        for (name, value) in members {
            path.push(name.clone());
            walk(path, value, found);
            path.pop();
        }
    }
    let mut found = Vec::new();
    for (name, value) in declared.into_iter().flatten() {
        walk(&mut vec![name.clone()], value, &mut found);
    }
    found
}

fn found<'a>(key: &'a KeyRecord, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter()
        .try_fold(key.scoped.get(first)?, |value, name| value.get(name))
}

/// A path as one text, in the way of a JSON pointer.
fn place(path: &[String]) -> String {
    let parts = path.iter().map(|part| part.replace('~', "~0").replace('/', "~1"));
    parts.collect::<Vec<_>>().join("/")
}

fn parts(place: &str) -> Vec<String> {
    let parts = place.split('/');
    parts.map(|part| part.replace("~1", "/").replace("~0", "~")).collect()
}
