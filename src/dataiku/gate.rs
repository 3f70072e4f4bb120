//! The gate of a connection, which every call passes: calls in flight, calls per second, the patience that the remote
//! side asked for, and the circuit breaker.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, sleep, sleep_until},
};

pub use super::breaker::Breaker;
use super::breaker::{Circuit, Health};

/// How urgent the calls of a pass are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Somebody edits or deletes and waits for it.
    Interactive,
    /// Drift repair. Leaves two slots free, so that the other lane overtakes.
    Repair,
    /// The slow lists of the inventory, one after the other. It takes no slot, so that they delay nothing else, but keeps to the
    /// rate and sends nothing while the circuit is open. Its failures say nothing of other calls.
    Inventory,
    /// The look at the whole remote side, one at a time. It waits for no slot and no rate, so that drift is found under
    /// any load, and it is the probe of an open circuit: whoever makes it paces it.
    Sweep,
}

/// A hold longer than this fails calls at once; a shorter one is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Slots that drift repair never takes.
const RESERVED: usize = 2;
/// Bounds of a wait that the remote side may ask for: absurd values are cut.
const SHORTEST_HOLD: Duration = Duration::from_secs(1);
const LONGEST_HOLD: Duration = Duration::from_mins(5);

/// What the remote side may be asked for at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls in flight at once; at least 1.
    pub concurrency: usize,
    /// Calls per second; at least 1.
    pub requests_per_second: u32,
    /// How long a call for a whole list may take, from sending to the last byte of the answer; at least 1 s. Calls for one
    /// object take at most 10 s.
    pub list_timeout: Duration,
    /// Longest list that is read, in bytes; at least 64 KiB, and at most 1 GiB. An answer about one object, and an element of a
    /// list, has at most 4 MiB.
    pub list_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrency: 8,
            requests_per_second: 50,
            list_timeout: Duration::from_mins(1),
            list_bytes: 64 << 20,
        }
    }
}

/// Why a call did not pass, and how long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closed {
    /// The remote side asked for patience.
    Held(Duration),
    /// The circuit is open.
    Open(Duration),
}

/// A call's right to be in flight.
pub(super) struct Pass<'a> {
    _lane: Option<SemaphorePermit<'a>>,
    _slot: Option<SemaphorePermit<'a>>,
}

pub(super) struct Gate {
    slots: Semaphore,
    repair: Semaphore,
    /// Time between two calls at the full rate.
    spacing: Duration,
    /// How far the calls may run ahead of that rate: a tenth of a second's worth, so that short passes need not wait.
    slack: Duration,
    state: Mutex<State>,
}

struct State {
    circuit: Circuit,
    /// When the calls admitted so far would be over at the full rate.
    spent_until: Instant,
    held_until: Option<Instant>,
}

/// A wait within the bounds that are honoured.
pub(super) fn bounded_hold(wait: Duration) -> Duration {
    wait.clamp(SHORTEST_HOLD, LONGEST_HOLD)
}

impl Gate {
    pub(super) fn new(limits: Limits) -> Self {
        let slots = limits.concurrency.clamp(1, Semaphore::MAX_PERMITS);
        let spacing = Duration::from_secs(1) / limits.requests_per_second.max(1);
        Self {
            slots: Semaphore::new(slots),
            repair: Semaphore::new(slots.saturating_sub(RESERVED).max(1)),
            spacing,
            slack: Duration::from_millis(100).saturating_sub(spacing),
            state: Mutex::new(State {
                circuit: Circuit::default(),
                spent_until: Instant::now(),
                held_until: None,
            }),
        }
    }

    /// Waits for the call's turn. Fails at once where waiting is no use.
    pub(super) async fn enter(&self, lane: Lane) -> Result<Pass<'_>, Closed> {
        if lane == Lane::Sweep {
            return self.enter_at_once().await;
        }
        self.refuse_early()?;
        let lane_permit = match lane {
            Lane::Repair => Some(permit(&self.repair).await),
            Lane::Interactive | Lane::Inventory | Lane::Sweep => None,
        };
        let pass = Pass {
            _lane: lane_permit,
            _slot: if lane == Lane::Inventory {
                None
            } else {
                Some(permit(&self.slots).await)
            },
        };
        self.refuse_early()?;
        let now = Instant::now();
        let turn = self.take_turn(now);
        // A timer fires a millisecond late even if its time has come, and an edit makes three calls.
        if turn > now {
            sleep_until(turn).await;
        }
        while let Some(wait) = self.held()? {
            sleep(wait).await;
        }
        self.refuse_early()?;
        Ok(pass)
    }

    /// Past slots, rate and circuit; not past the patience that the remote side asked for.
    async fn enter_at_once(&self) -> Result<Pass<'_>, Closed> {
        while let Some(wait) = self.held()? {
            sleep(wait).await;
        }
        self.take_turn(Instant::now());
        Ok(Pass {
            _lane: None,
            _slot: None,
        })
    }

    pub(super) fn record(&self, health: Health) {
        self.state().circuit.record(health);
    }

    /// Holds all calls for a time.
    pub(super) fn hold(&self, wait: Duration) {
        let until = Instant::now() + bounded_hold(wait);
        let mut state = self.state();
        state.held_until = state.held_until.max(Some(until));
    }

    pub(super) fn breaker(&self) -> Breaker {
        self.state().circuit.state()
    }

    fn refuse_early(&self) -> Result<(), Closed> {
        let refusal = self.state().circuit.refusal();
        match refusal {
            Some(wait) => Err(Closed::Open(wait)),
            None => self.held().map(|_| ()),
        }
    }

    /// What is left of a hold that is worth waiting for.
    fn held(&self) -> Result<Option<Duration>, Closed> {
        let left = self
            .state()
            .held_until
            .map(|until| until.saturating_duration_since(Instant::now()));
        match left.filter(|left| !left.is_zero()) {
            Some(left) if left > PATIENCE => Err(Closed::Held(left)),
            left => Ok(left),
        }
    }

    fn take_turn(&self, now: Instant) -> Instant {
        let mut state = self.state();
        let turn = state
            .spent_until
            .checked_sub(self.slack)
            .map_or(now, |turn| turn.max(now));
        state.spent_until = state.spent_until.max(now) + self.spacing;
        turn
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn permit(semaphore: &Semaphore) -> SemaphorePermit<'_> {
    semaphore
        .acquire()
        .await
        .expect("the semaphores of a gate are never closed")
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
