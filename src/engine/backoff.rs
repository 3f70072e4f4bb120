//! How long the engine waits before it tries again.

use std::time::Duration;

/// First wait. Long enough not to hammer a remote system, short enough that nobody notices it.
const FIRST: Duration = Duration::from_secs(1);
/// Longest wait after a failure of a remote side: one that comes back after hours is in use again within half a minute.
pub const REMOTE: Duration = Duration::from_secs(30);
/// Longest wait after a failure to reach the apiserver.
pub const APISERVER: Duration = Duration::from_secs(10);
/// Longest wait after the apiserver refused a write, or the remote side for want of a right: nothing changes before somebody changes
/// a policy or a right.
pub const REFUSED: Duration = Duration::from_mins(5);
/// Failures in a row before an outage shows.
pub const SHOWN_FROM: u32 = 3;
/// Wait between the first two attempts of a write that the remote side refused, and the longest wait.
const STALLED_FIRST: Duration = Duration::from_secs(10);
const STALLED_LONGEST: Duration = Duration::from_hours(1);

/// Wait after the n-th failure in a row: it doubles up to `longest`, half of it at random so that objects which failed
/// together do not come back together. `chance` is from 0 to 1.
pub fn wait(failures: u32, longest: Duration, chance: f64) -> Duration {
    let doubled = FIRST
        .saturating_mul(1 << failures.saturating_sub(1).min(12))
        .min(longest);
    doubled.div_f64(2.0) + doubled.div_f64(2.0).mul_f64(chance.clamp(0.0, 1.0))
}

/// Wait before a write is attempted again that the remote side refused `attempts` times in a row. The first repetition
/// comes with the next sweep.
pub fn stalled(attempts: u32) -> Duration {
    match attempts {
        0 | 1 => Duration::ZERO,
        more => STALLED_FIRST
            .saturating_mul(1 << (more - 2).min(12))
            .min(STALLED_LONGEST),
    }
}

/// The same where the credentials lack a right: somebody may grant it on the remote side, which tells nobody. Other credentials are
/// used at once.
pub fn forbidden(attempts: u32) -> Duration {
    stalled(attempts).min(REFUSED)
}

/// `Retry-After` with a bounded part at random: the queue of the connection spreads the objects, not this.
pub fn retry_after(after: Duration, chance: f64) -> Duration {
    after + after.min(Duration::from_secs(2)).mul_f64(chance.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let full: Vec<_> = (1..=7).map(|n| wait(n, REMOTE, 1.0).as_secs()).collect();
        assert_eq!(full, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(wait(u32::MAX, APISERVER, 1.0), APISERVER);
        assert_eq!(wait(1, REMOTE, 0.0), FIRST / 2);
    }

    #[test]
    fn a_refused_write_is_attempted_ever_more_rarely_down_to_once_an_hour() {
        let seconds: Vec<_> = (1..=5).map(|n| stalled(n).as_secs()).collect();
        assert_eq!(seconds, [0, 10, 20, 40, 80]);
        assert_eq!(stalled(u32::MAX), STALLED_LONGEST);
        assert_eq!((forbidden(1), forbidden(2)), (stalled(1), stalled(2)));
        assert_eq!(forbidden(u32::MAX), REFUSED);
    }

    #[test]
    fn retry_after_is_never_doubled() {
        assert_eq!(retry_after(Duration::from_mins(5), 1.0), Duration::from_secs(302));
        assert_eq!(retry_after(Duration::from_secs(1), 1.0), Duration::from_secs(2));
    }
}
