//! What keeps a plan from being written: an observer, a freeze, a closed change window.

use super::{
    managed::Managed,
    pass::{Pass, frozen_message},
    plan::Plan,
};
use crate::engine::{connect::ConnectionKind, error::Reason, work::Outcome};

impl<M: Managed> Pass<'_, M> {
    /// What keeps the plan from being written.
    pub(super) fn held(&self, plan: &Plan<M::Change>) -> Option<Outcome> {
        let count = plan.outstanding().len();
        if count == 0 {
            return None;
        }
        if M::common(&self.cx.object).policies.observes() {
            let message = format!(
                "{} differs in {count} points, listed in status.plan",
                self.remote_name()
            );
            return Some(Outcome {
                due: plan.due,
                ..Outcome::new(Reason::Observed, message)
            });
        }
        if plan.is_empty() && plan.held.is_empty() {
            return None;
        }
        if self.is_frozen() {
            return Some(Self::frozen(count));
        }
        plan.is_empty().then(|| self.outside_windows(count))
    }

    pub(super) fn is_frozen(&self) -> bool {
        self.admitted.object.terms().freeze
    }

    /// Nothing but changes that wait for a window.
    pub(super) fn outside_windows(&self, count: usize) -> Outcome {
        let message = self
            .keeping
            .outside_windows(&self.cx.shell, &self.admitted, count)
            .unwrap_or_else(|| format!("a change window is about to open; {count} changes wait in status.plan"));
        Outcome::new(Reason::Frozen, message)
    }

    pub(super) fn frozen(count: usize) -> Outcome {
        Outcome::new(Reason::Frozen, frozen_message(count))
    }
}
