//! A histogram of durations.

use std::time::Duration;

/// Upper bounds in seconds: from a reconcile that finds nothing to do to one that runs into its deadline.
const SECONDS: [f64; 12] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0, 60.0];

/// Durations, by size.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Durations {
    counts: [u64; SECONDS.len() + 1],
    sum: f64,
}

impl Durations {
    /// Counts one.
    pub fn observe(&mut self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let bucket = SECONDS.iter().position(|bound| seconds <= *bound);
        self.counts[bucket.unwrap_or(SECONDS.len())] += 1;
        self.sum += seconds;
    }

    /// Adds all of another one.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
        self.sum += other.sum;
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Their sum in seconds.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// How many there are up to each bound in seconds and above the one before it; the last bound is infinite.
    pub fn buckets(&self) -> Vec<(f64, u64)> {
        let bounds = SECONDS.into_iter().chain([f64::INFINITY]);
        bounds.zip(self.counts).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_duration_is_in_one_bucket_and_in_the_sum() {
        let mut durations = Durations::default();
        for seconds in [0.0005, 0.001, 0.3, 3600.0] {
            durations.observe(Duration::from_secs_f64(seconds));
        }
        let buckets = durations.buckets();
        assert_eq!((buckets[0], buckets[7]), ((0.001, 2), (0.5, 1)));
        assert_eq!(buckets.last(), Some(&(f64::INFINITY, 1)));
        assert_eq!(durations.count(), 4);
        durations.add(&durations.clone());
        assert_eq!(durations.count(), 8);
        assert!((durations.sum() - 7200.603).abs() < 0.001);
    }
}
