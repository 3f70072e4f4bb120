//! Kinds of spaces of Dataiku Cloud.

mod bulk;
mod group;
mod invites;
mod lists;
mod space;
#[cfg(test)]
pub(crate) mod tests;
mod user;

pub(in crate::kinds) use self::group::delegated::ADMINISTRATORS;
pub use self::{group::Group, user::User};

use crate::engine::{
    Object, Reason,
    object::{is_deleting, is_paused},
};

/// Whether what an object declares counts for others: nothing that only a person can resolve is in its way.
fn counts<K: Object>(object: &K) -> bool {
    let ready = object.status().and_then(|status| status.condition("Ready"));
    let reason = ready.and_then(|ready| Reason::standing(&ready.reason));
    let stuck = reason.is_some_and(|reason| reason != Reason::Guarded);
    !is_deleting(object) && !is_paused(object) && !stuck
}
