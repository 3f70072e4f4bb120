//! The clock of one instance: the time at its start, advanced by tokio's clock and by what a test has added. So it stands
//! still where a test has paused the time of its runtime.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// A clock that only moves forward.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
    /// Since 1970 when the instance was started, and what a test has added.
    offset: Duration,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            offset: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
        }
    }
}

impl Clock {
    /// Milliseconds since 1970, as the products count.
    pub fn millis(self) -> u64 {
        u64::try_from((self.offset + self.started.elapsed()).as_millis()).unwrap_or(u64::MAX)
    }

    /// Moves the clock.
    pub fn advance(&mut self, by: Duration) {
        self.offset += by;
    }
}
