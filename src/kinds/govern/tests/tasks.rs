//! Tasks on a Govern node.

use serde_json::{Value, json};
use testbed::simulator::{InstanceConfig, Product};

use super::Rig;

const PLURAL: &str = "dsstasks";

impl Rig {
    fn govern_task(&self, name: &str, spec: Value) {
        let mut all = json!({ "instanceRef": { "kind": "GovernInstance", "name": "govern" } });
        json_patch::merge(&mut all, &spec);
        self.create("DssTask", name, all);
    }

    fn newest(&self, name: &str) -> Value {
        self.server.get(PLURAL, "team", name)["status"]["runs"][0].clone()
    }

    async fn ends(&self, name: &str, phase: &str) -> Value {
        self.until(&format!("{name} {phase}"), || self.newest(name)["phase"] == phase)
            .await;
        self.newest(name)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn users_of_a_directory_are_resynced_and_provisioned() {
    let rig = Rig::govern().await;
    let people = json!({ "ana": { "email": "ana@example.com", "groups": ["g"] }, "bob": { "email": "bob@example.com", "groups": ["g"] } });
    rig.node
        .patch_state(json!({
            "users": { "ana": { "sourceType": "LDAP" } },
            "directory": { "LDAP": { "users": people, "groups": ["g"] } },
        }))
        .unwrap();
    rig.swept().await;
    rig.govern_task("one", json!({ "resyncUsers": { "logins": ["ana"] } }));
    rig.govern_task("all", json!({ "resyncUsers": { "all": true } }));
    for name in ["one", "all"] {
        rig.ends(name, "Succeeded").await;
    }
    assert_eq!((rig.node.count("G16"), rig.node.count("G17")), (1, 1));
    rig.govern_task(
        "bob",
        json!({ "provisionUsers": { "sourceType": "LDAP", "login": "bob" } }),
    );
    rig.ends("bob", "Succeeded").await;
    assert_eq!(rig.at("/users/bob")["sourceType"], "LDAP");
    assert_eq!(rig.node.count("G20"), 1);
    rig.swept().await;
    assert_eq!(rig.node.count("G17"), 1, "what has run does not run again");
}

#[tokio::test(flavor = "multi_thread")]
async fn futures_are_awaited_or_aborted_and_a_running_one_ends_with_its_object() {
    let slow = InstanceConfig::new(Product::Govern).switch("futureMillis", json!(3_600_000));
    let mut rig = Rig::with(slow).await;
    rig.node
        .patch_state(
            json!({ "futures": { "old": { "owner": "jane", "startTime": 1000 }, "theirs": { "owner": "joe" } } }),
        )
        .unwrap();
    rig.govern_task(
        "abort",
        json!({ "abortFutures": { "owner": "jane", "olderThan": "1h" } }),
    );
    let run = rig.ends("abort", "Succeeded").await;
    assert_eq!(run["counts"], json!({ "aborted": 1 }));
    assert_eq!(rig.at("/futures/old")["ended"], "aborted");
    rig.govern_task("wait", json!({ "awaitFuture": { "id": "theirs" }, "timeout": "2s" }));
    rig.ends("wait", "TimedOut").await;
    assert_eq!(rig.at("/futures/theirs")["ended"], Value::Null);
    rig.govern_task("resync", json!({ "resyncUsers": { "all": true } }));
    rig.until("a future", || rig.newest("resync")["futureId"].is_string())
        .await;
    let future = rig.newest("resync")["futureId"].as_str().unwrap().to_owned();
    rig.kill().await;
    rig.start().await;
    rig.server.delete(PLURAL, "team", "resync");
    rig.gone(PLURAL, "resync").await;
    assert_eq!(rig.at(&format!("/futures/{future}"))["ended"], "aborted");
    assert_eq!(rig.node.count("G17"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_govern_does_not_have_is_invalid_and_a_missing_connection_is_waited_for() {
    let rig = Rig::govern().await;
    rig.govern_task("push", json!({ "pushBaseImages": {} }));
    let object = rig.wait(PLURAL, "push", "Invalid").await;
    assert!(Rig::message(&object).contains("a Govern node takes"), "{object:#}");
    rig.govern_task("as", json!({ "asUser": "jane", "resyncUsers": { "all": true } }));
    rig.wait(PLURAL, "as", "NotAllowed").await;
    // Without a kind, it is a task of a DSS node.
    let spec = json!({ "instanceRef": { "name": "govern" }, "resyncUsers": { "all": true } });
    rig.create("DssTask", "dss", spec);
    let object = rig.wait(PLURAL, "dss", "DependencyNotReady").await;
    assert!(Rig::message(&object).contains("DssInstance team/govern"), "{object:#}");
    assert_eq!(rig.node.writes(), 0);
    for name in ["push", "as", "dss"] {
        rig.server.delete(PLURAL, "team", name);
        rig.gone(PLURAL, name).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_to_a_govern_node_waits_for_its_tasks_to_go() {
    let rig = Rig::govern().await;
    rig.govern_task(
        "all",
        json!({ "schedule": "0 0 1 1 *", "resyncUsers": { "all": true } }),
    );
    rig.wait(PLURAL, "all", "InSync").await;
    rig.server.delete("governinstances", "team", "govern");
    let object = rig.wait("governinstances", "govern", "Deleting").await;
    assert!(Rig::message(&object).contains("DssTask"), "{object:#}");
    rig.server.delete(PLURAL, "team", "all");
    rig.gone(PLURAL, "all").await;
    rig.gone("governinstances", "govern").await;
}
