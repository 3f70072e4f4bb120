//! The objects of one kind: what the engine needs to know of their type, and the watched ones.

use std::{borrow::Cow, fmt, fmt::Debug, sync::Arc};

use jiff::Timestamp;
use k8s_openapi::{NamespaceResourceScope, apimachinery::pkg::apis::meta::v1::ObjectMeta};
pub use kube::core::object::HasStatus;
use kube::{
    Resource, ResourceExt,
    core::DeserializeGuard,
    runtime::reflector::{ObjectRef, Store},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::watch;

use crate::crd::{
    common::{FINALIZER, annotation},
    status::Status,
};

/// A kind of object with the status that all kinds have. Every type derived with kube's `CustomResource` whose status is a
/// [`Status`] is one.
pub trait Object:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + HasStatus<Status = Status<Self::Seen, Self::Shown>>
    + Clone
    + Debug
    + Serialize
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
    /// What the status shows of the remote object.
    type Seen: Clone + Debug + Default + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static;
    /// What the status shows beside it.
    type Shown: Clone + Debug + Default + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static;
}

impl<K, R, T> Object for K
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + HasStatus<Status = Status<R, T>>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned
        + Send
        + Sync
        + 'static,
    R: Clone + Debug + Default + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static,
    T: Clone + Debug + Default + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    type Seen = R;
    type Shown = T;
}

/// Status of a kind.
pub type StatusOf<K> = Status<<K as Object>::Seen, <K as Object>::Shown>;

/// Name of a kind, for logs, metrics and Events.
pub fn kind<K: Resource<DynamicType = ()>>() -> &'static str {
    match K::kind(&()) {
        Cow::Borrowed(kind) => kind,
        Cow::Owned(_) => "unknown",
    }
}

/// Namespace and name of an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectName {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

impl ObjectName {
    /// The name of this object.
    pub fn of(object: &impl ResourceExt) -> Self {
        let meta = object.meta();
        Self {
            namespace: meta.namespace.as_deref().unwrap_or_default().into(),
            name: meta.name.as_deref().unwrap_or_default().into(),
        }
    }

    /// As the controller names the object.
    pub(super) fn reference<K: Object>(&self) -> ObjectRef<DeserializeGuard<K>> {
        ObjectRef::new(&self.name).within(&self.namespace)
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// How far the watch of a kind is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchState {
    /// The first list is not complete.
    Listing,
    /// Every object is known.
    Listed,
    /// The apiserver does not know the kind: its CRD is not installed.
    Missing,
}

/// The watched objects of one kind.
pub struct Objects<K: Object> {
    store: Store<DeserializeGuard<K>>,
    state: watch::Receiver<WatchState>,
}

impl<K: Object> Clone for Objects<K> {
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            state: self.state.clone(),
        }
    }
}

impl<K: Object> Objects<K> {
    pub(super) fn new(store: Store<DeserializeGuard<K>>, state: watch::Receiver<WatchState>) -> Self {
        Self { store, state }
    }

    /// How far the watch is.
    pub fn state(&self) -> WatchState {
        *self.state.borrow()
    }

    /// Waits until the first list is complete or the kind turns out to be missing.
    pub async fn decided(&self) -> WatchState {
        let mut state = self.state.clone();
        let decided = state.wait_for(|state| *state != WatchState::Listing).await;
        decided.map_or(WatchState::Listing, |state| *state)
    }

    /// The object of this name as the watch last brought it, decoded or not.
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<DeserializeGuard<K>>> {
        self.store.get(&ObjectRef::new(name).within(namespace))
    }

    /// Calls `each` for every object that can be decoded, without a copy of the list.
    pub fn each(&self, each: impl FnMut(&K)) {
        let each = std::cell::RefCell::new(each);
        let _none = self.store.find(|guard| {
            if let Ok(object) = &guard.0 {
                (each.borrow_mut())(object);
            }
            false
        });
    }

    /// All objects, those that cannot be decoded too.
    pub fn all(&self) -> Vec<Arc<DeserializeGuard<K>>> {
        self.store.state()
    }
}

/// Drops what the operator never reads before an object is stored: most of it, by size. `kubectl apply` alone leaves a
/// second copy of the object in an annotation.
pub(super) fn slim(meta: &mut ObjectMeta) {
    meta.managed_fields = None;
    meta.labels = None;
    meta.owner_references = None;
    if let Some(annotations) = meta.annotations.as_mut() {
        annotations.retain(|name, _| annotation::is_ours(name));
    }
    meta.annotations.take_if(|annotations| annotations.is_empty());
}

/// The same object without spare capacity: a decoder leaves a list room for four elements where it has one, which takes a
/// fifth of what an object takes.
pub(super) fn compact<K: Object>(object: &mut K) {
    slim(object.meta_mut());
    *object = object.clone();
}

/// Whether the object is being deleted.
pub fn is_deleting<K: Resource>(object: &K) -> bool {
    object.meta().deletion_timestamp.is_some()
}

/// Whether an annotation pauses the object.
pub fn is_paused<K: Resource>(object: &K) -> bool {
    let annotations = object.meta().annotations.as_ref();
    annotations
        .and_then(|all| all.get(annotation::PAUSED))
        .is_some_and(|value| annotation::pauses(value))
}

/// Whether the object has our finalizer.
pub fn has_finalizer(object: &impl ResourceExt) -> bool {
    object.finalizers().iter().any(|one| one == FINALIZER)
}

/// When the object was created.
pub fn created(object: &impl ResourceExt) -> Timestamp {
    object.creation_timestamp().map_or(Timestamp::UNIX_EPOCH, |time| time.0)
}

/// Whether `Ready` is true for the present spec.
pub fn is_ready<K: Object>(object: &K) -> bool {
    object.status().is_some_and(|status| {
        status.observed_generation == object.meta().generation
            && status.condition("Ready").is_some_and(|ready| ready.status == "True")
    })
}

/// Whether an annotation asks for a reconcile that has not happened yet.
pub fn asks_for_reconcile<K: Object>(object: &K) -> bool {
    let asked = object.annotations().get(annotation::RECONCILE_AT);
    let handled = object
        .status()
        .and_then(|status| status.last_handled_reconcile_at.as_ref());
    asked.is_some() && asked != handled
}

/// Versions of one resource type may be compared as numbers (KEP-5504).
pub(super) fn version(object: &impl ResourceExt) -> Option<u64> {
    object.resource_version().and_then(|version| version.parse().ok())
}
