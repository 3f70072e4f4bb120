//! The engine with an apiserver in memory and a simulated space.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::SignedDuration;
use memory_apiserver::MemoryApiserver;
use serde_json::{Value, json};
use testbed::simulator::{Instance, InstanceConfig, Product, Simulator};
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    crd::LaunchpadSpace,
    engine::{clock::Clock, environment::Environment, scope::Scope, source_watch, start::Starting},
    kinds::{
        launchpad::{Group, User},
        tests::simulated_time,
    },
};

pub struct Rig {
    pub server: MemoryApiserver,
    pub space: Instance,
    _simulator: Simulator,
    running: Running,
    /// How far the operator's clock is ahead, in seconds.
    ahead: Arc<AtomicI64>,
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.running.0.abort();
    }
}

/// An operator; it stops when the sender goes.
type Running = (JoinHandle<()>, watch::Sender<bool>);

impl Rig {
    /// An engine with a space that is ready.
    pub async fn ready(switches: &[(&str, Value)]) -> Self {
        let simulator = Simulator::start().await.unwrap();
        let mut config = InstanceConfig::new(Product::Launchpad).switch("taskMillis", json!(100));
        for (switch, value) in switches {
            config = config.switch(switch, value.clone());
        }
        let space = simulator.instance(config).await.unwrap();
        let server = crate::kinds::tests::apiserver();
        let (called, remote) = (server.clone(), space.clone());
        simulated_time::count_calls(move || called.arrived() + remote.calls());
        server.create(json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": { "name": "key", "namespace": "team", "annotations": { "dataiku-operator.io/allowed-hosts": "127.0.0.1" } },
            "stringData": { "apiKeyId": space.api_key_id(), "apiKeySecret": space.api_key_secret() },
        }));
        server.create(json!({
            "apiVersion": "dataiku-operator.io/v1alpha1", "kind": "LaunchpadSpace",
            "metadata": { "name": "prod", "namespace": "team" },
            "spec": { "spaceId": space.space_id(), "url": space.url(), "tls": { "allowInsecureHttp": true },
                "credentials": { "secretRef": { "name": "key" } }, "driftInterval": "5s",
                "limits": { "requestsPerSecond": 1000 } },
        }));
        let ahead = Arc::new(AtomicI64::new(0));
        let running = run(&server, ahead.clone()).await;
        let rig = Self {
            server,
            space,
            _simulator: simulator,
            running,
            ahead,
        };
        rig.wait("launchpadspaces", "prod", "InSync").await;
        rig
    }

    /// Kills the operator in the middle of whatever it does, and starts another one.
    pub async fn restart(&mut self) {
        self.running.0.abort();
        let _ = (&mut self.running.0).await;
        self.running = run(&self.server, self.ahead.clone()).await;
    }

    /// Sets the operator's clock ahead.
    pub fn ahead(&self, by: Duration) {
        let seconds = i64::try_from(by.as_secs()).unwrap();
        self.ahead.fetch_add(seconds, Ordering::SeqCst);
    }

    fn object(&self, kind: &str, name: &str, spec: Value) {
        let mut spec = spec;
        spec["spaceRef"] = json!({ "name": "prod" });
        self.server.create(json!({
            "apiVersion": "dataiku-operator.io/v1alpha1", "kind": kind,
            "metadata": { "name": name, "namespace": "team" }, "spec": spec,
        }));
    }

    pub fn group(&self, name: &str, spec: Value) {
        self.object("LaunchpadGroup", name, spec);
    }

    /// An object for `<name>@example.com`, unless the spec says otherwise.
    pub fn user(&self, name: &str, spec: Value) {
        let mut spec = spec;
        if spec.get("email").is_none() {
            spec["email"] = json!(format!("{name}@example.com"));
        }
        self.object("LaunchpadUser", name, spec);
    }

    #[allow(clippy::needless_pass_by_value, reason = "every caller makes the spec on the spot")]
    pub fn edit_user(&self, name: &str, spec: Value) {
        self.server
            .patch("launchpadusers", "team", name, json!({ "spec": spec }));
    }

    pub fn accept(&self, email: &str) {
        self.space.act("acceptInvite", &json!({ "email": email })).unwrap();
    }

    pub async fn wait(&self, plural: &str, name: &str, reason: &str) -> Value {
        for _ in 0..2400 {
            let object = self.server.get(plural, "team", name);
            let current = object["status"]["observedGeneration"] == object["metadata"]["generation"];
            if current && condition(&object, "Ready")["reason"] == reason {
                return object;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!(
            "{name} is not {reason}: {:#}",
            self.server.get(plural, "team", name)["status"]
        );
    }

    pub async fn group_is(&self, name: &str, reason: &str) -> Value {
        self.wait("launchpadgroups", name, reason).await
    }

    pub async fn user_is(&self, name: &str, reason: &str) -> Value {
        self.wait("launchpadusers", name, reason).await
    }

    /// Waits until the object shows this phase and is in sync.
    pub async fn phase_is(&self, name: &str, phase: &str) -> Value {
        let shows = || {
            let object = self.server.get("launchpadusers", "team", name);
            object["status"]["remote"]["phase"] == phase && condition(&object, "Ready")["reason"] == "InSync"
        };
        self.until(&format!("{name} is {phase}"), shows).await;
        self.server.get("launchpadusers", "team", name)
    }

    pub async fn delete_user(&self, name: &str) {
        self.server.delete("launchpadusers", "team", name);
        self.until("the deletion", || {
            self.server.find("launchpadusers", "team", name).is_none()
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
        let users = self.server.list("launchpadusers");
        let status: Vec<_> = users.iter().map(|user| user["status"].clone()).collect();
        panic!("{what}: {:?} {status:#?}", self.space.requests().counts);
    }

    /// Waits for two more sweeps.
    pub async fn swept(&self) {
        tokio::time::sleep(Duration::from_secs(11)).await;
    }

    pub fn remote(&self, id: &Value) -> Option<Value> {
        self.space.state_at(&format!("/groups/{}", id.as_str().unwrap()))
    }

    /// Everybody of this address, in any case: users or invites.
    pub fn people(&self, collection: &str, email: &str) -> Vec<Value> {
        let all = self.space.state_at(&format!("/{collection}")).unwrap();
        let all = all.as_object().unwrap().values();
        let same = |one: &&Value| one["email"].as_str().unwrap().eq_ignore_ascii_case(email);
        all.filter(same).cloned().collect()
    }

    /// The only user of this address.
    pub fn found(&self, collection: &str, email: &str) -> Value {
        let [one] = &self.people(collection, email)[..] else {
            panic!("not exactly one of {email} in {collection}");
        };
        one.clone()
    }

    /// Id of the group of this name.
    pub fn group_id(&self, name: &str) -> Value {
        let groups = self.space.state_at("/groups").unwrap();
        let mut groups = groups.as_object().unwrap().values();
        groups.find(|group| group["name"] == name).unwrap()["id"].clone()
    }
}

async fn run(server: &MemoryApiserver, ahead: Arc<AtomicI64>) -> Running {
    let client = server.client();
    let clock = server.clone();
    let env = Environment {
        clock: Clock::new(move || clock.now() + SignedDuration::from_secs(ahead.load(Ordering::SeqCst))),
        ..Environment::of_test(client.clone())
    };
    let (stop, stopped) = watch::channel(false);
    let mut starting = Starting::new(env, Scope::default(), stopped);
    let spaces = starting.connections::<LaunchpadSpace>();
    starting.objects::<Group>(&spaces);
    starting.objects::<User>(&spaces);
    let kinds = starting.finish();
    let sources = source_watch::start(&client, &Scope::default(), kinds.watched.clone());
    sources.listed().await;
    let running = tokio::spawn(async move {
        kinds.run.await;
        sources.task.abort();
    });
    (running, stop)
}

pub fn condition(object: &Value, type_: &str) -> Value {
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions
        .into_iter()
        .find(|one| one["type"] == type_)
        .unwrap_or_default()
}

/// Ids of the groups of a user or an invite.
pub fn group_ids(person: &Value) -> Vec<Value> {
    let groups = person["groups"].as_array().unwrap().iter();
    groups.map(|group| group["id"].clone()).collect()
}
