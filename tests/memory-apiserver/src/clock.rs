//! Wall-clock time that follows tokio's clock, so that timestamps advance with the timers of a test that pauses time.

use jiff::Timestamp;
use tokio::time::Instant;

pub(crate) struct Clock {
    started: Instant,
    wall: Timestamp,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            started: Instant::now(),
            wall: Timestamp::now(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.wall + Instant::now().saturating_duration_since(self.started)
    }

    /// Now, as metadata holds it: whole seconds.
    pub(crate) fn stamp(&self) -> String {
        let now = self.now();
        Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
    }
}
