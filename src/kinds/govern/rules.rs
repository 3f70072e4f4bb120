//! The rules of a blueprint, each found by its hash: computed once for each read, and not once for each object.

use std::{collections::BTreeMap, sync::Arc};

use indexmap::IndexMap;

use crate::dataiku::govern::{assignments::AssignmentsRecord, rule::Rule};

/// The rules that grant one role, in the node's order. Rules that grant the same are one, with a number of copies.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleSet(IndexMap<String, (Rule, usize)>);

impl RuleSet {
    /// Whether a rule of this hash is there.
    pub fn contains(&self, hash: &str) -> bool {
        self.0.contains_key(hash)
    }

    /// The rule of this hash.
    pub fn get(&self, hash: &str) -> Option<&Rule> {
        self.0.get(hash).map(|(rule, _)| rule)
    }

    /// Number of rules of this hash.
    pub fn copies(&self, hash: &str) -> usize {
        self.0.get(hash).map_or(0, |(_, copies)| *copies)
    }

    /// Hash, rule and number of copies of each.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Rule, usize)> {
        let rules = self.0.iter();
        rules.map(|(hash, (rule, copies))| (hash.as_str(), rule, *copies))
    }
}

impl FromIterator<Rule> for RuleSet {
    fn from_iter<I: IntoIterator<Item = Rule>>(rules: I) -> Self {
        let mut set = IndexMap::new();
        for rule in rules {
            set.entry(rule.hash()).or_insert((rule, 0)).1 += 1;
        }
        Self(set)
    }
}

/// The rules of one blueprint.
#[derive(Clone, Debug, PartialEq)]
pub struct BlueprintRules {
    /// Id of the blueprint.
    pub blueprint_id: String,
    /// `None` where the rules of a role cannot be read.
    roles: BTreeMap<String, Option<Arc<RuleSet>>>,
    /// Whether roles can be read at all.
    readable: bool,
    /// From where roles are inherited: JSON texts by member.
    pub inheritance: Arc<BTreeMap<&'static str, String>>,
}

impl BlueprintRules {
    /// The rules of this record.
    pub fn new(record: &AssignmentsRecord) -> Self {
        let set = |rules: &[Rule]| Arc::new(rules.iter().cloned().collect());
        let roles = record.roles();
        Self {
            blueprint_id: record.blueprint_id.clone(),
            roles: roles.map(|(role, rules)| (role.to_owned(), rules.map(set))).collect(),
            readable: record.is_readable(),
            inheritance: Arc::new(record.inheritance.clone()),
        }
    }

    /// Of a document that cannot be read.
    pub fn unreadable(blueprint_id: &str) -> Self {
        Self {
            blueprint_id: blueprint_id.to_owned(),
            roles: BTreeMap::new(),
            readable: false,
            inheritance: Arc::default(),
        }
    }

    /// Whether rules grant the role. Rules that cannot be read may.
    pub fn names(&self, role_id: &str) -> bool {
        self.of_role(role_id).is_none_or(|rules| rules.iter().next().is_some())
    }

    /// The rules of every role that can be read.
    pub fn each(&self) -> impl Iterator<Item = (&str, &RuleSet)> {
        let roles = self.roles.iter();
        roles.filter_map(|(role, rules)| Some((role.as_str(), &**rules.as_ref()?)))
    }

    /// Roles whose rules cannot be read. `None`: nobody can tell which roles have rules.
    pub fn unread_roles(&self) -> Option<impl Iterator<Item = &str>> {
        let roles = self.roles.iter().filter(|(_, rules)| rules.is_none());
        self.readable.then(|| roles.map(|(role, _)| role.as_str()))
    }

    /// The rules that grant the role. `None`: they cannot be read.
    pub fn of_role(&self, role_id: &str) -> Option<Arc<RuleSet>> {
        match self.roles.get(role_id) {
            Some(rules) => rules.clone(),
            None => self.readable.then(Arc::default),
        }
    }
}
