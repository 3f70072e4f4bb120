//! The next status, as a pure function of the present one and what a pass found.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::{Aspect, Reason};
use crate::crd::{
    applied::Applied,
    status::{Remote, Status},
};

/// Longest message of a condition; the apiserver takes 32 KiB, a person reads less.
const LONGEST_MESSAGE: usize = 2048;
/// Most entries of `status.plan`.
const LONGEST_PLAN: usize = 50;

const READY: &str = "Ready";
const RECONCILING: &str = "Reconciling";
const STALLED: &str = "Stalled";
/// Conditions that follow from the reason alone.
const OURS: [&str; 3] = [READY, RECONCILING, STALLED];

/// What a pass found.
#[derive(Clone, Debug)]
pub struct Finding<R, T> {
    /// Reason of `Ready`.
    pub reason: Reason,
    /// For people: what happened, to what, and what to do.
    pub message: String,
    /// Conditions beside `Ready`; `None` keeps those that are there.
    pub aspects: Option<Vec<Aspect>>,
    /// What is still to be done.
    pub plan: Vec<String>,
    /// The remote object; `None` keeps what is there, `Some(None)` takes it out.
    pub remote: Option<Option<Remote<R>>>,
    /// What is shown beside it; `None` keeps what is there.
    pub shown: Option<T>,
    /// The record of what was set.
    pub applied: Applied,
    /// Whether the remote side was written.
    pub changed: bool,
    /// The value of the reconcile-at annotation.
    pub handled: Option<String>,
}

/// The status to write. Equal to `previous` where nothing changed: times move only with what they speak of.
pub fn next_status<R, T>(
    previous: Option<&Status<R, T>>,
    generation: Option<i64>,
    finding: Finding<R, T>,
    now: Timestamp,
) -> Status<R, T>
where
    R: Clone,
    T: Clone + Default,
{
    let reason = finding.reason;
    let message = cut(finding.message, LONGEST_MESSAGE);
    let old = previous.map(|status| status.conditions.as_slice()).unwrap_or_default();
    let condition = |type_: &str, status: bool, reason: &str, message: &str| Condition {
        type_: type_.to_owned(),
        status: if status { "True" } else { "False" }.to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        observed_generation: generation,
        last_transition_time: match old.iter().find(|old| old.type_ == type_) {
            Some(old) if (old.status == "True") == status => old.last_transition_time.clone(),
            _ => Time(to_second(now)),
        },
    };
    let of_reason = |type_: &str, status: bool| condition(type_, status, reason.as_str(), &message);
    let mut conditions = vec![of_reason(READY, reason.is_ready())];
    if reason.is_reconciling() {
        conditions.push(of_reason(RECONCILING, true));
    }
    if reason.is_stalled() {
        conditions.push(of_reason(STALLED, true));
    }
    match &finding.aspects {
        Some(aspects) => conditions.extend(
            aspects
                .iter()
                .map(|aspect| condition(aspect.type_, aspect.status, aspect.reason, &aspect.message)),
        ),
        None => conditions.extend(old.iter().filter(|old| !OURS.contains(&old.type_.as_str())).cloned()),
    }
    Status {
        observed_generation: generation,
        conditions,
        remote: finding
            .remote
            .unwrap_or_else(|| previous.and_then(|status| status.remote.clone())),
        plan: finding.plan.into_iter().take(LONGEST_PLAN).collect(),
        last_change_time: if finding.changed {
            Some(Time(to_second(now)))
        } else {
            previous.and_then(|status| status.last_change_time.clone())
        },
        last_handled_reconcile_at: finding
            .handled
            .or_else(|| previous.and_then(|status| status.last_handled_reconcile_at.clone())),
        applied: Some(finding.applied).filter(|applied| *applied != Applied::default()),
        shown: finding
            .shown
            .or_else(|| previous.map(|status| status.shown.clone()))
            .unwrap_or_default(),
    }
}

/// The apiserver keeps whole seconds; a fraction would make every comparison with what it returns fail.
fn to_second(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// `text`, cut on a character border.
fn cut(mut text: String, longest: usize) -> String {
    if text.len() > longest {
        let end = (0..=longest).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::status::{Nothing, Origin};

    fn finding(reason: Reason) -> Finding<Nothing, Nothing> {
        Finding {
            reason,
            message: "user jane matches".into(),
            aspects: None,
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
    fn aspects_stand_beside_ready_until_the_next_look() {
        let mut running = finding(Reason::InSync);
        running.aspects = Some(vec![Aspect {
            type_: "Propagated",
            status: false,
            reason: "Propagating",
            message: "task t1".into(),
            again: None,
        }]);
        let first = next_status(None, Some(1), running, at(100));
        let blind = next_status(Some(&first), Some(1), finding(Reason::Unavailable), at(200));
        assert_eq!(blind.condition("Propagated"), first.condition("Propagated"));
        let mut ended = finding(Reason::InSync);
        ended.aspects = Some(Vec::new());
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
}
