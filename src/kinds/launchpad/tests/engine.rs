//! The whole engine with an apiserver in memory and a simulated space.

use std::time::Duration;

use kube::CustomResourceExt;
use memory_apiserver::{MemoryApiserver, Registered};
use serde_json::{Value, json};
use testbed::simulator::{Instance, InstanceConfig, Product, Simulator};
use tokio::sync::watch;

use super::as_invite;
use crate::{
    crd::{LaunchpadGroup, LaunchpadSpace},
    engine::{environment::Environment, scope::Scope, source_watch, start::Starting},
    kinds::launchpad::Group,
};

struct Rig {
    server: MemoryApiserver,
    space: Instance,
    _simulator: Simulator,
    _stop: watch::Sender<bool>,
    running: tokio::task::JoinHandle<()>,
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.running.abort();
    }
}

impl Rig {
    /// An engine with a space that is ready.
    async fn ready(switches: &[(&str, Value)]) -> Self {
        let simulator = Simulator::start().await.unwrap();
        let mut config = InstanceConfig::new(Product::Launchpad).switch("taskMillis", json!(100));
        for (switch, value) in switches {
            config = config.switch(switch, value.clone());
        }
        let space = simulator.instance(config).await.unwrap();
        let server = MemoryApiserver::new();
        server.register(Registered::from_crd(&LaunchpadSpace::crd()));
        server.register(Registered::from_crd(&LaunchpadGroup::crd()));
        server.create(json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": { "name": "key", "namespace": "team", "annotations": { "dataiku-operator.io/allowed-hosts": "127.0.0.1" } },
            "stringData": { "apiKeyId": space.api_key_id(), "apiKeySecret": space.api_key_secret() },
        }));
        server.create(json!({
            "apiVersion": "dataiku-operator.io/v1alpha1", "kind": "LaunchpadSpace",
            "metadata": { "name": "prod", "namespace": "team" },
            "spec": { "spaceId": space.space_id(), "url": space.url(), "tls": { "allowInsecureHttp": true },
                "credentials": { "secretRef": { "name": "key" } }, "driftInterval": "5s" },
        }));
        let client = server.client();
        let env = Environment::of_test(client.clone());
        let (stop, stopped) = watch::channel(false);
        let mut starting = Starting::new(env, Scope::default(), stopped);
        let spaces = starting.connections::<LaunchpadSpace>();
        starting.objects::<Group>(&spaces);
        let kinds = starting.finish();
        let sources = source_watch::start(&client, &Scope::default(), kinds.watched.clone());
        sources.listed().await;
        let running = tokio::spawn(async move {
            kinds.run.await;
            sources.task.abort();
        });
        let rig = Self {
            server,
            space,
            _simulator: simulator,
            _stop: stop,
            running,
        };
        rig.wait("launchpadspaces", "prod", "InSync").await;
        rig
    }

    fn group(&self, name: &str, spec: Value) {
        let mut spec = spec;
        spec["spaceRef"] = json!({ "name": "prod" });
        self.server.create(json!({
            "apiVersion": "dataiku-operator.io/v1alpha1", "kind": "LaunchpadGroup",
            "metadata": { "name": name, "namespace": "team" }, "spec": spec,
        }));
    }

    async fn wait(&self, plural: &str, name: &str, reason: &str) -> Value {
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

    async fn group_is(&self, name: &str, reason: &str) -> Value {
        self.wait("launchpadgroups", name, reason).await
    }

    async fn until(&self, what: &str, holds: impl Fn() -> bool) {
        for _ in 0..2400 {
            if holds() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{what} did not happen: {:?}", self.space.requests().counts);
    }

    fn remote(&self, id: &Value) -> Option<Value> {
        self.space.state_at(&format!("/groups/{}", id.as_str().unwrap()))
    }
}

fn condition(object: &Value, type_: &str) -> Value {
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions
        .into_iter()
        .find(|one| one["type"] == type_)
        .unwrap_or_default()
}

#[tokio::test]
async fn a_group_is_created_propagated_and_deleted_by_its_recorded_id() {
    let rig = Rig::ready(&[]).await;
    rig.space.patch_state(as_invite("i1", "new@example.com")).unwrap();
    rig.group(
        "team",
        json!({ "nodes": [{ "name": "design-0", "permissions": { "mayCreateProjects": true } }],
        "members": [{ "email": "owner@example.com" }, { "email": "NEW@example.com" }] }),
    );
    let object = rig.group_is("team", "InSync").await;
    let status = &object["status"];
    let id = status["remote"]["id"].clone();
    assert_eq!(status["applied"]["id"], id);
    assert_eq!(
        (&status["remote"]["origin"], &status["remote"]["members"]),
        (&json!("Created"), &json!(1))
    );
    assert_eq!(
        status["remote"]["nodes"],
        json!([{ "name": "design-0", "rights": ["mayCreateProjects"] }])
    );
    assert!(
        rig.space
            .state_at("/invites/i1")
            .unwrap()
            .to_string()
            .contains(id.as_str().unwrap())
    );
    rig.until("the end of the task", || {
        let object = rig.server.get("launchpadgroups", "team", "team");
        condition(&object, "Propagated")["status"] == "True"
            && object["status"]["applied"]["task"]["phase"] == "Succeeded"
    })
    .await;
    rig.space.reset_requests();
    rig.server.delete("launchpadgroups", "team", "team");
    rig.until("the deletion", || {
        rig.server.find("launchpadgroups", "team", "team").is_none()
    })
    .await;
    assert!(rig.remote(&id).is_none());
    assert_eq!(rig.space.count("L14"), 1);
}

#[tokio::test]
async fn an_adopted_group_has_its_id_on_record_and_survives_a_rename() {
    let rig = Rig::ready(&[]).await;
    rig.group("designers", json!({ "description": "Ours", "adoptionPolicy": "Adopt" }));
    let object = rig.group_is("designers", "InSync").await;
    let id = object["status"]["applied"]["id"].clone();
    assert_eq!(object["status"]["remote"]["origin"], "Adopted");
    rig.space
        .patch_state(json!({ "groups": { id.as_str().unwrap(): { "name": "by-hand" } } }))
        .unwrap();
    rig.until("the old name", || rig.remote(&id).unwrap()["name"] == "designers")
        .await;
    assert_eq!(rig.space.count("L12"), 0);
}

#[tokio::test]
async fn a_rename_that_the_server_ignores_is_written_once() {
    let rig = Rig::ready(&[("A48", json!("ignored"))]).await;
    rig.group("team", json!({}));
    let id = rig.group_is("team", "InSync").await["status"]["applied"]["id"].clone();
    rig.space
        .patch_state(json!({ "groups": { id.as_str().unwrap(): { "name": "by-hand" } } }))
        .unwrap();
    let object = rig.group_is("team", "AcceptedButNotStored").await;
    assert_eq!(object["status"]["plan"], json!(["set name to team"]));
    assert_eq!(rig.space.count("L13"), 1);
    rig.space.reset_requests();
    tokio::time::sleep(Duration::from_secs(6)).await;
    rig.group_is("team", "AcceptedButNotStored").await;
    assert_eq!(rig.space.writes(), 0, "{:?}", rig.space.requests().counts);
    rig.space
        .patch_state(json!({ "groups": { id.as_str().unwrap(): { "name": "by-somebody" } } }))
        .unwrap();
    rig.until("another try, since something changed", || rig.space.count("L13") == 1)
        .await;
}

#[tokio::test]
async fn reads_that_lag_behind_a_write_lead_to_no_second_one() {
    let rig = Rig::ready(&[("A46", json!("propagated")), ("taskMillis", json!(3000))]).await;
    rig.group("team", json!({ "description": "Team" }));
    let waits = || {
        let object = rig.server.get("launchpadgroups", "team", "team");
        let ready = condition(&object, "Ready");
        ready["reason"] == "Progressing" && ready["message"].to_string().contains("not shown yet: create group")
    };
    rig.until("the wait for the task", waits).await;
    rig.group_is("team", "InSync").await;
    rig.server.patch(
        "launchpadgroups",
        "team",
        "team",
        json!({ "spec": { "description": "Changed" } }),
    );
    rig.group_is("team", "InSync").await;
    assert_eq!((rig.space.count("L12"), rig.space.count("L13")), (1, 1));
}
