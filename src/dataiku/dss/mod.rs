//! DSS nodes (contract sheet, section 2).

mod documents;
pub mod groups;
pub mod instance;
pub mod users;

use super::{
    dip,
    gate::{Breaker, Lane},
    product::Product,
    transport::Transport,
};

/// The product.
pub const DSS: Product = Product {
    name: "dss",
    base: dip::BASE,
    read_error: dip::read_error,
};

/// The API of a DSS node.
#[derive(Clone)]
pub struct Dss {
    transport: Transport,
}

impl Dss {
    /// The API over this connection.
    #[must_use]
    pub fn new(transport: Transport) -> Self {
        Self { transport }
    }

    /// The same API for calls of another urgency.
    #[must_use]
    pub fn with_lane(&self, lane: Lane) -> Self {
        Self::new(self.transport.with_lane(lane))
    }

    /// Whether calls go out.
    #[must_use]
    pub fn breaker(&self) -> Breaker {
        self.transport.breaker()
    }
}
