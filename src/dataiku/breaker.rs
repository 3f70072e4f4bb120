//! The circuit breaker of a connection: a dead instance costs the sweep's probe now and then, not a timeout per object.

use std::time::Duration;

/// Failures in a row that open the circuit.
pub(super) const THRESHOLD: u32 = 5;
/// What a refused call is told to wait: the sweep, which probes, backs off up to twice this.
pub(super) const REFUSED_FOR: Duration = Duration::from_secs(15);

/// Whether calls go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breaker {
    /// They do.
    Closed,
    /// Only the sweep's do.
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

/// State of the breaker. It opens after failures in a row and closes on one success, which only a call that passes an
/// open circuit can have: the sweep.
#[derive(Default)]
pub(super) struct Circuit {
    failures: u32,
}

impl Circuit {
    pub(super) fn state(&self) -> Breaker {
        if self.failures >= THRESHOLD {
            Breaker::Open
        } else {
            Breaker::Closed
        }
    }

    /// What a call is told to wait that does not pass.
    pub(super) fn refusal(&self) -> Option<Duration> {
        (self.state() == Breaker::Open).then_some(REFUSED_FOR)
    }

    pub(super) fn record(&mut self, health: Health) {
        match health {
            Health::Alive => self.failures = 0,
            Health::Failing => self.failures = self.failures.saturating_add(1),
            Health::Unclear => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Breaker, Circuit, Health, REFUSED_FOR, THRESHOLD};

    fn failed(times: u32) -> Circuit {
        let mut circuit = Circuit::default();
        for _ in 0..times {
            circuit.record(Health::Failing);
        }
        circuit
    }

    #[test]
    fn the_fifth_failure_in_a_row_opens_and_a_success_between_starts_over() {
        assert_eq!(failed(THRESHOLD - 1).state(), Breaker::Closed);
        assert_eq!(failed(THRESHOLD).state(), Breaker::Open);
        let mut circuit = failed(THRESHOLD - 1);
        circuit.record(Health::Alive);
        circuit.record(Health::Failing);
        assert_eq!(circuit.state(), Breaker::Closed);
    }

    #[test]
    fn an_open_circuit_refuses_until_one_success() {
        let mut circuit = failed(THRESHOLD + 3);
        assert_eq!(circuit.refusal(), Some(REFUSED_FOR));
        circuit.record(Health::Alive);
        assert_eq!((circuit.state(), circuit.refusal()), (Breaker::Closed, None));
    }

    #[test]
    fn an_unclear_answer_neither_opens_nor_closes() {
        let mut circuit = failed(THRESHOLD - 1);
        circuit.record(Health::Unclear);
        assert_eq!(circuit.state(), Breaker::Closed);
        circuit.record(Health::Failing);
        circuit.record(Health::Unclear);
        assert_eq!(circuit.state(), Breaker::Open);
    }
}
