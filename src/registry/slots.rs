//! How many passes may be at work on one connection, and how many may wait for it.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

use crate::engine::error::Error;

/// Passes that may wait for one connection: half of those that one kind runs at once, so that a connection that is slow
/// leaves the other half to the others.
const WAITING: usize = 512;
/// Slots that drift repair never takes.
const RESERVED: usize = 2;

/// The slots of one connection.
pub struct Slots {
    working: Arc<Semaphore>,
    repairing: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Slots {
    /// As many as calls may be in flight: a pass makes one call at a time.
    pub fn new(concurrency: usize) -> Self {
        let concurrency = concurrency.max(1);
        Self {
            working: Arc::new(Semaphore::new(concurrency)),
            repairing: Arc::new(Semaphore::new(concurrency.saturating_sub(RESERVED).max(1))),
            waiting: Arc::new(Semaphore::new(WAITING)),
        }
    }

    /// A slot, in turn. Drift repair leaves some for edits and deletions.
    ///
    /// # Errors
    /// `Busy`: too many wait already.
    pub async fn enter(&self, repair: bool) -> Result<Vec<OwnedSemaphorePermit>, Error> {
        let _waiting = match self.waiting.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => {
                return Err(Error::Busy("many objects wait for this connection".into()));
            }
        };
        let mut permits = Vec::new();
        if repair {
            permits.push(acquire(&self.repairing).await?);
        }
        permits.push(acquire(&self.working).await?);
        Ok(permits)
    }
}

async fn acquire(semaphore: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Error> {
    let acquired = semaphore.clone().acquire_owned().await;
    acquired.map_err(|_| Error::Internal("the slots of a connection were closed".into()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn repair_leaves_slots_for_edits() {
        let slots = Slots::new(3);
        let _repairing = slots.enter(true).await.unwrap();
        let second = tokio::time::timeout(Duration::from_millis(20), slots.enter(true)).await;
        assert!(second.is_err(), "one repair at a time");
        let _edit = slots.enter(false).await.unwrap();
        let _another = slots.enter(false).await.unwrap();
    }

    #[tokio::test]
    async fn too_many_are_sent_away_instead_of_waiting() {
        let slots = Arc::new(Slots::new(1));
        let _working = slots.enter(false).await.unwrap();
        let waiting: Vec<_> = (0..WAITING)
            .map(|_| {
                let slots = slots.clone();
                tokio::spawn(async move { slots.enter(false).await.is_ok() })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(matches!(slots.enter(false).await, Err(Error::Busy(_))));
        waiting.iter().for_each(tokio::task::JoinHandle::abort);
    }
}
