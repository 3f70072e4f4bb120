//! Rights by path: a right below another one is `parent/child`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    crd::launchpad_group::{self, Right},
    dataiku::launchpad::groups::Rights,
    engine::keep::fields::{FieldEdit, Fields},
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

/// Whether one right is the parent of the other.
pub(super) fn is_related(one: &str, other: &str) -> bool {
    is_below(one, other) || is_below(other, one)
}

/// Whether a declared right is this one, its parent or its child.
pub(super) fn concerns(declared: &Flags, path: &str) -> bool {
    declared.keys().any(|one| one == path || is_related(one, path))
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

/// Makes the rights at `place` as declared, and withdraws `recorded` ones that are not declared any more; `on`: the node,
/// in words. `found` becomes what is true afterwards. A right that is declared false has nothing below it. Returns whether
/// anything differs.
pub(super) fn plan<'a>(
    fields: &mut Fields<'_>,
    (place, on): (&[&str], &str),
    mut declared: Flags,
    recorded: impl Iterator<Item = &'a str>,
    found: &mut BTreeSet<String>,
) -> bool {
    let withdrawn: Vec<_> = recorded.filter(|path| !concerns(&declared, path)).collect();
    declared.extend(withdrawn.into_iter().map(|path| (path.to_owned(), false)));
    let mut changed = false;
    for (path, flag) in declared {
        let given = found.contains(&path);
        if given == flag && !found.iter().any(|found| is_below(found, &path)) {
            continue;
        }
        let at = place.iter().copied().chain(path.splitn(2, '/')).map(str::to_owned);
        let edit = FieldEdit::at(format!("{on}set {path} to {flag}"), at.collect(), Some(flag.into()));
        fields.differs((place, &path, given), edit.withdrawing(!flag));
        found.retain(|found| *found != path && !is_related(found, &path));
        if flag {
            found.insert(path);
        }
        changed = true;
    }
    changed
}

/// Paths of the rights that are declared true.
pub(super) fn granting(flags: &Flags) -> impl Iterator<Item = &String> {
    flags.iter().filter(|(_, flag)| **flag).map(|(path, _)| path)
}
