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
mod tests {
    use super::*;
    use crate::engine::watched::tests::Recorder;

    struct Bed {
        admission: Arc<Admission>,
        recorder: Arc<Recorder>,
        kind: Arc<dyn Watched>,
    }

    impl Bed {
        fn new(places: usize) -> Self {
            let recorder = Arc::new(Recorder::default());
            Self {
                admission: Arc::new(Admission::new(places)),
                kind: recorder.clone(),
                recorder,
            }
        }

        fn enter(&self, namespace: &str, name: &str, class: Class) -> Option<Ticket> {
            let object = ObjectName {
                namespace: namespace.into(),
                name: name.into(),
            };
            self.admission.enter(&Applicant {
                uid: name,
                name: &object,
                kind: &self.kind,
                class,
            })
        }

        fn woken(&self) -> Vec<String> {
            self.recorder.take()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_withdrawal_overtakes_edits_creations_and_repair() {
        let bed = Bed::new(1);
        let ticket = bed.enter("a", "first", Class::Edit).unwrap();
        for (name, class) in [
            ("repair", Class::Repair),
            ("creation", Class::Creation),
            ("edit", Class::Edit),
            ("withdrawal", Class::Withdrawal),
        ] {
            assert!(bed.enter("a", name, class).is_none());
        }
        let mut ticket = Some(ticket);
        for (name, class) in [
            ("withdrawal", Class::Withdrawal),
            ("edit", Class::Edit),
            ("creation", Class::Creation),
            ("repair", Class::Repair),
        ] {
            drop(ticket.take());
            assert_eq!(bed.woken(), [format!("a/{name}")]);
            ticket = bed.enter("a", name, class);
            assert!(ticket.is_some(), "{name} has its place");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn those_are_expected_who_were_woken_or_work_and_not_those_who_wait() {
        let bed = Bed::new(2);
        let first = bed.enter("a", "first", Class::Edit).unwrap();
        let second = bed.enter("a", "second", Class::Edit).unwrap();
        assert!(bed.enter("a", "third", Class::Edit).is_none());
        let on_its_way = first.on_its_way();
        let other = second.on_its_way();
        assert_eq!(bed.admission.expected(), 2);
        let waiting = on_its_way.waits();
        assert_eq!(bed.admission.expected(), 1);
        drop(waiting);
        drop(other);
        assert_eq!(bed.admission.expected(), 1);
        drop(on_its_way);
        drop(first);
        assert_eq!(bed.admission.expected(), 1, "the third one was woken");
        let _third = bed.enter("a", "third", Class::Edit).unwrap();
        assert_eq!(bed.admission.expected(), 0, "it goes by itself");
    }

    #[tokio::test(start_paused = true)]
    async fn namespaces_take_turns() {
        let bed = Bed::new(1);
        let mut ticket = bed.enter("a", "first", Class::Edit);
        for n in 0..3 {
            assert!(bed.enter("a", &format!("a{n}"), Class::Edit).is_none());
        }
        assert!(bed.enter("b", "b0", Class::Edit).is_none());
        let mut order = Vec::new();
        for _ in 0..4 {
            drop(ticket.take());
            let woken = bed.woken().remove(0);
            let (namespace, name) = woken.split_once('/').unwrap();
            ticket = bed.enter(namespace, name, Class::Edit);
            order.push(name.to_owned());
        }
        assert_eq!(order, ["a0", "b0", "a1", "a2"]);
    }

    #[tokio::test(start_paused = true)]
    async fn repair_leaves_places_for_edits() {
        let bed = Bed::new(3);
        let _repair = bed.enter("a", "r0", Class::Repair).unwrap();
        assert!(bed.enter("a", "r1", Class::Repair).is_none());
        let _edit = bed.enter("a", "e0", Class::Edit).unwrap();
        let _other = bed.enter("a", "e1", Class::Edit).unwrap();
        assert!(bed.enter("a", "e2", Class::Edit).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_woken_object_that_never_comes_loses_its_place() {
        let bed = Bed::new(1);
        let ticket = bed.enter("a", "first", Class::Edit).unwrap();
        assert!(bed.enter("a", "gone", Class::Edit).is_none());
        assert!(bed.enter("a", "next", Class::Edit).is_none());
        drop(ticket);
        assert_eq!(bed.woken(), ["a/gone"]);
        tokio::time::advance(CLAIMED_WITHIN).await;
        bed.admission.forget("another");
        assert_eq!(bed.woken(), ["a/next"]);
        let _next = bed.enter("a", "next", Class::Edit).unwrap();
        bed.admission.forget("gone");
        assert!(bed.enter("a", "late", Class::Edit).is_none());
    }
}
