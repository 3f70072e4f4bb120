//! The permit of one write. A client sends no write without one, and the transport asks it once more immediately before
//! sending, since a call may wait in the gate for minutes.

/// The right to send one write. Consumed by the call, so it cannot be used twice. Neither Clone nor Debug.
#[must_use = "a permit that no call consumes permits nothing"]
pub struct WritePermit {
    still_valid: Box<dyn Fn() -> bool + Send + Sync>,
}

impl WritePermit {
    /// A permit that holds as long as `still_valid` returns true. The closure must be cheap and must not block: the
    /// transport calls it between the gate and the wire. Only `engine/permit.rs` may call this, since that is where
    /// leadership, freeze, guards and brake are checked; `tests/architecture.rs` enforces it.
    pub fn new(still_valid: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self {
            still_valid: Box::new(still_valid),
        }
    }

    /// A permit that always holds. Temporary, for callers that the engine does not yet give a permit.
    pub fn unchecked() -> Self {
        Self::new(|| true)
    }

    /// Whether the write may be sent now.
    pub(super) fn is_valid(&self) -> bool {
        (self.still_valid)()
    }
}
