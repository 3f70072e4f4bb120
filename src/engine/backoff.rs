//! Failures in a row, per object, and the wait that follows from them.

use std::{collections::HashMap, sync::Mutex, time::Duration};

/// First wait. Long enough not to hammer a remote system, short enough not to be noticed by a person.
const FIRST: Duration = Duration::from_secs(1);
/// Longest wait: an instance that comes back after hours is in use again within half a minute.
const LONGEST: Duration = Duration::from_secs(30);
/// Failures in a row before an outage is shown.
pub const SHOWN_FROM: u32 = 3;

/// Counts failures in a row by object uid.
#[derive(Default)]
pub struct Failures(Mutex<HashMap<String, u32>>);

impl Failures {
    /// Counts one more and returns how many in a row.
    pub fn add(&self, uid: &str) -> u32 {
        let mut counts = self.lock();
        let count = counts.entry(uid.to_owned()).or_default();
        *count = count.saturating_add(1);
        *count
    }

    /// How many in a row.
    pub fn count(&self, uid: &str) -> u32 {
        self.lock().get(uid).copied().unwrap_or_default()
    }

    /// Forgets them.
    pub fn clear(&self, uid: &str) {
        self.lock().remove(uid);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, u32>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Wait after the n-th failure in a row: doubling, with half of it at random so that objects which failed together do not
/// come back together. `chance` is from 0 to 1.
pub fn wait(failures: u32, chance: f64) -> Duration {
    let doubled = FIRST
        .saturating_mul(1 << failures.saturating_sub(1).min(10))
        .min(LONGEST);
    doubled.div_f64(2.0) + doubled.div_f64(2.0).mul_f64(chance.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let full: Vec<_> = (1..=7).map(|n| wait(n, 1.0).as_secs()).collect();
        assert_eq!(full, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(wait(u32::MAX, 1.0), LONGEST);
        assert_eq!(wait(1, 0.0), FIRST / 2);
    }

    #[test]
    fn success_starts_the_count_anew() {
        let failures = Failures::default();
        assert_eq!((failures.add("a"), failures.add("a"), failures.add("b")), (1, 2, 1));
        failures.clear("a");
        assert_eq!(failures.add("a"), 1);
    }
}
