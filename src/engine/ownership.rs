//! Whose a remote object is.

use super::{
    Error, Managed, Presence, Reason,
    pass::Pass,
    progress::{granted, lock},
};
use crate::crd::status::Origin;

impl<K: Managed> Pass<'_, K> {
    /// Whose the remote object is, or will be by the plan; an error where it is not ours to touch.
    pub(super) fn ownership(&self, seen: &K::Observed) -> Result<Origin, Error> {
        let origin = lock(&self.progress).origin;
        let policies = self.object.policies();
        match (K::presence(seen), origin) {
            (Presence::Present, Some(origin)) => Ok(origin),
            (Presence::Present, None) if policies.adopts() || policies.observes() => Ok(Origin::Adopted),
            (Presence::Present, None) => {
                lock(&self.progress).plan.clear();
                Err(self.already_exists())
            }
            // Some of it is ours, or will be. What was found stays found: the record tells the two apart.
            (Presence::Shared { complete }, _) if !complete || self.has_grants(seen) => Ok(Origin::Created),
            (Presence::Shared { .. }, origin) => Ok(origin.unwrap_or(Origin::Adopted)),
            // Somebody removed it: what comes next is made by us.
            (Presence::Absent | Presence::None, _) => Ok(Origin::Created),
        }
    }

    fn has_grants(&self, seen: &K::Observed) -> bool {
        !granted(self.object, seen, &lock(&self.progress).applied).is_empty()
    }

    pub(super) fn already_exists(&self) -> Error {
        Error::Blocked(
            Reason::AlreadyExists,
            format!(
                "{} exists already and was not created by this object: set adoptionPolicy: Adopt to take it over",
                self.remote_name()
            ),
        )
    }
}
