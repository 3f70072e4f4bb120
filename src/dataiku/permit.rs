//! The permit of one write. A client sends no write without one, and the transport checks it once more immediately before
//! sending, since a call may wait in the gate for minutes.

use std::sync::Arc;

/// The right to send one write. Consumed by the call, so it cannot be used twice. Neither Clone nor Debug.
#[must_use = "a permit that no call consumes permits nothing"]
pub struct WritePermit {
    still_valid: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl WritePermit {
    /// A permit that holds as long as `still_valid` returns true. The closure must be cheap and must not block: the
    /// transport calls it between the gate and the wire. Only `engine/permit.rs` may call this, since that is where
    /// leadership, freeze, guards and brake are checked; `tests/architecture.rs` enforces it.
    pub fn new(still_valid: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self {
            still_valid: Arc::new(still_valid),
        }
    }

    /// The permit of one write that carries several edits: it holds as long as the permit of each of them does.
    pub fn joint<'a>(permits: impl IntoIterator<Item = &'a Self>) -> Self {
        let all: Vec<_> = permits.into_iter().map(|permit| permit.still_valid.clone()).collect();
        Self {
            still_valid: Arc::new(move || all.iter().all(|valid| valid())),
        }
    }

    /// Whether the write may be sent now.
    pub fn is_valid(&self) -> bool {
        (self.still_valid)()
    }
}
