//! Objects of one kind that something asked to reconcile. Each is in the set once, so the set is never larger than the
//! number of objects, however often something asks.

use std::sync::{Arc, Mutex, PoisonError};

use futures::{Stream, StreamExt, stream};
use indexmap::IndexSet;
use tokio::sync::Notify;

use super::object::ObjectName;

/// The set of one kind.
#[derive(Clone, Default)]
pub struct Wake(Arc<Inner>);

#[derive(Default)]
struct Inner {
    names: Mutex<IndexSet<ObjectName>>,
    notify: Notify,
}

impl Wake {
    /// Adds objects.
    pub fn add(&self, names: impl IntoIterator<Item = ObjectName>) {
        self.0
            .names
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(names);
        self.0.notify.notify_one();
    }

    /// The objects in the order in which they were added.
    pub fn stream(&self) -> impl Stream<Item = ObjectName> + Send + 'static {
        let inner = self.0.clone();
        stream::unfold(inner, |inner| async move {
            loop {
                let names = std::mem::take(&mut *inner.names.lock().unwrap_or_else(PoisonError::into_inner));
                if !names.is_empty() {
                    return Some((stream::iter(names), inner));
                }
                // A notification in between is stored, so none is missed.
                inner.notify.notified().await;
            }
        })
        .flatten()
    }
}
