//! The memory budget for decoded lists, shared by all connections of the process.
//!
//! # Scheme
//! Each element is charged before it is decoded, with an upper estimate of what it takes in memory (see `shape`). A list that its
//! connection holds until the next one replaces it stays charged until then; what the two share is charged once. A connection
//! draws at most three quarters of the budget.
//!
//! A list that finds the budget exhausted makes the list that began last give way, whose call fails. If none began later than
//! itself, connections that hold more than their part let go of their lists (see `eviction`), or it waits. A call that failed for
//! want of memory keeps its place in that order for the next attempt.
//!
//! # Guarantees
//! - The lists of all connections together are charged with at most the budget, beside [`ALLOWANCE`] for each call.
//! - No deadlock: the list that began first waits only for lists that are held, and every wait ends with the deadline of its call.
//! - A node that sends slowly keeps memory from older lists for no longer than it takes them to notice.
//! - However much other connections hold, a connection gets the budget divided by the number of connections that draw on it.
//!
//! # Caveats
//! A list beyond that part fails where all others are within theirs or in use, and says why.

mod eviction;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{sync::Notify, time::Instant};

pub use self::eviction::{Evicted, ListAccount, Loan};
use self::eviction::{Holder, Victim};
use super::cgroup;

/// What a call draws without asking, in bytes: a list that changes little is read again even where the budget is exhausted.
const ALLOWANCE: usize = 128 << 10;
/// What a call draws at a time, in bytes.
const STEP: usize = 256 << 10;
/// What stays of an element that the list shares with an older one: a reference to it, in a vector that grows.
const REFERENCE: usize = 16;

/// What stays in memory of an element that was handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// All of it.
    Whole,
    /// It is in memory already, as a part of an older list.
    Shared,
    /// This many bytes.
    Bytes(usize),
}

/// What was drawn for a list, and what it took.
#[derive(Debug, Default)]
pub(super) struct Credit {
    /// Bytes that were drawn and are not spent.
    left: usize,
    /// Bytes that the list takes, what it shares with an older one included.
    taken: usize,
}

impl Credit {
    /// Whether an element of this cost may be decoded.
    pub(super) fn covers(&self, cost: usize) -> bool {
        cost <= self.left
    }

    /// Takes in what stays of an element of this cost.
    pub(super) fn spend(&mut self, cost: usize, kept: Kept) {
        let (spent, taken) = match kept {
            Kept::Whole => (cost, cost),
            Kept::Shared => (REFERENCE.min(cost), cost),
            Kept::Bytes(bytes) => (bytes.min(cost), bytes.min(cost)),
        };
        self.left = self.left.saturating_sub(spent);
        self.taken += taken;
    }

    #[cfg(test)]
    pub(super) fn unlimited() -> Self {
        Self {
            left: usize::MAX,
            taken: 0,
        }
    }
}

/// Why a list gets no memory.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Exhausted {
    /// It takes more than a connection may have, in bytes.
    TooMuch(usize),
    /// A list that began earlier needs the memory.
    GaveWay,
}

/// What came of drawing memory.
enum Drawn {
    /// It was drawn.
    Now,
    /// These lists are to go first.
    After(Victim),
    /// There is none until something is returned.
    Later,
}

/// Memory for decoded lists.
pub(super) struct ListBudget {
    total: usize,
    state: Mutex<State>,
    /// Something was returned.
    returned: Notify,
}

#[derive(Default)]
struct State {
    drawn: usize,
    /// What of it belongs to lists that are to be dropped.
    leaving: usize,
    next: u64,
    accounts: HashMap<u64, Ledger>,
    /// Lists that are being read, by their place in the order.
    readings: BTreeMap<u64, Entry>,
}

struct Ledger {
    /// What the last list of each operation takes.
    held: HashMap<&'static str, usize>,
    /// What the last list of each operation took, or needed at least, whether or not it is held.
    sizes: HashMap<&'static str, usize>,
    /// What the lists that are held or being read take.
    drawn: usize,
    /// The place of a call that failed for want of memory.
    place: Option<u64>,
    /// Who drops the lists that are held; `None`: nobody can.
    holder: Option<Holder>,
    /// When somebody last used them.
    used: Instant,
    /// They could not be spared, and nobody asks for them before this.
    spared_until: Option<Instant>,
}

impl Ledger {
    fn new() -> Self {
        Self {
            held: HashMap::new(),
            sizes: HashMap::new(),
            drawn: 0,
            place: None,
            holder: None,
            used: Instant::now(),
            spared_until: None,
        }
    }
}

struct Entry {
    account: u64,
    drawn: usize,
    gives_way: bool,
    wake: Arc<Notify>,
}

impl ListBudget {
    /// This many bytes.
    pub(super) fn new(total: usize) -> Self {
        Self {
            total,
            state: Mutex::default(),
            returned: Notify::new(),
        }
    }

    /// Half of what the process may use; [`UNLIMITED`] where nothing limits it.
    pub(super) fn of_process() -> Self {
        /// In bytes.
        const UNLIMITED: usize = 1 << 30;
        Self::new(cgroup::memory_limit().map_or(UNLIMITED, |limit| (limit / 2).min(UNLIMITED)))
    }

    /// Most that the lists of one connection may take, in bytes.
    fn share(&self) -> usize {
        self.total / 4 * 3
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn drawn(&self) -> usize {
        self.state().drawn
    }
}

impl State {
    fn draw(&mut self, account: u64, bytes: usize) {
        self.drawn += bytes;
        if let Some(ledger) = self.accounts.get_mut(&account) {
            ledger.drawn += bytes;
        }
    }

    fn give_back(&mut self, account: u64, bytes: usize) {
        self.drawn = self.drawn.saturating_sub(bytes);
        if let Some(ledger) = self.accounts.get_mut(&account) {
            ledger.drawn = ledger.drawn.saturating_sub(bytes);
        }
    }
}

/// What the lists of one connection take. Returned on drop.
pub(super) struct Account {
    budget: Arc<ListBudget>,
    id: u64,
}

impl Account {
    /// Nothing yet.
    pub(super) fn new(budget: Arc<ListBudget>) -> Self {
        let mut state = budget.state();
        let id = state.next;
        state.next += 1;
        state.accounts.insert(id, Ledger::new());
        drop(state);
        Self { budget, id }
    }

    /// Begins to read a list of this operation.
    pub(super) fn begin(self: &Arc<Self>, operation: &'static str) -> Reading {
        let wake = Arc::new(Notify::new());
        let mut state = self.budget.state();
        let newest = state.next;
        state.next += 1;
        let earlier = state.accounts.get_mut(&self.id).and_then(|ledger| ledger.place.take());
        let place = earlier.unwrap_or(newest);
        let entry = Entry {
            account: self.id,
            drawn: 0,
            gives_way: false,
            wake: wake.clone(),
        };
        state.readings.insert(place, entry);
        drop(state);
        Reading {
            account: self.clone(),
            operation,
            place,
            drawn: 0,
            starves: false,
            waited: false,
            wake,
            credit: Credit {
                left: ALLOWANCE,
                taken: 0,
            },
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let mut state = self.budget.state();
        if let Some(ledger) = state.accounts.remove(&self.id) {
            state.drawn = state.drawn.saturating_sub(ledger.drawn);
        }
        drop(state);
        self.budget.returned.notify_waiters();
    }
}

/// A list that is being read. What it draws is returned on drop, unless the connection holds the list.
pub(super) struct Reading {
    account: Arc<Account>,
    operation: &'static str,
    place: u64,
    drawn: usize,
    /// Whether it fails for want of memory if it ends now.
    starves: bool,
    /// Whether it ever waited for memory.
    waited: bool,
    wake: Arc<Notify>,
    pub(super) credit: Credit,
}

impl Reading {
    /// Waits until the credit covers an element of this cost.
    ///
    /// # Errors
    /// It never will.
    pub(super) async fn cover(&mut self, cost: usize) -> Result<(), Exhausted> {
        let account = self.account.clone();
        let budget = &account.budget;
        while !self.credit.covers(cost) {
            let step = cost.saturating_sub(self.credit.left).max(STEP);
            let returned = budget.returned.notified();
            tokio::pin!(returned);
            // What is returned from here on wakes it.
            returned.as_mut().enable();
            match self.draw(step)? {
                Drawn::Now => {
                    self.starves = false;
                    continue;
                }
                Drawn::After(victim) => {
                    victim.evict();
                    // They may be gone already; those that cannot be spared are not asked for again soon.
                    continue;
                }
                Drawn::Later => {}
            }
            self.starves = true;
            self.waited = true;
            tokio::select! {
                () = returned => {}
                () = self.wake.notified() => {}
            }
        }
        Ok(())
    }

    /// Draws this many bytes. Where that fails, the list that began last gives way, or lists that are held are to go.
    fn draw(&mut self, bytes: usize) -> Result<Drawn, Exhausted> {
        let Account { budget, id } = &*self.account;
        let share = budget.share();
        let state = &mut *budget.state();
        let own = state.readings.get(&self.place);
        if own.is_some_and(|own| own.gives_way) {
            self.starves = true;
            return Err(Exhausted::GaveWay);
        }
        let drawn = state.accounts.get(id).map_or(0, |ledger| ledger.drawn);
        if drawn + bytes > share {
            return Err(Exhausted::TooMuch(share));
        }
        if state.drawn + bytes <= budget.total {
            state.draw(*id, bytes);
            self.drawn += bytes;
            self.credit.left += bytes;
            if let Some(own) = state.readings.get_mut(&self.place) {
                own.drawn += bytes;
            }
            return Ok(Drawn::Now);
        }
        let later = state.readings.range_mut(self.place + 1..).rev();
        let mut later = later.map(|(_, entry)| entry);
        // One at a time: what it returns may suffice.
        if let Some(last) = later.find(|entry| entry.drawn > 0) {
            if !std::mem::replace(&mut last.gives_way, true) {
                last.wake.notify_one();
            }
            return Ok(Drawn::Later);
        }
        let needs = self.credit.taken + bytes;
        if let Some(ledger) = state.accounts.get_mut(id) {
            let size = ledger.sizes.entry(self.operation).or_default();
            *size = needs.max(*size);
        }
        let victim = budget.victim(state, *id, self.operation, bytes);
        Ok(victim.map_or(Drawn::Later, Drawn::After))
    }

    /// Waits until the list has to give way.
    pub(super) async fn gives_way(&mut self) {
        loop {
            if self.is_told() {
                self.starves = true;
                return;
            }
            self.wake.notified().await;
        }
    }

    fn is_told(&self) -> bool {
        let state = self.account.budget.state();
        state.readings.get(&self.place).is_some_and(|own| own.gives_way)
    }

    /// Whether the call lost time because it waited for memory.
    pub(super) fn has_waited(&self) -> bool {
        self.waited
    }

    /// The list is complete. `held`: the connection holds it until the next one of its operation.
    pub(super) fn end(mut self, held: bool) {
        self.starves = false;
        if !held {
            return;
        }
        let account = self.account.clone();
        let mut state = account.budget.state();
        let taken = self.credit.taken;
        let ledger = state.accounts.get_mut(&account.id);
        let before = ledger.and_then(|ledger| {
            ledger.used = Instant::now();
            ledger.sizes.insert(self.operation, taken);
            ledger.held.insert(self.operation, taken)
        });
        state.give_back(account.id, before.unwrap_or_default());
        state.draw(account.id, taken);
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let budget = &self.account.budget;
        let mut state = budget.state();
        state.readings.remove(&self.place);
        state.give_back(self.account.id, self.drawn);
        if self.starves
            && let Some(ledger) = state.accounts.get_mut(&self.account.id)
        {
            ledger.place = Some(ledger.place.map_or(self.place, |place| place.min(self.place)));
        }
        drop(state);
        budget.returned.notify_waiters();
    }
}

#[cfg(test)]
#[path = "list_memory_tests.rs"]
mod tests;
