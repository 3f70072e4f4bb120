//! What an instance was asked: exact counts, and the newest calls without bodies and credentials.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

const NEWEST: usize = 10_000;

/// One call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The place in the order of arrival, from 1.
    pub seq: u64,
    /// When it came: milliseconds since 1970 by the clock of the instance.
    pub at: u64,
    /// The id of the contract sheet, or `unknown`.
    pub operation: String,
    /// The verb.
    pub method: String,
    /// The path as it came.
    pub path: String,
    /// The query as it came.
    pub query: String,
    /// The status of the answer; 0 while there is none, and for ever when the connection was cut.
    pub status: u16,
    /// Whether the operation changes the state.
    pub writes: bool,
    /// Whom the caller asked to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_user: Option<String>,
    /// The kinds of fault that this call met.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// All calls since the start or the last reset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Requests {
    /// Calls that reached routing.
    pub total: u64,
    /// Those of operations that change the state.
    pub writes: u64,
    /// The most calls that were under way at one time: arrived, and neither answered nor given up by the client.
    pub peak: u64,
    /// Calls by operation.
    pub counts: BTreeMap<String, u64>,
    /// The newest 10,000 calls, oldest first.
    pub log: Vec<Entry>,
}

/// The counters and the ring.
#[derive(Debug, Default)]
pub(crate) struct Log {
    total: u64,
    writes: u64,
    under_way: u64,
    peak: u64,
    counts: BTreeMap<String, u64>,
    ring: VecDeque<Entry>,
    last: u64,
}

impl Log {
    /// Notes an arrival and gives it its number.
    pub fn arrive(&mut self, mut entry: Entry, writes: bool) -> u64 {
        self.last += 1;
        self.total += 1;
        self.under_way += 1;
        self.peak = self.peak.max(self.under_way);
        self.writes += u64::from(writes);
        *self.counts.entry(entry.operation.clone()).or_default() += 1;
        entry.seq = self.last;
        entry.writes = writes;
        if self.ring.len() == NEWEST {
            self.ring.pop_front();
        }
        self.ring.push_back(entry);
        self.last
    }

    /// Notes that a call is no longer under way.
    pub fn leave(&mut self) {
        self.under_way -= 1;
    }

    /// Notes the status of an answer.
    pub fn answer(&mut self, seq: u64, status: u16) {
        // Numbers in the ring are consecutive, so the place is a difference.
        let Some(first) = self.ring.front().map(|entry| entry.seq) else {
            return;
        };
        let place = seq.checked_sub(first).and_then(|place| usize::try_from(place).ok());
        if let Some(entry) = place.and_then(|place| self.ring.get_mut(place)) {
            entry.status = status;
        }
    }

    /// A copy, with or without the ring.
    pub fn requests(&self, with_log: bool) -> Requests {
        let log = if with_log {
            self.ring.iter().cloned().collect()
        } else {
            Vec::new()
        };
        Requests {
            total: self.total,
            writes: self.writes,
            peak: self.peak,
            counts: self.counts.clone(),
            log,
        }
    }

    /// Calls of one operation.
    pub fn count(&self, operation: &str) -> u64 {
        self.counts.get(operation).copied().unwrap_or_default()
    }

    /// All calls.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Calls of operations that change the state.
    pub fn writes(&self) -> u64 {
        self.writes
    }

    /// Forgets everything but what is under way; numbers go on.
    pub fn reset(&mut self) {
        *self = Self {
            last: self.last,
            under_way: self.under_way,
            peak: self.under_way,
            ..Self::default()
        };
    }
}
