//! A node with nothing but API keys, in memory. It fails at the call that it is told, and watches that the published values
//! work.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use k8s_openapi::ByteString;
use memory_apiserver::MemoryApiserver;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::super::super::{KeyClass, change::NewKey};
use crate::{
    dataiku::{
        dip::keys::{CreatedKey, KeyRecord},
        document::Document,
        error::{ApiError, ErrorKind},
        gate::Lane,
        listed::Listed,
        permit::WritePermit,
    },
    engine::connect::Api,
    kinds::node::{NodeLists, Snapshot},
};

/// From a call to its execution.
const LATENCY: Duration = Duration::from_millis(20);

/// What happens at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The operator dies before the call is executed.
    CrashBefore,
    /// The operator dies after it was executed and before the answer.
    CrashAfter,
    /// The connection breaks before the call is executed.
    LostBefore,
    /// The call is executed, and its answer is lost.
    LostAfter,
    /// The answer is lost, and the call is executed twelve seconds later.
    Late,
    /// The node fails in its own words.
    OwnError,
    /// The operator loses its lease before the call; the call, on its way already, is executed.
    Deposed,
    /// The call is executed, and from then on nothing reaches the apiserver for half a minute.
    Outage,
}

impl Fault {
    pub const ALL: [Self; 8] = [
        Self::CrashBefore,
        Self::CrashAfter,
        Self::LostBefore,
        Self::LostAfter,
        Self::Late,
        Self::OwnError,
        Self::Deposed,
        Self::Outage,
    ];
}

#[derive(Default)]
struct State {
    /// Definitions by id, each with its value.
    keys: BTreeMap<String, Value>,
    created: u32,
    /// Calls of reconciles since the fault was armed.
    calls: u32,
    armed: Option<(u32, Fault)>,
    fired: bool,
    unique_labels: bool,
    violations: Vec<String>,
}

pub struct Shared {
    state: Mutex<State>,
    server: MemoryApiserver,
    /// Signalled when the fault needs the test: a crash, a lost lease, an outage.
    pub reached: Notify,
}

/// The API of the node.
#[derive(Clone)]
pub struct MemoryNode {
    pub shared: Arc<Shared>,
    lane: Lane,
}

impl Api for MemoryNode {
    fn in_lane(&self, lane: Lane) -> Self {
        Self {
            shared: self.shared.clone(),
            lane,
        }
    }
}

impl MemoryNode {
    pub fn new(server: MemoryApiserver, unique_labels: bool) -> Self {
        let state = State {
            unique_labels,
            ..State::default()
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            server: server.clone(),
            reached: Notify::new(),
        });
        let watched = shared.clone();
        server.validate("secrets", move |secret| {
            if let Some(value) = published(secret) {
                let mut state = watched.state.lock().unwrap();
                if !state.keys.values().any(|key| key["key"] == value) {
                    state.violations.push(format!(
                        "a value that does not work is published: {}",
                        secret["metadata"]
                    ));
                }
            }
            Ok(())
        });
        Self {
            shared,
            lane: Lane::Interactive,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap()
    }

    /// A key that nobody manages.
    pub fn insert(&self, id: &str, label: &str, description: &str) {
        let key = json!({ "id": id, "key": format!("value-of-{id}"), "label": label, "description": description, "groups": null });
        self.state().keys.insert(id.to_owned(), key);
    }

    pub fn keys(&self) -> Vec<Value> {
        self.state().keys.values().cloned().collect()
    }

    pub fn violations(&self) -> Vec<String> {
        self.state().violations.clone()
    }

    pub fn created(&self) -> u32 {
        self.state().created
    }

    /// Fails at this call of a reconcile, counted from now.
    pub fn arm(&self, call: u32, fault: Fault) {
        let mut state = self.state();
        state.calls = 0;
        state.armed = Some((call, fault));
        state.fired = false;
    }

    pub fn fired(&self) -> bool {
        self.state().fired
    }

    /// The fault of this call, if it has one.
    fn fault(&self) -> Option<Fault> {
        if self.lane == Lane::Sweep {
            return None;
        }
        let mut state = self.state();
        let (at, fault) = state.armed?;
        let number = state.calls;
        state.calls += 1;
        (number == at).then(|| {
            state.armed = None;
            state.fired = true;
            fault
        })
    }

    async fn call<T>(
        &self,
        permit: Option<WritePermit>,
        execute: impl FnOnce(&mut BTreeMap<String, Value>, &mut u32, bool) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError>
    where
        T: Send + 'static,
    {
        tokio::time::sleep(LATENCY).await;
        if permit.is_some_and(|permit| !permit.is_valid()) {
            return Err(error(ErrorKind::Withdrawn));
        }
        match self.fault() {
            None => self.commit(execute),
            Some(Fault::CrashBefore) => self.die().await,
            Some(Fault::CrashAfter) => {
                _ = self.commit(execute);
                self.die().await
            }
            Some(Fault::LostBefore) => Err(error(ErrorKind::Lost)),
            Some(Fault::LostAfter) => {
                _ = self.commit(execute);
                Err(error(ErrorKind::Lost))
            }
            Some(Fault::Late) => {
                let node = self.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_secs(12)).await;
                    _ = node.commit(execute);
                });
                Err(error(ErrorKind::Timeout))
            }
            Some(Fault::OwnError) => {
                let mut error = error(ErrorKind::Unavailable);
                (error.own_words, error.status) = (true, Some(500));
                Err(error)
            }
            Some(Fault::Deposed | Fault::Outage) => {
                self.shared.reached.notify_one();
                self.commit(execute)
            }
        }
    }

    async fn die<T>(&self) -> T {
        self.shared.reached.notify_one();
        std::future::pending().await
    }

    fn commit<T>(
        &self,
        execute: impl FnOnce(&mut BTreeMap<String, Value>, &mut u32, bool) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let done = {
            let state = &mut *self.state();
            execute(&mut state.keys, &mut state.created, state.unique_labels)
        };
        self.check();
        done
    }

    /// Every published value works.
    fn check(&self) {
        for secret in self.shared.server.list("secrets") {
            let Some(value) = published(&secret) else { continue };
            let mut state = self.state();
            if !state.keys.values().any(|key| key["key"] == value) {
                let name = &secret["metadata"]["name"];
                state
                    .violations
                    .push(format!("the value in {name} does not work any more"));
            }
        }
    }
}

/// The value in a Secret of the operator, if it has one.
pub fn published(secret: &Value) -> Option<String> {
    let name = secret["metadata"]["name"].as_str()?;
    if !name.starts_with("key-of-") {
        return None;
    }
    let bytes: ByteString = serde_json::from_value(secret["data"]["apiKey"].clone()).ok()?;
    String::from_utf8(bytes.0).ok()
}

fn error(kind: ErrorKind) -> ApiError {
    ApiError::new("POST /keys", kind, "")
}

fn document(key: &Value) -> Document {
    let mut key = key.clone();
    key.as_object_mut().unwrap().remove("key");
    serde_json::from_value(key).unwrap()
}

fn absent() -> ApiError {
    error(ErrorKind::NotFound)
}

/// The calls of a [`MemoryNode`].
pub enum InMemory {}

impl KeyClass for InMemory {
    type Api = MemoryNode;

    fn keys(lists: &NodeLists) -> &Snapshot<KeyRecord> {
        &lists.keys
    }

    async fn list(api: &MemoryNode) -> Result<Listed<KeyRecord>, ApiError> {
        api.call(None, |keys, _, _| {
            let items = keys
                .values()
                .map(|key| KeyRecord::from_document(&document(key)).unwrap());
            Ok(Listed {
                items: items.collect(),
                unreadable: 0,
            })
        })
        .await
    }

    async fn get(api: &MemoryNode, id: &str) -> Result<Option<Document>, ApiError> {
        let id = id.to_owned();
        api.call(None, move |keys, _, _| Ok(keys.get(&id).map(document))).await
    }

    async fn create(api: &MemoryNode, permit: WritePermit, key: &NewKey, label: &str) -> Result<CreatedKey, ApiError> {
        let (label, description, permissions) = (label.to_owned(), key.description.clone(), key.permissions.clone());
        let execute = move |keys: &mut BTreeMap<String, Value>, created: &mut u32, unique: bool| {
            if unique && keys.values().any(|key| key["label"] == label) {
                return Err(error(ErrorKind::Rejected));
            }
            *created += 1;
            let (id, value) = (format!("id{created}"), format!("canary-value-{created}-7f3a"));
            let key = json!({
                "id": id, "key": value, "label": label, "description": description, "groups": null,
                "globalPermissions": permissions,
            });
            let document = document(&key);
            keys.insert(id.clone(), key);
            Ok(CreatedKey {
                id,
                value: SecretString::from(value),
                document,
            })
        };
        api.call(Some(permit), execute).await
    }

    async fn put(api: &MemoryNode, permit: WritePermit, id: &str, document: &Document) -> Result<(), ApiError> {
        let (id, document) = (id.to_owned(), serde_json::to_value(document).unwrap());
        let execute = move |keys: &mut BTreeMap<String, Value>, _: &mut u32, unique: bool| {
            let taken = keys
                .iter()
                .any(|(other, key)| *other != id && key["label"] == document["label"]);
            let Some(key) = keys.get_mut(&id) else {
                return Err(absent());
            };
            if unique && taken && key["label"] != document["label"] {
                return Err(error(ErrorKind::Rejected));
            }
            let value = key["key"].take();
            *key = document;
            key["key"] = value;
            Ok(())
        };
        api.call(Some(permit), execute).await
    }

    async fn delete(api: &MemoryNode, permit: WritePermit, id: &str) -> Result<bool, ApiError> {
        let id = id.to_owned();
        api.call(Some(permit), move |keys, _, _| Ok(keys.remove(&id).is_some()))
            .await
    }
}
