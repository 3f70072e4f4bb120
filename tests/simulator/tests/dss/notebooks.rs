//! Jupyter notebooks: access, sessions, discussions.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::Instance;

use crate::client::{call_as, delete, dss, get, post, put};

const ALL: &str = "/projects/P/jupyter-notebooks";
const ONE: &str = "/projects/P/jupyter-notebooks/explore%20it";
const TALK: &str = "/projects/P/discussions/JUPYTER_NOTEBOOK/explore%20it/";

fn content(source: &str) -> Value {
    json!({"metadata": {"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}, "tags": ["t"]}, "nbformat": 4,
           "nbformat_minor": 5, "cells": [{"cell_type": "code", "metadata": {}, "source": [source], "execution_count": 1,
           "outputs": [{"text": "1"}]}]})
}

/// A project with one notebook, and the key of a reader.
async fn project() -> Instance {
    let dss = dss().await;
    dss.patch_state(json!({
        "projects": {"P": {"grants": {"readers": {"readProjectContent": true}}}, "Q": {}},
        "users": {"jane": {"groups": ["readers"]}},
        "personalApiKeys": {"k": {"user": "jane", "key": "jane's"}},
    }))
    .unwrap();
    assert_eq!(post(&dss, ONE, content("1")).await.0, 200);
    dss
}

fn open(dss: &Instance, tabs: u64) {
    let session = json!({"sessionId": "s1", "kernelConnections": tabs});
    dss.patch_state(json!({"projects": {"P": {"notebooks": {"explore it": {"sessions": [session]}}}}}))
        .unwrap();
}

#[tokio::test]
async fn a_notebook_is_listed_and_refused_when_it_is_none_or_taken() {
    let dss = project().await;
    let (_, list) = get(&dss, ALL).await;
    let kernel = json!({"name": "ir", "display_name": "R", "language": "R"});
    let item = json!({"projectKey": "P", "name": "explore it", "language": "R", "kernelSpec": kernel, "tags": ["t"]});
    assert_eq!(list, json!([item]));
    assert_eq!(post(&dss, ONE, content("2")).await.0, 400);
    assert_eq!(post(&dss, &format!("{ALL}/other"), json!({"cells": []})).await.0, 400);
    assert_eq!(get(&dss, "/projects/NONE/jupyter-notebooks").await.0, 404);
    assert_eq!(put(&dss, &format!("{ALL}/other"), content("1")).await.0, 404);
    dss.switch("A8", json!(500)).unwrap();
    for answer in [
        put(&dss, &format!("{ALL}/other"), content("1")).await,
        delete(&dss, &format!("{ALL}/other")).await,
        delete(&dss, &format!("{ONE}/sessions/none")).await,
    ] {
        assert_eq!(answer.0, 500);
    }
    for unknown in ["/other", "/other/sessions"] {
        assert_eq!(get(&dss, &format!("{ALL}{unknown}")).await.0, 500);
    }
    assert_eq!(get(&dss, &format!("{TALK}none")).await.0, 500);
}

#[tokio::test]
async fn a_reader_looks_and_does_not_touch() {
    let dss = project().await;
    let as_jane = async |method, path: &str, body| call_as(&dss, "jane's", method, path, body).await;
    assert_eq!(as_jane(Method::GET, ONE, None).await.0, 200);
    assert_eq!(as_jane(Method::PUT, ONE, Some(content("2"))).await.0, 403);
    assert_eq!(as_jane(Method::DELETE, ONE, None).await.0, 403);
    assert_eq!(as_jane(Method::GET, "/projects/Q/jupyter-notebooks", None).await.0, 403);
    assert_eq!(as_jane(Method::GET, "/admin/notebooks/", None).await.0, 403);
    let (_, said) = call_as(
        &dss,
        "jane's",
        Method::POST,
        TALK,
        Some(json!({"topic": "t", "reply": "r"})),
    )
    .await;
    assert_eq!(said["replies"][0]["author"], "jane");
    dss.patch_state(json!({"projects": {"P": {"owner": "jane"}}})).unwrap();
    assert_eq!(as_jane(Method::PUT, ONE, Some(content("2"))).await.0, 200);
}

#[tokio::test]
async fn a_key_has_the_rights_on_projects_that_it_holds() {
    let dss = project().await;
    let body = json!({"label": "k", "globalPermissions": {}});
    let (_, key) = post(&dss, "/admin/global-api-keys/", body).await;
    let (id, secret) = (key["id"].as_str().unwrap(), key["key"].as_str().unwrap());
    let list = || call_as(&dss, secret, Method::GET, ALL, None);
    assert_eq!(list().await.0, 403);
    let projects = json!({"P": {"readProjectContent": true}});
    dss.patch_state(json!({"globalApiKeys": {id: {"projects": projects}}}))
        .unwrap();
    assert_eq!(list().await.0, 200);
}

#[tokio::test]
async fn a_kernel_without_a_tab_saves_nothing() {
    let dss = project().await;
    open(&dss, 0);
    assert_eq!(put(&dss, ONE, content("2")).await.0, 200);
    assert_eq!(get(&dss, ONE).await.1["cells"][0]["source"][0], "2");
}

#[tokio::test]
async fn a_session_is_completed_listed_everywhere_and_unloaded() {
    let dss = project().await;
    open(&dss, 1);
    let (_, sessions) = get(&dss, &format!("{ONE}/sessions")).await;
    assert_eq!(
        (&sessions[0]["notebookName"], &sessions[0]["kernelPid"]),
        (&json!("explore it"), &json!(4242))
    );
    for path in ["/admin/notebooks/", "/projects/P/notebooks/active"] {
        assert_eq!(get(&dss, path).await.1[0]["activeSessions"], sessions);
    }
    let query = "/projects/P/notebooks/?notebookName=explore+it";
    assert_eq!(get(&dss, query).await.1["activeSessions"], sessions);
    assert_eq!(get(&dss, "/projects/P/notebooks/").await.0, 400, "which one?");
    assert_eq!(delete(&dss, query).await.0, 400, "which session?");
    assert_eq!(delete(&dss, &format!("{query}&sessionId=s1")).await.0, 200);
    assert_eq!(get(&dss, &format!("{ALL}?active=True")).await.1, json!([]));
}

#[tokio::test]
async fn the_replies_of_a_discussion_only_grow() {
    let dss = project().await;
    let (_, mut talk) = post(&dss, TALK, json!({"topic": "Why?", "reply": "So."})).await;
    assert_eq!(talk["replies"][0]["editedOn"], 0);
    let path = format!("{TALK}{}", talk["id"].as_str().unwrap());
    talk["topic"] = json!("How?");
    talk["replies"] = json!([]);
    let (_, saved) = put(&dss, &path, talk).await;
    assert_eq!(
        (&saved["topic"], &saved["replies"][0]["text"]),
        (&json!("How?"), &json!("So."))
    );
    assert_eq!(
        post(&dss, &format!("{path}/replies/"), json!({"text": "no"})).await.0,
        400
    );
    assert_eq!(
        post(&dss, &format!("{TALK}none/replies/"), json!({"reply": "r"}))
            .await
            .0,
        404
    );
    assert_eq!(post(&dss, TALK, json!({"topic": "no reply"})).await.0, 400);
    assert_eq!(get(&dss, TALK).await.1[0].get("replies"), None);
}
