//! From where roles on the artifacts of a blueprint are inherited: two members of the document, which one object declares.

use std::collections::{BTreeMap, BTreeSet};

use super::{Seen, document_place};
use crate::{
    crd::{GovernInstance, GovernRoleAssignment, govern_role_assignment::GovernRoleAssignmentSpec},
    dataiku::govern::assignments::{INHERIT_BLUEPRINT, INHERIT_FIELD},
    engine::{Error, Given, Reason, object::created},
};

/// What a claim on the document says of an object that declares the inheritance.
pub(super) const CLAIM: &str = "inheritance";
/// List of the record: members that this object set. What was there is in `replaced`.
pub(super) const MEMBERS: &str = "inheritance";
/// List of the record: what it set there, as member and value.
pub(super) const VALUES: &str = "inheritedFrom";

/// What to write to the members, and what to record.
#[derive(Default)]
pub(super) struct Draft {
    /// JSON texts by member; an empty text removes the member.
    pub members: BTreeMap<&'static str, String>,
    pub steps: Vec<String>,
    pub owned: BTreeSet<String>,
    pub values: BTreeSet<String>,
    pub replaced: BTreeMap<String, String>,
}

/// Fails if an older object declares the inheritance of this blueprint.
pub(super) fn check(object: &GovernRoleAssignment, given: &Given<'_, GovernInstance>) -> Result<(), Error> {
    if object.spec.inherit.is_none() {
        return Ok(());
    }
    let others = given.others.of_entry(&document_place(&object.spec), CLAIM).into_iter();
    let mut rivals =
        others.filter(|one| one.claim.declared.contains(CLAIM) && one.precedes(created(object), &given.name));
    rivals.next().map_or(Ok(()), |rival| {
        let message = format!(
            "GovernRoleAssignment {} declares inherit for this blueprint too, and is older: declare it in one of the two",
            rival.name
        );
        Err(Error::Blocked(Reason::Conflict, message))
    })
}

/// Compares the members with what is declared. `ends`: nothing is declared any more.
pub(super) fn draft(
    spec: &GovernRoleAssignmentSpec,
    given: &Given<'_, GovernInstance>,
    seen: &Seen,
    ends: bool,
) -> Draft {
    let inherit = spec.inherit.as_ref().filter(|_| !ends);
    let mut draft = Draft::default();
    for (key, words, declared) in [
        (
            INHERIT_BLUEPRINT,
            "blueprint",
            inherit.and_then(|one| one.blueprint_id.as_ref()),
        ),
        (
            INHERIT_FIELD,
            "artifact field",
            inherit.and_then(|one| one.artifact_field_id.as_ref()),
        ),
    ] {
        let text = seen.inheritance.get(key).cloned().unwrap_or_default();
        let found: Option<String> = serde_json::from_str(&text).ok().flatten();
        let recorded = given.record.grants.contains(MEMBERS, key);
        let replaced = given.record.replaced.get(key).cloned();
        let Some(declared) = declared else {
            let is_ours = |value: &String| given.record.grants.contains(VALUES, &format!("{key} {value}"));
            if let Some(replaced) = replaced.filter(|_| recorded && found.as_ref().is_some_and(is_ours)) {
                draft
                    .steps
                    .push(format!("restore the {words} that roles are inherited from"));
                draft.members.insert(key, replaced);
            }
            continue;
        };
        let is_there = found.as_ref() == Some(declared);
        if is_there && !recorded {
            // Somebody else set it: it stays theirs.
            continue;
        }
        draft.owned.insert(key.to_owned());
        draft.values.insert(format!("{key} {declared}"));
        draft
            .replaced
            .insert(key.to_owned(), replaced.filter(|_| recorded).unwrap_or(text));
        if !is_there {
            draft.steps.push(format!("inherit roles from {words} {declared}"));
            draft
                .members
                .insert(key, serde_json::Value::from(declared.clone()).to_string());
        }
    }
    draft
}
