//! An engine that runs widgets of one hub.

use std::{
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use kube::CustomResourceExt;
use memory_apiserver::{MemoryApiserver, Registered};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::toy::{Hub, Widget, Widgets, World};
use crate::engine::{
    clock::Clock,
    connect::Connections,
    environment::Environment,
    fingerprint::Fingerprints,
    namespaces::{self, Namespaces},
    permit::Fence,
    policy::Policy,
    report::{EngineObserver, ReconcileRecord},
    scope::Scope,
    source_watch,
    start::Starting,
};

static RIGS: AtomicU32 = AtomicU32::new(0);

/// What the engine counted.
#[derive(Default)]
pub struct Counts {
    pub reconciles: Mutex<Vec<ReconcileRecord>>,
    pub status_failures: AtomicU32,
}

impl EngineObserver for Counts {
    fn reconciled(&self, record: ReconcileRecord) {
        self.reconciles.lock().unwrap().push(record);
    }

    fn status_write_failed(&self, _: &'static str) {
        self.status_failures.fetch_add(1, Ordering::Relaxed);
    }

    fn watching(&self, _: &'static str, _: bool) {}
}

/// The lease of an engine, which tests give and take.
pub struct Lease(AtomicBool);

impl Lease {
    pub fn set(&self, holds: bool) {
        self.0.store(holds, Ordering::Relaxed);
    }
}

impl Fence for Lease {
    fn holds(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A running engine.
pub struct Rig {
    pub server: MemoryApiserver,
    pub world: Arc<World>,
    pub counts: Arc<Counts>,
    /// How the next start runs the operator.
    pub policy: Policy,
    /// The fingerprint key of the next start.
    pub fingerprint_key: u8,
    pub lease: Arc<Lease>,
    /// What the next start watches.
    pub scope: Scope,
    /// The hubs of the running engine.
    pub hubs: Option<Arc<Connections<Hub>>>,
    url: String,
    stop: watch::Sender<bool>,
    running: Option<tokio::task::JoinHandle<()>>,
}

/// Schemas take long to derive, and every rig serves both.
static KINDS: LazyLock<[Registered; 2]> =
    LazyLock::new(|| [Hub::crd(), Widget::crd()].map(|kind| Registered::from_crd(&kind)));

impl Rig {
    /// An engine with a hub that is ready.
    pub async fn ready() -> Self {
        let mut rig = Self::stopped();
        rig.start().await;
        rig.wait("hubs", "hub", "InSync").await;
        rig
    }

    /// The objects of a hub, without an engine.
    pub fn stopped() -> Self {
        let server = MemoryApiserver::new();
        for kind in KINDS.iter() {
            server.register(kind.clone());
        }
        let number = RIGS.fetch_add(1, Ordering::Relaxed);
        // Nothing is ever sent there: the API of a hub is in memory.
        let url = format!("https://127.0.0.1:9/{number}");
        let rig = Self {
            world: World::at(&url),
            server,
            counts: Arc::default(),
            policy: Policy {
                allow_insecure_tls: true,
                ..Policy::default()
            },
            fingerprint_key: 7,
            lease: Arc::new(Lease(AtomicBool::new(true))),
            scope: Scope::default(),
            hubs: None,
            url,
            stop: watch::channel(false).0,
            running: None,
        };
        rig.secret("hub-key", "apiKey", "admin-key-one");
        rig.server.create(json!({
            "apiVersion": "dataiku-operator.io/v1alpha1", "kind": "Hub",
            "metadata": { "name": "hub", "namespace": "team" },
            "spec": { "url": rig.url, "keyRef": { "name": "hub-key" } },
        }));
        rig
    }

    /// Starts an engine: after a stop, another process.
    pub async fn start(&mut self) {
        let client = self.server.client();
        let clock = self.server.clone();
        let namespaces = Namespaces::default();
        let env = Environment {
            observer: self.counts.clone(),
            namespaces: namespaces.clone(),
            policy: Arc::new(self.policy.clone()),
            fingerprints: Arc::new(Fingerprints::new(vec![self.fingerprint_key; 32])),
            fence: self.lease.clone(),
            clock: Clock::new(move || clock.now()),
            ..Environment::of_test(client.clone())
        };
        let (stop, stopped) = watch::channel(false);
        self.stop = stop;
        let mut starting = Starting::new(env, self.scope.clone(), stopped);
        let hubs = starting.connections::<Hub>();
        starting.objects::<Widgets>(&hubs);
        self.hubs = Some(hubs);
        let kinds = starting.finish();
        let sources = source_watch::start(&client, &self.scope, kinds.watched.clone());
        let labels = namespaces::start(&client, &self.scope, &namespaces, &kinds.watched);
        sources.listed().await;
        labels.listed().await;
        self.running = Some(tokio::spawn(async move {
            kinds.run.await;
            sources.task.abort();
            labels.task.abort();
        }));
    }

    /// Kills the engine in the middle of whatever it does.
    pub async fn kill(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
            let _ = running.await;
        }
    }

    pub fn secret(&self, name: &str, key: &str, value: &str) {
        let data = json!({ key: value });
        if self.server.find("secrets", "team", name).is_some() {
            self.server
                .patch("secrets", "team", name, json!({ "data": null, "stringData": data }));
        } else {
            self.server.create(json!({
                "apiVersion": "v1", "kind": "Secret",
                "metadata": { "name": name, "namespace": "team", "annotations": { "dataiku-operator.io/allowed-hosts": "127.0.0.1" } },
                "stringData": data,
            }));
        }
    }

    /// A Secret with the key `password` in another namespace.
    pub fn secret_in(&self, namespace: &str, name: &str, password: &str) {
        self.server.create(json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "namespace": namespace },
            "stringData": { "password": password },
        }));
    }

    /// Creates a widget with `extra` merged into its spec.
    #[allow(clippy::needless_pass_by_value, reason = "tests pass json! literals")]
    pub fn widget(&self, name: &str, extra: Value) {
        let mut spec = json!({ "hubRef": { "name": "hub" } });
        json_patch::merge(&mut spec, &extra);
        self.server.create(json!({
            "apiVersion": "dataiku-operator.io/v1alpha1", "kind": "Widget",
            "metadata": { "name": name, "namespace": "team" }, "spec": spec,
        }));
    }

    #[allow(clippy::needless_pass_by_value, reason = "tests pass json! literals")]
    pub fn edit(&self, name: &str, spec: Value) {
        self.server.patch("widgets", "team", name, json!({ "spec": spec }));
    }

    #[allow(clippy::needless_pass_by_value, reason = "tests pass json! literals")]
    pub fn hub(&self, spec: Value) {
        self.server.patch("hubs", "team", "hub", json!({ "spec": spec }));
    }

    pub fn get(&self, name: &str) -> Value {
        self.server.get("widgets", "team", name)
    }

    pub fn reason(&self, name: &str) -> String {
        ready(&self.get(name))["reason"].as_str().unwrap_or_default().to_owned()
    }

    /// Waits until `Ready` of the present spec has this reason.
    pub async fn wait(&self, plural: &str, name: &str, reason: &str) -> Value {
        for _ in 0..2400 {
            let object = self.server.get(plural, "team", name);
            let current = object["status"]["observedGeneration"] == object["metadata"]["generation"];
            if current && ready(&object)["reason"] == reason {
                return object;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!(
            "{name} is not {reason}: {:#}",
            self.server.get(plural, "team", name)["status"]
        );
    }

    pub async fn widget_is(&self, name: &str, reason: &str) -> Value {
        self.wait("widgets", name, reason).await
    }

    pub async fn until(&self, what: &str, holds: impl Fn() -> bool) {
        for _ in 0..6000 {
            if holds() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{what} did not happen");
    }

    /// Acknowledges what the mass-change brake holds.
    pub async fn acknowledge(&self) {
        let held = self.server.list("widgets").into_iter().find_map(|object| {
            let message = ready(&object)["message"].as_str()?.to_owned();
            let (_, token) = message.split_once("acknowledge=")?;
            Some(token.split(' ').next()?.to_owned())
        });
        let token = held.expect("nothing is held");
        self.server
            .annotate("hubs", "team", "hub", "dataiku-operator.io/acknowledge", &token);
        self.pass(5).await;
    }

    /// Time passes; a drift interval is a minute.
    pub async fn pass(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    /// How often the status of an object was written.
    pub fn status_writes(&self, name: &str) -> usize {
        self.status_writes_of("widgets", name)
    }

    /// The same for any kind.
    pub fn status_writes_of(&self, plural: &str, name: &str) -> usize {
        let path = format!("/{plural}/{name}/status");
        let log = self.server.log();
        log.iter()
            .filter(|request| request.is_write() && request.path.ends_with(&path))
            .count()
    }

    /// Events about an object, as type and reason.
    pub fn events(&self, name: &str) -> Vec<(String, String)> {
        let text = |event: &Value, key: &str| event[key].as_str().unwrap_or_default().to_owned();
        let events = self.server.list("events").into_iter();
        events
            .filter(|event| event["regarding"]["name"] == name)
            .map(|event| (text(&event, "type"), text(&event, "reason")))
            .collect()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
        }
    }
}

/// The `Ready` condition.
pub fn ready(object: &Value) -> Value {
    condition(object, "Ready").unwrap_or_default()
}

/// A condition of this type.
pub fn condition(object: &Value, type_: &str) -> Option<Value> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions.iter().find(|one| one["type"] == type_).cloned()
}
