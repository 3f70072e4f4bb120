mod actions;
mod late_starts;
mod report;

use std::time::Duration;

use serde_json::{Value, json};
use testbed::simulator::{InstanceConfig, Product};

use super::{Rig, ready};

const PLURAL: &str = "dsstasks";

/// A node whose tasks take a minute of its clock, which only tests move.
fn slow() -> InstanceConfig {
    InstanceConfig::new(Product::Dss).switch("futureMillis", json!(60_000))
}

impl Rig {
    fn task(&self, name: &str, spec: Value) {
        let mut all = json!({ "instanceRef": { "name": "design" } });
        json_patch::merge(&mut all, &spec);
        self.create("DssTask", name, all);
    }

    fn run(&self, name: &str) -> Value {
        self.server.get(PLURAL, "team", name)["status"]["runs"][0].clone()
    }

    /// Waits until the newest run is in this phase.
    async fn phase(&self, name: &str, phase: &str) -> Value {
        self.until(&format!("{name} {phase}"), || self.run(name)["phase"] == phase)
            .await;
        self.run(name)
    }

    /// Waits until the newest run is followed.
    async fn future(&self, name: &str) -> String {
        self.until("a future", || self.run(name)["futureId"].is_string()).await;
        self.run(name)["futureId"].as_str().unwrap().to_owned()
    }

    /// As if the newest run had begun so many minutes earlier. The operator must not run.
    fn backdate(&self, name: &str, minutes: i64) {
        let mut status = self.server.get(PLURAL, "team", name)["status"].clone();
        let began = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(minutes);
        let began = jiff::Timestamp::from_second(began.as_second()).unwrap();
        status["runs"][0]["startedAt"] = json!(began.to_string());
        self.server.patch_status(PLURAL, "team", name, status);
    }

    fn minute(&self) {
        self.node.advance(Duration::from_mins(1));
    }

    fn project(&self) {
        let cell = json!({ "cell_type": "code", "metadata": {}, "source": ["secret-of-users"], "execution_count": 1, "outputs": [{ "text": "data-of-users" }] });
        let content = json!({ "metadata": { "kernelspec": { "name": "python3", "language": "python" } }, "nbformat": 4, "nbformat_minor": 5, "cells": [cell] });
        let session = |id: &str, state: &str| json!({ "sessionId": id, "kernelExecutionState": state, "kernelLastActivityTime": 1000, "kernelConnections": 0 });
        self.node
            .patch_state(json!({ "projects": { "RISK": { "notebooks": {
                "explore it": { "content": content, "sessions": [session("s1", "idle"), session("s2", "busy")] },
                "other": { "content": content, "sessions": [session("s3", "idle")] },
            } } } }))
            .unwrap();
    }

    fn notebook(&self, name: &str) -> Value {
        self.at(&format!("/projects/RISK/notebooks/{name}"))
    }

    fn events(&self, name: &str) -> Vec<String> {
        let events = self.server.list("events").into_iter();
        let mine = events.filter(|event| event["regarding"]["name"] == name);
        mine.map(|event| event["reason"].as_str().unwrap_or_default().to_owned())
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_runs_once_and_again_when_what_it_does_changes() {
    let rig = Rig::dss().await;
    rig.node
        .patch_state(json!({ "users": { "ana": { "sourceType": "LDAP" } } }))
        .unwrap();
    rig.task("resync", json!({ "resyncUsers": { "all": true } }));
    let object = rig.wait(PLURAL, "resync", "InSync").await;
    let run = rig.run("resync");
    assert_eq!(run["phase"], "Succeeded");
    assert!(run["futureId"].is_string() && run["finishedAt"].is_string());
    assert_eq!(run["result"], r#"{"syncedUsers":["ana"]}"#);
    assert_eq!(object["status"].get("active"), None);
    assert_eq!(rig.node.count("D18"), 1);
    rig.swept().await;
    let polls = rig.node.count("D49");
    rig.server
        .patch(PLURAL, "team", "resync", json!({ "spec": { "historyLimit": 3 } }));
    rig.swept().await;
    assert_eq!(rig.node.count("D18"), 1, "an edit of something else starts nothing");
    assert_eq!(rig.node.count("D49"), polls, "a run that is over is not asked for");
    rig.server.patch(
        PLURAL,
        "team",
        "resync",
        json!({ "spec": { "resyncUsers": { "all": null, "logins": ["ana"] } } }),
    );
    rig.until("a second run", || rig.node.count("D17") == 1).await;
    rig.until("two runs", || {
        let runs = rig.server.get(PLURAL, "team", "resync")["status"]["runs"].clone();
        runs.as_array()
            .is_some_and(|runs| runs.len() == 2 && runs[0]["phase"] == "Succeeded")
    })
    .await;
    assert_eq!(rig.node.count("D17") + rig.node.count("D18"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_survives_a_restart_and_is_started_once() {
    let mut rig = Rig::with(slow()).await;
    rig.task("push", json!({ "pushBaseImages": {} }));
    let future = rig.future("push").await;
    rig.kill().await;
    rig.start().await;
    rig.minute();
    let run = rig.phase("push", "Succeeded").await;
    assert_eq!(run["futureId"], *future);
    assert_eq!(rig.node.count("D33"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_is_killed_around_the_start_starts_once() {
    let mut rig = Rig::with(slow()).await;
    // The start takes long to answer: the operator is killed while the node has begun.
    rig.node
        .fault(json!({ "match": { "operation": "D33" }, "fault": { "kind": "late", "millis": 1500 } }));
    rig.task("push", json!({ "pushBaseImages": {} }));
    rig.until("the intent", || rig.run("push")["attempt"].is_object()).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    rig.kill().await;
    rig.start().await;
    let future = rig.future("push").await;
    rig.minute();
    let run = rig.phase("push", "Succeeded").await;
    assert_eq!(run["futureId"], *future);
    assert_eq!(rig.node.count("D33"), 1, "found by what the node lists");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_a_start_is_found_or_named_and_never_guessed() {
    let rig = Rig::with(slow()).await;
    // A bare list tells nothing of owners and times.
    rig.node.switch("A28", json!("bare")).unwrap();
    rig.node
        .fault(json!({ "match": { "operation": "D18" }, "fault": { "kind": "dropAfter" } }));
    rig.task("resync", json!({ "resyncUsers": { "all": true } }));
    rig.future("resync").await;
    assert_eq!(rig.node.count("D18"), 1);
    rig.minute();
    rig.phase("resync", "Succeeded").await;

    rig.node
        .fault(json!({ "match": { "operation": "D33" }, "fault": { "kind": "dropAfter" } }));
    rig.task("push", json!({ "pushBaseImages": {} }));
    rig.until("the intent", || rig.node.count("D33") == 1).await;
    // Somebody starts another one at the same time.
    rig.node.patch_state(json!({ "futures": { "theirs": {} } })).unwrap();
    let run = rig.phase("push", "Unknown").await;
    assert!(run["message"].as_str().unwrap().contains("2 futures"), "{run}");
    let object = rig.wait(PLURAL, "push", "RunFailed").await;
    assert!(Rig::message(&object).contains("Unknown"));
    assert_eq!(rig.node.count("D33"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_never_arrived_is_sent_again() {
    let rig = Rig::dss().await;
    rig.node
        .fault(json!({ "match": { "operation": "D33" }, "fault": { "kind": "dropBefore" } }));
    rig.task("push", json!({ "pushBaseImages": {} }));
    let run = rig.phase("push", "Succeeded").await;
    assert!(run.get("attempt").is_none(), "{run}");
    // A cut call is counted too.
    assert_eq!(rig.node.count("D33"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_end_of_a_future_has_its_phase() {
    // The node reports a failure.
    for full in ["full", "bare"] {
        let rig = Rig::dss().await;
        rig.node.switch("A28", json!(full)).unwrap();
        rig.node.switch("futures", json!("failing")).unwrap();
        rig.task("push", json!({ "pushBaseImages": {} }));
        let run = rig.phase("push", "Failed").await;
        assert!(run["message"].as_str().unwrap().contains("failed"), "{run}");
        rig.wait(PLURAL, "push", "RunFailed").await;
        rig.until("the Event", || rig.events("push").contains(&"Failed".to_owned()))
            .await;
    }
    let mut rig = Rig::with(slow()).await;
    // Somebody aborts it.
    rig.task("aborted", json!({ "pushBaseImages": {} }));
    let future = rig.future("aborted").await;
    rig.node
        .patch_state(json!({ "futures": { future: { "ended": "aborted", "endTime": jiff::Timestamp::now().as_millisecond() } } }))
        .unwrap();
    rig.phase("aborted", "Aborted").await;
    // The node forgets it.
    rig.task("vanished", json!({ "pushBaseImages": {} }));
    let future = rig.future("vanished").await;
    rig.node.patch_state(json!({ "futures": { future: null } })).unwrap();
    let run = rig.phase("vanished", "Vanished").await;
    assert!(
        run["message"].as_str().unwrap().contains("how it ended is not known"),
        "{run}"
    );
    // Somebody fetches the result between our look and our fetch.
    rig.task("taken", json!({ "pushBaseImages": {} }));
    let future = rig.future("taken").await;
    rig.kill().await;
    rig.minute();
    let patch = json!({ "futures": { future: null } });
    let fault = json!({ "kind": "edit", "when": "after", "patch": patch });
    rig.node
        .fault(json!({ "match": { "operation": "D49" }, "fault": fault }));
    rig.start().await;
    let run = rig.phase("taken", "ResultTaken").await;
    assert!(
        run["message"].as_str().unwrap().contains("somebody else fetched it"),
        "{run}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_expired_while_nobody_looked_is_named() {
    let mut rig = Rig::with(slow()).await;
    rig.task("push", json!({ "pushBaseImages": {}, "timeout": "168h" }));
    let future = rig.future("push").await;
    rig.kill().await;
    rig.backdate("push", 60);
    rig.node.patch_state(json!({ "futures": { future: null } })).unwrap();
    rig.start().await;
    let run = rig.phase("push", "Expired").await;
    assert!(run["message"].as_str().unwrap().contains("probably expired"), "{run}");
    assert_eq!(rig.node.count("D33"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_over_its_time_is_aborted_on_the_node() {
    let rig = Rig::with(slow()).await;
    rig.task("push", json!({ "pushBaseImages": {}, "timeout": "2s" }));
    let run = rig.phase("push", "TimedOut").await;
    let future = run["futureId"].as_str().unwrap();
    assert_eq!(rig.at(&format!("/futures/{future}"))["ended"], "aborted");
    assert_eq!(rig.node.count("D50"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_running_task_aborts_it_and_retain_lets_it_go_on() {
    let rig = Rig::with(slow()).await;
    rig.task("push", json!({ "pushBaseImages": {} }));
    let future = rig.future("push").await;
    rig.server.delete(PLURAL, "team", "push");
    rig.gone(PLURAL, "push").await;
    assert_eq!(rig.at(&format!("/futures/{future}"))["ended"], "aborted");
    rig.task("kept", json!({ "pushBaseImages": {}, "deletionPolicy": "Retain" }));
    let future = rig.future("kept").await;
    rig.server.delete(PLURAL, "team", "kept");
    rig.gone(PLURAL, "kept").await;
    assert_eq!(rig.at(&format!("/futures/{future}"))["ended"], Value::Null);
    assert_eq!(rig.node.count("D50"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_connection_starts_and_aborts_nothing() {
    let rig = Rig::with(slow()).await;
    let freeze = |freeze: bool| {
        rig.server.patch(
            "dssinstances",
            "team",
            "design",
            json!({ "spec": { "freeze": freeze } }),
        );
    };
    rig.task("running", json!({ "pushBaseImages": {} }));
    let future = rig.future("running").await;
    freeze(true);
    rig.task("resync", json!({ "resyncUsers": { "all": true } }));
    let object = rig.wait(PLURAL, "resync", "Frozen").await;
    assert_eq!(object["status"]["plan"], json!(["resync all users"]));
    rig.server.delete(PLURAL, "team", "running");
    rig.wait(PLURAL, "running", "Deleting").await;
    assert_eq!((rig.node.count("D18"), rig.node.count("D50")), (0, 0));
    freeze(false);
    rig.gone(PLURAL, "running").await;
    assert_eq!(rig.at(&format!("/futures/{future}"))["ended"], "aborted");
    rig.future("resync").await;
    assert_eq!(rig.node.count("D18"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_makes_up_for_one_missed_run_and_says_when_the_next_one_is() {
    let mut rig = Rig::dss().await;
    rig.task("often", json!({ "pushBaseImages": {} }));
    rig.phase("often", "Succeeded").await;
    rig.kill().await;
    rig.backdate("often", 60);
    let schedule = json!({ "schedule": "*/5 * * * *", "timeZone": "Europe/Paris" });
    rig.server.patch(PLURAL, "team", "often", json!({ "spec": schedule }));
    rig.start().await;
    rig.until("the missed run", || rig.run("often")["scheduledAt"].is_string())
        .await;
    let run = rig.phase("often", "Succeeded").await;
    assert!(run["scheduledAt"].as_str().unwrap().ends_with(":00Z"), "{run}");
    rig.until("the next time", || {
        rig.server.get(PLURAL, "team", "often")["status"]["nextRunAt"].is_string()
    })
    .await;
    rig.swept().await;
    assert!((2..=3).contains(&rig.node.count("D33")), "of twelve missed runs, one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_task_is_deleted_after_its_time() {
    let rig = Rig::dss().await;
    rig.task("push", json!({ "pushBaseImages": {}, "ttlSecondsAfterFinished": 1 }));
    rig.gone(PLURAL, "push").await;
    assert_eq!(rig.node.count("D33"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_acts_only_as_a_user_whom_the_connection_lists() {
    let rig = Rig::dss().await;
    rig.project();
    rig.node
        .patch_state(
            json!({ "users": { "svc": { "groups": ["readers"] } }, "projects": { "RISK": { "owner": "svc" } } }),
        )
        .unwrap();
    rig.swept().await;
    let post = json!({ "asUser": "svc", "postDiscussion": { "projectKey": "RISK", "notebook": "other", "topic": "t", "message": "m" } });
    rig.task("post", post);
    let object = rig.wait(PLURAL, "post", "NotAllowed").await;
    assert!(Rig::message(&object).contains("`logins: [svc]`"), "{object}");
    assert_eq!(rig.node.count("D64"), 0);
    rig.server.patch(
        "dssinstances",
        "team",
        "design",
        json!({ "spec": { "actAs": { "groups": ["readers"] } } }),
    );
    rig.server
        .annotate(PLURAL, "team", "post", "dataiku-operator.io/reconcile-at", "now");
    rig.phase("post", "Succeeded").await;
    let discussions = rig.notebook("other")["discussions"].clone();
    let first = discussions.as_object().unwrap().values().next().unwrap().clone();
    assert_eq!(first["replies"][0]["author"], "svc");
    assert_eq!(rig.node.count("D64"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_before_any_run() {
    let rig = Rig::dss().await;
    rig.project();
    for (name, spec, reason) in [
        (
            "never",
            json!({ "schedule": "0 0 30 2 *", "pushBaseImages": {} }),
            "Invalid",
        ),
        (
            "words",
            json!({ "schedule": "at noon", "pushBaseImages": {} }),
            "Invalid",
        ),
        (
            "zone",
            json!({ "schedule": "0 0 * * *", "timeZone": "Mars/X", "pushBaseImages": {} }),
            "Invalid",
        ),
        (
            "nobody",
            json!({ "resyncUsers": { "logins": ["nobody"] } }),
            "DependencyNotReady",
        ),
        (
            "project",
            json!({ "deleteNotebooks": { "projectKey": "NONE", "notebooks": ["a"] } }),
            "DependencyNotReady",
        ),
        (
            "notebook",
            json!({ "deleteNotebooks": { "projectKey": "RISK", "notebooks": ["a"] } }),
            "DependencyNotReady",
        ),
        ("as", json!({ "asUser": "root", "pushBaseImages": {} }), "NotAllowed"),
    ] {
        rig.task(name, spec);
        let object = rig.wait(PLURAL, name, reason).await;
        assert_eq!(object["status"].get("runs"), None, "{object}");
    }
    assert_eq!(rig.node.writes(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_observer_shows_what_is_due_and_starts_nothing() {
    let rig = Rig::dss().await;
    rig.task("push", json!({ "managementPolicy": "Observe", "pushBaseImages": {} }));
    let object = rig.wait(PLURAL, "push", "Observed").await;
    assert_eq!(object["status"]["plan"], json!(["push base images"]));
    rig.task("waits", json!({ "suspend": true, "pushBaseImages": {} }));
    rig.wait(PLURAL, "waits", "Paused").await;
    assert_eq!(rig.node.count("D33"), 0);
    assert_eq!(ready(&object)["status"], "True");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_run_replaces_one_that_has_not_ended_or_waits_for_it() {
    for policy in ["Replace", "Forbid"] {
        let mut rig = Rig::with(slow()).await;
        rig.task("often", json!({ "pushBaseImages": {}, "timeout": "168h" }));
        let first = rig.future("often").await;
        rig.kill().await;
        rig.backdate("often", 60);
        let schedule = json!({ "schedule": "*/5 * * * *", "concurrencyPolicy": policy });
        rig.server.patch(PLURAL, "team", "often", json!({ "spec": schedule }));
        rig.start().await;
        if policy == "Replace" {
            rig.until("a second run", || rig.node.count("D33") == 2).await;
            rig.until("the end of the first", || {
                rig.server.get(PLURAL, "team", "often")["status"]["runs"][1]["phase"] == "Aborted"
            })
            .await;
            assert_eq!(rig.at(&format!("/futures/{first}"))["ended"], "aborted");
            assert_eq!(rig.node.count("D50"), 1);
        } else {
            rig.swept().await;
            assert_eq!(rig.node.count("D33"), 1);
            rig.minute();
            rig.until("a second run", || rig.node.count("D33") == 2).await;
            assert_eq!(rig.node.count("D50"), 0);
        }
    }
}
