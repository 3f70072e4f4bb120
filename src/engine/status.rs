//! The next status, as a pure function of the present one and of what a reconcile found.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::Reason;
use crate::crd::{
    applied::Applied,
    status::{Remote, Status},
};

/// Longest message of a condition in bytes; the apiserver takes 32 KiB, a person reads less.
const LONGEST_MESSAGE: usize = 2048;
/// Most entries of `status.plan`, and the longest of them in bytes.
const LONGEST_PLAN: usize = 50;
const LONGEST_STEP: usize = 512;
/// Most bytes of `status.plan`.
const PLAN_BYTES: usize = 8 << 10;

const READY: &str = "Ready";
/// The condition of an object that the operator is still working on.
pub const RECONCILING: &str = "Reconciling";
/// The condition of an object that needs user action.
pub const STALLED: &str = "Stalled";
/// The condition of kinds whose writes a task carries on.
pub const PROPAGATED: &str = "Propagated";
/// The condition of a connection that does not protect its credentials on their way.
pub const INSECURE: &str = "Insecure";
/// The condition of a connection to a node that somebody uses, or where something runs.
pub const IN_USE: &str = "InUse";
/// The condition of an object whose secrets may have changed unnoticed.
pub const CREDENTIALS_UNVERIFIED: &str = "CredentialsUnverified";
/// Types of conditions that a reconcile sets beside those that follow from the reason.
const EXTRA: [&str; 4] = [PROPAGATED, INSECURE, IN_USE, CREDENTIALS_UNVERIFIED];
/// Types of conditions that only the operator sets. Any other type belongs to somebody else and stays.
const OURS: [&str; 7] = [
    READY,
    RECONCILING,
    STALLED,
    PROPAGATED,
    INSECURE,
    IN_USE,
    CREDENTIALS_UNVERIFIED,
];

/// Status of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It is so.
    True,
    /// It is not so.
    False,
    /// Nobody can tell.
    Unknown,
}

impl Truth {
    /// As the condition has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

/// A condition beside those that follow from the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtraCondition {
    /// Type of the condition.
    pub type_: &'static str,
    /// Whether it is true.
    pub status: Truth,
    /// One word in Pascal case, part of the API.
    pub reason: &'static str,
    /// For people.
    pub message: String,
}

/// What a reconcile found.
#[derive(Clone, Debug)]
pub struct StatusUpdate<R, T> {
    /// Reason of `Ready`.
    pub reason: Reason,
    /// For people: what happened, to what, and what to do.
    pub message: String,
    /// Conditions beside those that follow from the reason; `None` keeps the present ones.
    pub extra: Option<Vec<ExtraCondition>>,
    /// What is still to be written.
    pub plan: Vec<String>,
    /// The remote object; `None` keeps the present one, `Some(None)` removes it.
    pub remote: Option<Option<Remote<R>>>,
    /// What the kind shows beside it; `None` keeps the present one.
    pub shown: Option<T>,
    /// The record of what the operator set.
    pub applied: Applied,
    /// Whether the remote side was written.
    pub changed: bool,
    /// The value of the reconcile-at annotation.
    pub handled: Option<String>,
}

/// The status to write. Equal to `previous` where nothing changed: times change only with what they are about.
pub fn next_status<R, T>(
    previous: Option<&Status<R, T>>,
    generation: Option<i64>,
    update: StatusUpdate<R, T>,
    now: Timestamp,
) -> Status<R, T>
where
    R: Clone,
    T: Clone + Default,
{
    let reason = update.reason;
    let message = cut(update.message, LONGEST_MESSAGE);
    let old = previous.map(|status| status.conditions.as_slice()).unwrap_or_default();
    let condition = |type_: &str, status: Truth, reason: &str, message: &str| Condition {
        type_: type_.to_owned(),
        status: status.as_str().to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        observed_generation: generation,
        last_transition_time: match old.iter().find(|old| old.type_ == type_) {
            Some(old) if old.status == status.as_str() => old.last_transition_time.clone(),
            _ => Time(to_second(now)),
        },
    };
    let of_reason = |type_: &str, status: bool| condition(type_, status.into(), reason.as_str(), &message);
    let mut conditions = vec![of_reason(READY, reason.is_ready())];
    if reason.is_reconciling() {
        conditions.push(of_reason(RECONCILING, true));
    }
    if reason.is_stalled() {
        conditions.push(of_reason(STALLED, true));
    }
    match &update.extra {
        Some(extra) => conditions.extend(extra.iter().map(|extra| {
            let message = cut(extra.message.clone(), LONGEST_MESSAGE);
            condition(extra.type_, extra.status, extra.reason, &message)
        })),
        None => conditions.extend(old.iter().filter(|old| EXTRA.contains(&old.type_.as_str())).cloned()),
    }
    conditions.extend(old.iter().filter(|old| !OURS.contains(&old.type_.as_str())).cloned());
    Status {
        observed_generation: generation,
        conditions,
        remote: update
            .remote
            .unwrap_or_else(|| previous.and_then(|status| status.remote.clone())),
        plan: bounded(update.plan),
        last_change_time: if update.changed {
            Some(Time(to_second(now)))
        } else {
            previous.and_then(|status| status.last_change_time.clone())
        },
        last_handled_reconcile_at: update
            .handled
            .or_else(|| previous.and_then(|status| status.last_handled_reconcile_at.clone())),
        applied: Some(update.applied).filter(|applied| *applied != Applied::default()),
        shown: update
            .shown
            .or_else(|| previous.map(|status| status.shown.clone()))
            .unwrap_or_default(),
    }
}

/// The plan within its bounds; what does not fit is counted.
fn bounded(plan: Vec<String>) -> Vec<String> {
    let all = plan.len();
    let mut bytes = 0;
    let mut kept: Vec<String> = Vec::new();
    for step in plan {
        let step = cut(step, LONGEST_STEP);
        bytes += step.len();
        if kept.len() == LONGEST_PLAN || bytes > PLAN_BYTES {
            break;
        }
        kept.push(step);
    }
    let left = all - kept.len();
    if left > 0 {
        kept.push(format!("and {left} more"));
    }
    kept
}

/// The apiserver stores whole seconds; a fraction would make every comparison with what it returns fail.
pub fn to_second(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// `text`, cut on a character border.
pub(super) fn cut(mut text: String, longest: usize) -> String {
    if text.len() > longest {
        text.truncate(text.floor_char_boundary(longest));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::status::{Nothing, Origin};

    fn finding(reason: Reason) -> StatusUpdate<Nothing, Nothing> {
        StatusUpdate {
            reason,
            message: "user jane matches".into(),
            extra: None,
            plan: Vec::new(),
            remote: Some(Some(Remote {
                key: "jane".into(),
                origin: Some(Origin::Created),
                seen: Nothing {},
            })),
            shown: Some(Nothing {}),
            applied: Applied::default(),
            changed: false,
            handled: None,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_same_finding_later_leaves_the_status_as_it_is() {
        let first = next_status(None, Some(1), finding(Reason::InSync), at(100));
        assert_eq!(
            next_status(Some(&first), Some(1), finding(Reason::InSync), at(900)),
            first
        );
    }

    #[test]
    fn a_transition_time_moves_only_with_its_status() {
        let first = next_status(None, Some(1), finding(Reason::InSync), at(100));
        let observed = next_status(Some(&first), Some(1), finding(Reason::Observed), at(200));
        assert_eq!(observed.conditions[0].last_transition_time, Time(at(100)));
        assert_eq!(observed.conditions[0].reason, "Observed");
        let failed = next_status(Some(&observed), Some(1), finding(Reason::Rejected), at(300));
        assert_eq!(failed.conditions[0].last_transition_time, Time(at(300)));
    }

    #[test]
    fn reconciling_and_stalled_stand_only_while_true() {
        let types = |reason| -> Vec<String> {
            next_status(None, Some(1), finding(reason), at(1))
                .conditions
                .into_iter()
                .map(|c| c.type_)
                .collect()
        };
        assert_eq!(types(Reason::InSync), ["Ready"]);
        assert_eq!(types(Reason::Progressing), ["Ready", "Reconciling"]);
        assert_eq!(types(Reason::Invalid), ["Ready", "Stalled"]);
        assert_eq!(types(Reason::Forbidden), ["Ready"]);
    }

    #[test]
    fn an_extra_condition_stays_until_the_next_observation() {
        let mut running = finding(Reason::InSync);
        running.extra = Some(vec![ExtraCondition {
            type_: "Propagated",
            status: Truth::False,
            reason: "Propagating",
            message: "task t1".into(),
        }]);
        let first = next_status(None, Some(1), running, at(100));
        let blind = next_status(Some(&first), Some(1), finding(Reason::Unavailable), at(200));
        assert_eq!(blind.condition("Propagated"), first.condition("Propagated"));
        let mut ended = finding(Reason::InSync);
        ended.extra = Some(Vec::new());
        assert_eq!(
            next_status(Some(&blind), Some(1), ended, at(300)).condition("Propagated"),
            None
        );
    }

    #[test]
    fn what_a_finding_does_not_speak_of_is_kept() {
        let first = next_status(None, Some(1), finding(Reason::InSync), at(100));
        let mut blind = finding(Reason::DependencyNotReady);
        blind.remote = None;
        let second = next_status(Some(&first), Some(2), blind, at(200));
        assert_eq!(second.remote, first.remote);
        assert_eq!(second.observed_generation, Some(2));
    }

    #[test]
    fn a_long_message_is_cut_on_a_character_border() {
        let mut long = finding(Reason::Rejected);
        long.message = "é".repeat(4000);
        let message = next_status(None, None, long, at(1)).conditions[0].message.clone();
        assert!(message.len() <= LONGEST_MESSAGE + '…'.len_utf8());
        assert!(message.ends_with("é…"));
    }

    #[test]
    fn a_condition_of_somebody_else_stays_and_one_of_ours_that_is_not_true_goes() {
        let mut found: Status<Nothing, Nothing> = next_status(None, Some(1), finding(Reason::Invalid), at(100));
        found.conditions.push(Condition {
            type_: "Approved".into(),
            ..found.conditions[0].clone()
        });
        let next = next_status(Some(&found), Some(1), finding(Reason::InSync), at(200));
        let types: Vec<_> = next.conditions.iter().map(|one| one.type_.as_str()).collect();
        assert_eq!(types, ["Ready", "Approved"]);
    }

    #[test]
    fn a_plan_is_bounded_in_entries_and_bytes() {
        let mut long = finding(Reason::Observed);
        long.plan = (0..60).map(|n| format!("{n}: {}", "x".repeat(5000))).collect();
        let plan = next_status(None, None, long, at(1)).plan;
        assert!(plan.iter().map(String::len).sum::<usize>() <= PLAN_BYTES + 100);
        assert_eq!(plan.last().unwrap(), &format!("and {} more", 60 - (plan.len() - 1)));
    }
}
