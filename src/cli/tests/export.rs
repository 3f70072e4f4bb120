//! `export` against the simulator, and what the operator does with its files.

use std::{path::Path, time::Duration};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::command;
use crate::kinds::tests::node::Rig;

async fn export(rig: &Rig, out: &Path, extra: &[&str]) -> Result<String, String> {
    let out = out.to_str().unwrap();
    let fixed = ["export", "--instance", "design", "-n", "team", "-d", out];
    let words: Vec<&str> = fixed.iter().chain(extra).copied().collect();
    command(rig, &words).await.map(|(_, printed)| printed)
}

pub fn populated(rig: &Rig) {
    let patch = json!({
        "groups": { "analysts": { "name": "analysts", "sourceType": "LOCAL", "description": "no", "mayCreateProjects": true },
            "Mapped": { "name": "Mapped", "sourceType": "LDAP", "ldapGroupNames": ["cn=a,ou=b"] } },
        "users": {
            "jane.doe": { "login": "jane.doe", "sourceType": "LOCAL", "password": "canary-password", "displayName": "1e3",
                "email": "jane@example.com", "groups": ["analysts"], "userProfile": "READER",
                "adminProperties": { "null": "~" },
                "secrets": [{ "name": "openai", "value": "canary-secret", "secret": true }] },
            "Joe@Example.com": { "login": "Joe@Example.com", "sourceType": "LDAP", "groups": ["Mapped", "analysts"],
                "userProfile": "READER", "displayName": "Joe", "enabled": false },
            "a+b": { "login": "a+b", "sourceType": "LOCAL_NO_AUTH", "groups": [], "userProfile": "READER" },
        },
    });
    rig.node.patch_state(patch).unwrap();
}

fn files(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn applying_an_export_writes_nothing_and_every_object_is_in_sync() {
    let rig = Rig::dss().await;
    populated(&rig);
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let summary = export(&rig, &out, &["-o", "json"]).await.unwrap();
    let summary: Value = serde_json::from_str(&summary).unwrap();
    assert!(summary["leftOut"].to_string().contains("administrators"), "{summary:#}");
    rig.swept().await;
    let writes = rig.node.writes();
    for one in summary["written"].as_array().unwrap() {
        let text = std::fs::read_to_string(out.join(one["file"].as_str().unwrap())).unwrap();
        rig.server.create(serde_saphyr::from_str(&text).unwrap());
    }
    for one in summary["written"].as_array().unwrap() {
        let plural = format!("{}s", one["kind"].as_str().unwrap().to_lowercase());
        rig.wait(&plural, one["name"].as_str().unwrap(), "InSync").await;
    }
    assert!(summary["written"].as_array().unwrap().len() >= 4, "{summary:#}");
    rig.swept().await;
    assert_eq!(rig.node.writes(), writes);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_format_and_no_file_holds_a_secret() {
    let rig = Rig::dss().await;
    populated(&rig);
    let folder = TempDir::new().unwrap();
    for format in ["table", "json", "kyaml", "md"] {
        let out = folder.path().join(format);
        let mut texts = vec![("summary".to_owned(), export(&rig, &out, &["-o", format]).await.unwrap())];
        texts.extend(files(&out));
        for (place, text) in texts {
            for secret in ["canary", rig.node.api_key()] {
                assert!(!text.contains(secret), "{place} holds {secret}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_breaks_off_or_answers_html_leaves_no_directory() {
    let rig = Rig::dss().await;
    let folder = TempDir::new().unwrap();
    for fault in [
        json!({ "kind": "html", "page": "login", "status": 200 }),
        json!({ "kind": "truncate" }),
        json!({ "kind": "dropAfter" }),
    ] {
        let faulty = rig
            .node
            .try_fault(json!({ "match": { "operation": "D1" }, "times": 0, "fault": fault }));
        assert!(faulty.is_ok(), "{fault}");
        let error = export(&rig, &folder.path().join("out"), &[]).await.unwrap_err();
        assert!(!error.contains(rig.node.api_key()), "{error}");
        rig.node.clear_faults();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{fault}: {error}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_writes_nothing() {
    let rig = Rig::dss().await;
    populated(&rig);
    let folder = TempDir::new().unwrap();
    let summary = export(&rig, &folder.path().join("out"), &["--dry-run"]).await.unwrap();
    assert!(summary.contains("DssUser"), "{summary}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// A user with everything that a user can have.
fn personal(rig: &Rig) {
    populated(rig);
    let preset = r#""PLUGIN","geo","keys","paid","token""#;
    rig.node
        .patch_state(json!({
            "users": { "jane.doe": {
                "preferences": { "uiLanguage": "fr", "mentionEmails": false, "columns": [1], "someToken": "canary-preference" },
                "credentials": {
                    "warehouse": { "type": "BASIC", "user": "jane", "password": "canary-credential" },
                    (preset): { "type": "OAUTH_REFRESH_TOKEN", "refreshToken": "canary-token" },
                    "of-tomorrow": { "type": "TOMORROW", "value": "canary-tomorrow" },
                },
            } },
        }))
        .unwrap();
}

fn manifest(out: &Path) -> Value {
    let text = std::fs::read_to_string(out.join("dssusers/jane.doe.yaml")).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn preferences_secrets_and_credentials_are_in_the_manifest_where_they_are_asked_for() {
    let rig = Rig::dss().await;
    personal(&rig);
    let folder = TempDir::new().unwrap();
    let (plain, whole) = (folder.path().join("plain"), folder.path().join("whole"));
    export(&rig, &plain, &[]).await.unwrap();
    let spec = &manifest(&plain)["spec"];
    for field in ["preferences", "secrets", "connectionCredentials", "pluginCredentials"] {
        assert!(spec[field].is_null(), "{spec:#}");
    }
    let summary = export(&rig, &whole, &["--preferences", "--secret-references", "-o", "json"])
        .await
        .unwrap();
    let summary: Value = serde_json::from_str(&summary).unwrap();
    let spec = &manifest(&whole)["spec"];
    assert_eq!(
        spec["preferences"],
        json!({ "uiLanguage": "fr", "mentionEmails": false })
    );
    let secret = |key: &str| json!({ "name": "jane.doe-secrets", "key": key });
    assert_eq!(
        spec["secrets"],
        json!([{ "name": "openai", "valueSecretRef": secret("openai") }])
    );
    let warehouse = json!({ "connection": "warehouse",
        "basic": { "username": "jane", "passwordSecretRef": secret("credential.warehouse") } });
    assert_eq!(spec["connectionCredentials"], json!([warehouse]));
    let preset = &spec["pluginCredentials"][0];
    assert_eq!(
        [
            &preset["plugin"],
            &preset["parameterSet"],
            &preset["preset"],
            &preset["parameter"]
        ],
        ["geo", "keys", "paid", "token"]
    );
    let key = preset["oauth2"]["refreshTokenSecretRef"]["key"]
        .as_str()
        .unwrap()
        .to_owned();
    // What has no manifest is named, and every Secret is listed.
    let written = summary["written"].as_array().unwrap();
    let omitted = written.iter().find(|one| one["remote"] == "jane.doe").unwrap()["omitted"].to_string();
    for name in ["columns", "someToken", "of-tomorrow"] {
        assert!(omitted.contains(name), "{omitted}");
    }
    let listed: Vec<&str> = summary["secrets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["key"].as_str().unwrap())
        .collect();
    for key in ["openai", "credential.warehouse", "credential.of-tomorrow", &key] {
        assert!(listed.contains(&key), "{listed:?}");
    }
    let list = std::fs::read_to_string(whole.join("secrets-to-create.yaml")).unwrap();
    assert!(
        list.contains("credential.warehouse") && list.contains("geo/keys/paid/token"),
        "{list}"
    );

    // With its Secret, the object observes the user, and writes nothing.
    rig.swept().await;
    let writes = rig.node.writes();
    let values: serde_json::Map<String, Value> =
        listed.iter().map(|key| ((*key).to_owned(), json!("theirs"))).collect();
    rig.server.create(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "jane.doe-secrets", "namespace": "team" },
        "stringData": values,
    }));
    let object = manifest(&whole);
    rig.server.create(object);
    rig.until("an observation", || {
        let object = rig.server.get("dssusers", "team", "jane.doe");
        ["InSync", "Observed"]
            .iter()
            .any(|reason| crate::kinds::tests::node::ready(&object)["reason"] == *reason)
    })
    .await;
    rig.swept().await;
    assert_eq!(rig.node.writes(), writes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preference_that_is_edited_is_the_only_change_of_the_plan() {
    let rig = Rig::dss().await;
    personal(&rig);
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    export(&rig, &out, &["--preferences"]).await.unwrap();
    let file = out.join("dssusers/jane.doe.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let edited = text.replace("\"fr\"", "\"de\"").replace("\"Observe\"", "\"Manage\"");
    std::fs::write(&file, edited).unwrap();
    let words = [
        "plan",
        "--instance",
        "design",
        "-n",
        "team",
        "-o",
        "json",
        "-f",
        out.to_str().unwrap(),
    ];
    let (_, planned) = command(&rig, &words).await.unwrap();
    let planned: Value = serde_json::from_str(&planned).unwrap();
    let differing: Vec<&Value> = planned["objects"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["action"] != "none")
        .collect();
    assert_eq!(differing.len(), 1, "{differing:#?}");
    assert!(
        differing[0]["steps"]
            .to_string()
            .contains("set preference uiLanguage to de"),
        "{differing:#?}"
    );
}
