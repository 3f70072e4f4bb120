//! Which changes of an object are worth a pass.

use kube::{
    ResourceExt,
    core::DeserializeGuard,
    runtime::{Predicate, predicates},
};

use super::Managed;
use crate::crd::common::FINALIZER;

/// What people change: the spec (deletion counts as such), annotations, and our finalizer where they take it out.
pub fn worth_a_pass<K: Managed>() -> impl Predicate<DeserializeGuard<K>> {
    predicates::generation
        .combine(|guard: &DeserializeGuard<K>| Some(u64::from(lacks_finalizer(guard))))
        .combine(predicates::annotations)
}

/// Whether an object that was seen to lacks our finalizer.
///
/// kube's own predicate notices that we add it, and then a new object gets a second pass on top of the first, which has
/// gone on with it: what the remote side refused was tried twice. Accepted: a finalizer that is put back makes a pass too
/// many, and one that is taken together with the status is found missing only by the next look at the remote side.
fn lacks_finalizer<K: Managed>(guard: &DeserializeGuard<K>) -> bool {
    let seen_to = guard.0.as_ref().is_ok_and(|object| object.status().is_some());
    seen_to && !guard.finalizers().iter().any(|one| one == FINALIZER)
}
