//! Reads the body of an answer within the budget of memory.

use bytes::Bytes;
use reqwest::Response;
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use super::{
    answer::Fault,
    error::ErrorKind,
    memory::{Lease, Share, UNIT},
};

/// Longest beginning of an error body that is read, in bytes.
pub(super) const ERROR_BYTES: usize = 64 << 10;
/// Bytes that are appended at a time, so that a list of small elements needs a small buffer.
const PIECE: usize = 8 << 10;

/// Up to this size, in bytes, a buffer that grows leaves no copy behind. Answers about one object may hold secrets; lists,
/// which are longer, do not.
const WIPED: usize = 4 << 20;

/// A body, or a part of it. Overwritten when it is dropped, since it may hold secrets.
pub(super) struct Body {
    bytes: Zeroizing<Vec<u8>>,
    /// Bytes that arrived in all.
    arrived: usize,
    /// What arrived and was not appended yet.
    chunk: Bytes,
    /// Most bytes in the buffer.
    longest: usize,
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
    pub(super) async fn whole(response: &mut Response, memory: &Share, limit: BodyLimit) -> Result<Self, Fault> {
        let mut body = Self::open(response, memory, limit).await?;
        while body.more(response, limit).await? {}
        Ok(body)
    }

    /// A body of which nothing was read yet.
    pub(super) async fn open(response: &Response, memory: &Share, limit: BodyLimit) -> Result<Self, Fault> {
        let announced = response
            .content_length()
            .map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX));
        if announced > limit.bytes {
            return Err(too_large(limit));
        }
        // An announced length is a claim: memory follows the bytes that arrive.
        Self::empty(announced.min(UNIT), memory, limit).await
    }

    async fn empty(capacity: usize, memory: &Share, limit: BodyLimit) -> Result<Self, Fault> {
        let lease = in_time(memory.lease(), limit).await?;
        Ok(Self {
            bytes: Zeroizing::new(Vec::with_capacity(capacity)),
            arrived: 0,
            chunk: Bytes::new(),
            longest: memory.longest(),
            lease,
        })
    }

    /// Reads on; false at the end. What was removed counts towards the limit as well.
    pub(super) async fn more(&mut self, response: &mut Response, limit: BodyLimit) -> Result<bool, Fault> {
        if self.chunk.is_empty() {
            let Some(chunk) = response.chunk().await? else {
                return Ok(false);
            };
            self.arrived += chunk.len();
            if self.arrived > limit.bytes {
                return Err(too_large(limit));
            }
            self.chunk = chunk;
        }
        let piece = self.chunk.split_to(self.chunk.len().min(PIECE));
        self.reserve(piece.len(), limit).await?;
        self.bytes.extend_from_slice(&piece);
        Ok(true)
    }

    /// Removes bytes at the beginning.
    pub(super) fn remove(&mut self, count: usize) {
        self.bytes.drain(..count);
    }

    /// The beginning of a body that is an error, at most [`ERROR_BYTES`]. Read errors, and a lack of memory for more, end it early,
    /// since the status is known.
    pub(super) async fn beginning(response: &mut Response, memory: &Share, deadline: Instant) -> Result<Self, Fault> {
        let limit = BodyLimit {
            bytes: ERROR_BYTES,
            deadline,
        };
        let mut body = Self::empty(0, memory, limit).await?;
        body.read_on(response, limit).await;
        Ok(body)
    }

    /// Reads until the buffer has as many bytes as `limit` says.
    pub(super) async fn read_on(&mut self, response: &mut Response, limit: BodyLimit) {
        loop {
            let missing = limit.bytes.saturating_sub(self.bytes.len());
            let piece = self.chunk.split_to(self.chunk.len().min(missing));
            if self.reserve(piece.len(), limit).await.is_err() {
                return;
            }
            self.bytes.extend_from_slice(&piece);
            if self.bytes.len() >= limit.bytes {
                return;
            }
            match response.chunk().await {
                Ok(Some(chunk)) => self.chunk = chunk,
                Ok(None) | Err(_) => return,
            }
        }
    }

    /// Grows the buffer by at least `more` bytes, once the budget allows it.
    async fn reserve(&mut self, more: usize, limit: BodyLimit) -> Result<(), Fault> {
        let (needed, capacity) = (self.bytes.len() + more, self.bytes.capacity());
        if needed <= capacity {
            return Ok(());
        }
        if needed > self.longest {
            return Err(too_large(BodyLimit {
                bytes: self.longest,
                ..limit
            }));
        }
        let most = limit.bytes.min(self.longest);
        let target = (capacity + capacity / 2).min(most).max(needed);
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
pub(super) async fn in_time<T>(wait: impl Future<Output = T>, limit: BodyLimit) -> Result<T, Fault> {
    let waited = timeout_at(limit.deadline, wait).await;
    waited.map_err(|_| out_of_time())
}

/// No memory became free within the time of the call.
pub(super) fn out_of_time() -> Fault {
    Fault::ours(ErrorKind::NoMemory, "none became free in time")
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
