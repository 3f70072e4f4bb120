//! The only place that turns references into live connections; holds the shared lists.

pub mod connections;
pub mod dss;
pub mod remote_error;

use std::sync::Arc;

use crate::dataiku::{address::AddressPolicy, transport::CallObserver};

pub use connections::{ConnectionKey, Connections, Dependent, News, Terms};
pub use dss::DssConnection;

/// What the kinds need of the running operator.
pub struct Registry {
    /// Connections to DSS nodes.
    pub dss: Connections<DssConnection>,
    /// Addresses that may be called.
    pub addresses: Arc<AddressPolicy>,
    /// Told of every remote call.
    pub calls: Arc<dyn CallObserver>,
}

impl Registry {
    /// Without any connection.
    pub fn new(addresses: AddressPolicy, calls: Arc<dyn CallObserver>) -> Self {
        Self {
            dss: Connections::new("DssInstance"),
            addresses: Arc::new(addresses),
            calls,
        }
    }
}
