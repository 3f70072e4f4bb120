//! Rights by path: a right below another one is `parent/child`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    crd::launchpad_group::{self, Right},
    dataiku::launchpad::groups::Rights,
};

/// Rights by their path.
pub(super) type Flags = BTreeMap<String, bool>;

/// Declared rights.
pub(super) fn declared(rights: Option<&launchpad_group::Rights>) -> Flags {
    let mut flags = Flags::new();
    for (name, right) in rights.into_iter().flatten() {
        match right {
            Right::Flag(flag) => _ = flags.insert(name.clone(), *flag),
            Right::Flags(below) => flags.extend(below.iter().map(|(child, flag)| (format!("{name}/{child}"), *flag))),
        }
    }
    flags
}

fn is_below(path: &str, parent: &str) -> bool {
    path.strip_prefix(parent).is_some_and(|rest| rest.starts_with('/'))
}

/// Whether a declared right is this one, its parent or its child.
pub(super) fn concerns(declared: &Flags, path: &str) -> bool {
    let mut declared = declared.keys();
    declared.any(|one| one == path || is_below(one, path) || is_below(path, one))
}

/// Rights that are true. One that is absent is false.
pub(super) fn granted(rights: &Rights) -> BTreeSet<String> {
    let mut granted = BTreeSet::new();
    for (name, right) in rights {
        match right {
            Value::Bool(true) => _ = granted.insert(name.clone()),
            Value::Object(below) => {
                let below = below.iter().filter(|(_, flag)| **flag == Value::Bool(true));
                granted.extend(below.map(|(child, _)| format!("{name}/{child}")));
            }
            _ => {}
        }
    }
    granted
}

/// The declared rights that differ from those found. One that is declared false has nothing below it.
pub(super) fn differing(declared: &Flags, found: &BTreeSet<String>) -> Flags {
    let differs = |path: &String, flag: bool| {
        found.contains(path) != flag || found.iter().any(|found| is_below(found, path))
    };
    let declared = declared.iter().filter(|(path, flag)| differs(path, **flag));
    declared.map(|(path, flag)| (path.clone(), *flag)).collect()
}

/// Writes `edits` into the rights found.
pub(super) fn write(found: &mut BTreeSet<String>, edits: &Flags) {
    for (path, flag) in edits {
        found.retain(|found| found != path && !is_below(found, path) && !is_below(path, found));
        if *flag {
            found.insert(path.clone());
        }
    }
}

/// Rights that were granted for an object and that it does not declare any more, as false.
pub(super) fn withdrawn<'a>(granted: impl Iterator<Item = &'a str>, declared: &Flags) -> Flags {
    let withdrawn = granted.filter(|path| !concerns(declared, path));
    withdrawn.map(|path| (path.to_owned(), false)).collect()
}

/// Paths of the rights that are true.
pub(super) fn granting(flags: &Flags) -> impl Iterator<Item = &String> {
    flags.iter().filter(|(_, flag)| **flag).map(|(path, _)| path)
}
