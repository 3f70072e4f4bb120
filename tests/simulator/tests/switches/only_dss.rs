//! The switches that only DSS has.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::Instance;

use crate::client::{call, call_as, delete, get, jane, post, put};

const JANE: &str = "/admin/users/jane";
const NOTEBOOK: &str = "/projects/P/jupyter-notebooks/n";
const PRESET: &str = r#""PLUGIN", "plugin", "set", "preset", "parameter""#;

answers! { dss: {
    "A12" an_oauth_credential_of_a_connection_and_of_a_preset { "kept" => [200, 200], "refused" => [400, 200] }
    "A13" a_preset_in_another_spacing { "exact" => 400, "tolerant" => 200 }
    "A16" credentials_for_what_there_is_and_is_not {
        "accept" => {"connection": [200, 200], "preset": [200, 200]},
        "refuse" => {"connection": [200, 400], "preset": [200, 400]},
    }
    "A22" a_rule_without_a_hadoop_target {
        "dropped" => {"scope": "GLOBAL", "type": "SINGLE_MAPPING", "dssUser": "bob", "targetUnix": "ubob"},
        "null" => {"scope": "GLOBAL", "type": "SINGLE_MAPPING", "dssUser": "bob", "targetUnix": "ubob", "targetHadoop": null},
        "filled" => {"scope": "GLOBAL", "type": "SINGLE_MAPPING", "dssUser": "bob", "targetUnix": "ubob", "targetHadoop": "ubob"},
    }
    "A25personal" the_secret_of_a_hashed_personal_key {
        "masked" => {"key": "************"}, "absent" => {}, "null" => {"key": null},
    }
    "A26" the_key_of_a_deleted_user { "removed" => [0, 401, 401], "kept" => [1, 401, 200] }
    "A27" the_part_per_project { "onDemand" => [false, true], "always" => [true, true] }
    "A31" a_write_beside_an_open_tab { "overwritten" => "before", "stored" => "after" }
    "runningJobs" a_running_job { "flat" => ["P", "j1", null], "nested" => [null, null, {"projectKey": "P", "id": "j1"}] }
    "A32" a_push_of_base_images { "future" => [true, null], "direct" => [false, false] }
} }

async fn a_running_job(dss: &Instance) -> Value {
    dss.patch_state(json!({"jobs": {"j1": {"projectKey": "P"}}})).unwrap();
    let (_, jobs) = get(dss, "/jobs/running/?allUsers=True").await;
    json!([jobs[0]["projectKey"], jobs[0]["jobId"], jobs[0]["def"]])
}

/// Puts a user with one credential.
async fn put_credential(dss: &Instance, key: &str, credential: &Value) -> u16 {
    let (_, mut user) = get(dss, JANE).await;
    user["credentials"] = json!({key: credential});
    put(dss, JANE, user).await.0
}

/// A connection and a preset.
async fn with_a_connection(dss: &Instance) {
    assert_eq!(post(dss, "/admin/users/", jane()).await.0, 200);
    dss.patch_state(json!({"connections": {"known": {}}, "pluginPresets": {PRESET: {}}}))
        .unwrap();
}

async fn an_oauth_credential_of_a_connection_and_of_a_preset(dss: &Instance) -> Value {
    with_a_connection(dss).await;
    let token = json!({"type": "OAUTH_REFRESH_TOKEN", "refreshToken": "t"});
    let of_connection = put_credential(dss, "known", &token).await;
    json!([of_connection, put_credential(dss, PRESET, &token).await])
}

async fn a_preset_in_another_spacing(dss: &Instance) -> Value {
    dss.switch("A16", json!("refuse")).unwrap();
    with_a_connection(dss).await;
    let basic = json!({"type": "BASIC", "user": "u", "password": "p"});
    assert_eq!(put_credential(dss, PRESET, &basic).await, 200);
    let other = PRESET.replace("set", "other");
    assert_eq!(put_credential(dss, &other, &basic).await, 400, "no such preset");
    json!(put_credential(dss, &PRESET.replace(", ", ","), &basic).await)
}

async fn credentials_for_what_there_is_and_is_not(dss: &Instance) -> Value {
    with_a_connection(dss).await;
    let basic = json!({"type": "BASIC", "user": "u", "password": "p"});
    let of = async |key: &str| put_credential(dss, key, &basic).await;
    let other = PRESET.replace("plugin", "other");
    json!({
        "connection": [of("known").await, of("unknown").await],
        "preset": [of(PRESET).await, of(&other).await],
    })
}

async fn a_rule_without_a_hadoop_target(dss: &Instance) -> Value {
    let path = "/admin/general-settings";
    let (_, mut settings) = get(dss, path).await;
    let rule = json!({"scope": "GLOBAL", "type": "SINGLE_MAPPING", "dssUser": "bob", "targetUnix": "ubob"});
    let mut with_null = rule.clone();
    with_null["targetHadoop"] = Value::Null;
    settings["impersonation"]["userRules"] = json!([rule, with_null]);
    assert_eq!(put(dss, path, settings).await.0, 200);
    let (_, settings) = get(dss, path).await;
    let stored = &settings["impersonation"]["userRules"];
    assert_eq!(stored[0], stored[1], "null and absent mean the same");
    stored[0].clone()
}

/// A user and a personal key of that user.
async fn key_of_jane(dss: &Instance) -> Value {
    post(dss, "/admin/users/", jane()).await;
    let body = json!({"user": "jane", "label": "l", "description": "d"});
    let (status, key) = post(dss, "/admin/personal-api-keys/", body).await;
    assert_eq!(status, 200);
    key
}

async fn the_secret_of_a_hashed_personal_key(dss: &Instance) -> Value {
    let created = key_of_jane(dss).await;
    let path = format!("/personal-api-keys/{}", created["id"].as_str().unwrap());
    let (_, mut shown) = get(dss, &path).await;
    assert_eq!(get(dss, "/admin/personal-api-keys/").await.1, json!([shown]));
    shown.as_object_mut().unwrap().retain(|name, _| name == "key");
    shown
}

/// How many keys are left, and what one of them is good for before and after somebody else gets the login.
async fn the_key_of_a_deleted_user(dss: &Instance) -> Value {
    let mut seen = Vec::new();
    for by_hand in [false, true] {
        let key = key_of_jane(dss).await;
        let secret = key["key"].as_str().unwrap();
        let signs_in = async || call_as(dss, secret, Method::GET, "/auth/info", None).await.0;
        if by_hand {
            dss.patch_state(json!({"users": {"jane": null}})).unwrap();
        } else {
            delete(dss, JANE).await;
        }
        let (_, left) = get(dss, "/admin/personal-api-keys/").await;
        let without = signs_in().await;
        post(dss, "/admin/users/", jane()).await;
        seen.push(json!([left.as_array().unwrap().len(), without, signs_in().await]));
        dss.patch_state(json!({"users": {"jane": null}, "personalApiKeys": {key["id"].as_str().unwrap(): null}}))
            .unwrap();
    }
    assert_eq!(seen[0], seen[1], "by the API and by hand");
    seen[0].clone()
}

async fn the_part_per_project(dss: &Instance) -> Value {
    let path = "/admin/monitoring/global-usage-summary";
    let has = async |path: &str| get(dss, path).await.1["projectSummaries"].is_array();
    let asked = format!("{path}?withPerProject=True");
    json!([has(path).await, has(&asked).await])
}

async fn a_write_beside_an_open_tab(dss: &Instance) -> Value {
    let content = |source: &str| {
        json!({"metadata": {}, "nbformat": 4, "nbformat_minor": 5,
               "cells": [{"cell_type": "code", "source": [source], "outputs": []}]})
    };
    let notebook = json!({"content": content("before"), "sessions": [{"kernelConnections": 1}]});
    dss.patch_state(json!({"projects": {"P": {"notebooks": {"n": notebook}}}}))
        .unwrap();
    assert_eq!(put(dss, NOTEBOOK, content("after")).await.0, 200);
    get(dss, NOTEBOOK).await.1["cells"][0]["source"][0].clone()
}

/// Whether there is a task, and otherwise whether the messages tell an error.
async fn a_push_of_base_images(dss: &Instance) -> Value {
    let path = "/admin/container-exec/actions/push-base-images";
    let (status, answer) = call(dss, Method::POST, path, None).await;
    assert_eq!(status, 200);
    json!([answer["jobId"].is_string(), answer["messages"]["error"]])
}
