//! How many passes may be at work on one connection, and how many may wait for it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::engine::error::Error;

/// Passes that one connection may hold up, at work or waiting: a part of those that a kind runs at once, so that some
/// connections that are slow leave room for the others.
pub const SHARE: usize = 128;
/// Passes that may wait, whatever the number of slots: enough that none stays empty. People who declare more slots than
/// the share has passes get them.
const LEAST_WAITING: usize = 32;
/// Slots that drift repair never takes.
const RESERVED: usize = 2;

/// First turn of those that are sent away, and the last that is given. By the last, the pace is a guess.
const FIRST_TURN: Duration = Duration::from_secs(2);
const LAST_TURN: Duration = Duration::from_mins(5);
/// Time between two passes that get a slot, before it is known. Short: too many that come are sent away again with what
/// is known by then, too few would leave slots empty.
const QUICK: Duration = Duration::from_millis(2);

/// The slots of one connection.
pub struct Slots {
    working: Arc<Semaphore>,
    repairing: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    pace: Mutex<Pace>,
}

/// How quickly those that wait get slots, and up to when turns are given away.
struct Pace {
    between: Duration,
    last: Instant,
    booked: Instant,
}

impl Pace {
    fn new(now: Instant) -> Self {
        Self {
            between: QUICK,
            last: now,
            booked: now,
        }
    }

    /// A pass got a slot. One that had to wait for it tells the pace.
    fn admitted(&mut self, waited: bool, now: Instant) {
        let passed = now.saturating_duration_since(self.last).min(Duration::from_secs(1));
        if waited {
            self.between = (self.between * 15 + passed) / 16;
        }
        self.last = now;
    }

    /// The turn of a pass that is sent away: after all that were sent away before it.
    fn turn(&mut self, now: Instant) -> Duration {
        self.booked = self.booked.max(now + FIRST_TURN) + self.between;
        self.booked.saturating_duration_since(now).min(LAST_TURN)
    }
}

impl Slots {
    /// As many as calls may be in flight: a pass makes one call at a time.
    pub fn new(concurrency: usize) -> Self {
        let concurrency = concurrency.max(1);
        Self {
            working: Arc::new(Semaphore::new(concurrency)),
            repairing: Arc::new(Semaphore::new(concurrency.saturating_sub(RESERVED).max(1))),
            waiting: Arc::new(Semaphore::new(waiting(concurrency))),
            pace: Mutex::new(Pace::new(Instant::now())),
        }
    }

    /// A slot, in turn. Drift repair leaves some for edits and deletions.
    ///
    /// # Errors
    /// `Busy`: too many wait already.
    pub async fn enter(&self, repair: bool) -> Result<Vec<OwnedSemaphorePermit>, Error> {
        let _waiting = self.queue()?;
        let mut permits = Vec::new();
        if repair {
            permits.push(acquire(&self.repairing).await?);
        }
        let waits = self.working.available_permits() == 0;
        permits.push(acquire(&self.working).await?);
        self.pace(|pace, now| pace.admitted(waits, now));
        Ok(permits)
    }

    /// A place among those that wait, for a pass that waits for others of its kind and hardly calls by itself.
    ///
    /// # Errors
    /// `Busy`: too many wait already.
    pub fn queue(&self) -> Result<OwnedSemaphorePermit, Error> {
        self.waiting.clone().try_acquire_owned().map_err(|_| Error::Busy {
            message: "many objects wait for this connection".into(),
            turn: self.pace(Pace::turn),
        })
    }

    fn pace<T>(&self, with: impl FnOnce(&mut Pace, Instant) -> T) -> T {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        with(&mut pace, Instant::now())
    }
}

/// How many may wait beside this many at work.
fn waiting(concurrency: usize) -> usize {
    SHARE.saturating_sub(concurrency).max(LEAST_WAITING)
}

async fn acquire(semaphore: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Error> {
    let acquired = semaphore.clone().acquire_owned().await;
    acquired.map_err(|_| Error::Internal("the slots of a connection were closed".into()))
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_connection_that_is_slow_leaves_room_for_others() {
        // From the fewest slots to the most that the schema lets people declare.
        for (concurrency, held_up) in [(1, 128), (8, 128), (64, 128), (96, 128), (97, 129), (256, 288)] {
            assert_eq!(concurrency + waiting(concurrency), held_up, "{concurrency}");
        }
    }

    #[tokio::test]
    async fn too_many_are_sent_away_instead_of_waiting() {
        let slots = Arc::new(Slots::new(1));
        let _working = slots.enter(false).await.unwrap();
        let waiting: Vec<_> = (0..waiting(1))
            .map(|_| {
                let slots = slots.clone();
                tokio::spawn(async move { slots.enter(false).await.is_ok() })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(matches!(slots.enter(false).await, Err(Error::Busy { .. })));
        waiting.iter().for_each(tokio::task::JoinHandle::abort);
    }

    #[test]
    fn those_that_are_sent_away_come_back_one_by_one_at_the_pace_of_the_slots() {
        let began = Instant::now();
        let mut pace = Pace::new(began);
        for n in 1..200 {
            pace.admitted(true, began + Duration::from_millis(100) * n);
        }
        let now = began + Duration::from_secs(20);
        let turns: Vec<_> = (0..100).map(|_| pace.turn(now)).collect();
        let between = turns[1].saturating_sub(turns[0]);
        assert!(
            between > Duration::from_millis(95) && between < Duration::from_millis(105),
            "{between:?}"
        );
        assert!(turns[0] > FIRST_TURN && turns[99] < FIRST_TURN + Duration::from_secs(11));
        assert!((0..10_000).map(|_| pace.turn(now)).all(|turn| turn <= LAST_TURN));
    }

    #[test]
    fn a_slot_that_was_free_tells_no_pace() {
        let began = Instant::now();
        let mut pace = Pace::new(began);
        pace.admitted(false, began + Duration::from_mins(1));
        assert_eq!(pace.between, QUICK);
    }
}
