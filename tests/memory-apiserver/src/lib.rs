//! A Kubernetes apiserver in memory, behind kube's client service, for tests without a cluster.
//!
//! It behaves as kube-apiserver where an engine of controllers relies on it; the real one is used by the cluster suite,
//! whose `likeness` module sends the same requests to both and compares the answers.
//! It does no I/O and waits on tokio's clock alone, so it works with a runtime whose time is paused.
//!
//! ```
//! use k8s_openapi::api::core::v1::Secret;
//! use kube::Api;
//! use memory_apiserver::{Action, MemoryApiserver, Rule};
//! use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), kube::Error> {
//! let server = MemoryApiserver::new();
//! let secrets: Api<Secret> = Api::namespaced(server.client(), "team");
//! server.create(json!({
//!     "apiVersion": "v1", "kind": "Secret",
//!     "metadata": { "name": "login", "namespace": "team" }, "stringData": { "password": "s3cret" },
//! }));
//! server.fault(Rule::new(Action::Status(503, "ServiceUnavailable".into())).method("GET").times(1));
//! assert!(secrets.get("login").await.is_err());
//! assert_eq!(secrets.get("login").await?.data.unwrap()["password"].0, b"s3cret");
//! assert_eq!(server.log().len(), 2);
//! # Ok(())
//! # }
//! ```
//!
//! # What it does
//!
//! - Get, list (in pages, with selectors), watch (from a revision, from the present state, with bookmarks and initial
//!   events), create, replace, patch (merge, JSON, apply) and delete, each also as metadata alone; the `status`
//!   subresource; discovery.
//! - Resource versions that one counter gives to every kind, uids, generations, creation and deletion timestamps,
//!   finalizers, preconditions, dry runs, and the errors with the codes and reasons of an apiserver.
//! - Server-side apply with an owner for every field. Lists called `conditions` are keyed by `type`,
//!   `metadata.ownerReferences` by `uid`; `metadata.finalizers` is a set; other lists are one value.
//! - A request that was sent is carried out, even where its caller stops waiting.
//!
//! # What it does not do
//!
//! - Schemas: nothing is pruned, defaulted or validated but by [`MemoryApiserver::validate`].
//! - Access control, admission, garbage collection but by [`MemoryApiserver::collect_garbage`], deletion of collections, strategic merge patches.
//! - Namespaces need not exist. `managedFields` are not shown. A kind has one version.
//! - A list from the cache (`resourceVersion=0`) is never stale. Only watches lag.

mod call;
mod clock;
mod discovery;
mod faults;
mod fields;
mod kind;
mod list;
mod log;
mod ownership;
mod patch;
mod rejection;
mod requests;
mod selector;
mod serve;
mod shared;
mod store;
mod user;
mod view;
mod watch;
mod write;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use kube::Client;
use serde_json::Value;

pub use self::{
    faults::{Action, Fault, Rule},
    kind::Registered,
    log::Request,
};
use self::{shared::Shared, store::Store, user::by_plural};

/// An apiserver. Clones share its state.
///
/// It starts with the kinds Namespace, Secret, `ConfigMap`, Event (of `events.k8s.io`) and Lease.
#[derive(Clone)]
pub struct MemoryApiserver {
    shared: Arc<Shared>,
}

impl Default for MemoryApiserver {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryApiserver {
    /// Without objects.
    pub fn new() -> Self {
        let mut store = Store::new();
        kind::builtin().for_each(|kind| store.register(kind));
        Self {
            shared: Shared::new(store),
        }
    }

    /// A client, whose default namespace is `default`. It retries nothing.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn client(&self) -> Client {
        serve::client(&self.shared)
    }

    /// Serves a kind. One that is served already keeps its objects.
    pub fn register(&self, kind: Registered) {
        self.shared.change(|state| state.store.register(kind));
    }

    /// Stops to serve a kind, as when its definition is deleted: its objects are gone, its watches end, and its paths
    /// are not found.
    ///
    /// # Panics
    ///
    /// Where the kind is not registered.
    #[track_caller]
    pub fn unregister(&self, plural: &str) {
        self.edit(|state| {
            let id = by_plural(&state.store, plural)?;
            state.store.unregister(id);
            Ok(())
        });
    }

    /// Refuses, as invalid, every write after which `validation` does not hold for the object. Replaces an earlier
    /// validation of the kind. It runs under the lock of the server, so it must not call the server.
    ///
    /// # Panics
    ///
    /// Where the kind is not registered.
    #[track_caller]
    pub fn validate(&self, plural: &str, validation: impl Fn(&Value) -> Result<(), String> + Send + Sync + 'static) {
        self.collection(plural, |collection, _| {
            collection.validation = Some(Arc::new(validation));
        });
    }

    /// The time that timestamps of objects have: that of the machine when the server was made, advanced by tokio's clock.
    pub fn now(&self) -> Timestamp {
        self.shared.lock().store.counters.clock.now()
    }

    /// Every request that arrived, in order.
    pub fn log(&self) -> Vec<Request> {
        self.shared.lock().log.clone()
    }

    /// How many requests have arrived, forgotten ones included, and those about Leases left out.
    pub fn arrived(&self) -> u64 {
        let state = self.shared.lock();
        state.arrived - state.renewals
    }

    /// Deletes every object all of whose owners are gone, as the garbage collector of a cluster does in its own time.
    pub fn collect_garbage(&self) {
        let orphans = self.shared.lock().store.orphans();
        for (plural, (namespace, name)) in orphans {
            self.delete(&plural, &namespace, &name);
        }
    }

    /// Forgets the requests so far.
    pub fn clear_log(&self) {
        self.shared.lock().log.clear();
    }

    /// Disturbs requests. Of several rules that match a request, the oldest applies.
    pub fn fault(&self, rule: Rule) -> Fault {
        Fault {
            id: self.shared.change(|state| state.faults.add(rule)),
            shared: self.shared.clone(),
        }
    }

    /// Begins or ends an outage: every connection breaks, requests under way included, and none can be opened.
    pub fn outage(&self, is_down: bool) {
        self.shared.change(|state| state.outage = is_down);
    }

    /// From a write to its watch event. Zero at first. Applies to events that are not delivered yet, too.
    pub fn set_watch_lag(&self, lag: Duration) {
        self.shared.change(|state| state.watch_lag = lag);
    }

    /// Lets the watches of a kind deliver nothing until they are released.
    ///
    /// # Panics
    ///
    /// Where the kind is not registered.
    #[track_caller]
    pub fn hold_watch(&self, plural: &str) {
        self.collection(plural, |collection, _| collection.held = true);
    }

    /// Delivers what was held back, and goes on.
    ///
    /// # Panics
    ///
    /// Where the kind is not registered.
    #[track_caller]
    pub fn release_watch(&self, plural: &str) {
        self.collection(plural, |collection, _| collection.held = false);
    }

    /// Cuts the connections of all watches of a kind. A client can go on where it was.
    ///
    /// # Panics
    ///
    /// Where the kind is not registered.
    #[track_caller]
    pub fn cut_watches(&self, plural: &str) {
        self.collection(plural, |collection, _| collection.cuts += 1);
    }

    /// Forgets the history of a kind: its watches end with 410, one that starts from a revision so far does too, and
    /// the further pages of lists expire.
    ///
    /// # Panics
    ///
    /// Where the kind is not registered.
    #[track_caller]
    pub fn expire_watches(&self, plural: &str) {
        self.collection(plural, store::Collection::expire);
        self.shared.lock().store.snapshots.clear();
    }

    #[track_caller]
    fn collection(&self, plural: &str, change: impl FnOnce(&mut store::Collection, &mut store::Counters)) {
        self.edit(|state| {
            let id = by_plural(&state.store, plural)?;
            if let Some((collection, counters)) = state.store.get_mut(id) {
                change(collection, counters);
            }
            Ok(())
        });
    }
}
