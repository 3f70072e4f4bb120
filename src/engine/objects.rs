//! The objects of one kind that the operator watches.

use std::sync::Arc;

use futures::FutureExt;
use kube::{
    ResourceExt,
    core::DeserializeGuard,
    runtime::reflector::{ObjectRef, Store},
};

use super::Managed;

/// The watched objects of one kind, as last seen.
pub struct Objects<K: Managed>(Store<DeserializeGuard<K>>);

impl<K: Managed> Clone for Objects<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K: Managed> Objects<K> {
    pub(super) fn new(store: Store<DeserializeGuard<K>>) -> Self {
        Self(store)
    }

    /// Waits for the first complete list; false if the watch ended before.
    pub async fn ready(&self) -> bool {
        self.0.wait_until_ready().await.is_ok()
    }

    /// Whether the first complete list is in.
    pub fn is_ready(&self) -> bool {
        self.ready().now_or_never().unwrap_or(false)
    }

    /// The object of this name; also `None` where it cannot be decoded.
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<DeserializeGuard<K>>> {
        self.0.get(&ObjectRef::new(name).within(namespace))
    }

    /// All that can be decoded.
    pub fn all(&self) -> Vec<Arc<DeserializeGuard<K>>> {
        self.0.state_filter(|guard| guard.0.is_ok())
    }

    /// References to those that `wanted` picks.
    pub(super) fn picked(&self, wanted: impl Fn(&K) -> bool) -> Vec<ObjectRef<DeserializeGuard<K>>> {
        let picked = self
            .all()
            .into_iter()
            .filter(|guard| guard.0.as_ref().is_ok_and(&wanted));
        picked.map(|guard| reference(&guard)).collect()
    }
}

pub(super) fn reference<K: Managed>(guard: &DeserializeGuard<K>) -> ObjectRef<DeserializeGuard<K>> {
    ObjectRef::new(&guard.name_any()).within(&guard.namespace().unwrap_or_default())
}
