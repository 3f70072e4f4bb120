//! What is to be written to the rules of a role, as pure functions.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Rule,
    claim::{DOCUMENT, Others, RULES, fingerprint},
};
use crate::{
    crd::applied::Applied,
    engine::{Change, Error, Plan, Reason},
    registry::assignments::Edit,
};

/// What the spec of an assignment sets.
pub struct DesiredRules {
    pub(super) blueprint_id: String,
    pub(super) role_id: String,
    pub(super) rules: Vec<Rule>,
    /// Fingerprints of rules that this object added and declares no more.
    pub(super) withdrawn: BTreeSet<String>,
    pub(super) exact: bool,
}

/// The rules of one role on one blueprint, and who else declares some.
#[allow(
    clippy::struct_excessive_bools,
    reason = "four facts that do not depend on each other"
)]
pub struct ObservedRules {
    pub(super) blueprint_id: String,
    pub(super) role_id: String,
    /// Whether the rules of the role could be read, and a document that was not found does not exist.
    pub(super) readable: bool,
    /// Rules in the document; `None` where the blueprint has none.
    pub(super) found: Option<Vec<Rule>>,
    /// Whether nothing at all is left in the document; known only from a look at it alone.
    pub(super) vacant: bool,
    pub(super) declared: Vec<Rule>,
    /// Fingerprints of rules that this object put there, by its record.
    pub(super) recorded: BTreeSet<String>,
    pub(super) others: Others,
    pub(super) has_role: bool,
    pub(super) has_blueprint: bool,
}

impl ObservedRules {
    pub(super) fn has_document(&self) -> bool {
        self.found.is_some()
    }

    pub(super) fn fingerprints(&self) -> BTreeSet<String> {
        self.rules().map(fingerprint).collect()
    }

    /// Whether there is what rules name; nothing is written before.
    pub(super) fn is_writable(&self) -> bool {
        self.has_role && self.has_blueprint
    }

    /// Whether every declared rule is there.
    pub(super) fn is_complete(&self) -> bool {
        self.declared.iter().all(|rule| self.has(rule))
    }

    /// Rules that the node has in place of one that we put there: its criteria with something added to them. It would get
    /// one more at each try.
    fn reworded<'a>(&'a self, rule: &'a Rule) -> impl Iterator<Item = &'a Rule> {
        let ours = self.recorded.contains(&fingerprint(rule)) && !rule.criteria.is_empty() && !self.has(rule);
        self.rules().filter(move |found| {
            let twin = Rule {
                criteria: rule.criteria.clone(),
                ..(*found).clone()
            };
            ours && twin.same_as(rule)
                && extends(
                    &Value::from(found.criteria.clone()),
                    &Value::from(rule.criteria.clone()),
                )
                && !self.declared.iter().any(|one| one.same_as(found))
                && !self.others.declared.contains(&fingerprint(found))
        })
    }

    fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.found.iter().flatten()
    }

    fn has(&self, rule: &Rule) -> bool {
        self.rules().any(|found| found.same_as(rule))
    }
}

/// Rules that come and go, in one write.
pub struct RulesChange {
    role_id: String,
    add: Vec<Rule>,
    remove: Vec<Rule>,
    delete_vacant: bool,
    removes_all: bool,
}

impl RulesChange {
    pub(super) fn edit(&self) -> Edit {
        Edit {
            role_id: self.role_id.clone(),
            add: self.add.clone(),
            remove: self.remove.clone(),
            delete_vacant: self.delete_vacant,
        }
    }
}

impl Change for RulesChange {
    fn steps(&self) -> Vec<String> {
        let grants = self
            .add
            .iter()
            .map(|rule| format!("grant {} to {}", self.role_id, words(rule)));
        let withdrawals = self
            .remove
            .iter()
            .map(|rule| format!("withdraw {} from {}", self.role_id, words(rule)));
        let mut steps: Vec<_> = grants.chain(withdrawals).collect();
        if steps.is_empty() && self.delete_vacant {
            steps.push("delete the empty document".to_owned());
        }
        steps
    }

    fn creates(&self) -> bool {
        !self.add.is_empty()
    }

    fn event(&self) -> &'static str {
        if self.removes_all {
            "Deleted"
        } else if self.remove.is_empty() {
            "Created"
        } else {
            "Updated"
        }
    }
}

/// Whom a rule grants the role, in words.
fn words(rule: &Rule) -> String {
    let named = |kind: &str, key: &str| -> Vec<String> {
        let of_kind = rule.user_containers.iter().filter(|who| who["type"] == kind);
        of_kind.filter_map(|who| who[key].as_str().map(str::to_owned)).collect()
    };
    let (users, groups) = (named("user", "login"), named("group", "groupName"));
    let others = rule.user_containers.len() - users.len() - groups.len();
    let mut parts = Vec::new();
    for (name, list) in [("users", users), ("groups", groups), ("fields", rule.field_ids.clone())] {
        if !list.is_empty() {
            parts.push(format!("{name} [{}]", list.join(", ")));
        }
    }
    if others > 0 {
        parts.push(format!("{others} others"));
    }
    if parts.is_empty() {
        parts.push("nobody".to_owned());
    }
    if !rule.criteria.is_empty() {
        parts.push(format!("under the criteria {}", Value::Array(rule.criteria.clone())));
    }
    parts.join(", ")
}

/// What has to be written so that the declared rules are there.
pub(super) fn edit(desired: &DesiredRules, observed: &ObservedRules) -> Result<Plan<RulesChange>, Error> {
    if let Some(rival) = &observed.others.rival {
        let message = format!(
            "GovernRoleAssignment {rival} has rulesPolicy Exact for this role and blueprint too, and is older: \
             put the rules into one of the two, or use AtLeast"
        );
        return Err(Error::Blocked(Reason::Conflict, message));
    }
    let waiting = missing(desired, observed);
    if !waiting.is_empty() {
        return Ok(Plan {
            waiting,
            deferred: true,
            ..Plan::default()
        });
    }
    if let Some(rule) = desired
        .rules
        .iter()
        .find(|rule| observed.reworded(rule).next().is_some())
    {
        let message = format!(
            "the node stores the criteria of a rule in another form, so it is not written again: {}",
            words(rule)
        );
        return Err(Error::Blocked(Reason::AcceptedButNotStored, message));
    }
    let add: Vec<_> = desired
        .rules
        .iter()
        .filter(|rule| !observed.has(rule))
        .cloned()
        .collect();
    let declared = |rule: &Rule| desired.rules.iter().any(|one| one.same_as(rule));
    let others = &observed.others;
    let unwanted = |rule: &&Rule| {
        let print = fingerprint(rule);
        let withdrawn = desired.withdrawn.contains(&print) && !others.taken_over.contains(&print);
        let foreign = desired.exact && !others.unreadable && !others.declared.contains(&print);
        (withdrawn || foreign) && !declared(rule)
    };
    let remove: Vec<_> = observed.rules().filter(unwanted).cloned().collect();
    let changes = !add.is_empty() || !remove.is_empty();
    Ok(Plan::of(changes.then(|| RulesChange {
        role_id: desired.role_id.clone(),
        add,
        remove,
        delete_vacant: false,
        removes_all: false,
    })))
}

fn missing(desired: &DesiredRules, observed: &ObservedRules) -> Vec<String> {
    let mut missing = Vec::new();
    if !observed.has_blueprint {
        missing.push(format!("blueprint {} does not exist yet", desired.blueprint_id));
    }
    if !observed.has_role {
        missing.push(format!("role {} does not exist yet", desired.role_id));
    }
    missing
}

/// Takes out what the record says that we put there, except what other objects declare; and the document, if we made it
/// and nothing is left in it.
pub(super) fn withdrawal(applied: &Applied, observed: &ObservedRules) -> Plan<RulesChange> {
    let recorded = |list: &str, entry: &str| applied.grants.contains(list, entry);
    let ours = |rule: &&Rule| {
        let print = fingerprint(rule);
        recorded(RULES, &print) && !observed.others.taken_over.contains(&print)
    };
    let mut remove: Vec<_> = observed.rules().filter(ours).cloned().collect();
    remove.extend(
        observed
            .declared
            .iter()
            .flat_map(|rule| observed.reworded(rule))
            .cloned(),
    );
    let made = recorded(DOCUMENT, &observed.blueprint_id);
    Plan::of((!remove.is_empty() || (made && observed.vacant)).then(|| RulesChange {
        role_id: observed.role_id.clone(),
        add: Vec::new(),
        remove,
        delete_vacant: made,
        removes_all: true,
    }))
}

/// Whether `found` has everything of `declared`, and maybe more.
fn extends(found: &Value, declared: &Value) -> bool {
    match (found, declared) {
        (Value::Object(found), Value::Object(declared)) => declared
            .iter()
            .all(|(key, value)| found.get(key).is_some_and(|found| extends(found, value))),
        (Value::Array(found), Value::Array(declared)) => {
            found.len() == declared.len()
                && found
                    .iter()
                    .zip(declared)
                    .all(|(found, declared)| extends(found, declared))
        }
        _ => found == declared,
    }
}
