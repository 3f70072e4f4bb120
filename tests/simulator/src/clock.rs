//! The clock of one instance: real time plus what a test has added.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A clock that only moves forward.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    offset: Duration,
}

impl Clock {
    /// Milliseconds since 1970, as the products count.
    pub fn millis(self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + self.offset;
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// Moves the clock.
    pub fn advance(&mut self, by: Duration) {
        self.offset += by;
    }
}
