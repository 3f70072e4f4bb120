//! Which reports to the remote side's audit trail wait, and whether they may go.

use std::sync::Arc;

use super::{ConnectionKind, Connections, Lookup, write};
use crate::engine::connect::{
    ConnectionKey, Live,
    audit::{Reportable, Trail},
    kind,
};

impl<C: ConnectionKind> Connections<C> {
    /// Writes that are not in the remote side's audit trail yet.
    pub(in crate::engine::connect) fn trail(&self, key: &ConnectionKey) -> Arc<Trail> {
        write(&self.states).entry(key.clone()).or_default().trail.clone()
    }

    /// Whether a report to the audit trail may go through this connection.
    pub(in crate::engine::connect) fn may_report(&self, live: &Live<C>) -> Reportable {
        let Lookup::Present(object) = self.lookup(&live.key) else {
            return Reportable::Never;
        };
        let current = self.live(&live.key);
        let is_current = current.is_some_and(|current| std::ptr::eq(&raw const *current, live));
        if !object.reports() || !is_current || live.is_stale() || kind::reach(&*object) != live.reach {
            Reportable::Never
        } else if object.terms().freeze {
            Reportable::Later
        } else {
            Reportable::Now
        }
    }
}
