//! An operator with a connection of each kind in the namespace `home`, and a tenant in another one.

use std::time::Duration;

use memory_apiserver::MemoryApiserver;
use serde_json::{Value, json};
use testbed::simulator::{Instance, InstanceConfig, Product, Simulator};
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    engine::{environment::Environment, scope::Scope, source_watch},
    kinds,
};

/// The namespace of the connections.
pub const HOME: &str = "home";
/// Another namespace, which they allow.
pub const TENANT: &str = "tenant";

/// A running operator.
pub struct Rig {
    pub server: MemoryApiserver,
    pub dss: Instance,
    pub govern: Instance,
    pub space: Instance,
    _simulator: Simulator,
    running: JoinHandle<()>,
    _stop: watch::Sender<bool>,
}

impl Rig {
    /// Connections with these terms, all ready, and what the tenant is after: a user in a privileged group.
    pub async fn with(terms: Value) -> Self {
        let server = super::apiserver();
        let simulator = Simulator::start().await.unwrap();
        let start = async |product| simulator.instance(InstanceConfig::new(product)).await.unwrap();
        let (dss, govern, space) = (
            start(Product::Dss).await,
            start(Product::Govern).await,
            start(Product::Launchpad).await,
        );
        for (node, flag) in [(&dss, "mayWriteUnsafeCode"), (&govern, "isGovernArchitect")] {
            node.patch_state(json!({
                "groups": { "coders": { "name": "coders", "sourceType": "LOCAL", flag: true } },
                "users": {
                    "ceo": { "login": "ceo", "sourceType": "LOCAL", "password": "theirs", "groups": ["administrators"] },
                    "joe": { "login": "joe", "sourceType": "LOCAL", "password": "theirs", "groups": ["readers"] },
                },
            }))
            .unwrap();
        }
        for (name, data) in [
            ("design", json!({ "apiKey": dss.api_key() })),
            ("govern", json!({ "apiKey": govern.api_key() })),
            (
                "prod",
                json!({ "apiKeyId": space.api_key_id(), "apiKeySecret": space.api_key_secret() }),
            ),
        ] {
            secret(&server, HOME, name, data);
        }
        secret(&server, TENANT, "password", json!({ "password": "of-the-tenant" }));
        for (kind, name, spec) in [
            (
                "DssInstance",
                "design",
                json!({ "url": dss.url(), "defaultUserProfile": "READER",
                "credentials": { "apiKeySecretRef": { "name": "design" } } }),
            ),
            (
                "GovernInstance",
                "govern",
                json!({ "url": govern.url(), "defaultUserProfile": "READER",
                "credentials": { "apiKeySecretRef": { "name": "govern" } } }),
            ),
            (
                "LaunchpadSpace",
                "prod",
                json!({ "url": space.url(), "spaceId": space.space_id(),
                "credentials": { "secretRef": { "name": "prod" } } }),
            ),
        ] {
            let mut spec = spec;
            spec["tls"] = json!({ "allowInsecureHttp": true });
            spec["driftInterval"] = json!("5s");
            spec["allowedNamespaces"] = json!({ "from": "Names", "names": [TENANT] });
            json_patch::merge(&mut spec, &terms);
            create(&server, HOME, kind, name, spec);
        }
        let (running, stop) = run(&server).await;
        let rig = Self {
            server,
            dss,
            govern,
            space,
            _simulator: simulator,
            running,
            _stop: stop,
        };
        for (plural, name) in [
            ("dssinstances", "design"),
            ("governinstances", "govern"),
            ("launchpadspaces", "prod"),
        ] {
            rig.wait(plural, HOME, name, &["InSync"]).await;
        }
        rig
    }

    /// Creates an object of the tenant.
    pub fn tenant(&self, kind: &str, name: &str, spec: Value) {
        let mut spec = spec;
        let (field, connection) = match kind {
            _ if kind.starts_with("Dss") => ("instanceRef", "design"),
            _ if kind.starts_with("Govern") => ("instanceRef", "govern"),
            _ => ("spaceRef", "prod"),
        };
        spec[field] = json!({ "name": connection, "namespace": HOME });
        create(&self.server, TENANT, kind, name, spec);
    }

    /// Changes the terms of the DSS connection.
    pub fn terms(&self, terms: Value) {
        self.server
            .patch("dssinstances", HOME, "design", json!({ "spec": terms }));
    }

    /// Waits until `Ready` of an object of the tenant has one of these reasons.
    pub async fn tenant_is(&self, plural: &str, name: &str, reasons: &[&str]) -> Value {
        self.wait(plural, TENANT, name, reasons).await
    }

    async fn wait(&self, plural: &str, namespace: &str, name: &str, reasons: &[&str]) -> Value {
        for _ in 0..2400 {
            let object = self.server.get(plural, namespace, name);
            let current = object["status"]["observedGeneration"] == object["metadata"]["generation"];
            let reason = ready(&object)["reason"].clone();
            if current && reasons.iter().any(|one| reason == *one) {
                return object;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let status = self.server.get(plural, namespace, name)["status"].clone();
        panic!("{name} is not {reasons:?}: {status:#}");
    }

    /// Waits until the object of the tenant is gone.
    pub async fn gone(&self, plural: &str, name: &str) {
        for _ in 0..2400 {
            if self.server.find(plural, TENANT, name).is_none() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{name} stays: {:#}", self.server.get(plural, TENANT, name));
    }

    /// Waits until every remote side was swept twice more.
    pub async fn swept(&self) {
        tokio::time::sleep(Duration::from_secs(11)).await;
    }

    /// Writes that reached each remote side, as the request log of each has them.
    pub fn writes(&self) -> Vec<String> {
        let sides = [&self.dss, &self.govern, &self.space].into_iter();
        let entries = sides.flat_map(|side| side.requests().log);
        let is_write = |method: &str| !matches!(method, "GET" | "HEAD");
        entries
            // The Launchpad lists by POST.
            .filter(|entry| is_write(&entry.method) && !entry.path.ends_with("/search"))
            .map(|entry| format!("{} {}", entry.method, entry.path))
            .collect()
    }

    /// How many writes the remote sides counted themselves.
    pub fn written(&self) -> u64 {
        [&self.dss, &self.govern, &self.space]
            .map(Instance::writes)
            .into_iter()
            .sum()
    }

    /// How often a Secret of the tenant was read.
    pub fn secrets_read(&self) -> usize {
        let path = format!("/namespaces/{TENANT}/secrets/");
        let log = self.server.log();
        log.iter()
            .filter(|request| request.method == "GET" && request.path.contains(&path))
            .count()
    }

    pub fn dss_user(&self, login: &str) -> Option<Value> {
        self.dss.state_at(&format!("/users/{login}"))
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.running.abort();
    }
}

async fn run(server: &MemoryApiserver) -> (JoinHandle<()>, watch::Sender<bool>) {
    let client = server.client();
    let env = Environment::of_test(client.clone());
    let (stop, stopped) = watch::channel(false);
    let kinds = kinds::start(env, Scope::default(), stopped);
    let sources = source_watch::start(&client, &Scope::default(), kinds.watched.clone());
    sources.listed().await;
    let running = tokio::spawn(async move {
        kinds.run.await;
        sources.task.abort();
    });
    (running, stop)
}

fn create(server: &MemoryApiserver, namespace: &str, kind: &str, name: &str, spec: Value) {
    server.create(json!({
        "apiVersion": "dataiku-operator.io/v1alpha1", "kind": kind,
        "metadata": { "name": name, "namespace": namespace }, "spec": spec,
    }));
}

fn secret(server: &MemoryApiserver, namespace: &str, name: &str, data: Value) {
    server.create(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {
            "name": name, "namespace": namespace,
            "annotations": { "dataiku-operator.io/allowed-hosts": "127.0.0.1" },
        },
        "stringData": data,
    }));
}

/// The `Ready` condition.
pub fn ready(object: &Value) -> Value {
    let conditions = object["status"]["conditions"].as_array();
    let ready = conditions.into_iter().flatten().find(|one| one["type"] == "Ready");
    ready.cloned().unwrap_or_default()
}
