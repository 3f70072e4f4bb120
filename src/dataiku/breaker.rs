//! The circuit breaker of a connection: a dead instance costs one probe now and then, not a timeout per object.

use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row that open the circuit.
pub(super) const THRESHOLD: u32 = 5;
/// Time between probes while it is open.
pub(super) const PROBE_INTERVAL: Duration = Duration::from_secs(30);

/// Whether calls go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breaker {
    /// They do.
    Closed,
    /// Only a probe does, now and then.
    Open,
}

/// What a call says about the health of the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    /// It answered.
    Alive,
    /// It did not, or only a gateway before it did.
    Failing,
    /// It answered that it could not do this, which may lie in the request.
    Unclear,
}

/// State of the breaker. Time is an argument.
#[derive(Default)]
pub(super) struct Circuit {
    failures: u32,
    next_probe: Option<Instant>,
}

impl Circuit {
    pub(super) fn state(&self) -> Breaker {
        if self.next_probe.is_some() {
            Breaker::Open
        } else {
            Breaker::Closed
        }
    }

    /// Time to the next probe, while a call now would be refused.
    pub(super) fn refusal(&self, now: Instant) -> Option<Duration> {
        self.next_probe
            .map(|next| next.saturating_duration_since(now))
            .filter(|wait| !wait.is_zero())
    }

    /// Admits a call, or says when the next probe is due. An admitted probe moves the next one on at once, so that a
    /// probe that is cancelled does not leave the circuit waiting for its result.
    pub(super) fn admit(&mut self, now: Instant) -> Result<(), Duration> {
        if let Some(wait) = self.refusal(now) {
            return Err(wait);
        }
        if let Some(next) = &mut self.next_probe {
            *next = now + PROBE_INTERVAL;
        }
        Ok(())
    }

    pub(super) fn record(&mut self, health: Health, now: Instant) {
        match health {
            Health::Alive => *self = Self::default(),
            Health::Failing => {
                self.failures = self.failures.saturating_add(1);
                if self.failures >= THRESHOLD && self.next_probe.is_none() {
                    self.next_probe = Some(now + PROBE_INTERVAL);
                }
            }
            Health::Unclear => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Breaker, Circuit, Health, PROBE_INTERVAL, THRESHOLD};

    fn failed(times: u32, now: Instant) -> Circuit {
        let mut circuit = Circuit::default();
        for _ in 0..times {
            circuit.record(Health::Failing, now);
        }
        circuit
    }

    #[test]
    fn the_fifth_failure_in_a_row_opens_and_a_success_between_starts_over() {
        let now = Instant::now();
        assert_eq!(failed(THRESHOLD - 1, now).state(), Breaker::Closed);
        assert_eq!(failed(THRESHOLD, now).state(), Breaker::Open);
        let mut circuit = failed(THRESHOLD - 1, now);
        circuit.record(Health::Alive, now);
        circuit.record(Health::Failing, now);
        assert_eq!(circuit.state(), Breaker::Closed);
    }

    #[test]
    fn an_open_circuit_lets_one_probe_out_per_interval_and_closes_on_one_success() {
        let start = Instant::now();
        let mut circuit = failed(THRESHOLD, start);
        assert_eq!(
            circuit.admit(start + Duration::from_secs(1)),
            Err(Duration::from_secs(29))
        );
        let probe = start + PROBE_INTERVAL;
        assert_eq!(circuit.admit(probe), Ok(()));
        assert_eq!(
            circuit.admit(probe),
            Err(PROBE_INTERVAL),
            "the second caller at the same moment waits"
        );
        circuit.record(Health::Failing, probe);
        assert_eq!(circuit.state(), Breaker::Open);
        assert_eq!(circuit.admit(probe + PROBE_INTERVAL), Ok(()));
        circuit.record(Health::Alive, probe + PROBE_INTERVAL);
        assert_eq!(circuit.state(), Breaker::Closed);
        assert_eq!(circuit.admit(probe + PROBE_INTERVAL), Ok(()));
    }

    #[test]
    fn an_unclear_answer_neither_opens_nor_closes() {
        let now = Instant::now();
        let mut circuit = failed(THRESHOLD - 1, now);
        circuit.record(Health::Unclear, now);
        assert_eq!(circuit.state(), Breaker::Closed);
        circuit.record(Health::Failing, now);
        circuit.record(Health::Unclear, now);
        assert_eq!(circuit.state(), Breaker::Open);
    }
}
