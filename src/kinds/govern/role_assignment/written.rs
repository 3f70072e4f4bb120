//! What the node made of a write: which rule is the form of which.
//!
//! The node does not tell. The rules before and after the write do, with the one exception of a rule of somebody else that
//! the node turns into just the one that we write, where it also stores equal rules once.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use serde_json::Value;

use super::forms::{Declared, Form, UNCONFIRMED, owned};
use crate::{crd::applied::Applied, dataiku::govern::rule::Rule, kinds::govern::rules::RuleSet};

/// A rule of which a write left more copies than it found.
struct Grown<'a> {
    hash: &'a str,
    rule: &'a Rule,
    /// Copies that were there before, or that are what the node made of rules of others.
    foreign: usize,
    /// Copies that are the forms of declared rules.
    ours: usize,
    /// Copies without an explanation so far.
    new: usize,
    /// Whether there are more than before; otherwise the write removed some of the earlier ones.
    appeared: bool,
}

/// A rule that is not there any more in the form in which it was there or was written.
struct Source<'a> {
    /// Its hash, if this object declares it.
    declared: Option<&'a String>,
    rule: &'a Rule,
    /// Number of copies of it that somebody else put there.
    foreign: usize,
}

/// What explains a rule that appeared, from the most certain explanation to the least.
const TIERS: [fn(&Source<'_>, &Grown<'_>) -> bool; 5] = [
    |one, grown| one.declared.is_some_and(|hash| hash == grown.hash),
    |one, grown| grown.new > 0 && one.rule.resembles(grown.rule),
    // A node may store rules once that have the same form.
    |one, grown| one.declared.is_some() && one.rule.resembles(grown.rule),
    |one, grown| grown.new > 0 && grown.appeared && people(one.rule) == people(grown.rule),
    |_, grown| grown.new > 0 && grown.appeared,
];

/// What the node made of declared rules in response to a write, given the rules around it. `exact`: the write removed
/// whatever nobody declares.
pub(super) fn stored(
    declared: &Declared,
    exact: bool,
    record: &Applied,
    before: &RuleSet,
    after: &RuleSet,
) -> Vec<(String, String)> {
    let forms = Form::all(record);
    let wanted = |hash: &str| {
        let mut forms = forms.iter().filter(|(_, form)| form.hash == hash);
        declared.contains_key(hash) || forms.any(|(rule, _)| declared.contains_key(*rule))
    };
    let owned = owned(record);
    let left = |hash: &str| {
        let removed = !wanted(hash) && (exact || owned.contains(hash));
        if removed { 0 } else { before.copies(hash) }
    };
    let grown = after.iter().filter(|(hash, _, copies)| *copies > left(hash));
    let mut grown: Vec<_> = grown
        .map(|(hash, rule, copies)| Grown {
            hash,
            rule,
            foreign: left(hash),
            ours: 0,
            new: copies - left(hash),
            appeared: copies > before.copies(hash),
        })
        .collect();
    let vanished = |hash: &str| before.contains(hash) && !after.contains(hash);
    let written = declared.iter().filter(|(hash, _)| {
        if after.contains(hash) {
            return !before.contains(hash);
        }
        match forms.get(hash.as_str()).filter(|form| before.contains(&form.hash)) {
            Some(form) => vanished(&form.hash),
            None => vanished(hash) || record.grants.contains(UNCONFIRMED, hash),
        }
    });
    // The node may rewrite the rules of others, too, when it stores the document. They come first in it.
    let alike = record
        .grants
        .list(UNCONFIRMED)
        .iter()
        .map(|text| Form::parse(text).hash);
    let alike: BTreeSet<_> = alike.collect();
    let mut sources = Vec::new();
    for (hash, rule, _) in before
        .iter()
        .filter(|(hash, ..)| !wanted(hash) && alike.contains(*hash))
    {
        let rewritten = after.copies(hash)..left(hash);
        sources.extend(rewritten.map(|_| Source {
            declared: None,
            rule,
            foreign: 1,
        }));
    }
    sources.extend(written.map(|(hash, rule)| Source {
        declared: Some(hash),
        rule,
        foreign: if owned.contains(hash) { 0 } else { before.copies(hash) },
    }));
    let pairs = explain(&mut sources, &mut grown).into_iter();
    let pairs = pairs.map(|(hash, result, nth)| {
        let result = &grown[result];
        (hash, Form::new(result.hash, result.foreign + nth))
    });
    let told = |hash: &str, form: &Form| form.hash != hash || form.foreign > 0 || forms.contains_key(hash);
    let pairs = pairs.filter(|(hash, form)| told(hash, form));
    pairs.map(|(hash, form)| (hash.clone(), form.to_string())).collect()
}

/// Explains what appeared: declared rules, by the rule that is their form, and the how many-th of its copies that are.
fn explain<'a>(sources: &mut Vec<Source<'a>>, grown: &mut [Grown<'_>]) -> Vec<(&'a String, usize, usize)> {
    let unexplained = |grown: &[Grown<'_>]| grown.iter().map(|one| one.new).sum::<usize>();
    // If somebody removed rules, ours are more likely to be there.
    let scarce = unexplained(grown) < sources.len();
    let mut pairs = Vec::new();
    for (tier, fits) in TIERS.into_iter().enumerate() {
        if tier + 1 == TIERS.len() && unexplained(grown) > sources.len() {
            // Somebody else's rules are among them.
            break;
        }
        let mut candidates = Vec::new();
        for (source, one) in sources.iter().enumerate() {
            let results = grown.iter().enumerate().filter(|(_, result)| fits(one, result));
            let first = scarce && one.declared.is_some();
            candidates.extend(results.map(|(n, result)| ((first, likeness(one.rule, result.rule)), source, n)));
        }
        candidates.sort_by_key(|(rank, ..)| Reverse(*rank));
        let mut explained = BTreeSet::new();
        for (_, source, n) in candidates {
            let (one, result) = (&sources[source], &mut grown[n]);
            if explained.contains(&source) || !fits(one, result) {
                continue;
            }
            explained.insert(source);
            result.new = result.new.saturating_sub(one.foreign.max(1));
            pairs.extend(one.declared.map(|hash| (hash, n, result.ours)));
            result.foreign += one.foreign;
            result.ours += usize::from(one.foreign == 0);
        }
        let mut source = 0..;
        sources.retain(|_| source.next().is_none_or(|source| !explained.contains(&source)));
    }
    pairs
}

/// How similar a stored rule is to a declared one: by values that both have, wherever they are, then by their number. Of
/// several rules that may be the form of the declared one, the most similar one is.
pub(super) fn likeness(declared: &Rule, stored: &Rule) -> (usize, Reverse<usize>) {
    fn collect(value: &Value, all: &mut BTreeMap<String, usize>) {
        match value {
            Value::Object(members) => members.values().for_each(|value| collect(value, all)),
            Value::Array(elements) => elements.iter().for_each(|value| collect(value, all)),
            _ => *all.entry(value.to_string()).or_default() += 1,
        }
    }
    let values = |rule: &Rule| {
        let mut all = BTreeMap::new();
        let parts = rule.criteria.iter().chain(&rule.user_containers);
        parts.for_each(|value| collect(value, &mut all));
        all
    };
    let (declared, stored) = (values(declared), values(stored));
    let common = declared
        .iter()
        .filter_map(|(value, count)| Some(*count.min(stored.get(value)?)));
    let size = |values: &BTreeMap<String, usize>| values.values().sum::<usize>();
    (common.sum(), Reverse(size(&declared).abs_diff(size(&stored))))
}

/// Whom a rule grants the role, whatever its criteria.
pub(super) fn people(rule: &Rule) -> String {
    let unconditional = Rule {
        criteria: Vec::new(),
        ..rule.clone()
    };
    unconditional.hash()
}
