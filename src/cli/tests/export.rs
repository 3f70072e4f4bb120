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
