//! A live connection: what all of them have, whatever product is at the other end.

use crate::dataiku::{
    dip::{DipProduct, Node},
    gate::Lane,
    launchpad::Launchpad,
};

use super::{ConnectionKey, slots::Slots};

/// The API of a product.
pub trait Api: Clone + Send + Sync + 'static {
    /// The same API for calls of another urgency.
    #[must_use]
    fn in_lane(&self, lane: Lane) -> Self;
}

impl<P: DipProduct> Api for Node<P> {
    fn in_lane(&self, lane: Lane) -> Self {
        self.with_lane(lane)
    }
}

impl Api for Launchpad {
    fn in_lane(&self, lane: Lane) -> Self {
        self.with_lane(lane)
    }
}

/// A live connection over the API `A`, with the lists `L` that its objects share.
pub struct Live<A, L> {
    /// The object that it comes from.
    pub key: ConnectionKey,
    /// The API.
    pub api: A,
    /// Whether writes are stopped.
    pub frozen: bool,
    /// Passes at work on it.
    pub slots: Slots,
    /// What its last look at the remote side showed.
    pub lists: L,
}
