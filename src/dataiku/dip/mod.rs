//! What DSS and Govern nodes share: one API at one path, for users, groups and the node itself (contract sheet 2 and 3.1).

pub mod activity;
pub mod audit;
pub mod bulk;
pub mod credentials;
pub mod global_keys;
pub mod groups;
pub mod instance;
pub mod keys;
pub mod matrix;
pub mod own_user;
mod probe;
mod refusal;
pub mod running;
mod secrets;
pub mod tasks;
pub mod users;

use std::marker::PhantomData;

pub(super) use self::refusal::read_error;
use super::{
    gate::{Breaker, Lane},
    product::Product,
    transport::Transport,
};

/// Base of the public API below the address of a node.
pub(super) const BASE: &str = "/dip/publicapi";

/// A product whose nodes speak this API.
pub trait DipProduct: Clone + Send + Sync + 'static {
    /// The product.
    const PRODUCT: &'static Product;
    /// Whether the answer to who we are holds secrets, unless it is asked for without.
    const TELLS_OWN_SECRETS: bool;
}

/// The API of a node of the product `P`: what all products have is here, what one alone has is in its own module.
#[derive(Clone)]
pub struct Node<P> {
    pub(super) transport: Transport,
    product: PhantomData<fn() -> P>,
}

impl<P: DipProduct> Node<P> {
    /// The API over this connection.
    #[must_use]
    pub fn new(transport: Transport) -> Self {
        Self {
            transport,
            product: PhantomData,
        }
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
