//! Proof of ownership: the mark in a remote object whose object has no record of it.

use super::{managed::Managed, pass::Pass};
use crate::engine::{
    error::{Error, Reason},
    mark::{Mark, Marked},
    object::ObjectName,
};

/// What a remote object says of who created it.
pub(super) enum Proof {
    /// This object did.
    Own,
    /// Nothing.
    Nothing,
    /// The object in this mark did.
    Other(Mark),
}

/// What a remote object says of who created it. `is_own`: whether a mark names this object.
pub(super) fn proof<M: Managed>(object: &M::Object, seen: &M::Seen, is_own: impl FnOnce(&Mark) -> bool) -> Proof {
    if M::is_proven(object, seen) {
        return Proof::Own;
    }
    match M::marked(seen) {
        Marked::By(mark) if is_own(&mark) => Proof::Own,
        Marked::By(mark) => Proof::Other(mark),
        Marked::No | Marked::Unread => Proof::Nothing,
    }
}

impl<M: Managed> Pass<'_, M> {
    /// Whether the mark in the remote object names this object; an error where it names another one that may still exist.
    pub(super) fn is_proven(&self, seen: Option<&M::Seen>) -> Result<bool, Error> {
        let Some(seen) = seen else { return Ok(false) };
        let cluster = self.cx.shell.env.cluster.as_ref();
        let is_own = |mark: &Mark| cluster.is_some_and(|cluster| mark.names_same(&Mark::of(cluster, &*self.cx.object)));
        let (cluster, mark) = match (proof::<M>(&self.cx.object, seen, is_own), cluster) {
            (Proof::Own, _) => return Ok(true),
            (Proof::Nothing, _) | (Proof::Other(_), None) => return Ok(false),
            (Proof::Other(mark), Some(cluster)) => (cluster, mark),
        };
        let ObjectName { namespace, name } = &mark.object;
        let place = if mark.cluster != *cluster {
            format!("in the cluster {}", mark.cluster)
        } else if self.cx.shell.objects.get(namespace, name).is_some() {
            "in this cluster".to_owned()
        } else {
            // The object that created it is gone and left it behind.
            return Ok(false);
        };
        Err(Error::Blocked(
            Reason::Conflict,
            format!(
                "{} was created by {} {place}, as its mark says: delete that object, or remove the mark",
                self.remote_name(),
                mark.object
            ),
        ))
    }
}
