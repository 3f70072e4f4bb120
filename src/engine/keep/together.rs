//! Reconciles that read and write together with others.

use std::time::Duration;

use super::{
    managed::Managed,
    pass::Pass,
    plan::{Change, Class, Plan},
    work::Keeping,
};
use crate::engine::{
    connect::{
        Effect, Remote,
        admission::{Applicant, OnItsWay, Queue, Ticket, Together, Waiting},
    },
    error::{Error, Refused},
    shared::batch::{Expected, Gather},
};

/// How long no further object must come before those that come together are read together: a sweep finds what was changed by
/// hand all at once, and so does a watch what somebody applies.
pub(super) const GATHER: Duration = Duration::from_millis(100);

/// How often a reconcile that reads together with others looks whether its object is still the same.
const CHECKED: Duration = Duration::from_millis(200);

impl<M: Managed> Pass<'_, M> {
    /// A place among the objects of the connection that call its remote side.
    pub(super) fn enter(&mut self, class: Class) -> Option<Ticket> {
        let lists = self.remote.lists();
        let edits_together = M::edits_together(lists);
        let together = if class == Class::Creation && M::creates_together(lists) {
            Some(Together::Created)
        } else {
            // What takes something away holds the lock of its connection until it is read back, so it never goes with others.
            (self.only_gives && edits_together).then_some(Together::Edited)
        };
        let object = &*self.cx.object;
        let connection = M::common(object).connection;
        let admission = self
            .keeping
            .connections
            .admission(&connection, Queue::of(M::MANY, together));
        // A write that nobody else makes at this time is as fast as ever.
        let by_itself = matches!(class, Class::Edit | Class::Creation) && admission.is_idle();
        let kind = self.cx.shell.as_watched()?;
        let ticket = admission.enter(&Applicant {
            uid: &self.cx.uid(),
            name: &Keeping::<M>::name(object),
            kind,
            class,
        })?;
        if together.is_some() && !by_itself {
            // Many are admitted. In this lane they leave the way free for those who take access away.
            self.remote = Remote::new(self.admitted.live.clone(), true);
            self.remote.together = Some(Gather {
                quiet: GATHER,
                expected: Expected::new(move || admission.expected()),
            });
            self.on_its_way = Some(ticket.on_its_way());
        }
        Some(ticket)
    }

    /// Makes what takes something from somebody a write of its own, ahead of those that go together.
    pub(super) fn set_apart(&mut self, plan: &Plan<M::Change>) {
        if self.remote.together.is_some() && takes(plan) {
            self.remote = Remote::new(self.admitted.live.clone(), false);
            self.on_its_way = None;
        }
    }

    /// Others do not wait for this reconcile while what is returned lives: it waits for the remote side, perhaps with them.
    pub(super) fn waits(&self) -> Option<Waiting> {
        self.on_its_way.as_ref().map(OnItsWay::waits)
    }

    /// The result of a read that many wait for, unless the object changes meanwhile: then it may have something more urgent to
    /// write than what this reconcile read for.
    pub(super) async fn while_current<T>(&self, mut read: impl Future<Output = T> + Unpin) -> Result<T, Error> {
        let permits = self.permits();
        loop {
            match tokio::time::timeout(CHECKED, &mut read).await {
                Ok(read) => return Ok(read),
                Err(_) => {
                    if let Err(refused @ Refused::Superseded) = permits.check(&[], true) {
                        return Err(Error::Refused(refused));
                    }
                }
            }
        }
    }
}

/// Whether a plan takes something from somebody.
pub(super) fn takes<C: Change>(plan: &Plan<C>) -> bool {
    plan.effects().iter().any(Effect::takes) || plan.changes.iter().any(Change::withdraws)
}
