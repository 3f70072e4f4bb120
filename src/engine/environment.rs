//! What all kinds share at run time.

use std::{sync::Arc, time::Duration};

use kube::Client;

use super::{
    clock::Clock,
    connect::delegation::Privileges,
    fingerprint::Fingerprints,
    namespaces::Namespaces,
    permit::Fence,
    policy::Policy,
    report::{EngineObserver, Reports},
    sources::Sources,
};
use crate::dataiku::address::AddressPolicy;

/// What all kinds share at run time.
#[derive(Clone)]
pub struct Environment {
    /// The apiserver.
    pub client: Client,
    /// Keyed hashes of secret values.
    pub fingerprints: Arc<Fingerprints>,
    /// Versions of Secrets and `ConfigMap`s, and shared reads of them.
    pub sources: Sources,
    /// Events.
    pub reports: Reports,
    /// Metrics of the engine.
    pub observer: Arc<dyn EngineObserver>,
    /// Addresses that connections may use.
    pub addresses: Arc<AddressPolicy>,
    /// Which permission flags are privileged.
    pub privileges: Arc<Privileges>,
    /// Labels and default deletion policies of namespaces.
    pub namespaces: Namespaces,
    /// What whoever runs the operator decides for every connection and object.
    pub policy: Arc<Policy>,
    /// Identifies this cluster in ownership marks; `None`: unknown, and no mark is set or trusted.
    pub cluster: Option<String>,
    /// The wall clock.
    pub clock: Clock,
    /// Whether this process may write.
    pub fence: Arc<dyn Fence>,
    /// How long a deletion waits for missing credentials before it releases the object.
    pub release_after: Duration,
    /// How long a task on the remote side may take before it counts as late.
    pub propagation_deadline: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{permit::Alone, report::ReconcileRecord};

    /// Counts nothing.
    struct Unobserved;

    impl EngineObserver for Unobserved {
        fn reconciled(&self, _: ReconcileRecord) {}

        fn status_write_failed(&self, _: &'static str) {}

        fn watching(&self, _: &'static str, _: bool) {}
    }

    impl Environment {
        /// Of a test: the only process of its cluster, which reaches loopback without TLS and counts nothing.
        pub fn of_test(client: Client) -> Self {
            Self {
                fingerprints: Arc::new(Fingerprints::new(vec![7; 32])),
                sources: Sources::default(),
                reports: Reports::start(client.clone()).0,
                client,
                observer: Arc::new(Unobserved),
                addresses: Arc::new(AddressPolicy {
                    allowed: vec![std::net::IpAddr::from([127, 0, 0, 1]).into()],
                }),
                privileges: Arc::default(),
                namespaces: Namespaces::default(),
                policy: Arc::new(Policy {
                    allow_insecure_tls: true,
                    ..Policy::default()
                }),
                cluster: Some("c0ffee".to_owned()),
                clock: Clock::default(),
                fence: Arc::new(Alone),
                release_after: Duration::from_mins(10),
                propagation_deadline: Duration::from_mins(15),
            }
        }
    }
}
