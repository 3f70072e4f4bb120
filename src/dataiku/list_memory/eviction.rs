//! Which held lists go when the budget is exhausted, and what elements take that outlive their list.
//!
//! Each connection that draws memory has a guaranteed part: the budget, divided by the number of such connections. A list within
//! the part of its connection gets its memory from connections that draw more than theirs, the least recently used first. A list
//! beyond it, or one that was beyond it the last time, gets memory only from connections beyond theirs that nobody used for
//! [`IDLE`].
//!
//! The engine drops the lists, and the budget gets their memory back when the last reconcile that reads them has ended. The connection
//! is then as it was before its first sweep, and the next reconcile that needs the lists reads them again.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use super::{Account, ListBudget, Reading, State};

/// Lists that were used this recently go only for a list within its guaranteed part.
const IDLE: Duration = Duration::from_mins(1);

/// The engine removes the lists of a connection from its live state. It returns `Some` where guards still need them: the budget then
/// leaves them in memory.
pub(super) type Holder = Arc<dyn Fn(Evicted) -> Option<Evicted> + Send + Sync>;

/// Lists that are to be dropped. What they take is returned on drop.
pub struct Evicted {
    budget: Arc<ListBudget>,
    account: u64,
    /// What each of them takes, by operation.
    held: HashMap<&'static str, usize>,
}

impl Evicted {
    fn bytes(&self) -> usize {
        self.held.values().sum()
    }

    /// Charges the lists to their connection again.
    fn put_back(mut self) {
        let held = std::mem::take(&mut self.held);
        let mut guard = self.budget.state();
        let state = &mut *guard;
        let mut newer = 0;
        if let Some(ledger) = state.accounts.get_mut(&self.account) {
            ledger.spared_until = Some(Instant::now() + IDLE);
            for (operation, bytes) in held {
                state.leaving = state.leaving.saturating_sub(bytes);
                if ledger.held.contains_key(operation) {
                    newer += bytes;
                } else {
                    ledger.held.insert(operation, bytes);
                    ledger.drawn += bytes;
                }
            }
        } else {
            newer = held.values().sum();
            state.leaving = state.leaving.saturating_sub(newer);
        }
        state.drawn = state.drawn.saturating_sub(newer);
    }
}

impl Drop for Evicted {
    fn drop(&mut self) {
        let bytes = self.bytes();
        let mut state = self.budget.state();
        state.leaving = state.leaving.saturating_sub(bytes);
        state.drawn = state.drawn.saturating_sub(bytes);
        drop(state);
        self.budget.returned.notify_waiters();
    }
}

/// Held lists that are to go, and who holds them.
pub(super) struct Victim {
    holder: Holder,
    evicted: Evicted,
}

impl Victim {
    /// Has the holder drop the lists. Called without the lock of the budget.
    pub(super) fn evict(self) {
        if let Some(spared) = (self.holder)(self.evicted) {
            spared.put_back();
        }
    }
}

impl ListBudget {
    /// The lists that are to go so that `account` can draw this many bytes for a list of this operation. `None`: it has to wait.
    pub(super) fn victim(
        self: &Arc<Self>,
        state: &mut State,
        account: u64,
        operation: &'static str,
        bytes: usize,
    ) -> Option<Victim> {
        // What is on its way out already may suffice.
        if state.drawn.saturating_sub(state.leaving) + bytes <= self.total {
            return None;
        }
        let now = Instant::now();
        let drawing = state.accounts.iter();
        let drawing = drawing.filter(|(id, ledger)| **id == account || ledger.drawn > 0);
        let part = self.total / drawing.count().max(1);
        // Nobody knows how long the first list of a connection will be; that of a later one is known well enough.
        let own = state.accounts.get(&account)?;
        let size = own.sizes.get(operation).copied().unwrap_or_default();
        let is_guaranteed = own.drawn + bytes <= part && size <= part;
        let reading: HashSet<u64> = state.readings.values().map(|entry| entry.account).collect();
        let candidates = state.accounts.iter().filter(|(id, ledger)| {
            **id != account
                && ledger.drawn > part
                && !ledger.held.is_empty()
                && !reading.contains(id)
                && ledger.spared_until.is_none_or(|until| until <= now)
                && (is_guaranteed || now.duration_since(ledger.used) >= IDLE)
        });
        let held = candidates.filter(|(_, ledger)| ledger.holder.is_some());
        let (&id, _) = held.min_by_key(|(id, ledger)| (ledger.used, **id))?;
        self.take(state, id)
    }

    /// Takes the held lists of this connection off its account.
    fn take(self: &Arc<Self>, state: &mut State, id: u64) -> Option<Victim> {
        let ledger = state.accounts.get_mut(&id)?;
        let holder = ledger.holder.clone()?;
        let evicted = Evicted {
            budget: self.clone(),
            account: id,
            held: std::mem::take(&mut ledger.held),
        };
        let bytes = evicted.bytes();
        ledger.drawn = ledger.drawn.saturating_sub(bytes);
        state.leaving += bytes;
        Some(Victim { holder, evicted })
    }
}

/// The lists of one connection, as the memory budget sees them.
#[derive(Clone)]
pub struct ListAccount(Arc<Account>);

impl ListAccount {
    pub(in crate::dataiku) fn new(account: Arc<Account>) -> Self {
        Self(account)
    }

    /// Notes that somebody uses the lists.
    pub fn used(&self) {
        if let Some(ledger) = self.0.budget.state().accounts.get_mut(&self.0.id) {
            ledger.used = Instant::now();
        }
    }

    /// Who drops the lists when another connection needs their memory. `holder` keeps what it is given until the last user of the
    /// lists is done, or returns it where they cannot be spared.
    pub fn held_by(&self, holder: impl Fn(Evicted) -> Option<Evicted> + Send + Sync + 'static) {
        if let Some(ledger) = self.0.budget.state().accounts.get_mut(&self.0.id) {
            ledger.holder = Some(Arc::new(holder));
        }
    }

    /// Whether these are the lists that are to go.
    #[must_use]
    pub fn is_of(&self, evicted: &Evicted) -> bool {
        self.0.id == evicted.account && Arc::ptr_eq(&self.0.budget, &evicted.budget)
    }

    /// Has the holder drop the lists, as if another connection needed the memory.
    #[cfg(test)]
    pub fn evict(&self) {
        let budget = &self.0.budget;
        let victim = budget.take(&mut budget.state(), self.0.id);
        if let Some(victim) = victim {
            victim.evict();
        }
    }
}

/// Memory of elements that outlive the read of their list. Returned on drop.
pub struct Loan {
    account: Arc<Account>,
    bytes: usize,
}

impl Drop for Loan {
    fn drop(&mut self) {
        let budget = &self.account.budget;
        budget.state().give_back(self.account.id, self.bytes);
        budget.returned.notify_waiters();
    }
}

impl Reading {
    /// The list is complete, and its elements live as long as the loan.
    pub(in crate::dataiku) fn lend(mut self) -> Loan {
        self.starves = false;
        let (account, bytes) = (self.account.clone(), self.credit.taken);
        account.budget.state().draw(account.id, bytes);
        Loan { account, bytes }
    }
}
