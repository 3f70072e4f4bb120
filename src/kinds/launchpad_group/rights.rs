//! Rights by path: a right below another one is `parent/child`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    crd::launchpad_group::{self, Right},
    dataiku::{
        document::{Document, DocumentError},
        launchpad::groups::Rights,
    },
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

/// What is to be written so that `found` has the declared rights.
pub(super) fn differing(declared: &Flags, found: &BTreeSet<String>) -> Flags {
    declared
        .iter()
        .filter(|(path, flag)| found.contains(*path) != **flag)
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
    }
    given
}

/// Writes a right into a map of rights.
pub(super) fn write(rights: &mut Document, path: &str, flag: bool) -> Result<(), DocumentError> {
    let Some((name, child)) = path.split_once('/') else {
        rights.set(path, &flag);
        return Ok(());
    };
    let mut below = rights.nested(name)?.unwrap_or_default();
    below.set(child, &flag);
    rights.set(name, &below);
    Ok(())
}
