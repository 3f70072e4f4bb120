//! What a reconcile would write to the remote side.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use jiff::Timestamp;
use secrecy::SecretString;

use crate::{crd::applied::Grants, engine::connect::Effect};

/// How urgent the first write of a plan is. Earlier classes leave the queue of a connection first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Takes access away: disables, removes, revokes.
    Withdrawal,
    /// Changes what exists, since somebody edited the object.
    Edit,
    /// Creates a remote object.
    Creation,
    /// Repairs drift of an object that was in sync.
    Repair,
}

/// One write to the remote side.
pub trait Change: Send + Sync {
    /// The sentences that people read in `status.plan`, Events and logs, one for each thing that this write changes.
    /// Never a secret value.
    fn steps(&self) -> Vec<String>;

    /// What each of [`Self::steps`] replaces, in their order; `None`, or a shorter list: it is not known, or not to be shown. Never a
    /// secret value.
    fn replaces(&self) -> Vec<Option<String>> {
        Vec::new()
    }

    /// What only a later write can carry, so that a plan shows everything that follows. In the words of [`Self::steps`].
    fn follows(&self) -> Vec<String> {
        Vec::new()
    }

    /// Reason of the Event: a `PascalCase` word such as `Created`.
    fn event(&self) -> &'static str;

    /// Whether this write creates the remote object.
    fn creates(&self) -> bool {
        false
    }

    /// Whether this write takes access away from somebody.
    fn withdraws(&self) -> bool {
        false
    }

    /// Whether this write does nothing else.
    fn only_withdraws(&self) -> bool {
        self.withdraws()
    }

    /// The part of this write that takes access away, if that can be written alone.
    fn withdrawals(self) -> Option<Self>
    where
        Self: Sized,
    {
        self.only_withdraws().then_some(self)
    }

    /// Whether this write puts back what was there before an object came. That may give something to somebody, also where the
    /// object is being deleted: then its namespace must still be allowed to declare it.
    fn restores(&self) -> bool {
        false
    }

    /// What this write does to people, for the guards and the mass-change brake.
    fn effects(&self) -> Vec<Effect> {
        Vec::new()
    }

    /// Whether this write starts a task that carries it on. Reads may lag behind it until the task is over.
    fn starts_task(&self) -> bool {
        false
    }

    /// Slots of the secrets whose values this write carries.
    fn slots(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Changes in the order in which they are written, at most one for each remote document. Empty means in sync.
#[derive(Debug)]
pub struct Plan<C> {
    /// What to write.
    pub changes: Vec<C>,
    /// What has to wait, and for what. The changes are written all the same.
    pub waiting: Vec<String>,
    /// What would be written if a change window were open.
    pub held: Vec<String>,
    /// What was written and does not show yet, since a task on the remote side is still running.
    pub in_progress: Vec<String>,
    /// The sentences of writes in progress: a task on the remote side still carries them.
    pub unshown: Vec<String>,
    /// Whether a withdrawal has to wait: the record of the grant stays.
    pub deferred: bool,
    /// Grants that this object owns once the plan is written, by list. Recorded before they are written, and withdrawn
    /// when the spec drops them.
    pub grants: Grants,
    /// What was there before the entries of this object, as JSON text by their place; an empty text: nothing. Recorded
    /// together with `grants`, before they are written.
    pub replaced: BTreeMap<String, String>,
    /// Which remote object is in force, for kinds that replace theirs by new ones; `None`: as recorded.
    pub succession: Option<Succession>,
    /// When the plan changes by the passage of time alone.
    pub due: Option<Duration>,
    /// Time limits that have passed, and what follows from each.
    pub expired: Vec<String>,
    /// Hash of what the changes replace, so that an attempt is recognised that found exactly this before.
    pub basis: u64,
}

/// One remote object after another: which one is in force, and which ones it replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Succession {
    /// Id of the one whose value is published.
    pub id: String,
    /// Since when.
    pub since: Timestamp,
    /// Ids of those that it replaced and that still exist, and since when they are replaced.
    pub retiring: BTreeMap<String, Timestamp>,
}

impl<C> Default for Plan<C> {
    fn default() -> Self {
        Self {
            changes: Vec::new(),
            waiting: Vec::new(),
            held: Vec::new(),
            in_progress: Vec::new(),
            unshown: Vec::new(),
            deferred: false,
            grants: Grants::default(),
            replaced: BTreeMap::new(),
            succession: None,
            due: None,
            expired: Vec::new(),
            basis: 0,
        }
    }
}

impl<C: Change> Plan<C> {
    /// A plan of one change, or of none.
    pub fn new(change: Option<C>) -> Self {
        Self {
            changes: change.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Whether nothing is written.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The sentences of all changes.
    pub fn steps(&self) -> Vec<String> {
        self.changes.iter().flat_map(Change::steps).collect()
    }

    /// The sentences of all changes, of what follows, and of what waits.
    pub fn outstanding(&self) -> Vec<String> {
        let mut all = Vec::new();
        for change in &self.changes {
            all.extend(change.steps());
            all.extend(change.follows());
        }
        all.extend(self.held.iter().chain(&self.waiting).chain(&self.in_progress).cloned());
        all
    }

    /// What all changes do to people.
    pub fn effects(&self) -> Vec<Effect> {
        self.changes.iter().flat_map(Change::effects).collect()
    }

    /// The same plan outside of the change windows: it writes what only takes access away, and nothing of a remote object that
    /// is not ours yet.
    #[must_use]
    pub fn outside_windows(mut self, ours: bool) -> Self {
        for change in std::mem::take(&mut self.changes) {
            let mut steps = change.steps();
            steps.extend(change.follows());
            if let Some(part) = change.withdrawals().filter(|_| ours) {
                let written = part.steps();
                steps.retain(|step| !written.contains(step));
                self.changes.push(part);
            }
            self.held.extend(steps);
        }
        if !self.held.is_empty() {
            // Nothing is granted, so there is nothing to record.
            self.grants = Grants::default();
        }
        self
    }

    /// The plan as far as it may be written now, and why the rest waits. `ours`: the remote object is managed by this object
    /// already. `closed`: why changes have to wait; it is asked only where that matters.
    pub fn within_windows(self, ours: bool, closed: impl FnOnce() -> Option<String>) -> (Self, Option<String>) {
        let only_withdraws = self.changes.iter().all(Change::only_withdraws);
        if only_withdraws && ours {
            return (self, None);
        }
        match closed() {
            Some(why) => (self.outside_windows(ours), Some(why)),
            None => (self, None),
        }
    }

    /// Whether a change creates the remote object.
    pub fn creates(&self) -> bool {
        self.changes.iter().any(Change::creates)
    }

    /// Hash of what the changes do and of what they found.
    pub fn attempt(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.steps().hash(&mut hasher);
        self.basis.hash(&mut hasher);
        hasher.finish()
    }
}

/// What a write returned. The engine records it before it does anything else.
#[derive(Default)]
pub struct Receipt {
    /// Id that the remote side gave to the object.
    pub id: Option<String>,
    /// The task that carries the write on.
    pub task: Option<String>,
    /// Values that only this answer holds, by their key in the Secret that the object publishes. Together with `id`: a new
    /// remote object, which takes the place of the recorded one once its values are published.
    pub secret: Option<BTreeMap<String, SecretString>>,
    /// What the write did beyond its change, in the words of [`Change::steps`].
    pub also: Vec<String>,
    /// Values that the write replaced, as JSON text by their place; an empty text: there was none.
    pub replaced: BTreeMap<String, String>,
}
