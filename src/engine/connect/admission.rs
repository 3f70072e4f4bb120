//! Which objects of one connection may call its remote side now, and in which order the others follow.
//!
//! An object that finds no free place leaves its reconcile: it costs a few hundred bytes here and holds up nothing. When its
//! place is free it is woken, reads its spec again and plans anew, so nothing outdated is ever written. Order: withdrawals,
//! edits, creations, repair; within a class the namespaces take turns, and within a namespace the first comes first.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::engine::{keep::plan::Class, meters::Queued, object::ObjectName, watched::Watched};

/// Places that drift repair leaves free.
const RESERVED: usize = 2;
/// How long a woken object may take to come. After that the next one gets its place.
const CLAIMED_WITHIN: Duration = Duration::from_secs(30);

/// The queues of a connection, each with places of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// Objects with calls of their own.
    Calls,
    /// Objects that share documents.
    Entries,
    /// Objects that are created many in one call.
    Creations,
    /// Objects that are edited many in one call, by edits that take nothing from anybody.
    Edits,
    /// Objects that are being deleted, and are deleted or disabled many in one call.
    Removals,
}

/// Why many objects are admitted at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Together {
    /// One call creates many of them.
    Created,
    /// One call edits many of them.
    Edited,
    /// One call deletes or disables many of them.
    Removed,
}

impl Queue {
    /// `entries`: the objects of the kind share documents; `together`: the object is written together with others.
    pub fn of(entries: bool, together: Option<Together>) -> Self {
        match (entries, together) {
            (true, _) => Self::Entries,
            (false, Some(Together::Created)) => Self::Creations,
            (false, Some(Together::Edited)) => Self::Edits,
            (false, Some(Together::Removed)) => Self::Removals,
            (false, None) => Self::Calls,
        }
    }
}

/// Objects that may wait together for one document: they hardly call by themselves.
const ENTRY_PLACES: usize = 256;
/// Objects that may wait together for one call that creates all of them: as many as such a call takes, so that nobody is left over
/// for a call of their own.
const CREATION_PLACES: usize = 250;
/// The same for calls that edit.
const EDIT_PLACES: usize = 250;
/// The same for calls that delete or disable.
const REMOVAL_PLACES: usize = 250;

/// All queues of a connection.
#[derive(Clone)]
pub struct Queues {
    calls: Arc<Admission>,
    entries: Arc<Admission>,
    creations: Arc<Admission>,
    edits: Arc<Admission>,
    removals: Arc<Admission>,
}

impl Default for Queues {
    fn default() -> Self {
        let with = |places| Arc::new(Admission::new(places));
        Self {
            calls: with(1),
            entries: with(ENTRY_PLACES),
            creations: with(CREATION_PLACES),
            edits: with(EDIT_PLACES),
            removals: with(REMOVAL_PLACES),
        }
    }
}

impl Queues {
    /// One of them.
    pub fn get(&self, queue: Queue) -> Arc<Admission> {
        match queue {
            Queue::Calls => &self.calls,
            Queue::Entries => &self.entries,
            Queue::Creations => &self.creations,
            Queue::Edits => &self.edits,
            Queue::Removals => &self.removals,
        }
        .clone()
    }

    /// Forgets an object that needs no place any more.
    pub fn forget(&self, uid: &str) {
        self.all().for_each(|queue| queue.forget(uid));
    }

    /// Objects that wait in any of them, by kind and class.
    pub fn queued(&self) -> Vec<Queued> {
        let mut queued: BTreeMap<(&'static str, Class), Queued> = BTreeMap::new();
        for one in self.all().flat_map(Admission::queued) {
            let sum = queued.entry((one.kind, one.class)).or_insert_with(|| Queued {
                count: 0,
                oldest: Duration::ZERO,
                ..one
            });
            sum.count += one.count;
            sum.oldest = sum.oldest.max(one.oldest);
        }
        queued.into_values().collect()
    }

    fn all(&self) -> impl Iterator<Item = &Admission> {
        let all = [&self.calls, &self.entries, &self.creations, &self.edits, &self.removals];
        all.into_iter().map(|queue| &**queue)
    }
}

/// Objects of one connection.
pub struct Admission {
    state: Mutex<State>,
    /// Objects with a place that are on their way to a call; see [`OnItsWay`].
    on_their_way: AtomicUsize,
}

struct State {
    places: usize,
    taken: usize,
    waiting: BTreeMap<Rank, Waiter>,
    ranks: HashMap<String, Rank>,
    /// Places of objects that were woken and have not come yet.
    promised: HashMap<String, Instant>,
    /// The last round of each namespace with waiting objects, by class.
    rounds: HashMap<(Class, Arc<str>), u64>,
    /// The round of each class that was served last.
    served: HashMap<Class, u64>,
    arrivals: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    class: Class,
    round: u64,
    arrival: u64,
}

struct Waiter {
    uid: String,
    name: ObjectName,
    kind: Arc<dyn Watched>,
    since: Instant,
}

/// Who asks for a place.
pub struct Applicant<'a> {
    /// Its uid.
    pub uid: &'a str,
    /// Its name.
    pub name: &'a ObjectName,
    /// Its kind, which wakes it.
    pub kind: &'a Arc<dyn Watched>,
    /// How urgent its first write is.
    pub class: Class,
}

/// A place; free again when dropped.
pub struct Ticket(Arc<Admission>);

impl Drop for Ticket {
    fn drop(&mut self) {
        let woken = {
            let mut state = self.0.state();
            state.taken = state.taken.saturating_sub(1);
            state.promise(Instant::now())
        };
        wake(woken);
    }
}

impl Ticket {
    /// The object takes part in calls that it shares with others of this queue.
    pub fn on_its_way(&self) -> OnItsWay {
        self.0.on_their_way.fetch_add(1, Ordering::AcqRel);
        OnItsWay(self.0.clone())
    }
}

/// An object that takes part in calls with others: they wait for it while it works, and not while it waits itself.
pub struct OnItsWay(Arc<Admission>);

impl OnItsWay {
    /// It waits, until this is dropped.
    pub fn waits(&self) -> Waiting {
        self.0.on_their_way.fetch_sub(1, Ordering::AcqRel);
        Waiting(self.0.clone())
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        self.0.on_their_way.fetch_sub(1, Ordering::AcqRel);
    }
}

/// An object that waits for the remote side.
pub struct Waiting(Arc<Admission>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.on_their_way.fetch_add(1, Ordering::AcqRel);
    }
}

impl Admission {
    /// With this many places.
    pub fn new(places: usize) -> Self {
        Self {
            state: Mutex::new(State {
                places: places.max(1),
                taken: 0,
                waiting: BTreeMap::new(),
                ranks: HashMap::new(),
                promised: HashMap::new(),
                rounds: HashMap::new(),
                served: HashMap::new(),
                arrivals: 0,
            }),
            on_their_way: AtomicUsize::new(0),
        }
    }

    /// Objects that are about to call the remote side: those that were woken for a place, and those on their way.
    pub fn expected(&self) -> usize {
        let now = Instant::now();
        let woken = self.state().woken(now);
        woken + self.on_their_way.load(Ordering::Acquire)
    }

    /// Whether nobody has a place or waits for one.
    pub fn is_idle(&self) -> bool {
        let state = self.state();
        state.taken == 0 && state.waiting.is_empty() && state.woken(Instant::now()) == 0
    }

    /// Changes the number of places.
    pub fn resize(&self, places: usize) {
        let woken = {
            let mut state = self.state();
            state.places = places.max(1);
            state.promise(Instant::now())
        };
        wake(woken);
    }

    /// A place, or none: then the object is woken when it has one.
    pub fn enter(self: &Arc<Self>, applicant: &Applicant<'_>) -> Option<Ticket> {
        let now = Instant::now();
        let (ticket, woken) = {
            let mut state = self.state();
            let admitted = state.enter(applicant, now);
            (admitted.then(|| Ticket(self.clone())), state.promise(now))
        };
        wake(woken);
        ticket
    }

    /// Forgets an object that needs no place any more.
    pub fn forget(&self, uid: &str) {
        let woken = {
            let mut state = self.state();
            state.promised.remove(uid);
            if let Some(rank) = state.ranks.remove(uid) {
                state.waiting.remove(&rank);
            }
            state.promise(Instant::now())
        };
        wake(woken);
    }

    /// Objects that wait, by kind and class.
    pub fn queued(&self) -> Vec<Queued> {
        let now = Instant::now();
        let mut queued: BTreeMap<(&'static str, Class), Queued> = BTreeMap::new();
        for (rank, waiter) in &self.state().waiting {
            let (kind, class) = (waiter.kind.kind(), rank.class);
            let one = queued.entry((kind, class)).or_insert_with(|| Queued {
                kind,
                class,
                count: 0,
                oldest: Duration::ZERO,
            });
            one.count += 1;
            one.oldest = one.oldest.max(now.duration_since(waiter.since));
        }
        queued.into_values().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wake(woken: Vec<Waiter>) {
    for waiter in woken {
        waiter.kind.wake(&waiter.name);
    }
}

impl State {
    fn enter(&mut self, applicant: &Applicant<'_>, now: Instant) -> bool {
        if self.promised.remove(applicant.uid).is_some() {
            self.taken += 1;
            return true;
        }
        let known = self.ranks.get(applicant.uid).copied();
        let better_waits = self
            .waiting
            .keys()
            .next()
            .is_some_and(|first| first.class <= applicant.class && Some(*first) != known);
        if !better_waits && self.has_place(applicant.class, now) {
            if let Some(rank) = self.ranks.remove(applicant.uid) {
                self.waiting.remove(&rank);
            }
            self.taken += 1;
            return true;
        }
        match known {
            // Whoever becomes more urgent moves forward; nobody moves back.
            Some(rank) if rank.class <= applicant.class => {}
            known => {
                let before = known.and_then(|rank| self.waiting.remove(&rank));
                self.queue(applicant, before.map_or(now, |waiter| waiter.since));
            }
        }
        false
    }

    fn queue(&mut self, applicant: &Applicant<'_>, since: Instant) {
        let class = applicant.class;
        let served = self.served.get(&class).copied().unwrap_or_default();
        let last = self
            .rounds
            .entry((class, applicant.name.namespace.clone()))
            .or_insert(served);
        *last = (*last).max(served) + 1;
        let rank = Rank {
            class,
            round: *last,
            arrival: self.arrivals,
        };
        self.arrivals += 1;
        self.ranks.insert(applicant.uid.to_owned(), rank);
        self.waiting.insert(
            rank,
            Waiter {
                uid: applicant.uid.to_owned(),
                name: applicant.name.clone(),
                kind: applicant.kind.clone(),
                since,
            },
        );
    }

    fn has_place(&self, class: Class, now: Instant) -> bool {
        let free = self.places.saturating_sub(self.taken + self.woken(now));
        let kept_free = if class == Class::Repair {
            RESERVED.min(self.places - 1)
        } else {
            0
        };
        free > kept_free
    }

    /// Objects that were woken and have not come yet.
    fn woken(&self, now: Instant) -> usize {
        let recent = |since: &&Instant| now.duration_since(**since) < CLAIMED_WITHIN;
        self.promised.values().filter(recent).count()
    }

    /// Gives free places to those that wait.
    fn promise(&mut self, now: Instant) -> Vec<Waiter> {
        self.promised
            .retain(|_, since| now.duration_since(*since) < CLAIMED_WITHIN);
        let mut woken = Vec::new();
        while let Some((rank, _)) = self.waiting.first_key_value() {
            if !self.has_place(rank.class, now) {
                break;
            }
            let Some((rank, waiter)) = self.waiting.pop_first() else {
                break;
            };
            self.ranks.remove(&waiter.uid);
            self.served.insert(rank.class, rank.round);
            self.promised.insert(waiter.uid.clone(), now);
            woken.push(waiter);
        }
        if self.waiting.is_empty() {
            self.rounds.clear();
            self.served.clear();
        }
        woken
    }
}

#[cfg(test)]
#[path = "admission_tests.rs"]
mod tests;
