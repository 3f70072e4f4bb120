//! Times of single actions, and what is said about many of them.

use std::time::Duration;

use serde::{Serialize, Serializer};

/// Times of actions of one sort.
#[derive(Clone, Debug, Default)]
pub struct Latencies(Vec<Duration>);

// === impl Latencies ===

impl Latencies {
    /// Adds one.
    pub fn add(&mut self, latency: Duration) {
        let place = self.0.partition_point(|other| *other <= latency);
        self.0.insert(place, latency);
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The smallest time that this percentage of the actions did not exceed (nearest rank); zero without any.
    pub fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied().unwrap_or_default()
    }

    /// The mean; zero without any.
    pub fn mean(&self) -> Duration {
        let count = u32::try_from(self.0.len()).unwrap_or(u32::MAX).max(1);
        self.0.iter().sum::<Duration>() / count
    }
}

impl Serialize for Latencies {
    /// In milliseconds, shortest first.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|latency| latency.as_secs_f64() * 1000.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(milliseconds: impl IntoIterator<Item = u64>) -> Latencies {
        let mut latencies = Latencies::default();
        milliseconds
            .into_iter()
            .for_each(|one| latencies.add(Duration::from_millis(one)));
        latencies
    }

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let latencies = of((1..=100).rev());
        assert_eq!(latencies.percentile(50), Duration::from_millis(50));
        assert_eq!(latencies.percentile(99), Duration::from_millis(99));
        assert_eq!(latencies.percentile(100), Duration::from_millis(100));
        assert_eq!(of([7]).percentile(50), of([7]).percentile(99));
        assert_eq!(of([30, 10, 20]).percentile(50), Duration::from_millis(20));
    }

    #[test]
    fn the_mean_and_the_count_are_of_all() {
        assert_eq!(
            (of([10, 20, 60]).mean(), of([10, 20, 60]).count()),
            (Duration::from_millis(30), 3)
        );
        assert_eq!(of([]).mean(), Duration::ZERO);
        assert_eq!(of([]).percentile(99), Duration::ZERO);
    }

    #[test]
    fn they_are_written_in_milliseconds() {
        assert_eq!(serde_json::to_string(&of([20, 5])).unwrap(), "[5.0,20.0]");
    }
}
