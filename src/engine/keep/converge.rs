//! The writes of one reconcile, and what reading back shows of them.

use std::{collections::BTreeSet, time::Duration};

use super::{
    managed::{Managed, Read},
    pass::Pass,
    plan::{Change, Plan},
};
use crate::{
    crd::status::Origin,
    engine::{
        error::{Error, Fate, Refused},
        permit::WritePermit,
        work::Outcome,
    },
};

/// Rounds of write and read-back in one reconcile. A create takes two where the remote side cannot take everything at once;
/// two more absorb changes by somebody else in between.
const ROUNDS: usize = 4;

/// Wait before an entry of a shared document is written again that read-back does not show.
const OVERWRITTEN: Duration = Duration::from_millis(300);

impl<M: Managed> Pass<'_, M> {
    /// Writes and reads back until nothing is left to write.
    pub(super) async fn converge(
        &mut self,
        mut seen: Option<M::Seen>,
        mut plan: Plan<M::Change>,
        mut settled: bool,
    ) -> Result<Outcome, Error> {
        // Before any intent is recorded: what this reconcile is about to give is not yet ours.
        let permits = self.permits();
        let mut done = BTreeSet::new();
        let mut dropped = false;
        for _ in 0..ROUNDS {
            let owned = self.ownership(seen.as_ref(), &plan)?;
            if plan.is_empty() {
                return Ok(self.done(owned, &plan, settled));
            }
            if let Some(error) = self.not_stored(&plan, seen.as_ref(), true) {
                self.remember_listed(self.listed);
                return Err(error);
            }
            if plan.steps().iter().all(|step| done.contains(step)) {
                if !M::ENTRIES || dropped {
                    break;
                }
                // Somebody who writes the document as a whole may have overwritten ours in the same moment.
                tokio::time::sleep(OVERWRITTEN).await;
            }
            self.set_apart(&plan);
            self.permitted(&plan)?;
            let withdrawal = plan.changes.iter().all(Change::only_withdraws);
            permits.check(&plan.effects(), withdrawal).map_err(Error::Refused)?;
            self.check_publication().await?;
            let unknown = Some(owned) != self.cx.report.origin || self.misses_record(&plan);
            if plan.creates() || unknown || self.misses_id() {
                self.record_intent(owned, &plan).await?;
            }
            let mut hold = None;
            for change in &plan.changes {
                let issued = permits
                    .issue(&change.effects(), change.only_withdraws(), hold.as_ref())
                    .await;
                let (permit, new) = match issued.map_err(Error::Refused) {
                    Ok(issued) => issued,
                    Err(refused) if change.creates() => {
                        // The status must not say that this object created what somebody else may create now.
                        self.not_created(refused).await?;
                        return Err(Error::Refused(Refused::Superseded));
                    }
                    Err(refused) => return Err(refused),
                };
                hold = hold.or(new);
                self.apply(permit, seen.as_ref(), change).await?;
                done.extend(change.steps());
            }
            let before = seen;
            settled = self.cx.unsettled_for().is_none();
            seen = self.observe(Read::Fresh).await?;
            drop(hold);
            if M::ENTRIES
                && let (Some(before), Some(after)) = (&before, &seen)
            {
                let stored = M::stored(&self.cx.object, &self.cx.report.record, before, after);
                self.cx.report.record.stored.extend(stored);
                dropped = M::is_same(before, after);
            }
            plan = self.plan(seen.as_ref(), true)?;
            self.announce_stored(&plan);
        }
        if plan.is_empty() {
            let owned = self.ownership(seen.as_ref(), &plan)?;
            return Ok(self.done(owned, &plan, settled));
        }
        Err(self.remember_unstored(&plan, seen.as_ref()))
    }

    /// What to show once nothing is to be written.
    fn done(&mut self, owned: Origin, plan: &Plan<M::Change>, settled: bool) -> Outcome {
        if plan.held.is_empty() {
            self.conclude(owned, plan, settled)
        } else {
            self.outside_windows(plan.outstanding().len())
        }
    }

    async fn apply(&mut self, permit: WritePermit, seen: Option<&M::Seen>, change: &M::Change) -> Result<(), Error> {
        self.cx.report.in_flight = true;
        let waiting = self.waits();
        let applied = Box::pin(M::apply(&self.remote, permit, seen, change)).await;
        drop(waiting);
        self.cx.report.in_flight = false;
        match applied {
            Ok(receipt) => {
                self.note(change, receipt).await?;
                Ok(())
            }
            Err(error) => {
                if error.fate() == Fate::Unknown {
                    self.cx.note_lost_write();
                }
                if change.creates() {
                    return self.not_created(error).await;
                }
                self.log_failure(change, &error);
                Err(error)
            }
        }
    }
}
