//! What connections to nodes read beside users and groups, and what their status shows of it.

use serde_json::{Value, json};
use testbed::simulator::{InstanceConfig, Product};

use super::node::{Rig, ready};

const NEVER_LIVED: &str = "2000-01-01T00:00:00Z";

fn condition(object: &Value, kind: &str) -> Value {
    let all = object["status"]["conditions"].as_array();
    let found = all.into_iter().flatten().find(|one| one["type"] == kind);
    found.cloned().unwrap_or_default()
}

fn in_use(object: &Value) -> (String, String) {
    let condition = condition(object, "InUse");
    let text = |member: &str| condition[member].as_str().unwrap_or_default().to_owned();
    (text("status"), text("reason"))
}

/// The connection of the rig.
fn connection(rig: &Rig) -> Value {
    match rig.server.find("dssinstances", "team", "design") {
        Some(found) => found,
        None => rig.server.get("governinstances", "team", "govern"),
    }
}

/// Reads the inventory as often as the lists of the sweep.
fn quickly(rig: &Rig) {
    let spec = json!({ "spec": { "inventory": { "interval": "5s", "dormantAfter": "90d" } } });
    match rig.server.find("dssinstances", "team", "design") {
        Some(_) => rig.server.patch("dssinstances", "team", "design", spec),
        None => rig.server.patch("governinstances", "team", "govern", spec),
    };
}

/// Waits until the status of the connection is so.
async fn until(rig: &Rig, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    rig.until(what, || holds(&connection(rig)["status"])).await;
    connection(rig)
}

/// How often the status of the connection was written.
fn status_writes(rig: &Rig) -> usize {
    let log = rig.server.log();
    let of_connection = log.iter().filter(|request| {
        let path = &request.path;
        request.is_write() && (path.contains("/dssinstances/") || path.contains("/governinstances/"))
    });
    of_connection.count()
}

fn milliseconds(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_of_a_dss_node_shows_its_inventory() {
    let rig = Rig::dss().await;
    quickly(&rig);
    let now = jiff::Timestamp::now().as_millisecond();
    let day = 86_400_000;
    rig.node
        .patch_state(json!({
            "users": {
                "old": { "login": "old", "sourceType": "LOCAL", "password": "theirs", "groups": ["readers"] },
                "new": { "login": "new", "sourceType": "LOCAL", "password": "theirs", "groups": ["administrators"] },
                "off": { "login": "off", "sourceType": "LOCAL", "password": "theirs", "groups": [], "enabled": false },
            },
            "activity": {
                "old": { "lastSuccessfulLogin": milliseconds(NEVER_LIVED), "lastSessionActivity": now - 91 * day },
                "admin": { "lastSuccessfulLogin": now - day },
            },
            "personalApiKeys": { "p1": { "user": "new", "label": "mine", "expiresOn": now + 5 * day } },
            "projects": { "P": {
                "projectKey": "P", "datasets": [{}, {}], "scenarios": [{ "active": true }, {}], "sqlNotebooks": [{}],
                "notebooks": { "n": { "content": { "metadata": {}, "nbformat": 4, "nbformat_minor": 5, "cells": [] }, "sessions": [{ "kernelExecutionState": "busy" }, {}] } },
            } },
            "futures": { "t1": { "startTime": milliseconds("2026-01-02T03:04:05Z"), "payload": { "displayName": "Resync" } } },
            "generalSettings": { "impersonation": {
                "userRules": [{ "scope": "GLOBAL", "type": "IDENTITY" }, { "scope": "GLOBAL", "type": "SINGLE_MAPPING", "dssUser": "old", "targetUnix": "u" }],
                "groupRules": [],
            } },
        }))
        .unwrap();
    let found = until(&rig, "the inventory", |status| {
        status["tasks"]["running"] == 1
            && status["notebooks"]["sessions"] == 2
            && status["users"]["dormant"] == 1
            && status["apiKeys"]["personal"] == 1
            && status["usage"]["datasets"] == 2
            && status["impersonationRules"]["user"] == 2
    })
    .await;
    let status = &found["status"];
    assert_eq!(status["users"]["neverLoggedIn"], 1, "{status:#}");
    assert_eq!(
        status["users"]["undeclaredSample"],
        json!(["admin", "new", "off", "old"])
    );
    assert_eq!(
        status["groups"]["undeclaredSample"],
        json!(["administrators", "data_team", "readers"])
    );
    assert_eq!(status["admins"], json!({ "users": 2, "groups": 1, "undeclared": 2 }));
    assert_eq!(
        status["apiKeys"],
        // The operator's own key is one of the global ones; the other may do nothing.
        json!({ "global": 2, "personal": 1, "admin": 2, "undeclared": 2, "expiringSoon": 1 })
    );
    assert_eq!(
        status["tasks"],
        json!({ "running": 1, "oldestStartedAt": "2026-01-02T03:04:05Z" })
    );
    assert_eq!(status["notebooks"], json!({ "running": 1, "sessions": 2, "busy": 1 }));
    assert_eq!(
        status["impersonationRules"],
        json!({ "user": 2, "group": 0, "undeclared": 2 })
    );
    assert_eq!(
        status["usage"],
        json!({
            "projects": 1, "datasets": 2, "recipes": 0, "notebooks": 2, "jupyterNotebooks": 1, "sqlNotebooks": 1,
            "scenarios": 2, "activeScenarios": 1,
        })
    );
    assert_eq!(Rig::message(&found), "reachable, with an admin key");
    // What objects declare is not undeclared any more.
    rig.create(
        "DssImpersonationRule",
        "old",
        json!({ "instanceRef": { "name": "design" }, "user": { "type": "SINGLE_MAPPING", "dssUser": "old", "targetUnix": "u" } }),
    );
    rig.create(
        "DssGlobalApiKey",
        "ci",
        json!({ "instanceRef": { "name": "design" }, "permissions": {}, "secretName": "ci" }),
    );
    let found = until(&rig, "the declared objects count", |status| {
        status["impersonationRules"]["undeclared"] == 1 && status["apiKeys"]["global"] == 3
    })
    .await;
    assert_eq!(found["status"]["apiKeys"]["undeclared"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_in_use_while_somebody_has_a_session_or_something_runs() {
    let rig = Rig::dss().await;
    let is = async |status: &str, reason: &str| {
        let wanted = (status.to_owned(), reason.to_owned());
        rig.until(&format!("{wanted:?}"), || in_use(&connection(&rig)) == wanted)
            .await;
        condition(&connection(&rig), "InUse")["message"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    is("False", "Idle").await;
    // Without the interval of the inventory: while nobody has a session, what runs is read with every sweep.
    for (part, name, message) in [("jobs", "j1", "job j1 in PRJ"), ("futures", "t1", "task t1 of admin")] {
        rig.node.patch_state(json!({ part: { name: {} } })).unwrap();
        assert_eq!(is("True", "InUse").await, message);
        rig.node.patch_state(json!({ part: { name: null } })).unwrap();
        is("False", "Idle").await;
    }
    rig.node
        .patch_state(json!({ "users": { "admin": { "activeWebSocketSesssions": 2 } } }))
        .unwrap();
    assert_eq!(is("True", "InUse").await, "session of admin");
    // What it cannot read it does not guess.
    rig.node
        .fault(json!({ "match": { "operation": "D48" }, "times": 0, "fault": { "kind": "status", "status": 403 } }));
    rig.node
        .patch_state(json!({ "users": { "admin": { "activeWebSocketSesssions": 0 } } }))
        .unwrap();
    is("Unknown", "Unreadable").await;
    let found = connection(&rig);
    assert_eq!(ready(&found)["reason"], "InSync");
    let message = Rig::message(&found);
    assert!(message.contains("tasks (the API key lacks the right)"), "{message}");
    assert_eq!(found["status"]["tasks"], Value::Null);
    rig.node.clear_faults();
    is("False", "Idle").await;
    assert_eq!(rig.node.writes(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn older_releases_have_an_inventory_without_jobs() {
    for release in ["12.5.0", "13.5.0", "14.2.0"] {
        let config = InstanceConfig::new(Product::Dss).switch("release", json!(release));
        let rig = Rig::with(config).await;
        let found = until(&rig, release, |status| status["apiKeys"]["personal"] == 0).await;
        rig.until("the condition", || in_use(&connection(&rig)).1 == "JobsUnknown")
            .await;
        assert_eq!(in_use(&connection(&rig)).0, "False");
        assert!(Rig::message(&found).contains("jobs (this release has no such list)"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_list_delays_neither_the_sweep_nor_any_object() {
    let rig = Rig::dss().await;
    quickly(&rig);
    for operation in ["D14", "D48", "D46", "D29"] {
        rig.node.fault(json!({
            "match": { "operation": operation }, "times": 0, "fault": { "kind": "latency", "millis": 600_000 },
        }));
    }
    let began = std::time::Instant::now();
    rig.swept().await;
    rig.swept().await;
    assert!(began.elapsed().as_secs() < 40, "{:?}", began.elapsed());
    rig.create("DssGroup", "blue", json!({ "instanceRef": { "name": "design" } }));
    rig.wait("dssgroups", "blue", "InSync").await;
    assert_eq!(ready(&connection(&rig))["reason"], "InSync");
    // One reading at a time, however often it would be due.
    for operation in ["D14", "D48"] {
        let calls = rig.node.count(operation);
        rig.swept().await;
        assert!(rig.node.count(operation) <= calls + 1, "{operation}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_refused_or_missing_costs_its_own_part_alone() {
    let rig = Rig::dss().await;
    quickly(&rig);
    for (operation, status) in [("D46", 403), ("D34", 404), ("D14", 500), ("D29", 403)] {
        rig.node.fault(json!({
            "match": { "operation": operation }, "times": 0, "fault": { "kind": "status", "status": status },
        }));
    }
    let found = until(&rig, "the parts that cannot be read are absent", |status| {
        let gone = ["usage", "impersonationRules"]
            .iter()
            .all(|part| status[part].is_null());
        gone && status["users"]["dormant"].is_null()
            && status["apiKeys"]["global"] == 2
            && status["apiKeys"]["personal"].is_null()
    })
    .await;
    assert_eq!(found["status"]["apiKeys"], json!({ "global": 2 }));
    assert_eq!(found["status"]["users"]["dormant"], Value::Null);
    assert_eq!(ready(&found)["status"], "True");
    assert_eq!(found["status"]["breaker"], "Closed");
    let message = Rig::message(&found);
    for part in [
        "activity of users (unavailable)",
        "personal API keys (the API key lacks the right)",
        "usage (this release has no such list)",
        "impersonation rules (the API key lacks the right)",
    ] {
        assert!(message.contains(part), "{message}");
    }
    rig.node.clear_faults();
    rig.until("the inventory is complete", || {
        Rig::message(&connection(&rig)) == "reachable, with an admin key"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_calls_does_not_grow_and_a_settled_node_costs_no_write() {
    let rig = Rig::dss().await;
    quickly(&rig);
    let users: serde_json::Map<_, _> = (0..300)
        .map(|number| {
            let login = format!("u{number:03}");
            let user = json!({ "login": login, "sourceType": "LOCAL", "password": "theirs", "groups": ["readers"] });
            (login, user)
        })
        .collect();
    let keys: serde_json::Map<_, _> = (0..50)
        .map(|number| (format!("k{number}"), json!({ "user": "u001" })))
        .collect();
    let projects: serde_json::Map<_, _> = (0..40)
        .map(|number| (format!("P{number}"), json!({ "projectKey": number })))
        .collect();
    rig.node
        .patch_state(json!({ "users": users, "personalApiKeys": keys, "projects": projects }))
        .unwrap();
    until(&rig, "the whole inventory", |status| {
        status["apiKeys"]["personal"] == 50 && status["usage"]["projects"] == 40 && status["users"]["total"] == 301
    })
    .await;
    rig.swept().await;
    rig.node.reset_requests();
    let written = status_writes(&rig);
    for second in 0..4 {
        // People work, which is no news.
        let now = jiff::Timestamp::now().as_millisecond() + second;
        rig.node
            .patch_state(json!({ "activity": { "admin": { "lastSuccessfulLogin": now, "lastSessionActivity": now } } }))
            .unwrap();
        rig.swept().await;
    }
    assert!(
        status_writes(&rig) <= written + 1,
        "{} then {}",
        written,
        status_writes(&rig)
    );
    let counts = rig.node.requests().counts;
    let sweeps = counts["D1"];
    for (operation, count) in counts {
        // Tasks and runs of scenarios are two lists of one operation.
        let most = if operation == "D48" { 2 * sweeps + 2 } else { sweeps + 1 };
        assert!(count <= most, "{operation}: {count} calls in {sweeps} sweeps");
    }
    assert_eq!(rig.node.writes(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_of_a_govern_node_shows_what_govern_has() {
    let rig = Rig::govern().await;
    quickly(&rig);
    let found = until(&rig, "the inventory", |status| {
        status["apiKeys"]["global"] == 2 && status["tasks"]["running"] == 0
    })
    .await;
    let status = &found["status"];
    let (roles, assigned) = (
        status["roles"]["total"].as_i64().unwrap(),
        status["assignments"]["total"].as_i64().unwrap(),
    );
    assert!(roles >= 3 && assigned >= 1, "{status:#}");
    assert_eq!(status["roles"]["undeclared"], roles);
    assert_eq!(status["assignments"]["undeclared"], assigned);
    for absent in ["notebooks", "usage", "impersonationRules"] {
        assert_eq!(status[absent], Value::Null, "{absent}");
    }
    assert_eq!(status["apiKeys"]["personal"], Value::Null);
    // Govern does not say who has a session.
    assert_eq!(in_use(&found), ("Unknown".to_owned(), "Unreadable".to_owned()));
    rig.node.patch_state(json!({ "futures": { "t1": {} } })).unwrap();
    rig.until("the task", || in_use(&connection(&rig)).0 == "True").await;
    rig.create(
        "GovernRole",
        "auditor",
        json!({ "instanceRef": { "name": "govern" }, "label": "Auditor" }),
    );
    rig.create(
        "GovernRoleAssignment",
        "auditors",
        json!({
            "instanceRef": { "name": "govern" }, "blueprintId": "bp.system.govern_project",
            "roleRef": { "name": "auditor" }, "rules": [{ "groups": ["readers"] }],
        }),
    );
    rig.wait("governroleassignments", "auditors", "InSync").await;
    let found = until(&rig, "the declared role and rule", |status| {
        status["roles"]["total"] == roles + 1 && status["assignments"]["total"] == assigned + 1
    })
    .await;
    assert_eq!(found["status"]["roles"]["undeclared"], roles);
    assert_eq!(found["status"]["assignments"]["undeclared"], assigned);
}
