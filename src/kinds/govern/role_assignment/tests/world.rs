//! A Govern node that stores rules in its own form, and what the engine does around a strategy.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Around, BLUEPRINT, ROLE, object, record};
use crate::{
    crd::{GovernRoleAssignment, applied::Applied},
    dataiku::{document::Document, govern::rule::Rule},
    engine::{Managed, Plan},
    kinds::govern::role_assignment::{
        RoleAssignment, RulesChange, Seen,
        document::{Assignments, Edit},
        rule,
    },
};

/// What a server makes of the criteria of a rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Rewrite {
    Nothing,
    Upper,
    Defaults,
    Texts,
    Wrapped,
    Unconditional,
    Dropped,
}

impl Rewrite {
    /// Forms in which a declared rule is recognised.
    pub(super) const ALIKE: [Self; 4] = [Self::Nothing, Self::Upper, Self::Defaults, Self::Texts];
    pub(super) const ALL: [Self; 7] = [
        Self::Nothing,
        Self::Upper,
        Self::Defaults,
        Self::Texts,
        Self::Wrapped,
        Self::Unconditional,
        Self::Dropped,
    ];

    pub(super) fn stored(self, rule: &Value) -> Option<Value> {
        let mut rule = rule.clone();
        let criteria = rule["criteria"].as_array_mut()?;
        match self {
            Self::Wrapped if criteria.iter().any(|one| one.get("all").is_none()) => {
                *criteria = vec![json!({"all": criteria.clone()})];
            }
            Self::Unconditional => criteria.clear(),
            Self::Dropped if !criteria.is_empty() => return None,
            _ => {}
        }
        for criterion in criteria {
            let criterion = criterion.as_object_mut()?;
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            match (self, criterion.get("op").map(&text), criterion.get("value").map(&text)) {
                (Self::Upper, Some(op), _) => _ = criterion.insert("op".into(), op.to_uppercase().into()),
                (Self::Texts, _, Some(value)) => _ = criterion.insert("value".into(), value.into()),
                (Self::Defaults, Some(_), _) => _ = criterion.insert("scope".into(), "artifact".into()),
                _ => {}
            }
        }
        Some(rule)
    }
}

/// A node with one document.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) rewrite: Rewrite,
    /// Whether it rewrites the rules of others, too, when it stores the document.
    pub(super) whole: bool,
    /// Whether it stores rules of one form once.
    pub(super) merges: bool,
    pub(super) exists: bool,
    pub(super) rules: Vec<Value>,
    /// Those of `rules` that are not ours.
    pub(super) foreign: Vec<Value>,
    pub(super) puts: usize,
    /// Rules that somebody adds right before the next write.
    pub(super) meanwhile: Vec<Value>,
}

impl Server {
    pub(super) fn document(&self) -> Option<Document> {
        let document = json!({"blueprintId": BLUEPRINT, "roleAssignmentsRules": {ROLE: self.rules}});
        self.exists
            .then(|| serde_json::from_str(&document.to_string()).unwrap())
    }

    pub(super) fn content(&self) -> Assignments {
        Assignments::new(BLUEPRINT, self.document())
    }

    pub(super) fn seen(&self) -> Seen {
        let content = self.content();
        Seen {
            rules: content.of_role(ROLE).unwrap(),
            exists: content.exists(),
            vacant: content.vacant,
            ..Seen::default()
        }
    }

    pub(super) fn write(&mut self, edits: &[&Edit]) {
        let meanwhile = std::mem::take(&mut self.meanwhile);
        self.rules.extend(meanwhile.clone());
        self.foreign.extend(meanwhile);
        let mut content = self.content();
        let changes: Vec<_> = edits.iter().map(|edit| content.accept(edit).unwrap()).collect();
        if !changes.contains(&true) {
            return;
        }
        self.puts += 1;
        let Some(document) = content.edited() else {
            assert!(self.foreign.is_empty(), "the document of others was deleted");
            (self.exists, self.rules) = (false, Vec::new());
            return;
        };
        let document: Value = serde_json::from_str(&serde_json::to_string(&document).unwrap()).unwrap();
        let sent = document["roleAssignmentsRules"][ROLE]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let mut known = std::mem::take(&mut self.rules);
        let stored = sent
            .into_iter()
            .filter_map(|rule| match known.iter().position(|one| *one == rule) {
                Some(place) if !self.whole => Some(known.remove(place)),
                _ => self.rewrite.stored(&rule),
            });
        let stored = stored.collect();
        if self.whole {
            let foreign = std::mem::take(&mut self.foreign).into_iter();
            self.foreign = foreign.filter_map(|rule| self.rewrite.stored(&rule)).collect();
        }
        self.rules = self.merged(stored);
        self.foreign = self.merged(self.foreign.clone());
        self.exists = true;
    }

    pub(super) fn merged(&self, rules: Vec<Value>) -> Vec<Value> {
        let mut merged: Vec<Value> = Vec::new();
        for rule in rules {
            if !self.merges || !merged.contains(&rule) {
                merged.push(rule);
            }
        }
        merged
    }

    pub(super) fn count(rules: &[Value]) -> BTreeMap<String, usize> {
        let mut count = BTreeMap::new();
        for rule in rules {
            let rule: Rule = serde_json::from_value(rule.clone()).unwrap();
            *count.entry(rule.hash()).or_default() += 1;
        }
        count
    }

    pub(super) fn holds_the_rules_of_others(&self) -> bool {
        let (all, foreign) = (Self::count(&self.rules), Self::count(&self.foreign));
        foreign
            .iter()
            .all(|(hash, copies)| all.get(hash).is_some_and(|all| all >= copies))
    }
}

/// Objects and the node, with what the engine does around a strategy.
pub(super) struct World {
    pub(super) server: Server,
    pub(super) objects: Vec<GovernRoleAssignment>,
    /// Attempts that the node did not store.
    pub(super) not_stored: Vec<Option<u64>>,
}

impl World {
    pub(super) fn new(server: Server, objects: &[Value]) -> Self {
        let objects: Vec<_> = objects
            .iter()
            .enumerate()
            .map(|(n, spec)| object(&format!("o{n}"), spec.clone(), Applied::default()))
            .collect();
        Self {
            not_stored: vec![None; objects.len()],
            server,
            objects,
        }
    }

    pub(super) fn applied(&self, n: usize) -> Applied {
        self.objects[n]
            .status
            .as_ref()
            .and_then(|status| status.applied.clone())
            .unwrap_or_default()
    }

    pub(super) fn around(&self, n: usize) -> Around {
        let others = self.objects.iter().enumerate().filter(|(other, _)| *other != n);
        Around::new(&others.map(|(_, object)| object).collect::<Vec<_>>())
    }

    /// The plan of an object; `None`: nothing to write.
    pub(super) fn next(&mut self, n: usize, done: &mut Vec<u64>) -> Option<Plan<RulesChange>> {
        let plan = self.around(n).plan(&self.objects[n], &self.server.seen()).ok()?;
        let mut applied = self.applied(n);
        if plan.is_empty() {
            applied.grants = plan.grants;
            let named: Vec<_> = applied.grants.names().cloned().collect();
            applied.stored = applied
                .stored
                .into_iter()
                .filter(|(hash, _)| named.contains(hash))
                .collect();
            record(&mut self.objects[n], applied);
            self.not_stored[n] = None;
            return None;
        }
        let attempt = plan.attempt();
        if self.not_stored[n] == Some(attempt) || done.contains(&attempt) {
            self.not_stored[n] = Some(attempt);
            return None;
        }
        done.push(attempt);
        applied.grants.add(plan.grants.clone());
        record(&mut self.objects[n], applied);
        Some(plan)
    }

    pub(super) fn read_back(&mut self, n: usize, before: &Seen) {
        let mut applied = self.applied(n);
        let stored = RoleAssignment::stored(&self.objects[n], &applied, before, &self.server.seen());
        applied.stored.extend(stored);
        record(&mut self.objects[n], applied);
    }

    pub(super) fn reconcile(&mut self, n: usize) {
        let mut done = Vec::new();
        for _ in 0..4 {
            let before = self.server.seen();
            let Some(plan) = self.next(n, &mut done) else { return };
            self.server.write(&[&plan.changes[0].edit]);
            self.read_back(n, &before);
        }
    }

    pub(super) fn edit(&mut self, n: usize, rules: Value) {
        self.objects[n].spec.rules = serde_json::from_value(rules).unwrap();
        self.not_stored[n] = None;
    }

    /// All objects at once, with one write for all.
    pub(super) fn reconcile_together(&mut self) {
        let before = self.server.seen();
        let plans: Vec<_> = (0..self.objects.len()).map(|n| self.next(n, &mut Vec::new())).collect();
        let edits = plans.iter().flatten().map(|plan| &plan.changes[0].edit);
        self.server.write(&edits.collect::<Vec<_>>());
        for (n, _) in plans.iter().enumerate().filter(|(_, plan)| plan.is_some()) {
            self.read_back(n, &before);
        }
        self.settle();
    }

    /// A write after which the process is killed, and the reconcile after its restart.
    pub(super) fn crash(&mut self, n: usize) {
        if let Some(plan) = self.next(n, &mut Vec::new()) {
            self.server.write(&[&plan.changes[0].edit]);
        }
        self.not_stored.fill(None);
        self.reconcile(n);
    }

    pub(super) fn settle(&mut self) {
        for _ in 0..3 {
            (0..self.objects.len()).for_each(|n| self.reconcile(n));
        }
    }

    pub(super) fn delete(&mut self, n: usize) {
        for _ in 0..4 {
            let seen = self.server.seen();
            let plan = self.around(n).removal(&self.objects[n], &seen);
            let Some(change) = plan.changes.first() else {
                self.objects.remove(n);
                self.not_stored.remove(n);
                return;
            };
            self.server.write(&[&change.edit]);
        }
        panic!("a removal that never ends");
    }

    /// Distinct rules that all objects declare.
    pub(super) fn declared(&self) -> usize {
        let rules = self.objects.iter().flat_map(|object| &object.spec.rules);
        let hashes = rules.map(|declared| rule(declared).hash());
        hashes.collect::<BTreeSet<_>>().len()
    }
}
