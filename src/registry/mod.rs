//! The only place that turns references into live connections; holds the shared lists.

pub mod assignments;
pub mod batch;
pub mod claims;
pub mod connections;
pub mod dss;
pub mod govern;
pub mod launchpad;
pub mod lists;
pub mod live;
pub mod node;
pub mod remote_error;
pub mod slots;

use std::{sync::Arc, time::Duration};

use crate::dataiku::{address::AddressPolicy, transport::CallObserver};

pub use claims::{Claim, Claimed, Claims};
pub use connections::{ConnectionKey, Connections, Dependent, News, Terms};
pub use dss::DssConnection;
pub use govern::GovernConnection;
pub use launchpad::LaunchpadConnection;

/// What the kinds need of the running operator.
pub struct Registry {
    /// Connections to DSS nodes.
    pub dss: Connections<DssConnection>,
    /// Connections to Govern nodes.
    pub govern: Connections<GovernConnection>,
    /// Connections to spaces.
    pub launchpad: Connections<LaunchpadConnection>,
    /// Who declares which rules of which role on which blueprint.
    pub role_assignments: Claims,
    /// The documents that they are in.
    pub assignments: assignments::Documents,
    /// Addresses that may be called.
    pub addresses: Arc<AddressPolicy>,
    /// Told of every remote call.
    pub calls: Arc<dyn CallObserver>,
    /// How long a task of the Launchpad may take before it is said to be late.
    pub propagation_deadline: Duration,
}

impl Registry {
    /// Without any connection.
    pub fn new(addresses: AddressPolicy, calls: Arc<dyn CallObserver>, propagation_deadline: Duration) -> Self {
        Self {
            dss: Connections::new("DssInstance"),
            govern: Connections::new("GovernInstance"),
            launchpad: Connections::new("LaunchpadSpace"),
            role_assignments: Claims::default(),
            assignments: assignments::Documents::default(),
            addresses: Arc::new(addresses),
            calls,
            propagation_deadline,
        }
    }
}
