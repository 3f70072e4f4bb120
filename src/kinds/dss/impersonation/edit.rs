//! What one object changes in a list of impersonation rules.

use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

use super::rule::Rule;
use crate::{
    dataiku::{document::Document, dss::settings, json_value::canonical},
    engine::{Change, Error, shared::source::DocumentEdit},
};

/// A rule as it is in the document.
#[derive(Clone)]
pub struct Found {
    /// The rule; `None`: it cannot be read.
    pub rule: Option<Rule>,
    /// One text for all values that are the same.
    pub text: String,
    /// The text as it came.
    pub raw: Box<RawValue>,
}

/// The rules of a list.
///
/// # Errors
/// There is something else than a list.
pub fn found(document: &Document, is_user: bool) -> Result<Vec<Found>, Error> {
    let rules = settings::rules(document, list(is_user));
    let rules = rules.map_err(|error| Error::unreadable("the impersonation rules", &error))?;
    let rules = rules.into_iter().map(|raw| {
        let value: Value = serde_json::from_str(raw.get()).unwrap_or_default();
        Found {
            rule: Rule::read(is_user, &value),
            text: canonical(&value).to_string(),
            raw,
        }
    });
    Ok(rules.collect())
}

/// Name of a list.
pub fn list(is_user: bool) -> &'static str {
    if is_user { "userRules" } else { "groupRules" }
}

/// Which rules are meant: those of one meaning, in whatever form the node stores them.
#[derive(Clone, Debug)]
pub struct Meaning {
    /// Mark of the rule.
    pub mark: String,
    /// Text of the form that the node made of it, where it has another meaning.
    pub form: Option<String>,
}

impl Meaning {
    /// Whether this is such a rule.
    pub fn is(&self, found: &Found) -> bool {
        let same = found.rule.as_ref().is_some_and(|rule| rule.mark() == self.mark);
        same || self.form.as_ref() == Some(&found.text)
    }
}

/// Where a rule is inserted.
#[derive(Clone, Debug)]
pub enum Position {
    /// Before all others.
    First,
    /// After all others.
    Last,
    /// Before the first rule of this meaning.
    Before(Meaning),
}

/// Rules to remove and to insert, in one write.
#[derive(Clone, Debug, Default)]
pub struct RulesChange {
    pub(super) is_user: bool,
    /// Rules to remove; `true`: every copy.
    pub(super) remove: Vec<(Meaning, bool)>,
    /// Rules to insert that are not there.
    pub(super) insert: Vec<(Meaning, Value, Position)>,
    /// Rules to bring back as they were, by index.
    pub(super) restore: Vec<(usize, Box<RawValue>)>,
    pub(super) steps: Vec<String>,
    pub(super) ends: bool,
}

impl Change for RulesChange {
    fn steps(&self) -> Vec<String> {
        self.steps.clone()
    }

    fn event(&self) -> &'static str {
        if self.ends {
            "Deleted"
        } else if self.remove.is_empty() {
            "Created"
        } else {
            "Updated"
        }
    }

    fn creates(&self) -> bool {
        !self.insert.is_empty()
    }

    fn withdraws(&self) -> bool {
        !self.remove.is_empty()
    }

    fn only_withdraws(&self) -> bool {
        self.withdraws() && self.insert.is_empty() && !self.restores()
    }

    fn restores(&self) -> bool {
        !self.restore.is_empty()
    }
}

/// The change, on its way to the writer of the settings.
pub struct RulesEdit(pub RulesChange);

impl DocumentEdit for RulesEdit {
    fn make(&self, document: &mut Document) -> Result<bool, Error> {
        let change = &self.0;
        let mut rules = found(document, change.is_user)?;
        let before: Vec<String> = rules.iter().map(|one| one.text.clone()).collect();
        for (meaning, all) in &change.remove {
            let mut left = if *all { usize::MAX } else { 1 };
            rules.retain(|one| {
                let goes = left > 0 && meaning.is(one);
                left -= usize::from(goes);
                !goes
            });
        }
        let mut insert = |at: usize, raw: Box<RawValue>| {
            let value: Value = serde_json::from_str(raw.get()).unwrap_or_default();
            let one = Found {
                rule: Rule::read(change.is_user, &value),
                text: canonical(&value).to_string(),
                raw,
            };
            let at = at.min(rules.len());
            rules.insert(at, one);
        };
        for (index, raw) in &change.restore {
            insert(*index, raw.clone());
        }
        for (meaning, value, position) in &change.insert {
            if rules.iter().any(|one| meaning.is(one)) {
                continue;
            }
            let at = match position {
                Position::First => 0,
                Position::Last => rules.len(),
                Position::Before(other) => rules.iter().position(|one| other.is(one)).unwrap_or(rules.len()),
            };
            let raw = to_raw_value(value).map_err(|error| Error::Internal(format!("a rule: {error}")))?;
            let one = Found {
                rule: Rule::read(change.is_user, value),
                text: canonical(value).to_string(),
                raw,
            };
            rules.insert(at.min(rules.len()), one);
        }
        if rules.iter().map(|one| &one.text).eq(&before) {
            return Ok(false);
        }
        let rules: Vec<Box<RawValue>> = rules.into_iter().map(|one| one.raw).collect();
        settings::set_rules(document, list(change.is_user), &rules)
            .map_err(|error| Error::unreadable("the impersonation rules", &error))?;
        Ok(true)
    }
}
