//! The memory budget for response bodies, shared by all connections of the process.
//!
//! # Scheme
//! A body leases memory in units of 16 KiB as it arrives, and never for a length that is only announced. There are three
//! pools:
//! - *first*: the first unit of each body. Answers about one object rarely need more, and lists are decoded while they arrive, so
//!   bodies that wait do not block them. One connection has at most [`MOST_BODIES`] of them.
//! - *shared*: all further units, first come, first served.
//! - *large*: one lease that covers the longest body. A body that finds the shared pool exhausted waits for this lease or
//!   for shared units, whichever is available first.
//!
//! # Guarantees
//! - No deadlock: a body holds nothing while it waits for its first unit, and the holder of the large lease never waits
//!   again.
//! - Every wait ends with the deadline of its call, and so does every lease.
//!
//! # Caveats
//! The budget covers bodies, not the values that they decode to (see `list_memory` and `shape`), nor the buffers of the HTTP
//! client. Slow senders of large elements can hold the large lease for the time of a list each; other large elements wait
//! meanwhile.

use std::sync::{Arc, LazyLock};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::list_memory::{Account, ListBudget};

/// Memory is leased in such units, in bytes.
pub(super) const UNIT: usize = 16 << 10;
/// Budget of the process, in bytes.
const TOTAL: usize = 48 << 20;
/// Most bodies of one connection that arrive at once.
const MOST_BODIES: usize = 64;

static PROCESS: LazyLock<Budgets> = LazyLock::new(|| Budgets {
    bodies: Arc::new(Budget::new(TOTAL)),
    lists: Arc::new(ListBudget::of_process()),
});

/// Memory that all connections share.
#[derive(Clone)]
pub(super) struct Budgets {
    pub(super) bodies: Arc<Budget>,
    pub(super) lists: Arc<ListBudget>,
}

impl Budgets {
    /// The budgets of this process.
    pub(super) fn of_process() -> Self {
        PROCESS.clone()
    }
}

/// What one connection may take of it.
pub(super) struct Share {
    bodies: Arc<Budget>,
    own: Arc<Semaphore>,
    pub(super) lists: Arc<Account>,
}

impl Share {
    pub(super) fn new(budgets: Budgets) -> Self {
        Self {
            bodies: budgets.bodies,
            own: Arc::new(Semaphore::new(MOST_BODIES)),
            lists: Arc::new(Account::new(budgets.lists)),
        }
    }

    /// The longest part of a body that there is ever memory for, in bytes.
    pub(super) fn longest(&self) -> usize {
        self.bodies.longest()
    }

    /// Waits for memory for the first unit of a body.
    pub(super) async fn lease(&self) -> Lease {
        let own = acquire(&self.own, 1).await;
        Lease {
            own: Some(own),
            ..self.bodies.lease().await
        }
    }
}

/// Memory for bodies.
pub(super) struct Budget {
    first: Arc<Semaphore>,
    shared: Arc<Semaphore>,
    large: Arc<Semaphore>,
    /// Size of the shared pool, in units.
    sharable: usize,
    /// In bytes.
    longest: usize,
}

impl Budget {
    /// A sixth for first units, a sixth to share, the rest for the longest body.
    pub(super) fn new(bytes: usize) -> Self {
        let sixth = (bytes / UNIT / 6).max(1);
        Self {
            first: Arc::new(Semaphore::new(sixth)),
            shared: Arc::new(Semaphore::new(sixth)),
            large: Arc::new(Semaphore::new(1)),
            sharable: sixth,
            longest: 4 * sixth * UNIT,
        }
    }

    /// The longest body that there is ever memory for, in bytes.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// Waits for memory for the first unit of a body.
    pub(super) async fn lease(self: &Arc<Self>) -> Lease {
        Lease {
            own: None,
            first: acquire(&self.first, 1).await,
            shared: None,
            large: None,
            budget: self.clone(),
        }
    }

    #[cfg(test)]
    fn is_idle(&self, fresh: &Self) -> bool {
        let free = |budget: &Self| [&budget.first, &budget.shared, &budget.large].map(|pool| pool.available_permits());
        free(self) == free(fresh)
    }
}

/// Memory that a body may use. Returned on drop.
pub(super) struct Lease {
    #[allow(dead_code, reason = "held for its drop")]
    own: Option<OwnedSemaphorePermit>,
    first: OwnedSemaphorePermit,
    shared: Option<OwnedSemaphorePermit>,
    large: Option<OwnedSemaphorePermit>,
    budget: Arc<Budget>,
}

impl Lease {
    /// Waits until the lease covers `bytes`, at most the longest body. Cancel safe: the lease keeps what it has.
    pub(super) async fn cover(&mut self, bytes: usize) {
        let held = self.first.num_permits() + self.shared.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = bytes.div_ceil(UNIT).saturating_sub(held);
        if missing == 0 || self.large.is_some() {
            return;
        }
        tokio::select! {
            biased;
            // A request beyond the size of the pool would block the queue behind it for good.
            units = acquire(&self.budget.shared, missing), if missing <= self.budget.sharable => match &mut self.shared {
                Some(shared) => shared.merge(units),
                None => self.shared = Some(units),
            },
            large = acquire(&self.budget.large, 1) => self.large = Some(large),
        }
    }
}

async fn acquire(pool: &Arc<Semaphore>, units: usize) -> OwnedSemaphorePermit {
    let units = u32::try_from(units).unwrap_or(u32::MAX);
    let permit = pool.clone().acquire_many_owned(units).await;
    permit.expect("the pools of a budget are never closed")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{task::JoinSet, time::timeout};

    use super::{Arc, Budget, Budgets, ListBudget, MOST_BODIES, Share, UNIT};

    const LONG: Duration = Duration::from_mins(1);

    #[tokio::test(start_paused = true)]
    async fn bodies_that_grow_concurrently_beyond_the_budget_all_complete() {
        let (budget, fresh) = (Arc::new(Budget::new(36 * UNIT)), Budget::new(36 * UNIT));
        assert_eq!(budget.longest(), 24 * UNIT);
        let mut bodies = JoinSet::new();
        for _ in 0..50 {
            let budget = budget.clone();
            bodies.spawn(async move {
                let mut lease = budget.lease().await;
                for units in 1..=24 {
                    lease.cover(units * UNIT).await;
                    tokio::task::yield_now().await;
                }
            });
        }
        timeout(LONG, bodies.join_all()).await.unwrap();
        assert!(budget.is_idle(&fresh));
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_lists_do_not_block_small_answers() {
        let budget = Arc::new(Budget::new(36 * UNIT));
        let mut large = budget.lease().await;
        large.cover(24 * UNIT).await;
        let mut shared = budget.lease().await;
        shared.cover(7 * UNIT).await;
        let mut waiting = budget.lease().await;
        assert!(timeout(LONG, waiting.cover(2 * UNIT)).await.is_err());
        assert!(timeout(LONG, budget.lease()).await.is_ok());
        drop(shared);
        assert!(timeout(LONG, waiting.cover(2 * UNIT)).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_whose_bodies_trickle_leaves_memory_for_those_of_others() {
        let budgets = Budgets {
            bodies: Arc::new(Budget::new(6 * 2 * MOST_BODIES * UNIT)),
            lists: Arc::new(ListBudget::new(0)),
        };
        let (greedy, other) = (Share::new(budgets.clone()), Share::new(budgets));
        let mut trickling = Vec::new();
        while let Ok(lease) = timeout(LONG, greedy.lease()).await {
            trickling.push(lease);
        }
        assert_eq!(trickling.len(), MOST_BODIES);
        assert!(timeout(LONG, other.lease()).await.is_ok());
        trickling.pop();
        assert!(timeout(LONG, greedy.lease()).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn the_large_lease_is_returned() {
        let budget = Arc::new(Budget::new(6 * UNIT));
        let mut leases = [budget.lease().await];
        leases[0].cover(4 * UNIT).await;
        let first = timeout(LONG, budget.lease());
        assert!(first.await.is_err(), "the only first unit is taken");
        drop(leases);
        budget.lease().await.cover(4 * UNIT).await;
    }
}
