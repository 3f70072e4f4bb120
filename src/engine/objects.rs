//! The objects of one kind that the operator watches.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{
    ResourceExt,
    core::DeserializeGuard,
    runtime::reflector::{ObjectRef, Store},
};
use tokio::sync::watch;

use super::Managed;
use crate::crd::common::annotation;

/// The watched objects of one kind, as last seen.
pub struct Objects<K: Managed> {
    store: Store<DeserializeGuard<K>>,
    // Not the store's own `wait_until_ready`: it wakes only the one that asked last, and the controller asks too.
    listed: watch::Receiver<bool>,
}

impl<K: Managed> Clone for Objects<K> {
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            listed: self.listed.clone(),
        }
    }
}

impl<K: Managed> Objects<K> {
    pub(super) fn new(store: Store<DeserializeGuard<K>>, listed: watch::Receiver<bool>) -> Self {
        Self { store, listed }
    }

    /// Waits for the first complete list; false if the watch ended before.
    pub async fn ready(&self) -> bool {
        self.listed.clone().wait_for(|listed| *listed).await.is_ok()
    }

    /// Whether the first complete list is in.
    pub fn is_ready(&self) -> bool {
        *self.listed.borrow()
    }

    /// The object of this name; also `None` where it cannot be decoded.
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<DeserializeGuard<K>>> {
        self.store.get(&ObjectRef::new(name).within(namespace))
    }

    /// All that can be decoded.
    pub fn all(&self) -> Vec<Arc<DeserializeGuard<K>>> {
        self.store.state_filter(|guard| guard.0.is_ok())
    }

    /// Whether some cannot be decoded.
    pub fn any_undecodable(&self) -> bool {
        self.store.find(|guard| guard.0.is_err()).is_some()
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

/// Drops what is never looked at, before an object is kept: most of it, by size. `kubectl apply` alone leaves a second
/// copy of the object in an annotation.
pub(super) fn slim(meta: &mut ObjectMeta) {
    meta.managed_fields = None;
    meta.labels = None;
    meta.owner_references = None;
    if let Some(annotations) = meta.annotations.as_mut() {
        annotations.retain(|name, _| annotation::is_ours(name));
    }
    meta.annotations.take_if(|annotations| annotations.is_empty());
}
