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
};
use crate::dataiku::{address::AddressPolicy, transport::CallObserver};

/// What all kinds share at run time.
#[derive(Clone)]
pub struct Environment {
    /// The apiserver.
    pub client: Client,
    /// Keyed hashes of secret values.
    pub fingerprints: Arc<Fingerprints>,
    /// Events.
    pub reports: Reports,
    /// Metrics of the engine.
    pub observer: Arc<dyn EngineObserver>,
    /// Metrics of remote calls.
    pub calls: Arc<dyn CallObserver>,
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
