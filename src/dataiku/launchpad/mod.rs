//! The Launchpad of a Dataiku Cloud space (contract sheet, section 4).

pub mod bulk;
pub mod groups;
pub mod people;
mod refusal;
pub mod space;
pub mod tasks;

use std::sync::Arc;

use super::{
    call::{Call, Operation},
    gate::{Breaker, Lane},
    product::Product,
    transport::Transport,
};

/// The product. The version of its API is part of the address.
pub const LAUNCHPAD: Product = Product {
    name: "launchpad",
    title: "the Launchpad",
    url_form: "https://launchpad.example.com/v1",
    base: "",
    read_error: refusal::read_error,
};

/// The API of one space.
#[derive(Clone)]
pub struct Launchpad {
    transport: Transport,
    space_id: Arc<str>,
}

impl Launchpad {
    /// The API of this space over this connection.
    #[must_use]
    pub fn new(transport: Transport, space_id: &str) -> Self {
        Self {
            transport,
            space_id: space_id.into(),
        }
    }

    /// The same API for calls of another urgency.
    #[must_use]
    pub fn with_lane(&self, lane: Lane) -> Self {
        Self {
            transport: self.transport.with_lane(lane),
            space_id: self.space_id.clone(),
        }
    }

    /// Whether calls go out.
    #[must_use]
    pub fn breaker(&self) -> Breaker {
        self.transport.breaker()
    }

    fn call<K>(&self, operation: Operation<K>) -> Call<K> {
        Call::new(operation).segment("space", &self.space_id)
    }
}
