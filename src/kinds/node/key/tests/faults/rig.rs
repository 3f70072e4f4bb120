//! An engine that runs keys of one node in memory, on a paused clock.

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use kube::CustomResourceExt;
use memory_apiserver::{MemoryApiserver, Registered};
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinHandle};

use super::{
    desk::{Desk, DeskKey, NODES},
    node::{MemoryNode, published},
};
use crate::{
    engine::{clock::Clock, environment::Environment, permit::Fence, scope::Scope, source_watch, start::Starting},
    kinds::node::Key,
};

static RIGS: AtomicU32 = AtomicU32::new(0);
/// The kinds that the apiserver serves.
static KINDS: LazyLock<[Registered; 2]> =
    LazyLock::new(|| [Desk::crd(), DeskKey::crd()].map(|crd| Registered::from_crd(&crd)));

/// A lease that the test takes away.
struct Lease(Arc<AtomicBool>);

impl Fence for Lease {
    fn holds(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// A process of the operator.
pub struct Process {
    running: JoinHandle<()>,
    leads: Arc<AtomicBool>,
    _stop: watch::Sender<bool>,
}

impl Process {
    /// It loses its lease and goes on.
    pub fn depose(&self) {
        self.leads.store(false, Ordering::SeqCst);
    }

    /// It dies in the middle of whatever it does.
    pub async fn kill(self) {
        self.running.abort();
        let _ = self.running.await;
    }
}

pub struct Rig {
    pub server: MemoryApiserver,
    pub node: MemoryNode,
    url: String,
}

impl Rig {
    pub fn new(unique_labels: bool) -> Self {
        let server = MemoryApiserver::new();
        for kind in KINDS.iter() {
            server.register(kind.clone());
        }
        let node = MemoryNode::new(server.clone(), unique_labels);
        let url = format!("http://127.0.0.1:9/desk{}", RIGS.fetch_add(1, Ordering::Relaxed));
        NODES.lock().unwrap().insert(url.clone(), node.clone());
        server.create(json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {
                "name": "admin", "namespace": "team",
                "annotations": { "dataiku-operator.io/allowed-hosts": "127.0.0.1" },
            },
            "stringData": { "apiKey": "canary-admin-key-5b1c" },
        }));
        server.create(json!({
            "apiVersion": "dataiku-operator.io/v1alpha1", "kind": "Desk",
            "metadata": { "name": "desk", "namespace": "team" },
            "spec": { "url": url, "keyRef": { "name": "admin" }, "tls": { "allowInsecureHttp": true } },
        }));
        Self { server, node, url }
    }

    /// Starts a process that leads.
    pub async fn start(&self) -> Process {
        let client = self.server.client();
        let clock = self.server.clone();
        let leads = Arc::new(AtomicBool::new(true));
        let env = Environment {
            clock: Clock::new(move || clock.now()),
            fence: Arc::new(Lease(leads.clone())),
            ..Environment::of_test(client.clone())
        };
        let (stop, stopped) = watch::channel(false);
        let mut starting = Starting::new(env, Scope::default(), stopped);
        let desks = starting.connections::<Desk>();
        starting.objects::<Key<DeskKey>>(&desks);
        let kinds = starting.finish();
        let sources = source_watch::start(&client, &Scope::default(), kinds.watched.clone());
        // An apiserver that fails at this moment must not stop the test.
        let _ = tokio::time::timeout(Duration::from_mins(1), sources.listed()).await;
        Process {
            running: tokio::spawn(async move {
                kinds.run.await;
                sources.task.abort();
            }),
            leads,
            _stop: stop,
        }
    }

    /// Declares a key that rotates every four minutes.
    pub fn declare(&self, name: &str) {
        self.server.create(json!({
            "apiVersion": "dataiku-operator.io/v1alpha1", "kind": "DeskKey",
            "metadata": { "name": name, "namespace": "team" },
            "spec": {
                "instanceRef": { "name": "desk" }, "secretName": format!("key-of-{name}"), "label": name,
                "permissions": { "mayCreateProjects": true }, "rotation": { "interval": "4m", "overlap": "10s" },
            },
        }));
    }

    pub fn get(&self, name: &str) -> Value {
        self.server.get("deskkeys", "team", name)
    }

    pub fn reason(&self, name: &str) -> String {
        let object = self.get(name);
        let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let ready = conditions.into_iter().find(|one| one["type"] == "Ready");
        ready
            .map(|ready| ready["reason"].as_str().unwrap_or_default().to_owned())
            .unwrap_or_default()
    }

    /// Waits until a key is published and in sync.
    pub async fn settled(&self, name: &str) {
        for _ in 0..600 {
            if self.reason(name) == "InSync" && self.value(name).is_some() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{name}: {:#}", self.get(name)["status"]);
    }

    /// Waits until each of these objects is in sync with one key, and for as long afterwards as anything that is on its way may take;
    /// at most two minutes.
    pub async fn settles(&self, names: &[&str]) {
        let is_settled = |name: &&str| {
            let retires = !self.get(name)["status"]["remote"]["retiring"].is_null();
            self.reason(name) == "InSync" && !retires && self.marked(name).len() == 1
        };
        let mut settled = 0;
        for _ in 0..120 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            settled = if names.iter().all(is_settled) { settled + 1 } else { 0 };
            if settled == 30 {
                return;
            }
        }
    }

    /// The published value.
    pub fn value(&self, name: &str) -> Option<String> {
        published(&self.server.find("secrets", "team", &format!("key-of-{name}"))?)
    }

    /// Keys with the mark of the object.
    pub fn marked(&self, name: &str) -> Vec<Value> {
        let uid = self.get(name)["metadata"]["uid"].as_str().unwrap().to_owned();
        let mark = format!("team/{name} {uid}]");
        let mut keys = self.node.keys();
        keys.retain(|key| key["description"].as_str().is_some_and(|text| text.ends_with(&mark)));
        keys
    }

    /// Everything that people can read of what the operator wrote, Secrets left out.
    pub fn texts(&self) -> String {
        let mut texts = String::new();
        for plural in ["desks", "deskkeys", "events"] {
            for object in self.server.list(plural) {
                texts.push_str(&object.to_string());
            }
        }
        texts
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        NODES.lock().unwrap().remove(&self.url);
    }
}
