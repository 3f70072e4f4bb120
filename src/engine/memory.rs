//! What the process remembers of single objects between two reconciles. An object without failures and without a write of
//! ours that the watch has not brought yet has no entry.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::time::Instant;

/// A write that the remote side accepted and did not store. It is not sent again while everything is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotStored {
    /// Generation of the object.
    pub generation: Option<i64>,
    /// Hash of the plan and of what a read of the object showed.
    pub fresh: u64,
    /// The same by the lists of a sweep, which may show less.
    pub listed: Option<u64>,
}

impl NotStored {
    /// As the record holds it, so that a restart does not repeat the write.
    pub fn recorded(self) -> String {
        format!("{}/{:016x}", self.generation.unwrap_or_default(), self.fresh)
    }

    /// From a record; `None` where it is none of ours.
    pub fn from_record(recorded: &str) -> Option<Self> {
        let (generation, fresh) = recorded.split_once('/')?;
        Some(Self {
            generation: Some(generation.parse().ok()?),
            fresh: u64::from_str_radix(fresh, 16).ok()?,
            listed: None,
        })
    }
}

/// Writes that were answered with success and that no read has shown yet, since a task on the remote side carries them.
/// Their Event is due once a read shows them.
#[derive(Debug, PartialEq, Eq)]
pub struct Unshown {
    /// Generation of the object.
    pub generation: Option<i64>,
    /// Reason of the Event.
    pub event: &'static str,
    /// What the write changes, in the sentences of the Event.
    pub steps: Vec<String>,
}

/// What is remembered of one object.
pub struct Entry<K> {
    /// Our own last write that the watch has not brought yet.
    pub written: Option<Arc<K>>,
    /// Failures of the remote side in a row.
    pub remote_failures: u32,
    /// Failures of the apiserver in a row.
    pub kubernetes_failures: u32,
    /// Attempts in a row of a write that the remote side refused.
    pub refused_attempts: u32,
    /// No reconcile before this, unless the object or something that it names changes.
    pub not_before: Option<Instant>,
    /// The write that the remote side accepted and did not store.
    pub not_stored: Option<NotStored>,
    /// Stands for the versions of what the object reads, once a read showed that it changed and no value in it did.
    pub sources: Option<u64>,
    /// Writes whose Event is not emitted yet.
    pub unshown: Vec<Unshown>,
    /// When the connection of a deleted connection object was last swept.
    pub swept: Option<Instant>,
}

impl<K> Default for Entry<K> {
    fn default() -> Self {
        Self {
            written: None,
            remote_failures: 0,
            kubernetes_failures: 0,
            refused_attempts: 0,
            not_before: None,
            not_stored: None,
            sources: None,
            unshown: Vec::new(),
            swept: None,
        }
    }
}

impl<K> Entry<K> {
    fn is_empty(&self) -> bool {
        self.written.is_none()
            && self.remote_failures == 0
            && self.kubernetes_failures == 0
            && self.refused_attempts == 0
            && self.not_before.is_none()
            && self.not_stored.is_none()
            && self.sources.is_none()
            && self.unshown.is_empty()
            && self.swept.is_none()
    }
}

/// The memory of one kind, by uid.
pub struct Memory<K>(Mutex<HashMap<String, Entry<K>>>);

impl<K> Default for Memory<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K> Memory<K> {
    /// Reads or edits what is remembered of an object.
    pub fn with<T>(&self, uid: &str, with: impl FnOnce(&mut Entry<K>) -> T) -> T {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get_mut(uid) {
            let answer = with(entry);
            if entry.is_empty() {
                entries.remove(uid);
            }
            return answer;
        }
        let mut entry = Entry::default();
        let answer = with(&mut entry);
        if !entry.is_empty() {
            entries.insert(uid.to_owned(), entry);
        }
        answer
    }

    /// Forgets an object that is gone.
    pub fn forget(&self, uid: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_of_which_nothing_is_left_to_remember_has_no_entry() {
        let memory = Memory::<()>::default();
        memory.with("a", |entry| entry.remote_failures += 1);
        assert_eq!(memory.with("a", |entry| entry.remote_failures), 1);
        memory.with("a", |entry| entry.remote_failures = 0);
        assert!(memory.0.lock().unwrap().is_empty());
    }
}
