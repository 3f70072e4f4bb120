//! A list that many read while a sweep replaces it.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A list that is replaced as a whole.
#[derive(Debug, Default)]
pub struct Shared<T>(RwLock<Arc<T>>);

impl<T> Shared<T> {
    /// The present list.
    pub fn get(&self) -> Arc<T> {
        read(&self.0).clone()
    }

    /// Replaces it.
    pub fn set(&self, list: impl Into<Arc<T>>) {
        *write(&self.0) = list.into();
    }
}

impl<T: Clone> Shared<T> {
    /// Edits it in place.
    pub fn edit<R>(&self, edit: impl FnOnce(&mut T) -> R) -> R {
        edit(Arc::make_mut(&mut write(&self.0)))
    }
}

/// Locks for reading; a panic elsewhere leaves the list usable: each entry of it is whole, and the next sweep replaces all.
pub fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

/// Locks for writing.
pub fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
