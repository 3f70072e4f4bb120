//! Which events of a watch are worth a reconcile.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Mutex, PoisonError},
};

use kube::{Resource, ResourceExt, core::DeserializeGuard, runtime::watcher};

use super::{
    integrity::is_coherent,
    object::{Object, has_finalizer},
};

/// What the last event of an object showed.
#[derive(Clone, Copy)]
struct Shown {
    /// Hash of what the user declares: generation (deletion counts as such) and annotations.
    declared: u64,
    /// Whether somebody removed our finalizer.
    lacks_finalizer: bool,
    /// Whether another manager wrote to the status.
    coherent: bool,
}

impl Shown {
    fn of<K: Object>(guard: &DeserializeGuard<K>) -> Self {
        let mut hasher = DefaultHasher::new();
        guard.meta().generation.hash(&mut hasher);
        guard.meta().deletion_timestamp.is_some().hash(&mut hasher);
        guard.annotations().hash(&mut hasher);
        let object = guard.0.as_ref().ok();
        Self {
            declared: hasher.finish(),
            lacks_finalizer: object.is_some_and(|object| object.status().is_some() && !has_finalizer(object)),
            coherent: object.is_none_or(is_coherent),
        }
    }

    fn is_worth_a_reconcile(self, before: Self) -> bool {
        self.declared != before.declared
            || (self.lacks_finalizer && !before.lacks_finalizer)
            || (!self.coherent && before.coherent)
    }
}

/// Remembers the last event of each object of one kind, by uid.
///
/// kube's own predicates compare hashes, so they fire in both directions: the write that adds our finalizer, or that makes a
/// status ours again, would reconcile the object a second time, and what that reconcile concludes from the lists would
/// overrule what the first one had read. Trade-off: if finalizer and status are removed together, only the next sweep
/// notices.
#[derive(Default)]
pub(super) struct Trigger(Mutex<Known>);

impl Trigger {
    /// The object of an event that is worth a reconcile.
    pub fn reconciles<K: Object>(&self, event: watcher::Event<DeserializeGuard<K>>) -> Option<DeserializeGuard<K>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            watcher::Event::Init => {
                known.listed.clear();
                None
            }
            watcher::Event::InitApply(guard) => {
                known.listed.insert(guard.uid().unwrap_or_default());
                known.fires(&guard).then_some(guard)
            }
            watcher::Event::InitDone => {
                let listed = std::mem::take(&mut known.listed);
                known.shown.retain(|uid, _| listed.contains(uid));
                None
            }
            watcher::Event::Apply(guard) => known.fires(&guard).then_some(guard),
            watcher::Event::Delete(guard) => {
                known.shown.remove(&guard.uid().unwrap_or_default());
                Some(guard)
            }
        }
    }
}

#[derive(Default)]
struct Known {
    shown: HashMap<String, Shown>,
    /// Uids of the list in progress.
    listed: HashSet<String>,
}

impl Known {
    fn fires<K: Object>(&mut self, guard: &DeserializeGuard<K>) -> bool {
        let now = Shown::of(guard);
        let before = self.shown.insert(guard.uid().unwrap_or_default(), now);
        before.is_none_or(|before| now.is_worth_a_reconcile(before))
    }
}
