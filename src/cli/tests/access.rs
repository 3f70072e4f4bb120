//! `access`, and the lists of a node, against the simulator.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::command;
use crate::{cli::access::page_of, kinds::tests::node::Rig};

/// What a page, a sheet, a table or Markdown must not obey.
const HOSTILE: &str = "</script><img src=x onerror=alert(1)>|`\u{1b}[31m";

fn populated(rig: &Rig) {
    let patch = json!({
        "groups": {
            "coders": { "name": "coders", "sourceType": "LOCAL", "mayWriteUnsafeCode": true },
            "+cmd": { "name": "+cmd", "sourceType": "LOCAL", "description": HOSTILE, "mayCreateProjects": true },
        },
        "users": {
            "jane": { "login": "jane", "sourceType": "LOCAL", "password": "canary", "displayName": HOSTILE,
                "groups": ["coders", "+cmd"], "userProfile": "READER", "enabled": true },
            "gone": { "login": "gone", "sourceType": "LOCAL", "groups": ["administrators"], "userProfile": "READER",
                "enabled": false },
        },
    });
    rig.node.patch_state(patch).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_right_has_its_source_and_no_form_holds_a_secret_or_obeys_a_name() {
    let rig = Rig::dss().await;
    populated(&rig);
    let folder = TempDir::new().unwrap();
    let mut texts = Vec::new();
    for format in ["html", "csv", "json"] {
        let file = folder.path().join(format);
        command(
            &rig,
            &["access", "report", "--format", format, "--file", file.to_str().unwrap()],
        )
        .await
        .unwrap();
        texts.push(std::fs::read_to_string(file).unwrap());
    }
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        3,
        "a temporary file is left"
    );
    for words in [
        &["access", "explain", "jane"][..],
        &["access", "who-can", "mayWriteUnsafeCode"],
    ] {
        for form in ["table", "json", "kyaml", "md"] {
            let words: Vec<&str> = words.iter().chain(&["-o", form]).copied().collect();
            texts.push(command(&rig, &words).await.unwrap().1);
        }
    }
    for text in &texts {
        for secret in ["canary", rig.node.api_key(), "\u{1b}"] {
            assert!(!text.contains(secret), "{secret:?} in {text}");
        }
    }
    let [html, csv, json, ..] = &texts[..] else {
        unreachable!()
    };
    assert!(
        !html.contains("<img") && html.matches("</script>").count() == 2,
        "{html}"
    );
    assert!(
        !html.contains("http://") && !html.contains("https://"),
        "the page names an address"
    );
    assert!(csv.contains("'+cmd"), "{csv}");
    let report: Value = serde_json::from_str(json).unwrap();
    let user = |login: &str| {
        let users = report["users"].as_array().unwrap();
        users.iter().find(|user| user["login"] == login).unwrap().clone()
    };
    let right = json!({ "right": "mayWriteUnsafeCode", "from": ["group coders"] });
    assert!(
        user("jane")["rights"].as_array().unwrap().contains(&right),
        "{report:#}"
    );
    assert_eq!(
        user("gone")["marks"],
        json!(["administrator", "disabled", "never logged in"])
    );
    let table = &texts[7];
    assert!(
        table.contains("jane") && table.contains("group coders") && table.contains("admin right"),
        "{table}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_cannot_be_read_is_named_and_the_rest_is_shown() {
    let rig = Rig::dss().await;
    populated(&rig);
    let faulty = rig.node.try_fault(
        json!({ "match": { "operation": "D28" }, "times": 0, "fault": { "kind": "status", "status": 403 } }),
    );
    assert!(faulty.is_ok());
    let (_, printed) = command(&rig, &["access", "report", "--format", "json"]).await.unwrap();
    let report: Value = serde_json::from_str(&printed).unwrap();
    let missing = report["read"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["list"] == "authorization matrix");
    assert!(missing.unwrap()["missing"].is_string(), "{report:#}");
    assert!(report["users"].as_array().unwrap().len() >= 3, "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_user_or_permission_is_an_error_that_says_so() {
    let rig = Rig::dss().await;
    let error = command(&rig, &["access", "explain", "nobody"]).await.unwrap_err();
    assert!(error.contains("no user nobody"), "{error}");
    let error = command(&rig, &["access", "who-can", "mayFly"]).await.unwrap_err();
    assert!(
        error.contains("no permission mayFly") && error.contains("admin"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lists_of_the_node_are_shown_in_every_form() {
    let rig = Rig::dss().await;
    for list in ["sessions", "tasks", "usage"] {
        for form in ["table", "json", "kyaml", "md"] {
            let (_, printed) = command(&rig, &[list, "-o", form]).await.unwrap();
            assert!(
                !printed.is_empty() && !printed.contains(rig.node.api_key()),
                "{list} {form}: {printed}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_rule_that_applies_is_in_force() {
    let rig = Rig::dss().await;
    let rules = json!([
        { "scope": "PROJECT", "projectKey": "P", "type": "SINGLE_MAPPING", "dssUser": "jane", "targetUnix": "in-project" },
        { "scope": "GLOBAL", "type": "REGEXP_RULE", "ruleFrom": "(j.*)", "targetUnix": "u_$1" },
        { "scope": "GLOBAL", "type": "IDENTITY" },
    ]);
    populated(&rig);
    rig.node
        .patch_state(json!({ "generalSettings": { "impersonation": { "userRules": rules } } }))
        .unwrap();
    let (_, printed) = command(&rig, &["rules", "resolve", "jane"]).await.unwrap();
    assert!(
        printed.contains("u_jane") && !printed.contains("in-project") && !printed.contains("user rule IDENTITY"),
        "{printed}"
    );
    let (_, printed) = command(&rig, &["rules", "resolve", "jane", "--project", "P"])
        .await
        .unwrap();
    assert!(
        printed.contains("in-project") && !printed.contains("u_jane"),
        "{printed}"
    );
}

#[test]
fn html_in_the_data_of_a_page_has_no_effect() {
    let page = page_of(&json!({ "node": "<!--<script>" }));
    assert!(!page.contains("<!--"), "{page}");
}
