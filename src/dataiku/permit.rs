//! The permit that every writing call takes.

use std::sync::Arc;

/// Allows one write. It is taken by value, so that a write needs a permit of its own.
pub struct WritePermit(Arc<dyn Fn() -> bool + Send + Sync>);

impl WritePermit {
    /// A permit that stands for as long as `still_valid` holds. The transport asks once more right before it sends the
    /// call. Only `engine::permit` may make one.
    pub fn new(still_valid: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(still_valid))
    }

    /// One write for several edits: it stands for as long as every one of them does.
    pub fn joint<'a>(permits: impl IntoIterator<Item = &'a Self>) -> Self {
        let all: Vec<_> = permits.into_iter().map(|permit| permit.0.clone()).collect();
        Self(Arc::new(move || all.iter().all(|valid| valid())))
    }

    /// Whether the write may still be sent.
    pub fn is_valid(&self) -> bool {
        (self.0)()
    }
}
