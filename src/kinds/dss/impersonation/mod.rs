//! `DssImpersonationRule`: as whom code of a DSS user or group runs.

mod edit;
mod plan;
mod rule;

use std::{collections::BTreeSet, sync::Arc};

use kube::{ResourceExt, core::object::HasStatus};

pub use self::{edit::RulesChange, rule::Applies};
use self::{
    edit::{Found, RulesEdit, found, list},
    rule::Rule,
};
use super::settings::{KEY, SettingsDocument};
use crate::{
    crd::{
        DssImpersonationRule, DssInstance,
        applied::Applied,
        common::DeletionPolicy,
        dss_impersonation_rule::{RulePresence, RuleType},
        status::{Nothing, Origin},
    },
    dataiku::document::Document,
    engine::{
        Common, Error, Given, Managed, ObjectName, Observed, Plan, Read, Receipt,
        connect::{
            ConnectionKey, Declared, Remote,
            delegation::{Named, Unnamed},
        },
        index::Claim,
        object::is_deleting,
        permit::WritePermit,
        shared::source,
        work::subject,
    },
    kinds::node::NodeLists,
};

/// List of the record: marks of rules that this object added.
const ADDED: &str = "added";
/// List of the record: marks of rules that this object removed. What they were is in `replaced`.
const REMOVED: &str = "removed";
/// Longest form of a rule that is recorded.
const LONGEST_FORM: usize = 4096;

/// The strategy for `DssImpersonationRule`.
pub struct ImpersonationRule;

/// The rules of one list, in their order.
pub struct Seen {
    rules: Arc<Vec<Found>>,
}

impl Managed for ImpersonationRule {
    type Object = DssImpersonationRule;
    type Connection = DssInstance;
    type Seen = Seen;
    type Change = RulesChange;

    const REMOTE: &'static str = "impersonation rule in";
    const ENTRIES: bool = true;
    /// Rules may wait to be inserted before it.
    const UNBLOCKS: bool = true;

    fn common(object: &DssImpersonationRule) -> Common<'_> {
        Common {
            connection: ConnectionKey::referred(&object.spec.instance_ref, object.namespace().as_deref()),
            key: list(object.spec.user.is_some()).to_owned(),
            policies: &object.spec.policies,
        }
    }

    fn declares(object: &DssImpersonationRule) -> Declared {
        let (user, group) = (object.spec.user.as_ref(), object.spec.group.as_ref());
        let all = |type_: RuleType| type_ != RuleType::SingleMapping;
        let users = user.filter(|rule| all(rule.type_));
        let groups = group.filter(|rule| all(rule.type_));
        Declared {
            named: Named {
                users: user.and_then(|rule| rule.dss_user.clone()).into_iter().collect(),
                groups: group.and_then(|rule| rule.dss_group.clone()).into_iter().collect(),
            },
            unnamed: Unnamed {
                users: users.map(|_| "decide as whom any user runs code"),
                groups: groups.map(|_| "decide as whom any group runs code"),
            },
            ..Declared::default()
        }
    }

    fn claims(object: &DssImpersonationRule) -> Vec<Claim> {
        let common = Self::common(object);
        let about = subject(object.uid(), &common.connection, &common.key);
        let record = object.status().and_then(|status| status.applied.as_ref());
        let mut claim = Claim {
            place: common.key,
            ..Claim::default()
        };
        let idle = is_deleting(object) || object.spec.policies.observes();
        if let Some((rule, _)) = Rule::declared(&object.spec).ok().filter(|_| !idle) {
            let present = object.spec.ensure.unwrap_or_default();
            claim.declared.insert(wants(present, &rule.mark()));
            if present == RulePresence::Present {
                claim.declared.insert(named(&ObjectName::of(object)));
            }
        }
        for one in record.into_iter().filter(|record| record.subject == Some(about)) {
            claim
                .owned
                .extend(one.grants.list(ADDED).iter().map(|mark| added(mark)));
            claim
                .owned
                .extend(one.grants.list(REMOVED).iter().map(|mark| removed(mark)));
            claim
                .owned
                .extend(one.replaced.iter().map(|(mark, text)| was(mark, text)));
        }
        vec![claim]
    }

    fn entries(object: &DssImpersonationRule) -> Vec<String> {
        let declares = object.spec.ensure.unwrap_or_default() == RulePresence::Present;
        let rule = Rule::declared(&object.spec).ok().filter(|_| declares);
        rule.map(|(rule, _)| rule.mark()).into_iter().collect()
    }

    /// The removal touches nothing but what this object did.
    fn default_deletion(_: Origin) -> DeletionPolicy {
        DeletionPolicy::Delete
    }

    async fn observe(
        object: &DssImpersonationRule,
        remote: &Remote<DssInstance>,
        _: &Applied,
        read: Read,
    ) -> Result<Observed<Seen>, Error> {
        let Some(document) = source::observe::<SettingsDocument>(remote, KEY, read).await? else {
            return Ok(Observed::Unknown);
        };
        let rules = found(&document, object.spec.user.is_some())?;
        Ok(Observed::Found(Seen { rules: Arc::new(rules) }))
    }

    fn plan(
        object: &DssImpersonationRule,
        given: &Given<'_, DssInstance>,
        seen: Option<&Seen>,
    ) -> Result<Plan<RulesChange>, Error> {
        let seen = seen.ok_or_else(|| Error::Internal("the impersonation rules were not read".into()))?;
        plan::plan(object, given, &seen.rules)
    }

    fn removal(
        object: &DssImpersonationRule,
        _: DeletionPolicy,
        given: &Given<'_, DssInstance>,
        seen: &Seen,
    ) -> Plan<RulesChange> {
        plan::removal(object, given, &seen.rules)
    }

    async fn apply(
        remote: &Remote<DssInstance>,
        permit: WritePermit,
        _: Option<&Seen>,
        change: &RulesChange,
    ) -> Result<Receipt, Error> {
        source::edit::<SettingsDocument>(remote, KEY, permit, RulesEdit(change.clone())).await?;
        Ok(Receipt::default())
    }

    fn is_same(before: &Seen, after: &Seen) -> bool {
        let texts = |seen: &Seen| seen.rules.iter().map(|one| one.text.clone()).collect::<Vec<_>>();
        texts(before) == texts(after)
    }

    fn show(_: &DssImpersonationRule, _: Option<&Seen>, _: &Applied, _: &NodeLists) -> Nothing {
        Nothing {}
    }

    /// A rule that appeared in response to a write of ours is ours in any form: otherwise each reconcile would add one more.
    fn stored(object: &DssImpersonationRule, record: &Applied, before: &Seen, after: &Seen) -> Vec<(String, String)> {
        let Ok((rule, _)) = Rule::declared(&object.spec) else {
            return Vec::new();
        };
        let mark = rule.mark();
        let is_there = after.rules.iter().any(|one| one.rule.as_ref() == Some(&rule));
        if is_there || !record.grants.contains(ADDED, &mark) {
            return Vec::new();
        }
        let known: BTreeSet<&str> = before.rules.iter().map(|one| one.text.as_str()).collect();
        let mut new = after.rules.iter().filter(|one| !known.contains(one.text.as_str()));
        match (new.next(), new.next()) {
            (Some(one), None) if one.text.len() <= LONGEST_FORM => vec![(mark, one.text.clone())],
            _ => Vec::new(),
        }
    }
}

/// Marks of the rules of a list, by which objects declare them; that of a rule that cannot be read is empty.
///
/// # Errors
/// There is something else than a list.
pub fn marks(document: &Document, is_user: bool) -> Result<Vec<String>, Error> {
    let rules = found(document, is_user)?.into_iter();
    let marks = rules.map(|one| one.rule.map(|rule| rule.mark()).unwrap_or_default());
    Ok(marks.collect())
}

/// A rule, and whom it leads to.
pub struct Resolved {
    /// The rule in words.
    pub rule: String,
    /// Whether it applies; `None`: only the node can tell.
    pub applies: Option<Applies>,
}

/// The rules of a list for one user or group, in their order. The first that applies is in force.
///
/// # Errors
/// There is something else than a list.
pub fn resolve(document: &Document, is_user: bool, name: &str, project: Option<&str>) -> Result<Vec<Resolved>, Error> {
    let rules = found(document, is_user)?.into_iter();
    let resolved = rules.map(|one| match one.rule {
        Some(rule) => Resolved {
            applies: rule.target(name, project),
            rule: rule.words(),
        },
        None => Resolved {
            rule: "a rule that cannot be read".to_owned(),
            applies: None,
        },
    });
    Ok(resolved.collect())
}

/// What a claim says of the rule that an object declares.
fn wants(presence: RulePresence, mark: &str) -> String {
    match presence {
        RulePresence::Present => format!("present {mark}"),
        RulePresence::Absent => format!("absent {mark}"),
    }
}

/// What a claim says of the object itself, for those that insert their rule before this one.
fn named(name: &ObjectName) -> String {
    format!("named {name}")
}

/// What a claim says of a rule that an object added.
fn added(mark: &str) -> String {
    format!("added {mark}")
}

/// What a claim says of a rule that an object removed.
fn removed(mark: &str) -> String {
    format!("removed {mark}")
}

/// What a claim says of the rules that an object removed, as they were.
fn was(mark: &str, text: &str) -> String {
    format!("was {mark} {text}")
}
