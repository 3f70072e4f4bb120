//! Proof of ownership: the mark in a remote object whose object has no record of it.

use super::{managed::Managed, pass::Pass};
use crate::engine::{
    error::{Error, Reason},
    mark::{Mark, Marked},
    object::ObjectName,
};

impl<M: Managed> Pass<'_, M> {
    /// Whether the mark in the remote object names this object; an error where it names another one that may still exist.
    pub(super) fn is_proven(&self, seen: Option<&M::Seen>) -> Result<bool, Error> {
        if seen.is_some_and(|seen| M::is_proven(&self.cx.object, seen)) {
            return Ok(true);
        }
        let (Some(cluster), Some(Marked::By(mark))) = (&self.cx.shell.env.cluster, seen.map(M::marked)) else {
            return Ok(false);
        };
        if mark.names_same(&Mark::of(cluster, &*self.cx.object)) {
            return Ok(true);
        }
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
