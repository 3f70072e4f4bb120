//! Preferences, secrets and credentials of users.

use serde_json::{Value, json};
use testbed::simulator::{InstanceConfig, Product};

use super::{Rig, ready};

const PLURAL: &str = "dssusers";

impl Rig {
    /// A user who comes in through single sign-on.
    pub(super) fn user(&self, login: &str, extra: Value) {
        let mut spec = json!({
            "instanceRef": { "name": "design" }, "sourceType": "LOCAL_NO_AUTH", "userProfile": "READER",
        });
        json_patch::merge(&mut spec, &extra);
        self.create("DssUser", login, spec);
    }

    pub(super) fn edit_user(&self, login: &str, spec: Value) {
        self.server.patch(PLURAL, "team", login, json!({ "spec": spec }));
    }

    pub(super) fn secret(&self, name: &str, data: Value) {
        self.server.create(json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "namespace": "team" }, "stringData": data,
        }));
    }

    /// The user as the node stores it, with its secrets in the clear.
    pub(super) fn stored(&self, login: &str) -> Value {
        self.node.state_at(&format!("/users/{login}")).unwrap_or_default()
    }

    pub(super) fn user_by_hand(&self, login: &str, patch: Value) {
        self.node.patch_state(json!({ "users": { login: patch } })).unwrap();
    }

    /// Writes while everything stays as it is.
    pub(super) async fn idle_writes(&self) -> u64 {
        let writes = self.node.writes();
        self.swept().await;
        self.node.writes() - writes
    }

    pub(super) fn status(&self, login: &str) -> Value {
        self.server.get(PLURAL, "team", login)["status"].clone()
    }
}

fn dss() -> InstanceConfig {
    InstanceConfig::new(Product::Dss)
}

const PRESET: &str = r#""PLUGIN", "sharepoint", "login", "main", "account""#;

fn personal() -> Value {
    json!({
        "preferences": { "mentionEmails": false, "uiLanguage": "fr" },
        "secrets": [{ "name": "openai", "valueSecretRef": { "name": "jane", "key": "openai" } }],
        "connectionCredentials": [
            { "connection": "snowflake", "basic": { "username": "JANE", "passwordSecretRef": { "name": "jane", "key": "snowflake" } } },
            { "connection": "bigquery", "oauth2": { "refreshTokenSecretRef": { "name": "jane", "key": "bigquery" } } },
        ],
        "pluginCredentials": [{
            "plugin": "sharepoint", "parameterSet": "login", "preset": "main", "parameter": "account",
            "basic": { "username": "jane", "passwordSecretRef": { "name": "jane", "key": "sharepoint" } },
        }],
    })
}

fn values() -> Value {
    json!({ "openai": "canary-key-one", "snowflake": "canary-snow", "bigquery": "canary-query", "sharepoint": "canary-point" })
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_and_credentials_are_set_once_repaired_and_withdrawn_and_those_of_others_stay() {
    for reads in ["opaque", "clear"] {
        let rig = Rig::with(dss().switch("A14", json!(reads))).await;
        rig.secret("jane", values());
        rig.user("jane", personal());
        rig.wait(PLURAL, "jane", "InSync").await;
        let stored = rig.stored("jane");
        assert_eq!(
            stored["secrets"],
            json!([{ "name": "openai", "value": "canary-key-one", "secret": true }])
        );
        let credentials = json!({
            "snowflake": { "type": "BASIC", "user": "JANE", "password": "canary-snow" },
            "bigquery": { "type": "OAUTH_REFRESH_TOKEN", "refreshToken": "canary-query" },
            (PRESET): { "type": "BASIC", "user": "jane", "password": "canary-point" },
        });
        assert_eq!(stored["credentials"], credentials);
        assert_eq!(stored["preferences"]["mentionEmails"], false);
        assert_eq!(stored["preferences"]["uiLanguage"], "fr");
        assert_eq!(rig.idle_writes().await, 0);

        // Somebody adds entries and removes one of ours.
        let theirs = json!({ "name": "theirs", "value": "x", "secret": true });
        rig.user_by_hand(
            "jane",
            json!({ "secrets": [theirs], "credentials": { "theirs": { "type": "BASIC", "user": "t", "password": "p" } } }),
        );
        rig.until("the repair", || {
            rig.stored("jane")["secrets"].as_array().unwrap().len() == 2
        })
        .await;
        assert_eq!(rig.stored("jane")["secrets"][0], theirs);
        assert_eq!(rig.stored("jane")["secrets"][1]["value"], "canary-key-one");

        // What is not declared any more is withdrawn in one write.
        let writes = rig.node.writes();
        rig.edit_user(
            "jane",
            json!({ "secrets": [], "connectionCredentials": null, "pluginCredentials": null }),
        );
        rig.until("the withdrawal", || {
            rig.stored("jane")["secrets"].as_array().unwrap().len() == 1
        })
        .await;
        rig.wait(PLURAL, "jane", "InSync").await;
        let stored = rig.stored("jane");
        assert_eq!(stored["secrets"], json!([theirs]));
        assert_eq!(
            stored["credentials"].as_object().unwrap().keys().collect::<Vec<_>>(),
            ["theirs"]
        );
        assert_eq!(rig.node.writes(), writes + 1);
        assert!(
            rig.status("jane")["applied"]
                .get("grants")
                .is_none_or(|grants| grants.get("secrets").is_none())
        );
        assert_eq!(rig.idle_writes().await, 0);
        let shown = format!("{} {}", rig.server.get(PLURAL, "team", "jane"), rig.texts());
        assert!(!shown.contains("canary-"), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_secret_blocks_its_own_value_and_a_changed_one_is_one_write() {
    let rig = Rig::dss().await;
    let mut some = values();
    some.as_object_mut().unwrap().remove("bigquery");
    rig.secret("jane", some);
    rig.user("jane", personal());
    let object = rig.wait(PLURAL, "jane", "DependencyNotReady").await;
    let message = ready(&object)["message"].as_str().unwrap().to_owned();
    assert!(message.contains("bigquery") && !message.contains("openai"), "{message}");
    let stored = rig.stored("jane");
    assert_eq!(stored["credentials"]["snowflake"]["password"], "canary-snow");
    assert!(stored["credentials"].get("bigquery").is_none());
    assert_eq!(rig.idle_writes().await, 0);
    let writes = rig.node.writes();
    rig.server.patch(
        "secrets",
        "team",
        "jane",
        json!({ "stringData": { "bigquery": "canary-late" } }),
    );
    rig.wait(PLURAL, "jane", "InSync").await;
    assert_eq!(rig.node.writes(), writes + 1);
    assert_eq!(
        rig.stored("jane")["credentials"]["bigquery"]["refreshToken"],
        "canary-late"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_refuses_a_credential_is_quoted_and_asked_no_more() {
    let cases = [
        ("A12", "refused", "OAUTH_REFRESH_TOKEN"),
        ("A16", "refuse", "does not exist"),
    ];
    for (switch, value, words) in cases {
        let rig = Rig::with(dss().switch(switch, json!(value))).await;
        rig.secret("jane", values());
        rig.user("jane", personal());
        let object = rig.wait(PLURAL, "jane", "Rejected").await;
        let message = ready(&object)["message"].as_str().unwrap().to_owned();
        assert!(message.contains(words), "{message}");
        assert!(!object.to_string().contains("canary-"));
        assert!(rig.idle_writes().await <= 2, "{switch}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preference_that_is_no_boolean_and_no_text_is_refused_before_any_write() {
    let rig = Rig::dss().await;
    rig.user("jane", json!({ "preferences": { "mentionEmails": { "not": "this" } } }));
    rig.wait(PLURAL, "jane", "Invalid").await;
    assert_eq!(rig.stored("jane"), Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_shows_what_the_lists_tell_without_a_call_for_each_user() {
    let rig = Rig::dss().await;
    let activity =
        json!({ "lastSuccessfulLogin": 1_790_000_001_000_i64, "lastSessionActivity": 1_790_003_000_000_i64 });
    rig.node
        .patch_state(json!({ "activity": { "jane": activity } }))
        .unwrap();
    rig.server.patch(
        "dssinstances",
        "team",
        "design",
        json!({ "spec": { "inventory": { "interval": "5s" } } }),
    );
    for login in ["jane", "joe", "max"] {
        rig.user(login, json!({}));
        rig.wait(PLURAL, login, "InSync").await;
    }
    rig.user_by_hand("jane", json!({ "activeWebSocketSesssions": 2 }));
    rig.until("the sessions", || rig.status("jane")["remote"]["connected"] == 2)
        .await;
    rig.until("the last login", || {
        rig.status("jane")["remote"]["lastLogin"] == "2026-09-21T14:13:21Z"
    })
    .await;
    let reads = rig.node.count("D3");
    rig.swept().await;
    assert_eq!((rig.node.count("D3"), rig.node.count("D13")), (reads, 0));
    let shown = rig.status("jane")["remote"].clone();
    assert!(shown["createdOn"].as_str().unwrap().ends_with('Z'), "{shown}");
    assert_eq!(shown["codeAllowed"], true);
    assert_eq!(shown["lastLogin"], "2026-09-21T14:13:21Z");
    assert_eq!(shown["lastActivity"], "2026-09-21T15:00:00Z", "to the hour");
    assert!(shown.get("lastFailedLogin").is_none());
}

/// A user of the node's own, with a generated password.
fn generated() -> Value {
    json!({ "sourceType": "LOCAL", "generatePassword": { "secretName": "jane-login" } })
}

impl Rig {
    fn login_secret(&self, key: &str) -> String {
        let secret = self.server.find("secrets", "team", "jane-login").unwrap_or_default();
        let bytes: Option<k8s_openapi::ByteString> = serde_json::from_value(secret["data"][key].clone()).ok();
        bytes
            .map(|bytes| String::from_utf8(bytes.0).unwrap())
            .unwrap_or_default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_generated_once_and_again_when_its_secret_is_deleted() {
    let rig = Rig::dss().await;
    rig.user("jane", generated());
    rig.wait(PLURAL, "jane", "InSync").await;
    let first = rig.login_secret("password");
    assert_eq!(first.len(), 24);
    assert_eq!(rig.stored("jane")["password"], json!(first));
    assert_eq!(rig.login_secret("login"), "jane");
    assert_eq!(rig.login_secret("url"), rig.node.url());
    let secret = rig.server.get("secrets", "team", "jane-login");
    let uid = rig.server.get(PLURAL, "team", "jane")["metadata"]["uid"].clone();
    assert_eq!(secret["metadata"]["ownerReferences"][0]["uid"], uid);
    assert_eq!(rig.idle_writes().await, 0);
    let writes = rig.node.writes();
    rig.server.delete("secrets", "team", "jane-login");
    rig.until("another password", || {
        let next = rig.login_secret("password");
        !next.is_empty() && next != first && rig.stored("jane")["password"] == json!(next)
    })
    .await;
    rig.wait(PLURAL, "jane", "InSync").await;
    assert_eq!(rig.node.writes(), writes + 1);
    assert_eq!(rig.idle_writes().await, 0);
    let shown = format!("{} {}", rig.server.get(PLURAL, "team", "jane"), rig.texts());
    assert!(!shown.contains(&first) && !shown.contains(&rig.login_secret("password")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_of_somebody_else_is_refused_before_anything_is_created() {
    for data in [json!({ "password": "theirs-12345" }), json!({ "other": "x" })] {
        let rig = Rig::dss().await;
        rig.secret("jane-login", data);
        let before = rig.server.get("secrets", "team", "jane-login");
        rig.user("jane", generated());
        let object = rig.wait(PLURAL, "jane", "AlreadyExists").await;
        assert!(ready(&object)["message"].as_str().unwrap().contains("team/jane-login"));
        assert_eq!(rig.stored("jane"), Value::Null);
        assert_eq!(rig.server.get("secrets", "team", "jane-login"), before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_leaves_the_password_that_the_secret_holds() {
    let rig = Rig::dss().await;
    rig.node
        .fault(json!({ "match": { "operation": "D2" }, "times": 1, "fault": { "kind": "dropAfter" } }));
    rig.user("jane", generated());
    rig.wait(PLURAL, "jane", "InSync").await;
    assert_eq!(rig.stored("jane")["password"], json!(rig.login_secret("password")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_user_gets_neither_an_account_nor_a_secret_and_an_observer_generates_none() {
    let rig = Rig::dss().await;
    let mut expired = generated();
    expired["validUntil"] = json!("2020-01-01T00:00:00Z");
    rig.user("jane", expired);
    rig.wait(PLURAL, "jane", "Expired").await;
    rig.swept().await;
    assert_eq!(rig.stored("jane"), Value::Null);
    assert!(rig.server.find("secrets", "team", "jane-login").is_none());
    rig.edit_user("jane", json!({ "managementPolicy": "Observe", "validUntil": null }));
    rig.swept().await;
    assert!(rig.server.find("secrets", "team", "jane-login").is_none());
    rig.edit_user("jane", json!({ "managementPolicy": "Manage" }));
    rig.wait(PLURAL, "jane", "InSync").await;
    assert_eq!(rig.stored("jane")["password"], json!(rig.login_secret("password")));
}
