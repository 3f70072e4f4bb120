//! Rights by path: a right below another one is `parent/child`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    crd::launchpad_group::{self, Right},
    dataiku::{document::Document, launchpad::groups::Rights},
};

/// Rights by their path.
pub(super) type Flags = BTreeMap<String, bool>;

/// Declared rights.
pub(super) fn declared(rights: Option<&launchpad_group::Rights>) -> Flags {
    let mut flags = Flags::new();
    for (name, right) in rights.into_iter().flatten() {
        match right {
            Right::Flag(flag) => {
                flags.insert(name.clone(), *flag);
            }
            Right::Flags(below) => flags.extend(below.iter().map(|(child, flag)| (format!("{name}/{child}"), *flag))),
        }
    }
    flags
}

/// Whether something declared says of this right, of one above or of one below it.
pub(super) fn speaks_of(declared: &Flags, path: &str) -> bool {
    let is_below = |one: &str, other: &str| one.strip_prefix(other).is_some_and(|rest| rest.starts_with('/'));
    declared
        .keys()
        .any(|one| one == path || is_below(one, path) || is_below(path, one))
}

/// Rights that are found given. One that is absent or false is not.
pub(super) fn given(rights: &Rights) -> BTreeSet<String> {
    let mut given = BTreeSet::new();
    for (name, right) in rights {
        match right {
            Value::Bool(true) => {
                given.insert(name.clone());
            }
            Value::Object(below) => given.extend(
                below
                    .iter()
                    .filter(|(_, flag)| **flag == Value::Bool(true))
                    .map(|(child, _)| format!("{name}/{child}")),
            ),
            _ => {}
        }
    }
    given
}

/// What is to be written so that `found` has the declared rights. One that is declared not given has nothing below it.
pub(super) fn differing(declared: &Flags, found: &BTreeSet<String>) -> Flags {
    let below = |path: &str| {
        found
            .iter()
            .any(|found| found.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')))
    };
    declared
        .iter()
        .filter(|(path, flag)| found.contains(*path) != **flag || below(path))
        .map(|(path, flag)| (path.clone(), *flag))
        .collect()
}

/// What is given once `edits` are written.
pub(super) fn after(found: &BTreeSet<String>, edits: &Flags) -> BTreeSet<String> {
    let mut given = found.clone();
    for (path, flag) in edits {
        if *flag {
            given.insert(path.clone());
        } else {
            given.remove(path);
        }
        given.retain(|found| {
            found
                .strip_prefix(path.as_str())
                .is_none_or(|rest| !rest.starts_with('/'))
        });
    }
    given
}

/// Writes a right into a map of rights.
pub(super) fn write(rights: &mut Document, path: &str, flag: bool) {
    let Some((name, child)) = path.split_once('/') else {
        rights.set(path, &flag);
        return;
    };
    // One flag in place of several says the same of all of them; what is declared says it anew.
    let mut below = rights.nested(name).unwrap_or_default().unwrap_or_default();
    below.set(child, &flag);
    rights.set(name, &below);
}
