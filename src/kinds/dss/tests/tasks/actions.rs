//! What each action does on the node.

use serde_json::{Value, json};

use super::{PLURAL, Rig};

impl Rig {
    fn config_map(&self, name: &str, data: Value) {
        self.server.create(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "namespace": "team" }, "data": data,
        }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_discussion_whose_answer_was_lost_is_not_posted_twice() {
    let rig = Rig::dss().await;
    rig.project();
    rig.node
        .fault(json!({ "match": { "operation": "D64" }, "fault": { "kind": "dropAfter" } }));
    rig.task(
        "post",
        json!({ "postDiscussion": { "projectKey": "RISK", "notebook": "other", "topic": "t", "message": "m" } }),
    );
    rig.phase("post", "Succeeded").await;
    assert_eq!(rig.node.count("D64"), 1);
    assert_eq!(rig.notebook("other")["discussions"].as_object().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_sessions_end_after_a_message_and_busy_ones_stay() {
    let rig = Rig::dss().await;
    rig.project();
    rig.task(
        "unload",
        json!({ "unloadNotebooks": { "idleFor": "1h", "languages": ["python"], "notify": "closing down" } }),
    );
    let run = rig.phase("unload", "Succeeded").await;
    assert_eq!(run["counts"], json!({ "sessions": 3, "unloaded": 2 }));
    let left = rig.notebook("explore it")["sessions"].clone();
    assert_eq!(left.as_array().unwrap().len(), 1);
    assert_eq!(left[0]["sessionId"], "s2");
    assert_eq!((rig.node.count("D58"), rig.node.count("D64")), (2, 2));
    assert_eq!(rig.node.writes(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn notebooks_are_exported_into_a_config_map_and_nowhere_else() {
    let rig = Rig::dss().await;
    rig.project();
    let export = json!({ "projectKey": "RISK", "notebooks": ["explore it", "other"], "configMapName": "copies" });
    rig.task("export", json!({ "exportNotebooks": export }));
    rig.phase("export", "Succeeded").await;
    let map = rig.server.get("configmaps", "team", "copies");
    assert_eq!(map["metadata"]["ownerReferences"][0]["name"], "export");
    let keys: Vec<&String> = map["data"].as_object().unwrap().keys().collect();
    assert_eq!(keys.len(), 2);
    let copy: Value = serde_json::from_str(map["data"]["other.ipynb"].as_str().unwrap()).unwrap();
    assert_eq!(copy["cells"][0]["source"], json!(["secret-of-users"]));
    assert_eq!(copy["cells"][0]["outputs"], json!([]), "outputs are left out");
    assert_eq!(rig.node.writes(), 0);
    let mut texts = rig.server.get(PLURAL, "team", "export").to_string();
    rig.server
        .list("events")
        .iter()
        .for_each(|event| texts.push_str(&event.to_string()));
    assert!(!texts.contains("of-users"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_config_map_of_somebody_else_or_one_too_large_is_not_written() {
    let rig = Rig::dss().await;
    rig.project();
    rig.config_map("theirs", json!({ "a": "b" }));
    let export = |map: &str| json!({ "exportNotebooks": { "projectKey": "RISK", "notebooks": ["other"], "configMapName": map, "outputs": true } });
    rig.task("foreign", export("theirs"));
    rig.wait(PLURAL, "foreign", "AlreadyExists").await;
    assert_eq!(
        rig.server.get("configmaps", "team", "theirs")["data"],
        json!({ "a": "b" })
    );
    let long = json!({ "cell_type": "markdown", "metadata": {}, "source": "x".repeat(1_100_000) });
    rig.node
        .patch_state(
            json!({ "projects": { "RISK": { "notebooks": { "other": { "content": { "cells": [long] } } } } } }),
        )
        .unwrap();
    rig.task("large", export("copies"));
    let run = rig.phase("large", "Failed").await;
    assert!(
        run["message"].as_str().unwrap().contains("holds at most 1024 KiB"),
        "{run}"
    );
    assert!(rig.server.find("configmaps", "team", "copies").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn notebooks_are_written_cleared_and_deleted() {
    let rig = Rig::dss().await;
    rig.project();
    let content = json!({ "nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [] }).to_string();
    rig.config_map(
        "content",
        json!({ "notebook.ipynb": content, "bad": "{\"cells\": []}" }),
    );
    let write = |key: Value| json!({ "writeNotebook": { "projectKey": "RISK", "notebook": "new", "contentRef": { "name": "content", "key": key } } });
    rig.task("write", write(Value::Null));
    rig.phase("write", "Succeeded").await;
    assert_eq!(rig.notebook("new")["content"]["cells"], json!([]));
    rig.task("bad", write(json!("bad")));
    let object = rig.wait(PLURAL, "bad", "Invalid").await;
    assert!(Rig::message(&object).contains("nbformat is missing"), "{object}");
    rig.task("missing", write(json!("none")));
    rig.wait(PLURAL, "missing", "DependencyNotReady").await;
    let selected = json!({ "projectKey": "RISK", "notebooks": ["other", "explore it"] });
    rig.task("clear", json!({ "clearNotebookOutputs": selected }));
    rig.phase("clear", "Succeeded").await;
    assert_eq!(rig.notebook("other")["content"]["cells"][0]["outputs"], json!([]));
    rig.task("delete", json!({ "deleteNotebooks": selected }));
    let run = rig.phase("delete", "Succeeded").await;
    assert_eq!(run["counts"], json!({ "deleted": 2 }));
    assert_eq!(rig.notebook("other"), Value::Null);
    assert_eq!(rig.node.writes(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_of_a_directory_are_provisioned_once() {
    let rig = Rig::dss().await;
    let people = json!({ "ana": { "email": "ana@example.com", "groups": ["g"] }, "bob": { "email": "bob@example.com", "groups": ["g"] } });
    rig.node
        .patch_state(json!({ "directory": { "LDAP": { "users": people, "groups": ["g"] } } }))
        .unwrap();
    let provision = |by: Value| {
        let mut spec = json!({ "sourceType": "LDAP" });
        json_patch::merge(&mut spec, &by);
        json!({ "provisionUsers": spec })
    };
    rig.task("ana", provision(json!({ "email": "Ana@example.com" })));
    rig.phase("ana", "Failed").await;
    rig.task("ana2", provision(json!({ "email": "ana@example.com" })));
    rig.phase("ana2", "Succeeded").await;
    assert_eq!(rig.at("/users/ana")["sourceType"], "LDAP");
    rig.task("all", provision(json!({ "group": "g" })));
    rig.phase("all", "Succeeded").await;
    assert_eq!(rig.at("/users/bob")["sourceType"], "LDAP");
    rig.task("again", provision(json!({ "group": "g" })));
    let run = rig.phase("again", "Succeeded").await;
    assert_eq!(run["counts"], json!({ "existing": 2 }));
    assert_eq!(rig.node.count("D21"), 2);
    rig.task("nobody", provision(json!({ "login": "zoe" })));
    let run = rig.phase("nobody", "Failed").await;
    assert!(run["message"].as_str().unwrap().contains("no such user"), "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn futures_of_others_are_awaited_or_aborted() {
    let rig = Rig::dss().await;
    rig.node
        .patch_state(
            json!({ "futures": { "old": { "owner": "jane", "startTime": 1000 }, "new": { "owner": "jane" } } }),
        )
        .unwrap();
    rig.task("wait", json!({ "awaitFuture": { "id": "new" }, "timeout": "2s" }));
    rig.phase("wait", "TimedOut").await;
    assert_eq!(
        rig.at("/futures/new")["ended"],
        Value::Null,
        "it belongs to somebody else"
    );
    rig.task(
        "abort",
        json!({ "abortFutures": { "owner": "jane", "olderThan": "1h" } }),
    );
    let run = rig.phase("abort", "Succeeded").await;
    assert_eq!(run["counts"], json!({ "aborted": 1 }));
    assert_eq!(rig.at("/futures/old")["ended"], "aborted");
    assert_eq!(rig.node.count("D50"), 1);
    rig.task("edited", json!({ "awaitFuture": { "id": "new" }, "timeout": "1h" }));
    rig.phase("edited", "Running").await;
    rig.server.patch(
        PLURAL,
        "team",
        "edited",
        json!({ "spec": { "awaitFuture": null, "pushBaseImages": {} } }),
    );
    rig.swept().await;
    rig.server.delete(PLURAL, "team", "edited");
    rig.gone(PLURAL, "edited").await;
    assert_eq!(rig.at("/futures/new")["ended"], Value::Null, "it still does");
    rig.task("none", json!({ "awaitFuture": { "id": "nope" } }));
    rig.wait(PLURAL, "none", "Invalid").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_result_of_a_future_of_somebody_else_stays_on_the_node() {
    for (ended, alive, phase) in [
        ("done", "full", "Succeeded"),
        ("failed", "full", "Failed"),
        ("aborted", "full", "Aborted"),
        ("done", "bare", "Succeeded"),
    ] {
        let rig = Rig::dss().await;
        rig.node.switch("A28", json!(alive)).unwrap();
        rig.node
            .patch_state(json!({ "futures": { "theirs": { "owner": "jane" } } }))
            .unwrap();
        rig.task("wait", json!({ "awaitFuture": { "id": "theirs" } }));
        rig.phase("wait", "Running").await;
        rig.node
            .patch_state(json!({ "futures": { "theirs": { "ended": ended, "result": { "secret": "of-jane" }, "endTime": 4_000_000_000_000_u64 } } }))
            .unwrap();
        let run = rig.phase("wait", phase).await;
        assert_eq!(run.get("result"), None, "{run}");
        assert_eq!(
            rig.at("/futures/theirs/result/secret"),
            "of-jane",
            "the user who started it can still read it"
        );
        let message = run["message"].as_str().unwrap();
        assert!(
            ended != "done" || message.contains("leaves its result on the node"),
            "{message}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_provisioned_whom_the_task_did_not_name() {
    let rig = Rig::dss().await;
    let other = json!({ "zed": { "email": "zed@example.com", "groups": [] } });
    rig.node
        .patch_state(json!({ "directory": { "LDAP": { "users": other, "groups": [] } } }))
        .unwrap();
    // A directory that answers a search with somebody else.
    let answer = json!({ "hasResult": true, "result": [{ "login": "zed", "email": "zed@example.com" }] });
    rig.node.fault(json!({
        "match": { "operation": "D20" }, "times": 0, "fault": { "kind": "status", "status": 200, "body": answer },
    }));
    rig.task(
        "ana",
        json!({ "provisionUsers": { "sourceType": "LDAP", "login": "ana" } }),
    );
    let run = rig.phase("ana", "Failed").await;
    let message = run["message"].as_str().unwrap();
    assert!(message.contains("none of them with the login ana"), "{message}");
    assert_eq!((rig.at("/users/zed"), rig.node.count("D21")), (Value::Null, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notebook_whose_write_lost_its_answer_is_read_back_and_not_written_again() {
    for exists in [true, false] {
        let mut rig = Rig::dss().await;
        rig.project();
        let cell =
            json!({ "cell_type": "code", "metadata": {}, "source": "1 + 1", "execution_count": null, "outputs": [] });
        let content = json!({ "metadata": {}, "nbformat": 4, "nbformat_minor": 5, "cells": [cell] });
        rig.config_map("content", json!({ "notebook.ipynb": content.to_string() }));
        let (name, operation) = if exists { ("other", "D54") } else { ("fresh", "D52") };
        rig.node
            .fault(json!({ "match": { "operation": operation }, "fault": { "kind": "dropAfter" } }));
        let write = json!({ "projectKey": "RISK", "notebook": name, "contentRef": { "name": "content" } });
        rig.task("write", json!({ "writeNotebook": write }));
        rig.until("the write", || rig.node.count(operation) == 1).await;
        if exists {
            // The next process knows nothing but the status.
            rig.kill().await;
            rig.start().await;
        }
        let run = rig.phase("write", "Succeeded").await;
        assert_eq!(run["counts"], json!({ "written": 1 }), "{run:#}");
        assert_eq!(rig.node.writes(), 1);
        assert_eq!(rig.notebook(name)["content"]["cells"][0]["source"], "1 + 1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notebook_whose_write_was_lost_on_the_way_is_written_once_more() {
    let rig = Rig::dss().await;
    rig.project();
    let content = json!({ "metadata": {}, "nbformat": 4, "nbformat_minor": 5, "cells": [] });
    rig.config_map("content", json!({ "notebook.ipynb": content.to_string() }));
    rig.node
        .fault(json!({ "match": { "operation": "D54" }, "fault": { "kind": "dropBefore" } }));
    let write = json!({ "projectKey": "RISK", "notebook": "other", "contentRef": { "name": "content" } });
    rig.task("write", json!({ "writeNotebook": write }));
    rig.phase("write", "Succeeded").await;
    assert_eq!(rig.notebook("other")["content"]["cells"], json!([]));
    // The one that was lost counts as well.
    assert_eq!(rig.node.count("D54"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_whose_write_lost_its_answer_can_be_deleted() {
    let rig = Rig::dss().await;
    rig.project();
    let content = json!({ "metadata": {}, "nbformat": 4, "nbformat_minor": 5, "cells": [] });
    rig.config_map("content", json!({ "notebook.ipynb": content.to_string() }));
    rig.node
        .fault(json!({ "match": { "operation": "D54" }, "times": 0, "fault": { "kind": "dropBefore" } }));
    let write = json!({ "projectKey": "RISK", "notebook": "other", "contentRef": { "name": "content" } });
    rig.task("write", json!({ "writeNotebook": write }));
    rig.until("the write", || rig.node.count("D54") >= 1).await;
    rig.server.delete(PLURAL, "team", "write");
    rig.gone(PLURAL, "write").await;
}

impl Rig {
    fn protect(&self, users: &Value) {
        let spec = json!({ "spec": { "protected": { "users": users } } });
        self.server.patch("dssinstances", "team", "design", spec);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_names_nobody_in_particular_changes_nobody_who_is_protected() {
    let rig = Rig::dss().await;
    rig.protect(&json!(["Boss", "breakglass"]));
    let user = |source: &str| json!({ "login": "boss", "sourceType": source, "userProfile": "READER" });
    rig.node
        .patch_state(json!({
            "users": { "boss": user("LDAP") },
            "directory": { "LDAP": {
                "users": {
                    "ana": { "email": "ana@example.com", "groups": ["g"] },
                    "breakglass": { "email": "b@example.com", "groups": ["g"] },
                },
                "groups": ["g"],
            } },
        }))
        .unwrap();
    rig.swept().await;
    rig.node.reset_requests();
    rig.task("resync", json!({ "resyncUsers": { "all": true } }));
    rig.task("named", json!({ "resyncUsers": { "logins": ["boss"] } }));
    rig.task(
        "group",
        json!({ "provisionUsers": { "sourceType": "LDAP", "group": "g" } }),
    );
    rig.task(
        "email",
        json!({ "provisionUsers": { "sourceType": "LDAP", "email": "b@example.com" } }),
    );
    for name in ["resync", "named", "group", "email"] {
        let object = rig.wait(PLURAL, name, "NotAllowed").await;
        assert!(Rig::message(&object).contains("protected.users"), "{object:#}");
    }
    rig.swept().await;
    assert_eq!(rig.node.writes(), 0, "{:?}", rig.node.requests().counts);
    // A user who comes from no directory is not reached.
    rig.node
        .patch_state(json!({ "users": { "boss": user("LOCAL_NO_AUTH") } }))
        .unwrap();
    rig.swept().await;
    rig.task("others", json!({ "resyncUsers": { "all": true } }));
    rig.phase("others", "Succeeded").await;
    rig.protect(&json!(["boss"]));
    rig.swept().await;
    rig.task(
        "unprotected",
        json!({ "provisionUsers": { "sourceType": "LDAP", "group": "g" } }),
    );
    rig.phase("unprotected", "Succeeded").await;
    assert_ne!(rig.at("/users/breakglass"), Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_and_futures_of_protected_users_are_left_alone() {
    let rig = Rig::dss().await;
    rig.project();
    // All sessions of the simulator are the administrator's.
    rig.protect(&json!(["Admin"]));
    rig.swept().await;
    let unload = json!({ "unloadNotebooks": { "projectKeys": ["RISK"] } });
    rig.task("protected", unload.clone());
    let run = rig.phase("protected", "Succeeded").await;
    assert_eq!(
        (&run["counts"]["unloaded"], &run["counts"]["protected"]),
        (&json!(0), &json!(2)),
        "{run}"
    );
    assert!(
        run["message"]
            .as_str()
            .unwrap()
            .contains("whom the connection protects"),
        "{run}"
    );
    rig.protect(&json!(["boss"]));
    rig.swept().await;
    rig.task("others", unload);
    let run = rig.phase("others", "Succeeded").await;
    assert_eq!(
        (&run["counts"]["unloaded"], &run["counts"]["protected"]),
        (&json!(2), &Value::Null),
        "{run}"
    );
}
