//! What every pass of one kind shares.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::json;

use super::{
    Error,
    backoff::Failures,
    fingerprint::Fingerprints,
    managed::{Managed, StatusOf},
    objects::{Objects, slim},
    report::{PassObserver, Reports},
};
use crate::crd::common::{FIELD_MANAGER, FINALIZER};

/// What all kinds share.
#[derive(Clone)]
pub struct Surroundings {
    /// The apiserver.
    pub client: Client,
    /// Keyed hashes of secret values.
    pub fingerprints: Arc<Fingerprints>,
    /// Events.
    pub reports: Reports,
    /// Metrics of passes.
    pub passes: PassObserver,
    /// How long a deletion waits for missing credentials before it lets go.
    pub release_after: Duration,
}

/// What every pass of one kind shares.
pub struct Context<K: Managed> {
    /// What all kinds share.
    pub around: Surroundings,
    /// What the kind needs of the running operator.
    pub world: Arc<K::World>,
    /// Failures in a row.
    pub failures: Failures,
    objects: Objects<K>,
    /// Own last writes that the watch has not brought yet.
    written: Mutex<HashMap<String, Arc<K>>>,
    looked: Mutex<HashMap<String, Instant>>,
    turns: Mutex<HashMap<String, Instant>>,
}

impl<K: Managed> Context<K> {
    /// Nothing known yet.
    pub fn new(around: Surroundings, world: Arc<K::World>, objects: Objects<K>) -> Self {
        Self {
            around,
            world,
            objects,
            failures: Failures::default(),
            written: Mutex::default(),
            looked: Mutex::default(),
            turns: Mutex::default(),
        }
    }

    /// The API of this kind in the object's namespace.
    pub fn api(&self, object: &K) -> Api<K> {
        Api::namespaced(self.around.client.clone(), &object.namespace().unwrap_or_default())
    }

    /// The object as it is after our own last write. The watch lags behind it, and a pass on the older state would not
    /// know what was applied: a password would be sent twice.
    pub fn current(&self, object: Arc<K>) -> Arc<K> {
        let uid = object.uid().unwrap_or_default();
        let mut written = lock(&self.written);
        match written.get(&uid) {
            Some(ours) if version(&*object) < version(&**ours) => ours.clone(),
            Some(_) => {
                written.remove(&uid);
                object
            }
            None => object,
        }
    }

    /// Lets go of our own last write once the watch has brought it.
    pub fn brought(&self, object: &K) {
        let uid = object.uid().unwrap_or_default();
        let mut written = lock(&self.written);
        if written
            .get(&uid)
            .is_some_and(|ours| version(object) >= version(&**ours))
        {
            written.remove(&uid);
        }
    }

    /// The object with our finalizer, added where it is missing; `None` where there is no such object any more.
    ///
    /// The pass goes on with what the apiserver returned. Waiting for the watch to bring it instead lets a trigger that
    /// comes first add the finalizer a second time.
    pub async fn held(&self, object: Arc<K>) -> Result<Option<Arc<K>>, Error> {
        let finalizers = object.finalizers();
        if object.meta().deletion_timestamp.is_some() || finalizers.iter().any(|one| one == FINALIZER) {
            return Ok(Some(object));
        }
        let finalizers: Vec<_> = finalizers.iter().map(String::as_str).chain([FINALIZER]).collect();
        let patch = json!({
            "metadata": { "finalizers": finalizers, "resourceVersion": object.resource_version(), "uid": object.uid() },
        });
        let params = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let (api, patch) = (self.api(&object), Patch::Merge(&patch));
        match api.patch(&object.name_any(), &params, &patch).await {
            Ok(patched) => Ok(Some(self.note_written(patched))),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(None),
            Err(error) => Err(Error::kubernetes("add the finalizer")(error)),
        }
    }

    /// Writes the status. With `unless_changed` the write fails if the object is not the one that this pass has seen.
    pub async fn write_status(&self, object: &K, status: &StatusOf<K>, unless_changed: bool) -> Result<Arc<K>, Error> {
        let mut metadata = json!({ "name": object.name_any(), "uid": object.uid() });
        if unless_changed {
            metadata["resourceVersion"] = json!(object.resource_version());
        }
        let patch = json!({
            "apiVersion": K::api_version(&()),
            "kind": K::kind(&()),
            "metadata": metadata,
            "status": status,
        });
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let written = self
            .api(object)
            .patch_status(&object.name_any(), &params, &Patch::Apply(&patch))
            .await
            .map_err(Error::kubernetes("write the status"))?;
        Ok(self.note_written(written))
    }

    fn note_written(&self, mut written: K) -> Arc<K> {
        slim(written.meta_mut());
        let written = Arc::new(written);
        let (namespace, name) = (written.namespace().unwrap_or_default(), written.name_any());
        // The watch may have been quicker than the answer.
        let known = self.objects.get(&namespace, &name);
        let known = known.as_ref().and_then(|guard| guard.0.as_ref().ok());
        if known.is_none_or(|known| known.uid() != written.uid() || version(known) < version(&*written)) {
            lock(&self.written).insert(written.uid().unwrap_or_default(), written.clone());
        }
        written
    }

    /// Whether this process wrote the status of the object after the state that `object` has.
    pub fn wrote_since(&self, object: &K) -> bool {
        let written = lock(&self.written);
        let ours = written.get(&object.uid().unwrap_or_default());
        ours.is_some_and(|ours| version(object) < version(&**ours))
    }

    /// Whether the last time that this said yes is an interval ago.
    pub fn is_due(&self, uid: &str, interval: Duration) -> bool {
        let mut looked = lock(&self.looked);
        let due = looked.get(uid).is_none_or(|last| last.elapsed() >= interval);
        if due {
            looked.insert(uid.to_owned(), Instant::now());
        }
        due
    }

    /// Notes when it is the turn of an object that found too many others waiting.
    pub fn booked(&self, uid: &str, turn: Duration) {
        lock(&self.turns).insert(uid.to_owned(), Instant::now() + turn);
    }

    /// Whether an object has its turn later, and nothing is gained by another try before.
    pub fn is_booked(&self, uid: &str) -> bool {
        let mut turns = lock(&self.turns);
        let later = turns.get(uid).is_some_and(|turn| *turn > Instant::now());
        if !later {
            turns.remove(uid);
        }
        later
    }

    /// Forgets an object that is gone.
    pub fn forget(&self, uid: &str) {
        self.failures.clear(uid);
        lock(&self.written).remove(uid);
        lock(&self.looked).remove(uid);
        lock(&self.turns).remove(uid);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Versions of one resource type may be compared as numbers (KEP-5504).
fn version<K: Managed>(object: &K) -> Option<u64> {
    object.resource_version().and_then(|version| version.parse().ok())
}
