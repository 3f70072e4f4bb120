//! The remote side's own audit trail: what the operator wrote, reported after the writes and in batches. No reconcile waits for
//! a report, and a report that fails costs nothing but itself: the log and the Events have every write.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Serialize;
use tokio::time::Instant;

use super::{ConnectionKind, Connections, Live, kind::Api};
use crate::{
    dataiku::{error::ErrorKind, gate::Lane},
    engine::permit::{Fence, report_permit},
};

/// Time between two reports of a connection, and between a write and its report.
const INTERVAL: Duration = Duration::from_secs(10);
/// How long nothing is reported to a remote side that does not take reports.
const ABSENT: Duration = Duration::from_hours(24);
/// Writes that may wait, and their size in bytes; further ones are counted.
const MOST_WAITING: usize = 500;
const MOST_BYTES: usize = 256 << 10;

/// One write, as the remote side's audit trail shows it. No secret value is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Written {
    /// Kind of the object.
    pub kind: &'static str,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Key of the remote object, such as a login.
    pub remote: String,
    /// What was done, in one word: the reason of the Event.
    pub change: &'static str,
    /// What was done, in the sentences of the Event.
    pub steps: Vec<String>,
    /// When, in milliseconds since the epoch.
    pub time: i64,
}

impl Written {
    fn bytes(&self) -> usize {
        let texts = [&self.namespace, &self.name, &self.remote]
            .into_iter()
            .chain(&self.steps);
        texts.map(String::len).sum()
    }
}

/// The writes of one report.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Batch {
    /// The writes, in their order.
    pub writes: Vec<Written>,
    /// Further writes, which are only counted.
    #[serde(skip_serializing_if = "is_none")]
    pub left_out: usize,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_none(count: &usize) -> bool {
    *count == 0
}

/// Whether a report may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reportable {
    /// It may.
    Now,
    /// Not while the connection is frozen.
    Later,
    /// It is not wanted any more, or the connection is another one.
    Never,
}

#[derive(Default)]
struct Queue {
    batch: Batch,
    bytes: usize,
    /// Whether a task is sending.
    sending: bool,
    /// The remote side takes no reports before this.
    absent_until: Option<Instant>,
}

/// Writes of one connection that are not reported yet.
#[derive(Default)]
pub struct Trail(Mutex<Queue>);

impl Trail {
    /// Takes in a write; whether somebody has to start sending.
    fn add(&self, written: Written) -> bool {
        let mut queue = self.queue();
        if queue.absent_until.is_some_and(|until| until > Instant::now()) {
            return false;
        }
        let bytes = queue.bytes + written.bytes();
        if queue.batch.writes.len() < MOST_WAITING && bytes <= MOST_BYTES {
            queue.bytes = bytes;
            queue.batch.writes.push(written);
        } else {
            queue.batch.left_out += 1;
        }
        !std::mem::replace(&mut queue.sending, true)
    }

    /// The writes that wait; `None`: none, and the sender ends.
    fn take(&self) -> Option<Batch> {
        let mut queue = self.queue();
        queue.bytes = 0;
        let batch = std::mem::take(&mut queue.batch);
        queue.sending = batch != Batch::default();
        queue.sending.then_some(batch)
    }

    /// Forgets what waits, and takes nothing for a while: the remote side takes no reports.
    fn absent(&self) {
        let mut queue = self.queue();
        queue.batch = Batch::default();
        queue.bytes = 0;
        queue.absent_until = Some(Instant::now() + ABSENT);
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reports a write through this connection, in the background.
pub fn report<C: ConnectionKind>(
    connections: &Arc<Connections<C>>,
    live: &Arc<Live<C>>,
    fence: &Arc<dyn Fence>,
    written: Written,
) {
    let trail = connections.trail(&live.key);
    if trail.add(written) {
        tokio::spawn(send(trail, connections.clone(), live.clone(), fence.clone()));
    }
}

/// Sends what waits, once in an interval, until nothing does.
async fn send<C: ConnectionKind>(
    trail: Arc<Trail>,
    connections: Arc<Connections<C>>,
    live: Arc<Live<C>>,
    fence: Arc<dyn Fence>,
) {
    loop {
        tokio::time::sleep(INTERVAL).await;
        // The connection may have been replaced, as by a rotated key.
        let live = connections.live(&live.key).unwrap_or_else(|| live.clone());
        match connections.may_report(&live) {
            Reportable::Later if fence.holds() => continue,
            Reportable::Now | Reportable::Later | Reportable::Never => {}
        }
        let Some(batch) = trail.take() else { return };
        let (watched, through, fence) = (connections.clone(), live.clone(), fence.clone());
        let permit = report_permit(fence, move || watched.may_report(&through) == Reportable::Now);
        let Err(error) = live.api.in_lane(Lane::Inventory).report(permit, &batch).await else {
            continue;
        };
        if error.kind == ErrorKind::NotFound || matches!(error.status, Some(404 | 405 | 501)) {
            tracing::info!(connection = %live.key, "the remote side takes no entries for its audit trail; the next attempt is in a day");
            trail.absent();
        } else {
            let writes = batch.writes.len() + batch.left_out;
            tracing::warn!(connection = %live.key, %error, writes, "writes are not in the audit trail of the remote side");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(steps: &str) -> Written {
        Written {
            kind: "DssUser",
            namespace: "team".into(),
            name: "jane".into(),
            remote: "jane".into(),
            change: "Updated",
            steps: vec![steps.to_owned()],
            time: 0,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_is_bounded_and_what_finds_no_place_is_counted() {
        let trail = Trail::default();
        assert!(trail.add(written("one")), "the first write starts a sender");
        for _ in 1..MOST_WAITING + 7 {
            assert!(!trail.add(written("one")));
        }
        let batch = trail.take().unwrap();
        assert_eq!((batch.writes.len(), batch.left_out), (MOST_WAITING, 7));
        assert_eq!(trail.take(), None);
        assert!(trail.add(written(&"x".repeat(MOST_BYTES))));
        let batch = trail.take().unwrap();
        assert_eq!((batch.writes.len(), batch.left_out), (0, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_remote_side_without_the_call_is_asked_again_after_a_day() {
        let trail = Trail::default();
        assert!(trail.add(written("one")));
        assert!(trail.take().is_some());
        trail.absent();
        assert_eq!(trail.take(), None);
        assert!(!trail.add(written("two")));
        assert_eq!(trail.take(), None);
        tokio::time::advance(ABSENT).await;
        assert!(trail.add(written("three")));
    }
}
