//! Rules that the node stores in another form than they were written in.
//!
//! A server may write numbers, names or defaults in its own way. The rule that appeared in response to our write is ours all
//! the same: without that knowledge each reconcile would add one more, and none of them would go with its object.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use indexmap::IndexMap;

use crate::{
    crd::applied::Applied,
    dataiku::govern::rule::Rule,
    engine::index::{Claimant, Claims},
    kinds::govern::rules::RuleSet,
};

/// List of the record: hashes of rules that this object put there.
pub(super) const RULES: &str = "rules";
/// List of the record: hashes of declared rules whose write no read has confirmed, and, in the text of a [`Form`], of those
/// that resembled one of them before.
const UNCONFIRMED: &str = "unconfirmed";

/// Declared rules by their hash.
pub(super) type Declared = IndexMap<String, Rule>;

/// What the node made of a declared rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Form {
    /// Hash of the stored rule.
    pub hash: String,
    /// Number of copies of it that are not ours.
    pub foreign: usize,
}

impl Form {
    fn parse(text: &str) -> Self {
        let (hash, foreign) = text.split_once('*').unwrap_or((text, "0"));
        Self {
            hash: hash.to_owned(),
            foreign: foreign.parse().unwrap_or(usize::MAX),
        }
    }

    fn recorded(record: &Applied, declared: &str) -> Option<Self> {
        record.stored.get(declared).map(|text| Self::parse(text))
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.foreign {
            0 => f.write_str(&self.hash),
            foreign => write!(f, "{}*{foreign}", self.hash),
        }
    }
}

/// The rules of one role as one object sees them.
pub(super) struct View<'a> {
    pub place: String,
    pub declared: &'a Declared,
    pub found: &'a RuleSet,
    pub record: &'a Applied,
    pub others: &'a Claims<'a>,
    /// Declared rules that are there in another form.
    pub forms: BTreeMap<&'a str, Form>,
}

impl<'a> View<'a> {
    pub fn new(
        place: String,
        declared: &'a Declared,
        found: &'a RuleSet,
        record: &'a Applied,
        others: &'a Claims<'a>,
    ) -> Self {
        let mut view = Self {
            place,
            declared,
            found,
            record,
            others,
            forms: BTreeMap::new(),
        };
        let forms = declared.iter().filter_map(|(hash, rule)| {
            let form = view.recorded(hash, rule).or_else(|| view.recovered(hash, rule))?;
            Some((hash.as_str(), form))
        });
        view.forms = forms.collect();
        view
    }

    /// Whether the record says that this object put the rule there.
    pub fn granted(&self, hash: &str) -> bool {
        self.record.grants.contains(RULES, hash)
    }

    /// Whether the declared rule is there.
    pub fn has(&self, declared: &str) -> bool {
        self.found.contains(declared) || self.forms.contains_key(declared)
    }

    /// Whether the stored form of a declared rule is ours.
    pub fn owns(&self, declared: &str, form: &Form) -> bool {
        (form.foreign == 0 && self.granted(declared)) || (form.hash != declared && self.granted(&form.hash))
    }

    /// Hashes of declared rules and of their stored forms.
    pub fn wanted(&self) -> BTreeSet<&str> {
        let forms = self.forms.values().map(|form| form.hash.as_str());
        self.declared.keys().map(String::as_str).chain(forms).collect()
    }

    /// Copies to leave of each rule that this object put there and that is not in `wanted`.
    pub fn withdrawn(&self, wanted: &BTreeSet<&str>) -> BTreeMap<String, usize> {
        let recorded = self.record.stored.iter();
        let mut forms: BTreeMap<&str, Form> = recorded
            .map(|(declared, form)| (declared.as_str(), Form::parse(form)))
            .collect();
        forms.extend(self.forms.iter().map(|(declared, form)| (*declared, form.clone())));
        let mut stay = BTreeMap::new();
        for hash in self.record.grants.list(RULES) {
            let itself = forms.get(hash.as_str()).filter(|form| form.hash == *hash);
            stay.insert(hash.clone(), itself.map_or(0, |form| form.foreign));
        }
        for (declared, form) in &forms {
            if self.owns(declared, form) {
                stay.insert(form.hash.clone(), 0);
            } else if self.granted(declared) {
                stay.insert(form.hash.clone(), form.foreign);
            }
        }
        let taken_over = |hash: &str| {
            let forms = forms.iter().filter(|(_, form)| form.hash == hash);
            let mut names = forms.map(|(declared, _)| *declared).chain([hash]);
            names.any(|name| self.others.takes_over(&self.place, name))
        };
        stay.retain(|hash, stay| {
            self.found.copies(hash) > *stay && !wanted.contains(hash.as_str()) && !taken_over(hash)
        });
        stay
    }

    /// What to record so that rules are recognised whose write is not confirmed: those in `add`, and those that were
    /// recognised by nothing else.
    pub fn unconfirmed(&self, add: &Declared) -> (&'static str, BTreeSet<String>) {
        let before = self.record.grants.list(UNCONFIRMED);
        let recognised = |hash: &str| self.forms.contains_key(hash) && Form::recorded(self.record, hash).is_none();
        let recognised: Vec<_> = before.iter().filter(|hash| recognised(hash)).cloned().collect();
        let mut list = BTreeSet::new();
        if !recognised.is_empty() {
            list.extend(recognised);
            list.extend(before.iter().filter(|text| text.contains('*')).cloned());
        }
        for (hash, rule) in add {
            list.insert(hash.clone());
            let alike = self.found.iter().filter(|(_, found, _)| rule.resembles(found));
            list.extend(alike.map(|(hash, _, foreign)| {
                let hash = hash.to_owned();
                Form { hash, foreign }.to_string()
            }));
        }
        (UNCONFIRMED, list)
    }

    fn recorded(&self, declared: &str, rule: &Rule) -> Option<Form> {
        let form = Form::recorded(self.record, declared).filter(|form| self.found.contains(&form.hash))?;
        if form.hash != declared && self.found.contains(declared) {
            return None;
        }
        let alike = self.found.get(&form.hash).is_some_and(|found| rule.resembles(found));
        (alike || !self.is_strange(declared, &form.hash)).then_some(form)
    }

    /// The form of a rule whose write no read has confirmed, or that another object has put there.
    fn recovered(&self, declared: &str, rule: &Rule) -> Option<Form> {
        if self.found.contains(declared) {
            return None;
        }
        let unconfirmed = self.granted(declared) && self.record.grants.contains(UNCONFIRMED, declared);
        if !unconfirmed && !self.others.owns(&self.place, declared) {
            return None;
        }
        let before: Vec<_> = self
            .record
            .grants
            .list(UNCONFIRMED)
            .iter()
            .map(|text| Form::parse(text))
            .collect();
        let candidates = self
            .found
            .iter()
            .filter(|(hash, ..)| !self.declared.contains_key(*hash));
        candidates
            .filter(|(_, found, _)| rule.resembles(found))
            .find_map(|(hash, _, copies)| {
                let known = before.iter().find(|form| form.hash == hash);
                let known = known.map_or(0, |form| form.foreign);
                let foreign = if unconfirmed && copies > known && !self.is_strange(declared, hash) {
                    known
                } else if self.is_shared(declared, hash) {
                    // Ours only if that object owns it.
                    copies
                } else {
                    return None;
                };
                let hash = hash.to_owned();
                Some(Form { hash, foreign })
            })
    }

    /// Whether an object that does not declare the one rule declares the other.
    fn is_strange(&self, declared: &str, stored: &str) -> bool {
        self.claimants(stored)
            .any(|other| !other.claim.declared.contains(declared))
    }

    /// Whether the stored rule is what the node made of the declared one for another object.
    fn is_shared(&self, declared: &str, stored: &str) -> bool {
        self.claimants(stored).any(|other| other.claim.owned.contains(declared))
    }

    fn claimants(&self, stored: &str) -> impl Iterator<Item = Claimant> {
        let claimants = self.others.of_entry(&self.place, stored).into_iter();
        claimants.filter(move |other| other.claim.declared.contains(stored))
    }
}

/// A rule of which a write left more copies than it found.
struct Grown<'a> {
    hash: &'a str,
    rule: &'a Rule,
    /// Copies that are not the result of the write.
    foreign: usize,
    /// Copies without an explanation so far.
    new: usize,
    /// Whether there are more than before; otherwise the write removed some of the earlier ones.
    appeared: bool,
    /// Whether it is the form of a declared rule.
    ours: bool,
}

impl Grown<'_> {
    fn take(&mut self) -> Form {
        let form = Form {
            hash: self.hash.to_owned(),
            foreign: self.foreign,
        };
        self.foreign += 1;
        self.new = self.new.saturating_sub(1);
        self.ours = true;
        form
    }
}

/// What the node made of declared rules in response to a write, given the rules around it. `exact`: the write removed
/// whatever nobody declares.
pub(super) fn stored(
    declared: &Declared,
    exact: bool,
    record: &Applied,
    before: &RuleSet,
    after: &RuleSet,
) -> Vec<(String, String)> {
    let form = |hash: &str| Form::recorded(record, hash);
    let forms: BTreeSet<String> = declared.keys().filter_map(|hash| Some(form(hash)?.hash)).collect();
    let wanted = |hash: &str| declared.contains_key(hash) || forms.contains(hash);
    let left = |hash: &str| {
        let removed = !wanted(hash) && (exact || record.grants.contains(RULES, hash));
        if removed { 0 } else { before.copies(hash) }
    };
    let grown = after.iter().filter(|(hash, _, copies)| *copies > left(hash));
    let mut grown: Vec<_> = grown
        .map(|(hash, rule, copies)| Grown {
            hash,
            rule,
            foreign: left(hash),
            new: copies - left(hash),
            appeared: copies > before.copies(hash),
            ours: false,
        })
        .collect();
    // The node may rewrite the rules of others, too, when it stores the document.
    for (hash, rule, _) in before.iter().filter(|(hash, ..)| !wanted(hash)) {
        for _ in after.copies(hash)..left(hash) {
            let rewritten = grown.iter_mut().find(|one| one.new > 0 && rule.resembles(one.rule));
            if let Some(rewritten) = rewritten {
                rewritten.new -= 1;
                rewritten.foreign += 1;
            }
        }
    }
    let mut pairs = Vec::new();
    let mut missing = Vec::new();
    for (hash, rule) in declared {
        let known = form(hash);
        if after.contains(hash) {
            let exactly = grown.iter_mut().find(|one| one.hash == hash && one.new > 0);
            if let Some(exactly) = exactly.filter(|_| !before.contains(hash)) {
                let form = exactly.take();
                if form.foreign > 0 || known.is_some() {
                    pairs.push((hash, form));
                }
            }
        } else if !known.is_some_and(|form| before.contains(&form.hash) && after.contains(&form.hash)) {
            missing.push((hash, rule));
        }
    }
    let same_people = |one: &Rule, other: &Rule| people(one) == people(other);
    #[allow(clippy::type_complexity, reason = "the tiers have no name elsewhere")]
    let tiers: [&dyn Fn(&Rule, &Grown<'_>) -> bool; 4] = [
        &|rule, one| one.new > 0 && rule.resembles(one.rule),
        // A node may store rules once that have the same form.
        &|rule, one| one.ours && rule.resembles(one.rule),
        &|rule, one| one.new > 0 && one.appeared && same_people(rule, one.rule),
        &|_, one| one.new > 0 && one.appeared,
    ];
    for fits in tiers {
        missing.retain(|(hash, rule)| {
            let found = grown.iter_mut().find(|one| fits(rule, one));
            let form = found.map(Grown::take);
            let is_missing = form.is_none();
            pairs.extend(form.map(|form| (*hash, form)));
            is_missing
        });
    }
    let pairs = pairs.into_iter();
    pairs.map(|(hash, form)| (hash.clone(), form.to_string())).collect()
}

/// Whom a rule grants the role, whatever its criteria.
fn people(rule: &Rule) -> String {
    let unconditional = Rule {
        criteria: Vec::new(),
        ..rule.clone()
    };
    unconditional.hash()
}

/// Hashes of the recorded forms of these rules.
pub(super) fn recorded(record: &Applied, declared: &BTreeSet<String>) -> Vec<String> {
    let forms = declared.iter().filter_map(|hash| Form::recorded(record, hash));
    forms.map(|form| form.hash).collect()
}
