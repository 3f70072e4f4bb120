//! Connections that use a user's own key.

use serde_json::{Value, json};

use super::node::{Rig, ready};

const KEY: &str = "personal-key-of-jane";

/// A connection `mine` with the personal key of jane, and a Secret with values of hers.
async fn with_own_key() -> Rig {
    let rig = Rig::dss().await;
    rig.node.switch("hashedKeys", json!(false)).unwrap();
    rig.node
        .patch_state(json!({
            "users": {
                "jane": {
                    "login": "jane", "sourceType": "LOCAL", "password": "theirs", "groups": ["readers"], "displayName": "Jane",
                    "userProperties": { "theirs": "kept" }, "secrets": [{ "name": "old", "value": "kept", "secret": true }],
                },
                "joe": { "login": "joe", "sourceType": "LOCAL", "password": "theirs", "groups": ["readers"] },
            },
            "personalApiKeys": { "k1": { "user": "jane", "label": "mine", "key": KEY } },
        }))
        .unwrap();
    for (name, data) in [
        ("jane-key", json!({ "apiKey": KEY })),
        (
            "values",
            json!({ "openai": "canary-openai", "snowflake": "canary-snowflake", "password": "long enough" }),
        ),
    ] {
        rig.server.create(json!({
            "apiVersion": "v1", "kind": "Secret", "stringData": data,
            "metadata": { "name": name, "namespace": "team", "annotations": { "dataiku-operator.io/allowed-hosts": "127.0.0.1" } },
        }));
    }
    rig.create(
        "DssInstance",
        "mine",
        json!({
            "url": rig.node.url(), "driftInterval": "5s", "tls": { "allowInsecureHttp": true },
            "credentials": { "scope": "Own", "apiKeySecretRef": { "name": "jane-key" } },
        }),
    );
    rig
}

fn user(spec: Value) -> Value {
    let mut user = json!({ "instanceRef": { "name": "mine" }, "login": "jane", "adoptionPolicy": "Adopt" });
    json_patch::merge(&mut user, &spec);
    user
}

fn mine() -> Value {
    user(json!({
        "userProperties": { "team": "risk" },
        "preferences": { "dailyDigestsEmails": false },
        "secrets": [{ "name": "openai", "valueSecretRef": { "name": "values", "key": "openai" } }],
        "connectionCredentials": [{
            "connection": "snowflake", "basic": { "username": "JANE", "passwordSecretRef": { "name": "values", "key": "snowflake" } },
        }],
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_personal_key_manages_what_its_user_manages() {
    let rig = with_own_key().await;
    let connection = rig.wait("dssinstances", "mine", "InSync").await;
    assert_eq!(
        Rig::message(&connection),
        "reachable, with the key of jane, which manages that user alone"
    );
    let status = &connection["status"];
    assert_eq!(status["identity"], json!({ "id": "jane", "admin": false }));
    assert!(status["users"].is_null() && status["apiKeys"].is_null(), "{status:#}");
    let admin_calls = |rig: &Rig| ["D3", "D4"].map(|operation| rig.node.count(operation));
    let before = admin_calls(&rig);
    rig.create("DssUser", "me", mine());
    rig.wait("dssusers", "me", "InSync").await;
    let stored = rig.at("/users/jane");
    assert_eq!(stored["userProperties"], json!({ "theirs": "kept", "team": "risk" }));
    assert_eq!(stored["preferences"]["dailyDigestsEmails"], false);
    assert_eq!(stored["credentials"]["snowflake"]["password"], "canary-snowflake");
    let secrets: Vec<_> = stored["secrets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["value"].clone())
        .collect();
    assert_eq!(secrets, ["kept", "canary-openai"]);
    assert_eq!(stored["groups"], json!(["readers"]));
    assert_eq!(admin_calls(&rig), before, "no call for administrators");
    // In sync, nothing is written; drift is repaired.
    let writes = rig.node.writes();
    rig.swept().await;
    assert_eq!(rig.node.writes(), writes);
    rig.node
        .patch_state(json!({ "users": { "jane": { "userProperties": { "team": "else" } } } }))
        .unwrap();
    rig.until("the repair", || rig.at("/users/jane/userProperties/team") == "risk")
        .await;
    // A secret that is not declared any more is withdrawn.
    rig.server
        .patch("dssusers", "team", "me", json!({ "spec": { "secrets": [] } }));
    rig.until("the withdrawal", || {
        rig.at("/users/jane/secrets").as_array().map(Vec::len) == Some(1)
    })
    .await;
    let writes = rig.node.writes();
    rig.server.delete("dssusers", "team", "me");
    rig.gone("dssusers", "me").await;
    assert_eq!(rig.node.writes(), writes, "the deletion leaves everything as it is");
}

#[tokio::test(flavor = "multi_thread")]
async fn anything_else_on_such_a_connection_is_invalid_and_nothing_is_written() {
    let rig = with_own_key().await;
    rig.wait("dssinstances", "mine", "InSync").await;
    let password = json!({ "passwordSecretRef": { "name": "values" } });
    let attempts = [
        (
            "groups",
            user(json!({ "groups": [{ "name": "administrators" }] })),
            "remove groups",
        ),
        (
            "profile",
            user(json!({ "userProfile": "FULL_DESIGNER", "email": "x@example.com" })),
            "remove email, userProfile",
        ),
        ("password", user(password), "remove passwordSecretRef"),
        ("disable", user(json!({ "enabled": false })), "remove enabled"),
        (
            "admin-properties",
            user(json!({ "adminProperties": { "a": "b" } })),
            "remove adminProperties",
        ),
        (
            "until",
            user(json!({ "validUntil": "2020-01-01T00:00:00Z" })),
            "remove validUntil",
        ),
        (
            "delete",
            user(json!({ "deletionPolicy": "Delete" })),
            "remove deletionPolicy",
        ),
        (
            "joe",
            user(json!({ "login": "joe", "userProperties": { "team": "risk" } })),
            "the object of that user alone",
        ),
        (
            "nobody",
            user(json!({ "login": "nobody", "userProperties": { "team": "risk" } })),
            "the object of that user alone",
        ),
    ];
    for (name, spec, says) in attempts {
        rig.create("DssUser", name, spec);
        let object = rig.wait("dssusers", name, "Invalid").await;
        let message = Rig::message(&object);
        assert!(message.contains(says), "{name}: {message}");
        rig.server.delete("dssusers", "team", name);
        rig.gone("dssusers", name).await;
    }
    rig.create("DssGroup", "blue", json!({ "instanceRef": { "name": "mine" } }));
    rig.create(
        "DssGlobalApiKey",
        "ci",
        json!({ "instanceRef": { "name": "mine" }, "permissions": {}, "secretName": "ci" }),
    );
    rig.create(
        "DssInstanceVariables",
        "variables",
        json!({ "instanceRef": { "name": "mine" }, "variables": { "region": "eu" } }),
    );
    for (plural, name, kind) in [
        ("dssgroups", "blue", "DssGroup"),
        ("dssglobalapikeys", "ci", "DssGlobalApiKey"),
        ("dssinstancevariables", "variables", "DssInstanceVariables"),
    ] {
        let object = rig.wait(plural, name, "Invalid").await;
        assert!(
            Rig::message(&object).contains(&format!("manages no {kind}")),
            "{object:#}"
        );
        rig.server.delete(plural, "team", name);
        rig.gone(plural, name).await;
    }
    assert_eq!(rig.node.writes(), 0, "{:#?}", rig.node.requests().log);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_belongs_to_no_user_is_invalid_there() {
    let rig = with_own_key().await;
    rig.wait("dssinstances", "mine", "InSync").await;
    for status in [400, 403, 500] {
        rig.node.switch("A11", json!(status)).unwrap();
        let key = json!({ "data": null, "stringData": { "apiKey": rig.node.non_admin_api_key() } });
        rig.server.patch("secrets", "team", "jane-key", key);
        rig.until("the connection is invalid", || {
            let found = rig.server.get("dssinstances", "team", "mine");
            let message = Rig::message(&found);
            ready(&found)["reason"] == "Invalid" && message.contains("needs the personal key of a user")
        })
        .await;
        let key = json!({ "data": null, "stringData": { "apiKey": KEY } });
        rig.server.patch("secrets", "team", "jane-key", key);
        rig.wait("dssinstances", "mine", "InSync").await;
    }
}
