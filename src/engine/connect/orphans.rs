//! What is left on the remote side and no object manages any more: every release that left something behind
//! (`api.md` section 9). The status of the connection holds the list, so it survives a restart.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{ConnectionKey, ConnectionKind, Connections};
use crate::{
    crd::connection::{Orphan, Orphans},
    engine::object::ObjectName,
};

/// Most entries that are known by name. The status holds all of them; what exceeds them is counted.
const MOST: usize = 200;
/// Longest key or id of an entry, in bytes.
const LONGEST: usize = 512;
/// How long the status of a connection waits for further entries: a namespace with many objects takes few writes.
const GATHER: Duration = Duration::from_secs(1);

/// Why an object left something behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// `deletionPolicy: Retain`.
    Retained,
    /// `managementPolicy: Observe`, on something that the object created earlier.
    Observed,
    /// Released by annotation.
    ForceReleased,
    /// The credentials of the connection were missing for too long.
    CredentialsMissing,
    /// The removal would have taken something that must not be taken.
    Guarded,
    /// The connection does not allow the removal.
    NotAllowed,
    /// This release of the operator cannot read the object.
    Undecodable,
    /// The object exists, and the connection does not allow it any more.
    Undelegated,
}

impl Left {
    /// The name in the status.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retained => "Retained",
            Self::Observed => "Observed",
            Self::ForceReleased => "ForceReleased",
            Self::CredentialsMissing => "CredentialsMissing",
            Self::Guarded => "Guarded",
            Self::NotAllowed => "NotAllowed",
            Self::Undecodable => "Undecodable",
            Self::Undelegated => "Undelegated",
        }
    }
}

/// What the lists of the last sweep show of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remains {
    /// An object declares it again.
    Declared,
    /// It is gone.
    Gone,
    /// It is there, or nobody can tell.
    Left,
}

/// By kind and key.
type Id = (String, String);

#[derive(Default)]
struct State {
    entries: BTreeMap<Id, Orphan>,
    /// Entries beyond the bound.
    unlisted: i64,
    /// Objects that exist and are not allowed any more.
    undelegated: Vec<Orphan>,
    /// Whether the status of the connection was read.
    loaded: bool,
    /// Whether the status of the connection lacks something.
    unpublished: bool,
}

/// The list of one connection.
#[derive(Default)]
pub struct Ledger(Mutex<State>);

impl Ledger {
    /// Takes in what the status of the connection holds. The first call counts: from then on this process knows more.
    pub fn load(&self, shown: Option<&Orphans>) {
        let mut state = self.state();
        if state.loaded {
            return;
        }
        state.loaded = true;
        let Some(shown) = shown else { return };
        state.unlisted += shown.unlisted.max(0);
        for orphan in &shown.sample {
            if orphan.reason != Left::Undelegated.as_str() {
                add(&mut state, orphan.clone());
            }
        }
    }

    /// Adds an entry. Whether it was unknown.
    pub fn add(&self, orphan: Orphan) -> bool {
        let mut state = self.state();
        let added = add(&mut state, orphan);
        state.unpublished |= added;
        added
    }

    /// Whether the status of the connection lacks an entry.
    pub fn is_unpublished(&self) -> bool {
        self.state().unpublished
    }

    /// Kinds of the entries.
    pub fn kinds(&self) -> Vec<String> {
        let mut kinds: Vec<String> = self.state().entries.keys().map(|(kind, _)| kind.clone()).collect();
        kinds.dedup();
        kinds
    }

    /// Entries of one kind.
    pub fn of_kind(&self, kind: &str) -> Vec<Orphan> {
        let state = self.state();
        let entries = state.entries.values().filter(|orphan| orphan.kind == kind);
        entries.cloned().collect()
    }

    /// Drops entries.
    pub fn forget(&self, orphans: &[Orphan]) {
        let mut state = self.state();
        for orphan in orphans {
            // One that was left again since is another one.
            let id = (orphan.kind.clone(), orphan.key.clone());
            if state.entries.get(&id) == Some(orphan) {
                state.entries.remove(&id);
            }
        }
        if state.entries.is_empty() {
            // Nobody can tell what became of those that were only counted, and everything that was named is settled.
            state.unlisted = 0;
        }
    }

    /// Replaces the objects that exist and are not allowed any more.
    pub fn undelegated(&self, objects: Vec<Orphan>) {
        self.state().undelegated = objects;
    }

    /// How many there are; `None`: the status of the connection was not read yet.
    pub fn total(&self) -> Option<usize> {
        let state = self.state();
        state.loaded.then(|| usize::try_from(total(&state)).unwrap_or_default())
    }

    /// What the status shows; `None`: nothing is left. Whatever was added before is published then.
    pub fn publish(&self) -> Option<Orphans> {
        let mut state = self.state();
        state.unpublished = false;
        let total = total(&state);
        if total == 0 {
            return None;
        }
        let all = state.entries.values().chain(&state.undelegated);
        Some(Orphans {
            total,
            unlisted: state.unlisted,
            sample: all.take(MOST).cloned().collect(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn total(state: &State) -> i64 {
    let named = state.entries.len() + state.undelegated.len();
    i64::try_from(named).unwrap_or(i64::MAX).saturating_add(state.unlisted)
}

fn add(state: &mut State, mut orphan: Orphan) -> bool {
    cut(&mut orphan.key);
    orphan.id.iter_mut().for_each(cut);
    let id = (orphan.kind.clone(), orphan.key.clone());
    if state.entries.len() < MOST || state.entries.contains_key(&id) {
        return state.entries.insert(id, orphan).is_none();
    }
    state.unlisted = state.unlisted.saturating_add(1);
    true
}

fn cut(text: &mut String) {
    text.truncate(text.floor_char_boundary(LONGEST));
}

impl<C: ConnectionKind> Connections<C> {
    /// Lists something that an object of this connection leaves on the remote side. The status of the connection shows it
    /// shortly after, without a call.
    pub fn orphaned(self: &Arc<Self>, key: &ConnectionKey, orphan: Orphan) {
        let Some(ledger) = self.known_orphans(key) else {
            // No connection object is there to list it.
            return;
        };
        if ledger.is_unpublished() {
            ledger.add(orphan);
            return;
        }
        if ledger.add(orphan) && self.is_ready(key) {
            let (connections, name) = (
                self.clone(),
                ObjectName {
                    namespace: key.namespace.as_str().into(),
                    name: key.name.as_str().into(),
                },
            );
            tokio::spawn(async move {
                tokio::time::sleep(GATHER).await;
                connections.wake_own(&name);
            });
        }
    }

    /// Drops what the lists of the last sweep show as gone, and what an object declares again.
    pub(super) fn settle_orphans(&self, key: &ConnectionKey) {
        let Some(ledger) = self.known_orphans(key) else { return };
        let kinds = self.kinds_of_dependents();
        for name in ledger.kinds() {
            let Some(kind) = kinds.iter().find(|kind| kind.kind() == name) else {
                continue;
            };
            let orphans = ledger.of_kind(&name);
            let remains = kind.remains(key, &orphans);
            let settled = orphans
                .into_iter()
                .zip(remains)
                .filter(|(_, remains)| *remains != Remains::Left);
            let settled: Vec<Orphan> = settled.map(|(orphan, _)| orphan).collect();
            ledger.forget(&settled);
        }
        let undelegated = kinds.iter().flat_map(|kind| kind.undelegated(key));
        ledger.undelegated(undelegated.collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orphan(n: usize) -> Orphan {
        Orphan {
            kind: "Widget".into(),
            namespace: "team".into(),
            name: format!("w{n:04}"),
            key: format!("w{n:04}"),
            reason: Left::Retained.as_str().into(),
            ..Orphan::default()
        }
    }

    #[test]
    fn the_list_is_bounded_and_the_rest_is_counted_also_after_a_restart() {
        let ledger = Ledger::default();
        ledger.load(None);
        for n in 0..MOST + 50 {
            ledger.add(orphan(n));
        }
        ledger.undelegated(vec![Orphan {
            reason: Left::Undelegated.as_str().into(),
            ..orphan(9000)
        }]);
        let shown = ledger.publish().unwrap();
        assert_eq!((shown.total, shown.unlisted, shown.sample.len()), (251, 50, MOST));
        let restarted = Ledger::default();
        assert_eq!(restarted.total(), None);
        restarted.load(Some(&shown));
        restarted.load(Some(&shown));
        assert_eq!(restarted.total(), Some(250), "what exists is found anew");
        let all = restarted.of_kind("Widget");
        restarted.forget(&all);
        assert_eq!(restarted.publish(), None);
    }

    #[test]
    fn an_entry_that_was_left_again_is_not_dropped_with_the_earlier_one() {
        let ledger = Ledger::default();
        assert!(ledger.add(orphan(1)));
        let before = ledger.of_kind("Widget");
        assert!(!ledger.add(Orphan {
            reason: Left::ForceReleased.as_str().into(),
            ..orphan(1)
        }));
        ledger.forget(&before);
        assert_eq!(ledger.of_kind("Widget")[0].reason, "ForceReleased");
    }
}
