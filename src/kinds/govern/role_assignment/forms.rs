//! Rules that the node stores in another form than the operator wrote them in.
//!
//! A node may write numbers, names or defaults in its own way. A rule that appears in response to a write of ours is ours in
//! any form: otherwise each reconcile would add one more, and a deletion would leave them all.
//!
//! # Record
//! `applied.stored` maps each declared rule to the form that a read after our write showed (see [`super::written`]). The lists
//! below hold what no such read showed. A form is a hash; `*n` after it says that `n` copies of that rule are not ours: the
//! node made the same rule of ours and of somebody else's, and theirs stays when ours is removed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use indexmap::IndexMap;

use super::written::{likeness, people};
use crate::{
    crd::applied::Applied,
    dataiku::govern::rule::Rule,
    engine::index::{Claimant, Claims},
    kinds::govern::rules::RuleSet,
};

/// List of the record: hashes of rules that this object put there.
pub(super) const RULES: &str = "rules";
/// List of the record: hashes of declared rules that were written and not read back yet, and forms of the rules that others
/// had for the same people before. If the process ends in between, a new rule that resembles a declared one is ours.
pub(super) const UNCONFIRMED: &str = "unconfirmed";
/// List of the record: `declared=form` for forms that no read after a write of this object showed, since another object
/// wrote the rule, or the process ended in between.
const FORMS: &str = "forms";

/// Most rules of others in the record.
const MOST_ALIKE: usize = 100;

/// Declared rules by their hash.
pub(super) type Declared = IndexMap<String, Rule>;

/// What the node made of a declared rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Form {
    /// Hash of the stored rule.
    pub hash: String,
    /// Number of copies of it that are not ours.
    pub foreign: usize,
    /// Whether the form does not resemble the rule, and another object declares exactly this form, owns it and does not
    /// declare the rule. Then the node probably did not store the rule at all.
    pub strange: bool,
}

impl Form {
    pub fn parse(text: &str) -> Self {
        let (hash, foreign) = text.split_once('*').unwrap_or((text, "0"));
        Self {
            hash: hash.to_owned(),
            foreign: foreign.parse().unwrap_or(usize::MAX),
            strange: false,
        }
    }

    pub fn new(hash: &str, foreign: usize) -> Self {
        Self {
            hash: hash.to_owned(),
            foreign,
            strange: false,
        }
    }

    fn recorded(record: &Applied, declared: &str) -> Option<Self> {
        let pairs = || record.grants.list(FORMS).iter().filter_map(|pair| pair.split_once('='));
        let stored = record.stored.get(declared).map(String::as_str);
        let text = stored.or_else(|| pairs().find(|(of, _)| *of == declared).map(|(_, form)| form))?;
        Some(Self::parse(text))
    }

    /// All forms on record, by the declared rule.
    pub fn all(record: &Applied) -> BTreeMap<&str, Self> {
        let pairs = record.grants.list(FORMS).iter().filter_map(|pair| pair.split_once('='));
        let stored = record
            .stored
            .iter()
            .map(|(declared, form)| (declared.as_str(), form.as_str()));
        let all = pairs.chain(stored);
        all.map(|(declared, form)| (declared, Self::parse(form))).collect()
    }

    /// Whether the record says that this form of the declared rule is ours.
    fn is_ours(&self, declared: &str, record: &Applied) -> bool {
        let granted = |hash: &str| record.grants.contains(RULES, hash);
        // A rule that the node made of ours and of somebody else's stays theirs.
        let itself = || Self::recorded(record, &self.hash).filter(|form| form.hash == self.hash);
        let only_ours =
            || self.hash != declared && granted(&self.hash) && itself().is_none_or(|form| form.foreign == 0);
        !self.strange && ((self.foreign == 0 && granted(declared)) || only_ours())
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
    owned: BTreeSet<String>,
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
            owned: owned(record),
            forms: BTreeMap::new(),
        };
        let forms = declared.iter().filter_map(|(hash, rule)| {
            let form = view.recorded(hash, rule).or_else(|| view.recovered(hash, rule))?;
            Some((hash.as_str(), form))
        });
        view.forms = forms.collect();
        view
    }

    /// Whether the record says that this object put the rule there, in this form.
    pub fn granted(&self, hash: &str) -> bool {
        self.owned.contains(hash)
    }

    /// Whether the declared rule is there.
    pub fn has(&self, declared: &str) -> bool {
        self.found.contains(declared) || self.forms.contains_key(declared)
    }

    /// Whether the stored form of a declared rule is ours.
    pub fn owns(&self, declared: &str, form: &Form) -> bool {
        form.is_ours(declared, self.record)
    }

    /// Hashes of declared rules and of their stored forms.
    pub fn wanted(&self) -> BTreeSet<&str> {
        let forms = self.forms.values().filter(|form| !form.strange);
        let forms = forms.map(|form| form.hash.as_str());
        self.declared.keys().map(String::as_str).chain(forms).collect()
    }

    /// Copies to leave of each rule that this object put there and that is not in `wanted`.
    pub fn withdrawn(&self, wanted: &BTreeSet<&str>) -> BTreeMap<String, usize> {
        let mut forms = Form::all(self.record);
        forms.extend(self.forms.iter().map(|(declared, form)| (*declared, form.clone())));
        let mut stay = BTreeMap::new();
        for hash in self.record.grants.list(RULES) {
            let itself = forms.get(hash.as_str()).filter(|form| form.hash == *hash);
            stay.insert(hash.clone(), itself.map_or(0, |form| form.foreign));
        }
        for (declared, form) in forms
            .iter()
            .filter(|(declared, form)| self.granted(declared) && !form.strange)
        {
            let copies = if self.owns(declared, form) { 0 } else { form.foreign };
            let least = |stay: &mut usize| *stay = (*stay).min(copies);
            stay.entry(form.hash.clone()).and_modify(least).or_insert(copies);
        }
        let taken_over = |hash: &str| {
            let of = |declared: &BTreeSet<String>| {
                let mut forms = forms.iter().filter(|(_, form)| form.hash == hash);
                declared.contains(hash) || forms.any(|(rule, _)| declared.contains(*rule))
            };
            let mut others = self.others.of_entry(&self.place, hash).into_iter();
            others.any(|other| other.claim.owned.contains(hash) && of(&other.claim.declared))
        };
        stay.retain(|hash, stay| {
            self.found.copies(hash) > *stay && !wanted.contains(hash.as_str()) && !taken_over(hash)
        });
        stay
    }

    /// Copies to leave of each rule that objects of ours have put there more than once: they may have declared it in
    /// several forms.
    pub fn duplicates(&self) -> BTreeMap<String, usize> {
        let mut stay: BTreeMap<&str, usize> = BTreeMap::new();
        for (declared, form) in self.forms.iter().filter(|(_, form)| !form.strange) {
            let copies = if self.owns(declared, form) { 1 } else { form.foreign };
            stay.entry(&form.hash)
                .and_modify(|stay| *stay = (*stay).min(copies))
                .or_insert(copies);
        }
        for hash in self.declared.keys().filter(|hash| self.granted(hash)) {
            stay.entry(hash).or_insert(1);
        }
        let stay = stay.into_iter().filter(|(hash, stay)| self.found.copies(hash) > *stay);
        stay.map(|(hash, stay)| (hash.to_owned(), stay)).collect()
    }

    /// What to record so that the rules in `add` are recognised if the operator does not get to read them back.
    pub fn unconfirmed(&self, add: &Declared) -> (&'static str, BTreeSet<String>) {
        let mut list: BTreeSet<String> = add.keys().cloned().collect();
        if !add.is_empty() {
            let groups: BTreeSet<_> = add.values().map(people).collect();
            let foreign = self.found.iter().filter(|(hash, rule, _)| {
                let alike = groups.contains(&people(rule)) || add.values().any(|added| added.resembles(rule));
                alike && !self.granted(hash) && !self.others.owns(&self.place, hash)
            });
            let foreign = foreign.take(MOST_ALIKE);
            list.extend(foreign.map(|(hash, _, copies)| Form::new(hash, copies.max(1)).to_string()));
        }
        (UNCONFIRMED, list)
    }

    /// Forms that the record does not hold as the result of a write of ours, given the rules that it will hold.
    pub fn recognised(&self, rules: &BTreeSet<String>) -> (&'static str, BTreeSet<String>) {
        let stored = |declared: &str| self.record.stored.contains_key(declared) && rules.contains(declared);
        let forms = self.forms.iter().filter(|(declared, _)| !stored(declared));
        (
            FORMS,
            forms.map(|(declared, form)| format!("{declared}={form}")).collect(),
        )
    }

    fn recorded(&self, declared: &str, rule: &Rule) -> Option<Form> {
        let mut form = Form::recorded(self.record, declared).filter(|form| self.found.contains(&form.hash))?;
        if form.hash != declared && self.found.contains(declared) {
            return None;
        }
        let alike = self.found.get(&form.hash).is_some_and(|found| rule.resembles(found));
        form.strange = !alike && self.is_strange(declared, &form.hash);
        Some(form)
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
        let candidates = self.found.iter().filter(|(_, found, _)| rule.resembles(found));
        let forms = candidates.filter_map(|(hash, found, copies)| {
            let known = before.iter().find(|form| form.hash == hash);
            let known = known.map_or(0, |form| form.foreign);
            // A rule that is declared, too, accounts for one copy.
            let known = known.max(usize::from(self.declared.contains_key(hash)));
            let foreign = if unconfirmed && copies > known && !self.belongs_to_another(declared, hash) {
                known
            } else if !self.declared.contains_key(hash) && self.is_shared(declared, hash) {
                // Ours only if that object owns it.
                copies
            } else {
                return None;
            };
            Some((likeness(rule, found), Form::new(hash, foreign)))
        });
        forms.max_by_key(|(likeness, _)| *likeness).map(|(_, form)| form)
    }

    /// Whether an object that does not declare the one rule declares the other in just this form and has put it there.
    fn is_strange(&self, declared: &str, stored: &str) -> bool {
        let owners = self
            .claimants(stored)
            .filter(|other| other.claim.owned.contains(stored));
        let as_form = as_form(stored);
        let mut declared_by = owners.map(|other| other.claim);
        declared_by.any(|claim| !claim.declared.contains(declared) && !claim.declared.contains(&as_form))
    }

    /// Whether an object that does not declare the one rule has put the other there.
    fn belongs_to_another(&self, declared: &str, stored: &str) -> bool {
        let claimants = self.others.of_entry(&self.place, stored).into_iter();
        let mut owners = claimants.filter(|other| other.claim.owned.contains(stored));
        owners.any(|other| !other.claim.declared.contains(declared))
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

/// Rules that the record says are ours, in every form.
pub(super) fn owned(record: &Applied) -> BTreeSet<String> {
    let mut owned = record.grants.get(RULES);
    for (declared, form) in Form::all(record) {
        if form.is_ours(declared, record) {
            owned.insert(form.hash);
        } else if form.hash == declared {
            owned.remove(declared);
        }
    }
    owned
}

/// Adds the recorded forms of declared rules, so that others leave them alone.
pub(super) fn add_forms(record: &Applied, declared: &mut BTreeSet<String>) {
    let forms = Form::all(record).into_iter();
    let forms: Vec<_> = forms
        .filter(|(rule, _)| declared.contains(*rule))
        .map(|(_, form)| form.hash)
        .collect();
    for form in forms {
        if declared.insert(form.clone()) {
            declared.insert(as_form(&form));
        }
    }
}

/// In a claim: this rule is declared in another form only.
fn as_form(hash: &str) -> String {
    format!("~{hash}")
}
