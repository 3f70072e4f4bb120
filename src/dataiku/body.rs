//! Reads the body of an answer within the budget of memory.

use reqwest::Response;
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use super::{
    answer::Fault,
    error::ErrorKind,
    memory::{Budget, Lease, UNIT},
};

/// Up to this size, in bytes, a buffer that grows leaves no copy behind. Answers about one object may hold secrets; lists,
/// which are longer, do not.
const WIPED: usize = 4 << 20;

/// A body, or a part of it. Overwritten when it is dropped, since it may hold secrets.
pub(super) struct Body {
    bytes: Zeroizing<Vec<u8>>,
    /// Bytes that arrived in all.
    arrived: usize,
    lease: Lease,
}

/// What reading a body may take.
#[derive(Clone, Copy)]
pub(super) struct BodyLimit {
    /// Longest body, in bytes.
    pub(super) bytes: usize,
    /// When reading, waits for memory included, is given up.
    pub(super) deadline: Instant,
}

impl Body {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The whole body.
    pub(super) async fn whole(
        response: &mut Response,
        budget: &std::sync::Arc<Budget>,
        limit: BodyLimit,
    ) -> Result<Self, Fault> {
        let mut body = Self::open(response, budget, limit).await?;
        while body.more(response, limit).await? {}
        Ok(body)
    }

    /// A body of which nothing was read yet.
    pub(super) async fn open(
        response: &Response,
        budget: &std::sync::Arc<Budget>,
        limit: BodyLimit,
    ) -> Result<Self, Fault> {
        let announced = response
            .content_length()
            .map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX));
        if announced > limit.bytes {
            return Err(too_large(limit));
        }
        let lease = in_time(budget.lease(), limit).await?;
        Ok(Self {
            // An announced length is a claim: memory follows the bytes that arrive.
            bytes: Zeroizing::new(Vec::with_capacity(announced.min(UNIT))),
            arrived: 0,
            lease,
        })
    }

    /// Reads on; false at the end. What was removed counts towards the limit as well.
    pub(super) async fn more(&mut self, response: &mut Response, limit: BodyLimit) -> Result<bool, Fault> {
        let Some(chunk) = response.chunk().await? else {
            return Ok(false);
        };
        self.arrived += chunk.len();
        if self.arrived > limit.bytes {
            return Err(too_large(limit));
        }
        self.reserve(chunk.len(), limit).await?;
        self.bytes.extend_from_slice(&chunk);
        Ok(true)
    }

    /// Removes bytes at the beginning.
    pub(super) fn remove(&mut self, count: usize) {
        self.bytes.drain(..count);
    }

    /// The beginning of an error body, at most one unit of memory. Read errors end it early, since the status is known.
    pub(super) async fn beginning(
        response: &mut Response,
        budget: &std::sync::Arc<Budget>,
        deadline: Instant,
    ) -> Result<Self, Fault> {
        let limit = BodyLimit { bytes: UNIT, deadline };
        let mut body = Self {
            bytes: Zeroizing::new(Vec::with_capacity(UNIT)),
            arrived: 0,
            lease: in_time(budget.lease(), limit).await?,
        };
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = UNIT - body.bytes.len();
            body.bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() >= room {
                break;
            }
        }
        Ok(body)
    }

    /// Grows the buffer by at least `more` bytes, once the budget allows it.
    async fn reserve(&mut self, more: usize, limit: BodyLimit) -> Result<(), Fault> {
        let (needed, capacity) = (self.bytes.len() + more, self.bytes.capacity());
        if needed <= capacity {
            return Ok(());
        }
        let target = (capacity + capacity / 2).min(limit.bytes).max(needed);
        in_time(self.lease.cover(target), limit).await?;
        if capacity < WIPED {
            let mut bytes = Zeroizing::new(Vec::with_capacity(target));
            bytes.extend_from_slice(&self.bytes);
            self.bytes = bytes;
        } else {
            let more = target - self.bytes.len();
            self.bytes.reserve_exact(more);
        }
        Ok(())
    }
}

fn too_large(limit: BodyLimit) -> Fault {
    Fault::new(ErrorKind::TooLarge, format!("more than {}", size(limit.bytes)))
}

/// Waits for memory until the deadline. Running out of time here does not count against the remote side.
async fn in_time<T>(wait: impl Future<Output = T>, limit: BodyLimit) -> Result<T, Fault> {
    let waited = timeout_at(limit.deadline, wait).await;
    waited.map_err(|_| Fault::ours(ErrorKind::Timeout, "no memory for the answer became free in time"))
}

/// A number of bytes in the largest unit that is exact.
pub(super) fn size(bytes: usize) -> String {
    const MIB: usize = 1 << 20;
    const KIB: usize = 1 << 10;
    if bytes.is_multiple_of(MIB) {
        format!("{} MiB", bytes / MIB)
    } else if bytes.is_multiple_of(KIB) {
        format!("{} KiB", bytes / KIB)
    } else {
        format!("{bytes} bytes")
    }
}
