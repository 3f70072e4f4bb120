//! One node, run by the engine against a simulated node and an apiserver in memory.

use std::time::Duration;

use memory_apiserver::MemoryApiserver;
use serde_json::{Value, json};
use testbed::simulator::{Instance, InstanceConfig, Product, Simulator};
use tokio::{sync::watch, task::JoinHandle};

use super::simulated_time;
use crate::{
    engine::{clock::Clock, environment::Environment, scope::Scope, source_watch},
    kinds,
};

/// A running operator with one connection: `design` to a DSS node, or `govern` to a Govern node.
pub struct Rig {
    pub server: MemoryApiserver,
    pub node: Instance,
    product: Product,
    _simulator: Simulator,
    running: Option<JoinHandle<()>>,
    stop: watch::Sender<bool>,
}

impl Rig {
    pub async fn dss() -> Self {
        Self::with(InstanceConfig::new(Product::Dss)).await
    }

    pub async fn govern() -> Self {
        Self::with(InstanceConfig::new(Product::Govern)).await
    }

    pub async fn with(config: InstanceConfig) -> Self {
        let server = super::apiserver();
        let simulator = Simulator::start().await.unwrap();
        let product = config.product;
        let (kind, name) = match product {
            Product::Govern => ("GovernInstance", "govern"),
            _ => ("DssInstance", "design"),
        };
        let node = simulator.instance(config).await.unwrap();
        let (called, remote) = (server.clone(), node.clone());
        simulated_time::count_calls(move || called.arrived() + remote.calls());
        server.create(json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": { "name": "admin", "namespace": "team", "annotations": { "dataiku-operator.io/allowed-hosts": "127.0.0.1" } },
            "stringData": { "apiKey": node.api_key() },
        }));
        let mut rig = Self {
            server,
            node,
            product,
            _simulator: simulator,
            running: None,
            stop: watch::channel(false).0,
        };
        rig.create(
            kind,
            name,
            json!({
                "url": rig.node.url(), "driftInterval": "5s", "tls": { "allowInsecureHttp": true },
                "credentials": { "apiKeySecretRef": { "name": "admin" } },
            }),
        );
        rig.start().await;
        rig.wait(&format!("{}s", kind.to_lowercase()), name, "InSync").await;
        rig
    }

    /// Starts an operator: after a kill, another process.
    pub async fn start(&mut self) {
        let client = self.server.client();
        let clock = self.server.clone();
        let env = Environment {
            clock: Clock::new(move || clock.now()),
            ..Environment::of_test(client.clone())
        };
        let (stop, stopped) = watch::channel(false);
        self.stop = stop;
        let kinds = kinds::start(env, Scope::default(), stopped);
        let sources = source_watch::start(&client, &Scope::default(), kinds.watched.clone());
        sources.listed().await;
        self.running = Some(tokio::spawn(async move {
            kinds.run.await;
            sources.task.abort();
        }));
    }

    /// Kills the operator in the middle of whatever it does.
    pub async fn kill(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
            let _ = running.await;
        }
    }

    pub fn create(&self, kind: &str, name: &str, spec: Value) {
        self.server.create(json!({
            "apiVersion": "dataiku-operator.io/v1alpha1", "kind": kind,
            "metadata": { "name": name, "namespace": "team" }, "spec": spec,
        }));
    }

    /// Waits until `Ready` of the present spec has this reason.
    pub async fn wait(&self, plural: &str, name: &str, reason: &str) -> Value {
        for _ in 0..2400 {
            let object = self.server.get(plural, "team", name);
            let current = object["status"]["observedGeneration"] == object["metadata"]["generation"];
            if current && ready(&object)["reason"] == reason {
                return object;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!(
            "{name} is not {reason}: {:#}",
            self.server.get(plural, "team", name)["status"]
        );
    }

    pub async fn gone(&self, plural: &str, name: &str) {
        self.until("the end of the object", || {
            self.server.find(plural, "team", name).is_none()
        })
        .await;
    }

    pub async fn until(&self, what: &str, holds: impl Fn() -> bool) {
        for _ in 0..2400 {
            if holds() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{what} did not happen");
    }

    /// Waits until two sweeps more have ended.
    pub async fn swept(&self) {
        let list = if self.product == Product::Govern { "G1" } else { "D1" };
        let sweeps = self.node.count(list);
        self.until("two sweeps", || self.node.count(list) >= sweeps + 2).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }

    /// What the `Ready` condition of an object says.
    pub fn message(object: &Value) -> String {
        ready(object)["message"].as_str().unwrap_or_default().to_owned()
    }

    /// What the node holds there.
    pub fn at(&self, pointer: &str) -> Value {
        self.node.state_at(pointer).unwrap_or_default()
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
    let conditions = object["status"]["conditions"].as_array();
    let ready = conditions.into_iter().flatten().find(|one| one["type"] == "Ready");
    ready.cloned().unwrap_or_default()
}
