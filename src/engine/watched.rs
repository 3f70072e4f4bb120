//! One kind, as other parts of the engine see it: something that is watched and can be woken.

use super::{
    census::Group,
    connect::{ConnectionKey, Dependent, Remains},
    index::SourceId,
    object::{ObjectName, WatchState},
    sources::Sources,
};
use crate::crd::connection::Orphan;

/// A watched kind.
pub trait Watched: Send + Sync {
    /// Name of the kind.
    fn kind(&self) -> &'static str;
    /// How far its watch is.
    fn state(&self) -> WatchState;
    /// Objects that use this connection.
    fn dependents(&self, connection: &ConnectionKey) -> Vec<Dependent>;
    /// How many objects there are, by connection and reason. None of a kind whose CRD is missing.
    fn census(&self) -> Vec<(Group, usize)> {
        Vec::new()
    }
    /// What became of each of these, which objects of this kind left on the remote side of a connection. No call.
    fn remains(&self, _connection: &ConnectionKey, orphans: &[Orphan]) -> Vec<Remains> {
        vec![Remains::Left; orphans.len()]
    }
    /// What objects of this kind set on the remote side of a connection that does not allow them any more. No call.
    fn undelegated(&self, _connection: &ConnectionKey) -> Vec<Orphan> {
        Vec::new()
    }
    /// Reconciles one object.
    fn wake(&self, name: &ObjectName);
    /// Reconciles every object of a connection: it became ready or not, or was replaced.
    fn connection_changed(&self, connection: &ConnectionKey);
    /// Reconciles the objects that differ from the lists of a sweep, and those that are not ready.
    fn connection_swept(&self, connection: &ConnectionKey);
    /// Reconciles the objects of a connection that are not ready: something that they may wait for exists now.
    fn unblocked(&self, connection: &ConnectionKey);
    /// Where the versions of Secrets and `ConfigMap`s are noted that its objects read.
    fn sources(&self) -> Option<Sources> {
        None
    }
    /// Reconciles the objects that read this Secret or `ConfigMap`.
    fn source_changed(&self, source: SourceId);
    /// Reconciles the objects in a namespace whose labels or default deletion policy changed.
    fn namespace_changed(&self, namespace: &str);
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Mutex;

    use super::*;

    /// A kind that records whom it was told to wake.
    #[derive(Default)]
    pub struct Recorder(Mutex<Vec<String>>);

    impl Recorder {
        pub fn take(&self) -> Vec<String> {
            std::mem::take(&mut self.0.lock().unwrap())
        }
    }

    impl Watched for Recorder {
        fn kind(&self) -> &'static str {
            "Recorder"
        }

        fn state(&self) -> WatchState {
            WatchState::Listed
        }

        fn dependents(&self, _: &ConnectionKey) -> Vec<Dependent> {
            Vec::new()
        }

        fn wake(&self, name: &ObjectName) {
            self.0.lock().unwrap().push(name.to_string());
        }

        fn connection_changed(&self, _: &ConnectionKey) {}

        fn connection_swept(&self, _: &ConnectionKey) {}

        fn unblocked(&self, _: &ConnectionKey) {}

        fn source_changed(&self, _: SourceId) {}

        fn namespace_changed(&self, _: &str) {}
    }
}
