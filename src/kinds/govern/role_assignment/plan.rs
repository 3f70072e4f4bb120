//! What to write to the rules of a role. Pure.

use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash, Hasher},
};

use super::{
    DOCUMENTS, Seen, declared,
    document::Edit,
    document_place,
    forms::{Declared, RULES, View},
    inheritance, is_exact, referred_role, role, role_place, role_words,
    words::words,
};
use crate::{
    crd::{GovernInstance, GovernRoleAssignment, govern_role_assignment::GovernRoleAssignmentSpec},
    dataiku::govern::rule::Rule,
    engine::{Change, Error, Given, Plan, Reason, object::created},
    kinds::govern::lists::GovernLists,
};

type Govern<'a> = Given<'a, GovernInstance>;

/// Rules to add and to remove, in one write.
#[derive(Debug)]
pub struct RulesChange {
    pub(super) blueprint_id: String,
    pub(super) edit: Edit,
    steps: Vec<String>,
    event: &'static str,
}

impl Change for RulesChange {
    fn steps(&self) -> Vec<String> {
        self.steps.clone()
    }

    fn event(&self) -> &'static str {
        self.event
    }

    fn creates(&self) -> bool {
        !self.edit.add.is_empty()
    }

    fn withdraws(&self) -> bool {
        !self.edit.remove.is_empty() || self.event == "Deleted"
    }

    /// A rule that changes is removed and added: the removal alone would take the access of everybody in it.
    fn only_withdraws(&self) -> bool {
        self.withdraws() && self.edit.add.is_empty() && !self.restores()
    }

    /// From what roles are inherited.
    fn restores(&self) -> bool {
        self.event == "Deleted"
            && self
                .edit
                .members
                .values()
                .any(|text| !text.is_empty() && text != "null")
    }
}

impl RulesChange {
    /// `None` where the edit does nothing.
    fn new(
        spec: &GovernRoleAssignmentSpec,
        seen: &Seen,
        edit: Edit,
        inheritance: Vec<String>,
        event: &'static str,
    ) -> Option<Self> {
        let role = &edit.role_id;
        let mut steps: Vec<_> = edit
            .add
            .values()
            .map(|rule| format!("grant {role} to {}", words(rule)))
            .collect();
        for (hash, stay) in &edit.remove {
            let wording = seen.rules.get(hash).map(words).unwrap_or_default();
            steps.push(match stay {
                0 => format!("withdraw {role} from {wording}"),
                _ => format!("remove a duplicate of the rule that grants {role} to {wording}"),
            });
        }
        steps.extend(inheritance);
        if steps.is_empty() && edit.delete_vacant && seen.vacant {
            steps.push("delete the empty document".to_owned());
        }
        (!steps.is_empty()).then(|| Self {
            blueprint_id: spec.blueprint_id.clone(),
            edit,
            steps,
            event,
        })
    }
}

/// What to write so that the declared rules are there.
pub(super) fn plan(object: &GovernRoleAssignment, given: &Govern<'_>, seen: &Seen) -> Result<Plan<RulesChange>, Error> {
    let spec = &object.spec;
    let declared = declared(spec)?;
    let Some(role_id) = role(object, given.record, given.lists) else {
        return Ok(Plan {
            waiting: vec![format!("{} does not exist yet or has no role yet", role_words(spec))],
            deferred: true,
            ..Plan::default()
        });
    };
    check_reference(object, given, &role_id)?;
    inheritance::check(object, given)?;
    let place = role_place(spec, &role_id);
    let exact = is_exact(spec);
    if exact
        && let Some(rival) = given.others.exclusive(&place)
        && rival.precedes(created(object), &given.name)
    {
        let message = format!(
            "GovernRoleAssignment {} is older and has rulesPolicy Exact for this role and blueprint, too: move the rules \
             into one of the two, or use AtLeast",
            rival.name
        );
        return Err(Error::Blocked(Reason::Conflict, message));
    }
    let waiting = missing(spec, &role_id, given.lists);
    if !waiting.is_empty() {
        return Ok(Plan {
            waiting,
            deferred: true,
            ..Plan::default()
        });
    }
    let view = View::new(place, &declared, &seen.rules, given.record, &given.others);
    let add: Declared = declared
        .iter()
        .filter(|(hash, _)| !view.has(hash))
        .map(|(hash, rule)| (hash.clone(), rule.clone()))
        .collect();
    let wanted = view.wanted();
    let mut remove = view.withdrawn(&wanted);
    remove.extend(view.duplicates());
    if exact && !given.others.is_incomplete() {
        let found = view.found.iter().map(|(hash, ..)| hash);
        let unwanted = found.filter(|hash| !wanted.contains(hash) && !given.others.declares(&view.place, hash));
        remove.extend(unwanted.map(|hash| (hash.to_owned(), 0)));
    }
    let rules = rules(&view, &add);
    let inheritance = inheritance::draft(spec, given, seen, false);
    let writes = !rules.is_empty() || !inheritance.owned.is_empty();
    let documents = documents(spec, given, seen, writes);
    let forms = view.recognised(&rules);
    let unconfirmed = view.unconfirmed(&add);
    let mut basis = DefaultHasher::new();
    (
        add.keys().collect::<Vec<_>>(),
        &remove,
        &unconfirmed,
        &inheritance.members,
    )
        .hash(&mut basis);
    let grants = [
        (RULES, rules),
        (DOCUMENTS, documents),
        (inheritance::MEMBERS, inheritance.owned),
        (inheritance::VALUES, inheritance.values),
        unconfirmed,
        forms,
    ];
    let event = if remove.is_empty() { "Created" } else { "Updated" };
    let edit = Edit {
        role_id,
        add,
        remove,
        delete_vacant: false,
        members: inheritance.members,
    };
    let change = RulesChange::new(spec, seen, edit, inheritance.steps, event);
    if change.is_none() {
        check_forms(&view)?;
    }
    Ok(Plan {
        // The sentences leave out what is too long for people.
        basis: basis.finish(),
        grants: grants.into_iter().collect(),
        replaced: inheritance.replaced,
        ..Plan::new(change)
    })
}

/// Rules that this object owns: what it added or is about to add, and what others of ours added that it declares too.
/// Whoever goes last removes them.
fn rules(view: &View<'_>, add: &Declared) -> BTreeSet<String> {
    let added = |hash: &str| view.others.owns(&view.place, hash);
    let declared = view.declared.keys();
    let declared = declared.filter(|hash| view.granted(hash) || add.contains_key(*hash) || added(hash));
    let forms = view.forms.iter();
    let forms = forms.filter(|(declared, form)| view.owns(declared, form) || (!form.strange && added(&form.hash)));
    declared.chain(forms.map(|(_, form)| &form.hash)).cloned().collect()
}

/// The blueprint, if its document is ours in the same sense. Only an object that wrote something may have to delete it.
fn documents(spec: &GovernRoleAssignmentSpec, given: &Govern<'_>, seen: &Seen, writes: bool) -> BTreeSet<String> {
    let id = &spec.blueprint_id;
    let made = given.record.grants.contains(DOCUMENTS, id)
        || (writes && (!seen.exists || given.others.owns(&document_place(spec), id)));
    made.then(|| id.clone()).into_iter().collect()
}

/// Fails if `roleRef` leads to another role than the one that has the rules of this object.
fn check_reference(object: &GovernRoleAssignment, given: &Govern<'_>, role_id: &str) -> Result<(), Error> {
    let now = referred_role(object, given.lists);
    match now.filter(|now| now != role_id) {
        None => Ok(()),
        Some(now) => Err(Error::invalid(format!(
            "{} is role {now} by now, and the rules of this object are those of role {role_id}: delete this object and \
             create it again",
            role_words(&object.spec)
        ))),
    }
}

fn missing(spec: &GovernRoleAssignmentSpec, role_id: &str, lists: &GovernLists) -> Vec<String> {
    let mut missing = Vec::new();
    if !lists.has_blueprint(&spec.blueprint_id) {
        missing.push(format!("blueprint {} does not exist yet", spec.blueprint_id));
    }
    if !lists.has_role(role_id) {
        missing.push(format!("role {role_id} does not exist yet"));
    }
    missing
}

/// Checks that the node made of each rule what was declared.
fn check_forms(view: &View<'_>) -> Result<(), Error> {
    for (hash, form) in &view.forms {
        let (declared, found) = (&view.declared[*hash], view.found.get(&form.hash));
        if let Some(found) = found.filter(|found| !declared.resembles(found)) {
            return Err(not_stored(declared, found));
        }
    }
    Ok(())
}

fn not_stored(declared: &Rule, found: &Rule) -> Error {
    let message = format!(
        "the node accepted the rule for {} and stores one for {}. The operator does not write it again: declare the rule \
         as the node stores it",
        words(declared),
        words(found)
    );
    Error::Blocked(Reason::AcceptedButNotStored, message)
}

/// Removes what the record says that this object put there, except what other objects take over; and the document, if it is
/// ours and nothing is left in it.
pub(super) fn removal(object: &GovernRoleAssignment, given: &Govern<'_>, seen: &Seen) -> Plan<RulesChange> {
    let spec = &object.spec;
    // A spec that is invalid by now serves only to recognise rules whose write was never confirmed.
    let declared = declared(spec).unwrap_or_default();
    let Some(role_id) = role(object, given.record, given.lists) else {
        return Plan::default();
    };
    let view = View::new(
        role_place(spec, &role_id),
        &declared,
        &seen.rules,
        given.record,
        &given.others,
    );
    let inheritance = inheritance::draft(spec, given, seen, true);
    let edit = Edit {
        role_id,
        members: inheritance.members,
        remove: view.withdrawn(&BTreeSet::new()),
        delete_vacant: given.record.grants.contains(DOCUMENTS, &spec.blueprint_id),
        ..Edit::default()
    };
    Plan::new(RulesChange::new(spec, seen, edit, inheritance.steps, "Deleted"))
}
