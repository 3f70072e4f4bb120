//! What to write to a list of impersonation rules. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
};

use serde_json::{Value, value::RawValue};

use super::{
    ADDED, REMOVED, added,
    edit::{Found, Meaning, Position, RulesChange, list},
    named, removed,
    rule::{self, Rule},
    wants, was,
};
use crate::{
    crd::{DssImpersonationRule, DssInstance, applied::Grants, dss_impersonation_rule::RulePresence},
    dataiku::json_value::resembles,
    engine::{Error, Given, ObjectName, Plan, Reason, object::created},
};

type Dss<'a> = Given<'a, DssInstance>;

/// Most bytes of removed rules in the record.
const MOST_BYTES: usize = 64 << 10;

/// A plan in the making.
struct Draft<'a> {
    given: &'a Dss<'a>,
    place: &'static str,
    found: &'a [Found],
    change: RulesChange,
    added: BTreeSet<String>,
    removed: BTreeSet<String>,
    replaced: BTreeMap<String, String>,
}

/// What to write so that the declared rule is there, or is not.
pub(super) fn plan(
    object: &DssImpersonationRule,
    given: &Dss<'_>,
    found: &[Found],
) -> Result<Plan<RulesChange>, Error> {
    let spec = &object.spec;
    let position = position(spec.position.as_ref())?;
    rule::check(spec)?;
    let (declared, json) = Rule::declared(spec)?;
    let mut draft = Draft::new(object, given, found);
    let presence = spec.ensure.unwrap_or_default();
    draft.check(object, presence, &declared)?;
    let mark = declared.mark();
    let absent = (presence == RulePresence::Absent).then_some(mark.as_str());
    draft.withdraw(Some(&mark), absent, false);
    if presence == RulePresence::Absent {
        draft.remove(&declared)?;
        return Ok(draft.plan());
    }
    let comes_back = given.record.grants.contains(REMOVED, &mark) && !draft.change.restore.is_empty();
    if comes_back {
        return Ok(draft.plan());
    }
    let meaning = draft.meaning(&mark);
    if let Some(one) = found.iter().find(|one| meaning.is(one)) {
        // One that others put there stays theirs.
        if given.record.grants.contains(ADDED, &mark) || given.others.owns(draft.place, &added(&mark)) {
            draft.added.insert(mark);
        }
        let same = one.rule.as_ref() == Some(&declared);
        let value: Value = serde_json::from_str(one.raw.get()).unwrap_or_default();
        if !same && !resembles(&json, &value) && draft.change.steps.is_empty() {
            let message = format!(
                "the node accepted the {} and stores another rule in its place. The operator does not write it again: declare \
                 the rule as the node stores it",
                declared.words()
            );
            return Err(Error::Blocked(Reason::AcceptedButNotStored, message));
        }
        return Ok(draft.plan());
    }
    match draft.resolve(&given.name, position)? {
        Ok(position) => {
            draft.change.steps.push(format!("add {}", declared.words()));
            draft.change.insert.push((meaning, json, position));
            draft.added.insert(mark);
            Ok(draft.plan())
        }
        Err(waiting) => Ok(Plan {
            waiting: vec![waiting],
            deferred: true,
            ..draft.plan()
        }),
    }
}

/// What to write before the object may go.
pub(super) fn removal(object: &DssImpersonationRule, given: &Dss<'_>, found: &[Found]) -> Plan<RulesChange> {
    let mut draft = Draft::new(object, given, found);
    draft.change.ends = true;
    draft.withdraw(None, None, true);
    draft.plan()
}

/// Where a rule is to be inserted, as declared.
enum Declared {
    First,
    Last,
    Before(String),
}

fn position(declared: Option<&Value>) -> Result<Declared, Error> {
    let before = |value: &Value| {
        let members = value.as_object().filter(|members| members.len() == 1)?;
        members.get("before")?.as_str().map(str::to_owned)
    };
    match declared {
        None => Ok(Declared::Last),
        Some(Value::String(word)) if word == "First" => Ok(Declared::First),
        Some(Value::String(word)) if word == "Last" => Ok(Declared::Last),
        Some(value) => before(value)
            .map(Declared::Before)
            .ok_or_else(|| Error::invalid("position is First, Last or {before: <name of a DssImpersonationRule>}")),
    }
}

impl<'a> Draft<'a> {
    fn new(object: &DssImpersonationRule, given: &'a Dss<'a>, found: &'a [Found]) -> Self {
        let is_user = object.spec.user.is_some();
        Self {
            given,
            place: list(is_user),
            found,
            change: RulesChange {
                is_user,
                ..RulesChange::default()
            },
            added: BTreeSet::new(),
            removed: BTreeSet::new(),
            replaced: BTreeMap::new(),
        }
    }

    fn meaning(&self, mark: &str) -> Meaning {
        Meaning {
            mark: mark.to_owned(),
            form: self.given.record.stored.get(mark).cloned(),
        }
    }

    /// Fails if an older object wants the opposite.
    fn check(&self, object: &DssImpersonationRule, presence: RulePresence, rule: &Rule) -> Result<(), Error> {
        let opposite = match presence {
            RulePresence::Present => RulePresence::Absent,
            RulePresence::Absent => RulePresence::Present,
        };
        let opposite = wants(opposite, &rule.mark());
        let others = self.given.others.of_entry(self.place, &opposite).into_iter();
        let mut rivals = others
            .filter(|one| one.claim.declared.contains(&opposite) && one.precedes(created(object), &self.given.name));
        rivals.next().map_or(Ok(()), |rival| {
            let message = format!(
                "DssImpersonationRule {} declares the opposite for the {}, and is older",
                rival.name,
                rule.words()
            );
            Err(Error::Blocked(Reason::Conflict, message))
        })
    }

    /// Undoes what this object did and does not declare any more, unless another object wants it so.
    fn withdraw(&mut self, present: Option<&str>, absent: Option<&str>, ends: bool) {
        let record = self.given.record;
        for mark in record
            .grants
            .list(ADDED)
            .iter()
            .filter(|mark| present != Some(mark.as_str()))
        {
            let meaning = self.meaning(mark);
            let wanted = wants(RulePresence::Present, mark);
            if self.is_wanted(&wanted, None) {
                if !ends && !self.is_wanted(&wanted, Some(&added(mark))) {
                    // The object that declares it takes the record over.
                    self.added.insert(mark.clone());
                }
                continue;
            }
            if let Some(one) = self.found.iter().find(|one| meaning.is(one)) {
                let words = one.rule.as_ref().map_or_else(|| "rule".to_owned(), Rule::words);
                self.change.steps.push(format!("remove {words}"));
                self.change.remove.push((meaning, false));
            }
        }
        for mark in record
            .grants
            .list(REMOVED)
            .iter()
            .filter(|mark| absent != Some(mark.as_str()))
        {
            let meaning = self.meaning(mark);
            let wanted = wants(RulePresence::Absent, mark);
            if self.is_wanted(&wanted, None) || self.found.iter().any(|one| meaning.is(one)) {
                continue;
            }
            let text = record.replaced.get(mark).map(String::as_str).unwrap_or_default();
            let rules: Vec<(usize, Box<RawValue>)> = serde_json::from_str(text).unwrap_or_default();
            for (index, raw) in rules {
                let value: Value = serde_json::from_str(raw.get()).unwrap_or_default();
                let rule = Rule::read(self.change.is_user, &value);
                let words = rule.map_or_else(|| "rule".to_owned(), |rule| rule.words());
                self.change.steps.push(format!("restore {words}"));
                self.change.restore.push((index, raw));
            }
        }
    }

    /// Whether another object declares this, and has this in its record.
    fn is_wanted(&self, wanted: &str, owned: Option<&str>) -> bool {
        let mut others = self.given.others.of_entry(self.place, wanted).into_iter();
        others.any(|one| {
            let claim = &one.claim;
            claim.declared.contains(wanted) && owned.is_none_or(|owned| claim.owned.contains(owned))
        })
    }

    /// Removes every rule of this meaning, and records what they were.
    fn remove(&mut self, declared: &Rule) -> Result<(), Error> {
        let mark = declared.mark();
        let meaning = self.meaning(&mark);
        let found = self.found.iter().enumerate().filter(|(_, one)| meaning.is(one));
        let found: Vec<(usize, &RawValue)> = found.map(|(index, one)| (index, one.raw.as_ref())).collect();
        // One of them is this object's own, if it wanted the rule before.
        let own = usize::from(self.given.record.grants.contains(ADDED, &mark)).min(found.len());
        let recorded = self.given.record.replaced.get(&mark).cloned();
        let others = self.given.others.of_entry(self.place, &removed(&mark));
        let start = was(&mark, "");
        let inherited = others
            .iter()
            .flat_map(|one| one.claim.owned.iter())
            .find_map(|claim| claim.strip_prefix(&start).map(str::to_owned));
        let is_recorded = self.given.record.grants.contains(REMOVED, &mark);
        let Some(text) = recorded.or(inherited).or_else(|| {
            let text = serde_json::to_string(&found[own..]).ok();
            text.filter(|_| !found.is_empty())
        }) else {
            if is_recorded {
                self.removed.insert(mark);
            }
            return Ok(());
        };
        if text.len() > MOST_BYTES {
            let message = format!("the rules that this object would remove have more than {MOST_BYTES} bytes");
            return Err(Error::invalid(message));
        }
        self.replaced.insert(mark.clone(), text);
        self.removed.insert(mark);
        if !found.is_empty() {
            self.change.steps.push(format!("remove {}", declared.words()));
            self.change.remove.push((meaning, true));
        }
        Ok(())
    }

    /// Where to insert the rule, or what that waits for.
    fn resolve(&self, own: &ObjectName, declared: Declared) -> Result<Result<Position, String>, Error> {
        let name = match declared {
            Declared::First => return Ok(Ok(Position::First)),
            Declared::Last => return Ok(Ok(Position::Last)),
            Declared::Before(name) => name,
        };
        let name = ObjectName {
            name: name.as_str().into(),
            ..own.clone()
        };
        if name == *own {
            return Err(Error::invalid("position: a rule cannot be inserted before itself"));
        }
        let claimant = self.given.others.of_entry(self.place, &named(&name)).into_iter().next();
        let mark = claimant.and_then(|one| {
            let mut declared = one.claim.declared.iter();
            declared.find_map(|claim| claim.strip_prefix("present ").map(str::to_owned))
        });
        let Some(mark) = mark else {
            return Ok(Err(format!(
                "there is no DssImpersonationRule {name} for this list yet"
            )));
        };
        let meaning = Meaning { mark, form: None };
        if self.found.iter().any(|one| meaning.is(one)) {
            return Ok(Ok(Position::Before(meaning)));
        }
        Ok(Err(format!("the rule of DssImpersonationRule {name} is not there yet")))
    }

    fn plan(self) -> Plan<RulesChange> {
        let mut basis = DefaultHasher::new();
        self.change.steps.hash(&mut basis);
        let lists = [(ADDED, self.added), (REMOVED, self.removed)];
        let changes = !self.change.steps.is_empty();
        Plan {
            grants: lists.into_iter().collect::<Grants>(),
            replaced: self.replaced,
            basis: basis.finish(),
            ..Plan::new(changes.then_some(self.change))
        }
    }
}
