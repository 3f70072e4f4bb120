//! Servers that are down, slow, half-right or hostile; and that no command prints a secret.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{at, command};
use crate::kinds::tests::node::Rig;

const FORMS: [&str; 4] = ["table", "json", "kyaml", "md"];

/// Every command that reads a node, in every form. `out`: a directory in which nothing may be left after an error.
fn commands(out: &str) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    let mut add = |words: &[&str]| all.push(words.iter().map(|word| (*word).to_owned()).collect());
    for form in FORMS {
        let place = format!("{out}/{form}");
        add(&[
            "export",
            "--instance",
            "design",
            "-n",
            "team",
            "--kinds",
            "all",
            "-d",
            &place,
            "-o",
            form,
        ]);
        add(&[
            "adopt",
            "--instance",
            "design",
            "-n",
            "team",
            "-d",
            &format!("{place}-adopted"),
            "-o",
            form,
        ]);
        for words in [
            &["access", "who-can", "admin"][..],
            &["access", "explain", "jane.doe"],
            &["sessions"],
            &["tasks"],
            &["usage"],
            &["rules", "resolve", "jane.doe"],
        ] {
            add(&[words, &["-o", form]].concat());
        }
    }
    for format in ["html", "csv", "json"] {
        add(&["access", "report", "--format", format]);
        add(&[
            "access",
            "report",
            "--format",
            format,
            "--file",
            &format!("{out}/report.{format}"),
        ]);
    }
    all
}

fn files(folder: &std::path::Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(std::fs::read_to_string(&path).unwrap());
        }
    }
}

/// A node in which every place that may hold a secret holds one.
fn planted(rig: &Rig) {
    super::export::populated(rig);
    rig.node
        .patch_state(json!({
            "users": { "jane.doe": {
                "credentials": { "warehouse": { "type": "BASIC", "user": "jane", "password": "canary-credential" } },
            } },
            "connections": { "warehouse": {} },
            "globalApiKeys": { "k1": { "label": "ci", "key": "canary-key", "globalPermissions": { "mayCreateProjects": true } } },
            "variables": { "region": "eu", "db": { "password": "canary-variable" } },
            "generalSettings": {
                "ldapSettings": { "enabled": false, "url": "ldap://x", "bindPassword": "canary-setting" },
                "ssoSettings": { "clientSecret": "canary-sso" },
            },
        }))
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_prints_or_writes_a_secret_in_any_form() {
    let rig = Rig::dss().await;
    planted(&rig);
    let folder = TempDir::new().unwrap();
    let mut texts = Vec::new();
    for words in commands(folder.path().to_str().unwrap()) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (_, printed) = command(&rig, &words)
            .await
            .unwrap_or_else(|error| panic!("{words:?}: {error}"));
        texts.push(printed);
    }
    files(folder.path(), &mut texts);
    assert!(texts.len() > 60, "{}", texts.len());
    for text in texts {
        for secret in ["canary", rig.node.api_key()] {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
}

/// What a server may do to every call.
fn faults() -> Vec<Value> {
    let mut all = vec![
        json!({ "kind": "html", "page": "login", "status": 200 }),
        json!({ "kind": "html", "page": "error", "status": 502 }),
        json!({ "kind": "truncate" }),
        json!({ "kind": "dropBefore" }),
        json!({ "kind": "dropAfter" }),
        json!({ "kind": "status", "status": 500 }),
        json!({ "kind": "status", "status": 401 }),
        json!({ "kind": "status", "status": 200, "body": { "\u{1b}[2J": 1 } }),
    ];
    for encoding in ["plain", "base64", "percent", "hex", "basic"] {
        all.push(json!({ "kind": "quote", "status": 400, "of": "credential", "encoding": encoding }));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_server_gets_a_sentence_no_secret_is_printed_and_nothing_is_half_written() {
    let rig = Rig::dss().await;
    planted(&rig);
    let folder = TempDir::new().unwrap();
    let all = commands(folder.path().to_str().unwrap());
    for fault in faults() {
        let set = rig.node.try_fault(json!({ "match": {}, "times": 0, "fault": fault }));
        assert!(set.is_ok(), "{fault}");
        // One form each: an error has none.
        for words in all
            .iter()
            .filter(|words| words.last().is_some_and(|last| last == "json"))
        {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let error = match command(&rig, &words).await {
                Err(error) => error,
                // Counters have any name, so any object is an answer.
                Ok((_, printed)) => {
                    assert_eq!((words[0], &fault["status"]), ("usage", &json!(200)), "{fault}");
                    assert!(!printed.contains(['\u{1b}', '\u{202e}']), "{printed}");
                    continue;
                }
            };
            assert!(!error.contains(rig.node.api_key()), "{words:?} under {fault}: {error}");
            assert!(error.len() > 10, "{words:?} under {fault}: {error}");
            let left = std::fs::read_dir(folder.path()).unwrap().count();
            assert_eq!(left, 0, "{words:?} under {fault}");
        }
        rig.node.clear_faults();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_or_half_right_gets_a_sentence() {
    let error = at(
        "http://127.0.0.1:9",
        &["usage"],
        &["--api-key-file", "-"],
        "canary-of-the-key",
    )
    .await
    .unwrap_err();
    assert!(error.contains("check url") && !error.contains("canary"), "{error}");
    let rig = Rig::dss().await;
    // One call of several fails: the export is not made of the rest.
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let unavailable = |operation| json!({ "match": { "operation": operation }, "times": 0, "fault": { "kind": "status", "status": 503 } });
    let groups = rig.node.fault(unavailable("D23"));
    let words = [
        "export",
        "--instance",
        "design",
        "-n",
        "team",
        "-d",
        out.to_str().unwrap(),
    ];
    let error = command(&rig, &words).await.unwrap_err();
    assert!(
        error.contains("GET /admin/groups/: HTTP 503") && !out.exists(),
        "{error}"
    );
    rig.node.remove_fault(groups);
    rig.node.fault(unavailable("D14"));
    let exported = command(&rig, &words).await;
    // The activity of users is no part of an export, and every other list is there.
    assert!(exported.is_ok() && out.exists(), "{exported:?}");
    // A report names the list that it lacks.
    let (_, report) = command(&rig, &["access", "report", "--format", "json"]).await.unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    let read = report["read"].as_array().unwrap();
    assert!(read.iter().any(|one| one["missing"].is_string()), "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_server_is_waited_for() {
    let rig = Rig::dss().await;
    let slow = json!({ "match": {}, "times": 0, "fault": { "kind": "latency", "millis": 200 } });
    assert!(rig.node.try_fault(slow).is_ok());
    assert!(command(&rig, &["usage"]).await.is_ok());
}
