//! What the engine measures of each connection, read when metrics are scraped. Everything belongs to a connection that exists:
//! its numbers end with it.

pub mod durations;
pub mod gauges;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::Instant;

pub use self::{
    durations::Durations,
    gauges::{Gauge, Gauges, Series},
};
use super::{connect::ConnectionKey, keep::plan::Class};
use crate::dataiku::transport::{CallObserver, CallRecord};

/// Calls of one operation that ended in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ending {
    /// Method and path template.
    pub operation: &'static str,
    /// Status of the answer, such as `200`; for a call without a usable answer, what went wrong, such as `timeout`.
    pub code: &'static str,
    /// Whether the operation changes something.
    pub write: bool,
}

/// The last sweep that succeeded.
#[derive(Clone, Copy, Debug)]
pub struct Swept {
    /// How long it took.
    pub took: Duration,
    /// When it ended, by the wall clock.
    pub at: Timestamp,
    /// When it began, by the clock that never goes back.
    pub began: Instant,
}

#[derive(Default)]
struct Counts {
    calls: BTreeMap<Ending, u64>,
    durations: Durations,
    repaired: BTreeMap<&'static str, u64>,
    swept: Option<Swept>,
}

/// The counters of one connection. They outlive its transports and end with the connection.
#[derive(Default)]
pub struct Meters {
    counts: Mutex<Counts>,
    /// Numbers that the kinds supply.
    pub gauges: Gauges,
}

impl Meters {
    /// Notes a sweep that succeeded.
    pub fn swept(&self, swept: Swept) {
        self.counts().swept = Some(swept);
    }

    /// The last sweep that succeeded.
    pub fn last_sweep(&self) -> Option<Swept> {
        self.counts().swept
    }

    /// Counts a repair: the remote side was written for an object of this kind although nobody had edited the object.
    pub fn repaired(&self, kind: &'static str) {
        *self.counts().repaired.entry(kind).or_default() += 1;
    }

    /// Repairs so far, by kind.
    pub fn repairs(&self) -> BTreeMap<&'static str, u64> {
        self.counts().repaired.clone()
    }

    /// Calls so far, by how they ended. There are at most as many entries as operations times codes, whatever the remote
    /// side answers.
    pub fn calls(&self) -> BTreeMap<Ending, u64> {
        self.counts().calls.clone()
    }

    /// Durations of the calls that were sent.
    pub fn durations(&self) -> Durations {
        self.counts().durations.clone()
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CallObserver for Meters {
    fn called(&self, call: &CallRecord) {
        let ending = Ending {
            operation: call.operation,
            code: code(call),
            write: call.write,
        };
        let mut counts = self.counts();
        *counts.calls.entry(ending).or_default() += 1;
        if call.status.is_some() || !call.duration.is_zero() {
            counts.durations.observe(call.duration);
        }
    }
}

/// Statuses that have a label of their own. A server may send any number.
const STATUSES: [(u16, &str); 22] = [
    (200, "200"),
    (201, "201"),
    (202, "202"),
    (204, "204"),
    (301, "301"),
    (302, "302"),
    (304, "304"),
    (400, "400"),
    (401, "401"),
    (403, "403"),
    (404, "404"),
    (405, "405"),
    (409, "409"),
    (413, "413"),
    (415, "415"),
    (422, "422"),
    (429, "429"),
    (500, "500"),
    (501, "501"),
    (502, "502"),
    (503, "503"),
    (504, "504"),
];

fn code(call: &CallRecord) -> &'static str {
    match call.status {
        None => call.outcome,
        // The status says success, and the answer is none.
        Some(200..300) if call.outcome != "2xx" => call.outcome,
        Some(status) => {
            let known = STATUSES.iter().find(|(known, _)| *known == status);
            known.map_or(
                match status {
                    ..200 => "1xx",
                    200..300 => "2xx",
                    300..400 => "3xx",
                    400..500 => "4xx",
                    500.. => "5xx",
                },
                |(_, label)| label,
            )
        }
    }
}

/// Objects of one kind and class that wait for a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Their kind.
    pub kind: &'static str,
    /// How urgent their first write is.
    pub class: Class,
    /// How many there are.
    pub count: usize,
    /// How long the first of them has waited.
    pub oldest: Duration,
}

/// What a connection shows at one moment.
pub struct Reading {
    /// The connection.
    pub connection: ConnectionKey,
    /// Kinds whose objects may use it.
    pub kinds: Vec<&'static str>,
    /// Whether the breaker is open; `None`: nothing was called yet.
    pub open: Option<bool>,
    /// Changes that the mass-change brake holds.
    pub held: usize,
    /// What is left on the remote side and no object stands for; `None`: not known yet.
    pub orphans: Option<usize>,
    /// Objects that wait for a place.
    pub queued: Vec<Queued>,
    /// Its counters.
    pub meters: Arc<Meters>,
}

/// Connections of one kind.
pub trait Measured: Send + Sync {
    /// What every connection that exists shows now.
    fn readings(&self) -> Vec<Reading>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(status: Option<u16>, outcome: &'static str) -> CallRecord {
        CallRecord {
            operation: "GET /admin/users/{login}",
            product: "dss",
            outcome,
            status,
            duration: Duration::from_millis(20),
            write: false,
        }
    }

    #[test]
    fn a_server_that_answers_with_every_status_there_is_makes_few_codes() {
        let meters = Meters::default();
        for status in 100..1000 {
            let outcome = if (200..300).contains(&status) {
                "2xx"
            } else {
                "rejected"
            };
            meters.called(&call(Some(status), outcome));
        }
        let calls = meters.calls();
        assert_eq!(calls.values().sum::<u64>(), 900);
        assert_eq!(calls.len(), STATUSES.len() + 5);
    }

    #[test]
    fn a_success_whose_answer_is_none_does_not_count_as_one() {
        for (record, expected) in [
            (call(Some(200), "2xx"), "200"),
            (call(Some(200), "not_json"), "not_json"),
            (call(Some(404), "not_found"), "404"),
            (call(None, "timeout"), "timeout"),
        ] {
            assert_eq!(code(&record), expected);
        }
    }
}
