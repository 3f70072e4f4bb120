//! Bad input of every kind of DSS and Govern nodes, one row for each: what people read in the condition, and how many writes it
//! took to find out.

use serde_json::{Value, json};
use testbed::simulator::{InstanceConfig, Product};

use super::node::Rig;

/// One object that cannot be as it is declared.
struct Row {
    /// Name of the object, and what is bad.
    name: &'static str,
    kind: &'static str,
    plural: &'static str,
    spec: Value,
    reason: &'static str,
    /// What the message names.
    words: &'static [&'static str],
    /// Writes that the node may see: the first attempt, where only the node can tell.
    writes: u64,
}

fn row(
    name: &'static str,
    (kind, plural): (&'static str, &'static str),
    spec: Value,
    reason: &'static str,
    words: &'static [&'static str],
    writes: u64,
) -> Row {
    Row {
        name,
        kind,
        plural,
        spec,
        reason,
        words,
        writes,
    }
}

const USER: (&str, &str) = ("DssUser", "dssusers");
const TASK: (&str, &str) = ("DssTask", "dsstasks");
const KEY: (&str, &str) = ("DssGlobalApiKey", "dssglobalapikeys");

/// What is bad on every node.
fn on_dss() -> Vec<Row> {
    let rule = json!({ "type": "REGEXP_RULE", "ruleFrom": "(unclosed", "targetUnix": "u" });
    let export = json!({ "projectKey": "RISK", "notebooks": ["huge"], "configMapName": "copies", "outputs": true });
    let content = json!({ "projectKey": "RISK", "notebook": "new", "contentRef": { "name": "content", "key": "bad" } });
    vec![
        row(
            "settings-path",
            ("DssGeneralSettings", "dssgeneralsettings"),
            json!({ "settings": { "security": { "noSuchSetting": true } } }),
            "AcceptedButNotStored",
            &["security/noSuchSetting"],
            1,
        ),
        row(
            "expression",
            ("DssImpersonationRule", "dssimpersonationrules"),
            json!({ "user": rule }),
            "Invalid",
            &["ruleFrom", "Opening parenthesis without closing parenthesis"],
            0,
        ),
        row(
            "cron",
            TASK,
            json!({ "schedule": "0 0 30 2 *", "pushBaseImages": {} }),
            "Invalid",
            &["0 0 30 2 *", "never fires"],
            0,
        ),
        row(
            "notebook",
            TASK,
            json!({ "writeNotebook": content }),
            "Invalid",
            &["nbformat"],
            0,
        ),
        row(
            "large",
            TASK,
            json!({ "exportNotebooks": export }),
            "RunFailed",
            &["a ConfigMap, which holds at most 1024 KiB"],
            0,
        ),
        row(
            "as-user",
            TASK,
            json!({ "asUser": "root", "pushBaseImages": {} }),
            "NotAllowed",
            &["root", "actAs"],
            0,
        ),
        row(
            "groups-of-a-key",
            KEY,
            json!({ "secretName": "k1", "groups": ["nowhere"] }),
            "DependencyNotReady",
            &["group nowhere does not exist yet"],
            1,
        ),
        row(
            "overlap",
            KEY,
            json!({ "secretName": "k2", "permissions": {}, "rotation": { "interval": "1h", "overlap": "2h" } }),
            "Invalid",
            &["rotation.overlap is longer than rotation.interval"],
            0,
        ),
        row(
            "profile",
            USER,
            json!({ "sourceType": "LOCAL_NO_AUTH", "userProfile": "WIZARD" }),
            "Invalid",
            &["WIZARD", "FULL_DESIGNER"],
            0,
        ),
    ]
}

/// What only some nodes refuse: the switch that makes the node one of them, and its value.
fn refused_by_the_node() -> Vec<(&'static str, &'static str, Row)> {
    let secret = |key: &str| json!({ "name": "values", "key": key });
    let user = |more: Value| {
        let mut spec = json!({ "sourceType": "LOCAL_NO_AUTH", "userProfile": "READER" });
        json_patch::merge(&mut spec, &more);
        spec
    };
    let oauth2 = json!([{ "connection": "snowflake", "oauth2": { "refreshTokenSecretRef": secret("token") } }]);
    let basic =
        json!([{ "connection": "nowhere", "basic": { "username": "u", "passwordSecretRef": secret("token") } }]);
    let preset = json!([{
        "plugin": "sharepoint", "parameterSet": "login", "preset": "nowhere", "parameter": "account",
        "basic": { "username": "u", "passwordSecretRef": secret("token") },
    }]);
    vec![
        (
            "A12",
            "refused",
            row(
                "oauth2",
                USER,
                user(json!({ "connectionCredentials": oauth2 })),
                "Rejected",
                &["snowflake", "OAUTH_REFRESH_TOKEN"],
                3,
            ),
        ),
        (
            "A16",
            "refuse",
            row(
                "connection",
                USER,
                user(json!({ "connectionCredentials": basic })),
                "Rejected",
                &["nowhere", "does not exist"],
                3,
            ),
        ),
        (
            "A16",
            "refuse",
            row(
                "preset",
                USER,
                user(json!({ "pluginCredentials": preset })),
                "Rejected",
                &["nowhere", "does not exist"],
                3,
            ),
        ),
    ]
}

async fn is_answered(rig: &Rig, connection: &str, row: &Row) {
    let mut spec = row.spec.clone();
    spec["instanceRef"] = json!({ "name": connection });
    let before = rig.node.writes();
    rig.create(row.kind, row.name, spec);
    let object = rig.wait(row.plural, row.name, row.reason).await;
    let message = Rig::message(&object);
    for word in row.words {
        assert!(message.contains(word), "{}: {message}", row.name);
    }
    assert!(!object.to_string().contains("canary-"), "{object:#}");
    rig.swept().await;
    let writes = rig.node.writes() - before;
    assert!(writes <= row.writes, "{}: {writes} writes", row.name);
    rig.server.delete(row.plural, "team", row.name);
    rig.gone(row.plural, row.name).await;
}

fn values(rig: &Rig) {
    rig.server.create(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "values", "namespace": "team" },
        "stringData": { "token": "canary-token" },
    }));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_of_a_dss_node_is_named_in_the_condition() {
    let rig = Rig::dss().await;
    let cell = json!({ "cell_type": "markdown", "metadata": {}, "source": "x".repeat(1_100_000) });
    let content = json!({ "metadata": {}, "nbformat": 4, "nbformat_minor": 5, "cells": [cell] });
    rig.node
        .patch_state(json!({ "projects": { "RISK": { "notebooks": { "huge": { "content": content } } } } }))
        .unwrap();
    rig.server.create(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "content", "namespace": "team" },
        "data": { "bad": "{\"cells\": []}" },
    }));
    for row in on_dss() {
        is_answered(&rig, "design", &row).await;
    }
    assert!(rig.server.find("configmaps", "team", "copies").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_the_node_refuses_is_named_in_the_condition() {
    for (switch, value, row) in refused_by_the_node() {
        let rig = Rig::with(InstanceConfig::new(Product::Dss).switch(switch, json!(value))).await;
        rig.node
            .patch_state(json!({ "connections": { "snowflake": { "name": "snowflake", "type": "Snowflake" } } }))
            .unwrap();
        values(&rig);
        is_answered(&rig, "design", &row).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_of_a_govern_node_is_named_in_the_condition() {
    let rig = Rig::govern().await;
    let dropped = json!({ "defaultPermissions": { "odd": null } });
    rig.node.fault(json!({
        "match": { "operation": "G59" }, "times": 0, "fault": { "kind": "edit", "when": "after", "patch": dropped },
    }));
    let rows = [
        row(
            "missing-group",
            ("GovernUser", "governusers"),
            json!({ "sourceType": "LOCAL_NO_AUTH", "userProfile": "READER", "groups": [{ "name": "nowhere" }] }),
            "DependencyNotReady",
            &["group nowhere does not exist yet"],
            1,
        ),
        row(
            "role-id",
            ("GovernRole", "governroles"),
            json!({ "identifier": "project manager!", "label": "PM" }),
            "Rejected",
            &["letters, digits, hyphen and underscore"],
            // Refused writes are repeated at growing intervals, and two sweeps may pass meanwhile.
            3,
        ),
        row(
            "odd-permissions",
            ("GovernDefaultPermissions", "governdefaultpermissions"),
            json!({ "permissions": { "odd": { "shape": [1] } } }),
            "AcceptedButNotStored",
            &["odd"],
            1,
        ),
        row(
            "no-blueprint",
            ("GovernBlueprintPermissions", "governblueprintpermissions"),
            json!({ "blueprintId": "bp.nowhere", "permissions": { "a": 1 } }),
            "DependencyNotReady",
            &["blueprint bp.nowhere does not exist yet"],
            0,
        ),
        row(
            "no-role",
            ("GovernRoleAssignment", "governroleassignments"),
            json!({ "blueprintId": "bp.system.govern_project", "roleId": "ro.nowhere", "rules": [{ "users": ["j"] }] }),
            "DependencyNotReady",
            &["ro.nowhere"],
            0,
        ),
        row(
            "action",
            TASK,
            json!({ "pushBaseImages": {} }),
            "DependencyNotReady",
            &["DssInstance team/govern"],
            0,
        ),
    ];
    for row in &rows {
        is_answered(&rig, "govern", row).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_to_a_node_of_another_type_is_invalid_and_nothing_is_written() {
    for (rig, kind, plural) in [
        (Rig::dss().await, "GovernInstance", "governinstances"),
        (Rig::govern().await, "DssInstance", "dssinstances"),
    ] {
        rig.create(
            kind,
            "wrong",
            json!({
                "url": rig.node.url(), "tls": { "allowInsecureHttp": true },
                "credentials": { "apiKeySecretRef": { "name": "admin" } },
            }),
        );
        let object = rig.wait(plural, "wrong", "Invalid").await;
        let message = Rig::message(&object);
        assert!(message.contains("url leads to a"), "{message}");
        assert_eq!(rig.node.writes(), 0);
    }
}
