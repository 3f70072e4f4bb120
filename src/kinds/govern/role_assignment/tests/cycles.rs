//! Whole cycles of plan, write and read-back, with servers that store rules in another form than they get them.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Around, BLUEPRINT, ROLE, object, record};
use crate::{
    crd::{GovernRoleAssignment, applied::Applied},
    dataiku::{document::Document, govern::rule::Rule},
    engine::{Managed, Plan},
    kinds::govern::role_assignment::{
        RoleAssignment, RulesChange, Seen,
        document::{Assignments, Edit},
    },
};

/// What a server makes of the criteria of a rule.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Rewrite {
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
    const ALIKE: [Self; 4] = [Self::Nothing, Self::Upper, Self::Defaults, Self::Texts];
    const ALL: [Self; 7] = [
        Self::Nothing,
        Self::Upper,
        Self::Defaults,
        Self::Texts,
        Self::Wrapped,
        Self::Unconditional,
        Self::Dropped,
    ];

    fn stored(self, rule: &Value) -> Option<Value> {
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
struct Server {
    rewrite: Rewrite,
    /// Whether it rewrites the rules of others, too, when it stores the document.
    whole: bool,
    /// Whether it stores rules of one form once.
    merges: bool,
    exists: bool,
    rules: Vec<Value>,
    /// Those of `rules` that are not ours.
    foreign: Vec<Value>,
    puts: usize,
}

impl Server {
    fn document(&self) -> Option<Document> {
        let document = json!({"blueprintId": BLUEPRINT, "roleAssignmentsRules": {ROLE: self.rules}});
        self.exists
            .then(|| serde_json::from_str(&document.to_string()).unwrap())
    }

    fn content(&self) -> Assignments {
        Assignments::new(BLUEPRINT, self.document())
    }

    fn seen(&self) -> Seen {
        let content = self.content();
        Seen {
            rules: content.of_role(ROLE).unwrap(),
            exists: content.exists(),
            vacant: content.vacant,
        }
    }

    fn write(&mut self, edits: &[&Edit]) {
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

    fn merged(&self, rules: Vec<Value>) -> Vec<Value> {
        let mut merged: Vec<Value> = Vec::new();
        for rule in rules {
            if !self.merges || !merged.contains(&rule) {
                merged.push(rule);
            }
        }
        merged
    }

    fn count(rules: &[Value]) -> BTreeMap<String, usize> {
        let mut count = BTreeMap::new();
        for rule in rules {
            let rule: Rule = serde_json::from_value(rule.clone()).unwrap();
            *count.entry(rule.hash()).or_default() += 1;
        }
        count
    }

    fn holds_the_rules_of_others(&self) -> bool {
        let (all, foreign) = (Self::count(&self.rules), Self::count(&self.foreign));
        foreign
            .iter()
            .all(|(hash, copies)| all.get(hash).is_some_and(|all| all >= copies))
    }
}

/// Objects and the node, with what the engine does around a strategy.
struct World {
    server: Server,
    objects: Vec<GovernRoleAssignment>,
    /// Attempts that the node did not store.
    not_stored: Vec<Option<u64>>,
}

impl World {
    fn new(server: Server, objects: &[Value]) -> Self {
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

    fn applied(&self, n: usize) -> Applied {
        self.objects[n]
            .status
            .as_ref()
            .and_then(|status| status.applied.clone())
            .unwrap_or_default()
    }

    fn around(&self, n: usize) -> Around {
        let others = self.objects.iter().enumerate().filter(|(other, _)| *other != n);
        Around::new(&others.map(|(_, object)| object).collect::<Vec<_>>())
    }

    /// The plan of an object; `None`: nothing to write.
    fn next(&mut self, n: usize, done: &mut Vec<u64>) -> Option<Plan<RulesChange>> {
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

    fn read_back(&mut self, n: usize, before: &Seen) {
        let mut applied = self.applied(n);
        let stored = RoleAssignment::stored(&self.objects[n], &applied, before, &self.server.seen());
        applied.stored.extend(stored);
        record(&mut self.objects[n], applied);
    }

    fn reconcile(&mut self, n: usize) {
        let mut done = Vec::new();
        for _ in 0..4 {
            let before = self.server.seen();
            let Some(plan) = self.next(n, &mut done) else { return };
            self.server.write(&[&plan.changes[0].edit]);
            self.read_back(n, &before);
        }
    }

    fn edit(&mut self, n: usize, rules: Value) {
        self.objects[n].spec.rules = serde_json::from_value(rules).unwrap();
        self.not_stored[n] = None;
    }

    /// All objects at once, with one write for all.
    fn reconcile_together(&mut self) {
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
    fn crash(&mut self, n: usize) {
        if let Some(plan) = self.next(n, &mut Vec::new()) {
            self.server.write(&[&plan.changes[0].edit]);
        }
        self.not_stored.fill(None);
        self.reconcile(n);
    }

    fn settle(&mut self) {
        for _ in 0..3 {
            (0..self.objects.len()).for_each(|n| self.reconcile(n));
        }
    }

    fn delete(&mut self, n: usize) {
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
    fn declared(&self) -> usize {
        let rules = self.objects.iter().flat_map(|object| &object.spec.rules);
        let hashes = rules.map(|rule| super::super::rule(rule).hash());
        hashes.collect::<std::collections::BTreeSet<_>>().len()
    }
}

fn criteria() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!([])),
        Just(json!([{"field": "risk", "op": "gt", "value": 5}])),
        Just(json!([{"field": "risk", "op": "GT", "value": 5}])),
        Just(json!([{"field": "risk", "op": "gt", "value": "5"}])),
        Just(json!([{"field": "risk", "op": "lt", "value": 7}])),
        Just(json!([{"field": "risk", "op": "gt", "value": 5, "scope": "artifact"}])),
    ]
}

fn users() -> impl Strategy<Value = Vec<&'static str>> {
    prop_oneof![Just(vec!["ann"]), Just(vec!["bob"]), Just(vec!["ann", "bob"])]
}

fn foreign_rule() -> impl Strategy<Value = Value> {
    (users(), criteria()).prop_map(|(users, criteria)| {
        let mut rule = serde_json::to_value(Rule::granting(&users, &[])).unwrap();
        rule["criteria"] = criteria;
        rule
    })
}

fn declared_rules() -> impl Strategy<Value = Value> {
    let rule = (users(), criteria()).prop_map(|(users, criteria)| json!({"users": users, "criteria": criteria}));
    prop::collection::vec(rule, 0..4).prop_map(Value::from)
}

fn server(rewrites: &'static [Rewrite]) -> impl Strategy<Value = Server> {
    let foreign = prop::collection::vec(foreign_rule(), 0..4);
    let rewrite = prop::sample::select(rewrites);
    (rewrite, any::<bool>(), any::<bool>(), any::<bool>(), foreign).prop_map(
        |(rewrite, whole, merges, exists, foreign)| {
            // Where a rule of others turns into one of ours by our write, the two cannot be told apart if the node drops
            // their criteria or stores both once.
            let whole = whole && rewrite != Rewrite::Unconditional;
            let mut server = Server {
                rewrite,
                whole,
                merges: merges && !whole,
                exists: exists || !foreign.is_empty(),
                rules: Vec::new(),
                foreign: Vec::new(),
                puts: 0,
            };
            server.foreign = server.merged(foreign);
            server.rules.clone_from(&server.foreign);
            server
        },
    )
}

#[derive(Clone, Debug)]
enum Step {
    Reconcile(usize),
    Together,
    Crash(usize),
    Edit(usize, Value),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..2_usize).prop_map(Step::Reconcile),
        Just(Step::Together),
        (0..2_usize).prop_map(Step::Crash),
        ((0..2_usize), declared_rules()).prop_map(|(n, rules)| Step::Edit(n, rules)),
    ]
}

fn run(world: &mut World, steps: Vec<Step>, crashes: bool) -> Result<(), TestCaseError> {
    for step in steps {
        match step {
            Step::Crash(n) if crashes => world.crash(n),
            Step::Reconcile(n) | Step::Crash(n) => world.reconcile(n),
            Step::Together => world.reconcile_together(),
            Step::Edit(n, rules) => world.edit(n, rules),
        }
        prop_assert!(world.server.holds_the_rules_of_others(), "{:?}", world.server);
    }
    world.settle();
    let (puts, found) = (world.server.puts, world.server.rules.len());
    world.settle();
    prop_assert_eq!(world.server.puts, puts, "writes never end: {:?}", &world.server);
    prop_assert!(
        found <= world.server.foreign.len() + world.declared(),
        "more rules than declared: {:?}",
        &world.server
    );
    let existed = world.server.exists && (!world.server.foreign.is_empty());
    while !world.objects.is_empty() {
        world.delete(world.objects.len() - 1);
        world.settle();
        prop_assert!(world.server.holds_the_rules_of_others(), "{:?}", world.server);
    }
    let server = &world.server;
    prop_assert_eq!(
        Server::count(&server.rules),
        Server::count(&server.foreign),
        "{:?}",
        server
    );
    prop_assert!(!existed || server.exists);
    Ok(())
}

proptest! {
    #[test]
    fn whatever_form_a_node_stores_rules_in_there_is_one_of_each_and_deletion_leaves_those_of_others(
        server in server(&Rewrite::ALL),
        specs in [declared_rules(), declared_rules()],
        steps in prop::collection::vec(step(), 0..8),
    ) {
        let created_by_us = !server.exists;
        let specs = specs.map(|rules| json!({"rules": rules}));
        let mut world = World::new(server, &specs);
        run(&mut world, steps, false)?;
        prop_assert!(!created_by_us || !world.server.exists, "our document stayed: {:?}", world.server);
    }

    #[test]
    fn a_crash_between_a_write_and_its_record_loses_no_rule_and_leaves_none(
        mut server in server(&Rewrite::ALIKE),
        specs in [declared_rules(), declared_rules()],
        steps in prop::collection::vec(step(), 0..8),
    ) {
        server.whole = false;
        let specs = specs.map(|rules| json!({"rules": rules}));
        run(&mut World::new(server, &specs), steps, true)?;
    }

    #[test]
    fn exact_leaves_the_declared_rules_whatever_form_they_are_stored_in(
        server in server(&Rewrite::ALIKE),
        rules in declared_rules(),
    ) {
        let mut server = server;
        server.foreign.clear();
        let mut world = World::new(server, &[json!({"rules": rules, "rulesPolicy": "Exact"})]);
        world.settle();
        prop_assert!(Server::count(&world.server.rules).len() <= world.declared(), "{:?}", world.server);
        prop_assert_eq!(world.server.rules.is_empty(), world.declared() == 0);
        let puts = world.server.puts;
        world.settle();
        prop_assert_eq!(world.server.puts, puts);
    }
}
