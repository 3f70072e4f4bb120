//! Rights as the set of those that are true, by path: a right below another one is `parent/child`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    crd::launchpad_group::{self, Right},
    dataiku::launchpad::groups::Rights,
    engine::keep::fields::{FieldEdit, Fields},
};

/// Declared rights by path.
pub(super) type Flags = BTreeMap<String, bool>;
/// Paths of the rights that are true. One that is absent is false.
pub(super) type Granted = BTreeSet<String>;

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

/// Rights as the Launchpad has them.
pub(super) fn granted(rights: &Rights) -> Granted {
    let mut granted = Granted::new();
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

/// Whether two rights are the same, or one is the parent of the other: each says something about the other.
pub(super) fn is_related(one: &str, other: &str) -> bool {
    let is_below = |one: &str, other: &str| one.strip_prefix(other).is_some_and(|rest| rest.starts_with('/'));
    one == other || is_below(one, other) || is_below(other, one)
}

/// `found` as it is declared, without `recorded` rights that are not declared any more.
pub(super) fn applied<'a>(found: &Granted, flags: &Flags, recorded: impl Iterator<Item = &'a str>) -> Granted {
    let mut applied = found.clone();
    for path in recorded.filter(|path| !flags.keys().any(|declared| is_related(declared, path))) {
        applied.remove(path);
    }
    applied.retain(|found| !flags.keys().any(|declared| is_related(declared, found)));
    applied.extend(granting(flags).cloned());
    applied
}

/// Writes `after` in place of `before`; `on`: where, in words.
pub(super) fn write(fields: &mut Fields<'_>, place: &[&str], on: &str, before: &Granted, after: &Granted) {
    let lost = before.difference(after).map(|path| (path, false));
    for (path, flag) in lost.chain(after.difference(before).map(|path| (path, true))) {
        let at = place.iter().copied().chain(path.splitn(2, '/')).map(str::to_owned);
        let edit = FieldEdit::at(format!("{on}set {path} to {flag}"), at.collect(), Some(flag.into()));
        let edit = edit.withdrawing(!flag);
        let edit = if flag { edit.granting(path) } else { edit };
        fields.differs((place, path), edit);
    }
}

/// Rights that are declared true.
pub(super) fn granting(flags: &Flags) -> impl Iterator<Item = &String> {
    flags.iter().filter(|(_, flag)| **flag).map(|(path, _)| path)
}
