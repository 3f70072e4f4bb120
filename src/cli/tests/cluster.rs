//! Commands that reach a remote side by the connection object of a cluster, with the rights of the caller.

use memory_apiserver::{Action, Rule};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{at, with_cluster};
use crate::{cli::Ending, kinds::tests::node::Rig};

const FROM: [&str; 2] = ["--from", "dssinstance/team/design"];

/// Reads of this path are refused.
fn forbidden(path: &str) -> Rule {
    Rule::new(Action::Status(403, "Forbidden".to_owned()))
        .method("GET")
        .path(path)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_reaches_the_node_of_a_connection_object() {
    let rig = Rig::dss().await;
    super::export::populated(&rig);
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let out = out.to_str().unwrap();
    for words in [
        &["export", "-n", "team", "-d", out][..],
        &["access", "report", "--format", "json"],
        &["access", "who-can", "admin"],
        &["access", "explain", "jane.doe"],
        &["sessions"],
        &["tasks"],
        &["usage"],
        &["rules", "resolve", "jane.doe"],
    ] {
        let words: Vec<&str> = words.iter().chain(&FROM).copied().collect();
        let said = with_cluster(&rig, &words).await.unwrap();
        assert!(
            !said.out.is_empty() && !said.out.contains(rig.node.api_key()),
            "{words:?}"
        );
    }
    let manifest = std::fs::read_to_string(format!("{out}/dssusers/jane.doe.yaml")).unwrap();
    assert!(
        manifest.contains("name: \"design\"") && !manifest.contains("namespace: \"design\""),
        "{manifest}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_the_caller_lacks_is_named_in_a_sentence() {
    let rig = Rig::dss().await;
    for (resource, expected) in [
        ("dssinstances", "lacks the right to get dssinstances in namespace team"),
        ("secrets", "lacks the right to get secrets in namespace team"),
    ] {
        let fault = rig.server.fault(forbidden(&format!("/namespaces/team/{resource}/")));
        let words = ["usage", FROM[0], FROM[1]];
        let error = with_cluster(&rig, &words).await.err().unwrap();
        assert!(error.contains(expected) && error.contains("Role"), "{error}");
        fault.remove();
    }
    let error = with_cluster(&rig, &["usage", "--from", "dssinstance/team/nowhere"])
        .await
        .err()
        .unwrap();
    assert!(
        error.contains("there is no DssInstance nowhere in namespace team"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_does_not_name_the_host_is_not_sent() {
    let rig = Rig::dss().await;
    let calls = rig.node.requests().log.len();
    rig.server.create(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "closed", "namespace": "team" },
        "stringData": { "apiKey": "canary" },
    }));
    rig.create(
        "DssInstance",
        "elsewhere",
        json!({ "url": rig.node.url(), "tls": { "allowInsecureHttp": true },
            "credentials": { "apiKeySecretRef": { "name": "closed" } } }),
    );
    let error = with_cluster(&rig, &["usage", "--from", "dssinstance/team/elsewhere"])
        .await
        .err()
        .unwrap();
    assert!(error.contains("allowed-hosts") && !error.contains("canary"), "{error}");
    let words = ["usage", "--url", rig.node.url(), "--api-key-from", "secret/team/closed"];
    let error = with_cluster(&rig, &words).await.err().unwrap();
    assert!(error.contains("allowed-hosts") && !error.contains("canary"), "{error}");
    // The node does not know the key, so each call with it were refused.
    let sent = rig.node.requests().log;
    assert!(sent.iter().skip(calls).all(|one| one.status != 401), "{sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_comes_from_a_secret_a_file_or_standard_input() {
    let rig = Rig::dss().await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, rig.node.api_key()).unwrap();
    let in_file = format!("file/{}", file.display());
    let words = ["usage", "--url", rig.node.url(), "--api-key-from", "secret/team/admin"];
    assert!(with_cluster(&rig, &words).await.is_ok());
    for (place, input) in [(in_file.as_str(), ""), ("stdin", rig.node.api_key())] {
        at(rig.node.url(), &["usage"], &["--api-key-from", place], input)
            .await
            .unwrap();
    }
    let words = [
        "usage",
        "--url",
        rig.node.url(),
        "--api-key-from",
        "secret/team/admin/nothing",
    ];
    let error = with_cluster(&rig, &words).await.err().unwrap();
    assert!(error.contains("has no key nothing"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_by_a_connection_object_knows_what_the_cluster_knows() {
    let rig = Rig::dss().await;
    rig.create(
        "DssGroup",
        "ours",
        json!({ "instanceRef": { "name": "design" }, "description": "ours" }),
    );
    rig.wait("dssgroups", "ours", "InSync").await;
    let folder = TempDir::new().unwrap();
    let mut object = rig.server.get("dssgroups", "team", "ours");
    object.as_object_mut().unwrap().remove("status");
    object["metadata"] = json!({ "name": "ours", "namespace": "team" });
    std::fs::write(folder.path().join("ours.json"), object.to_string()).unwrap();
    let path = folder.path().to_str().unwrap();
    let words = ["plan", "-f", path, "-o", "json"];
    // Nothing but the cluster says that the operator created the group.
    let (ending, _) = super::command(&rig, &[&words[..], &["--instance", "team/design"]].concat())
        .await
        .unwrap();
    assert_eq!(ending, Ending::Differs);
    let said = with_cluster(&rig, &[&words[..], &FROM].concat()).await.unwrap();
    assert_eq!((said.ending, said.err.as_str()), (Ending::Done, ""), "{}", said.out);
    // A caller who may not read objects gets the plan without that, and a warning.
    let fault = rig
        .server
        .fault(forbidden("/namespaces/team/dssgroups").when(|request| !request.is_watch()));
    let said = with_cluster(&rig, &[&words[..], &FROM].concat()).await.unwrap();
    assert!(said.err.contains("lacks the right to list dssgroups"), "{}", said.err);
    assert_eq!(said.ending, Ending::Differs);
    fault.remove();
    // The cluster itself as manifests.
    let said = with_cluster(&rig, &["plan", "--cluster", "-o", "json", FROM[0], FROM[1]])
        .await
        .unwrap();
    let planned: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(
        (said.ending, planned["objects"].as_array().unwrap().len()),
        (Ending::Done, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn status_says_why_an_object_is_not_ready() {
    let rig = Rig::dss().await;
    rig.create(
        "DssUser",
        "jane",
        json!({ "instanceRef": { "name": "design" }, "passwordSecretRef": { "name": "jane" },
            "userProfile": "READER", "groups": [{ "name": "nowhere" }] }),
    );
    rig.wait("dssusers", "jane", "DependencyNotReady").await;
    let said = with_status(&rig, &["status", "dssuser/jane", "-n", "team"]).await;
    assert_eq!(said.ending, Ending::Differs);
    for expected in [
        "DssInstance team/design",
        "does not exist",
        "nowhere",
        "DependencyNotReady",
    ] {
        assert!(said.out.contains(expected), "{expected}: {}", said.out);
    }
    let said = with_status(&rig, &["status", "-A", "-o", "json"]).await;
    let lines: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(
        (said.ending, &lines["connections"][0]["reason"]),
        (Ending::Done, &json!("InSync"))
    );
}

async fn with_status(rig: &Rig, words: &[&str]) -> super::Said {
    super::run(words, "", Some(rig.server.client())).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn drain_freezes_counts_down_and_lets_go() {
    let rig = Rig::dss().await;
    let frozen = || rig.server.get("dssinstances", "team", "design")["spec"]["freeze"].clone();
    let drain = async |words: &[&str]| {
        let words = [&["drain", "dssinstance/team/design", "-o", "json"], words].concat();
        let said = with_cluster(&rig, &words).await.unwrap();
        (said.ending, serde_json::from_str::<Value>(&said.out).unwrap())
    };
    let (_, said) = drain(&["--freeze", "--dry-run"]).await;
    assert!(
        frozen().is_null() && said["wrote"].as_str().unwrap().starts_with("would set"),
        "{said:#}"
    );
    let (ending, said) = drain(&["--freeze"]).await;
    assert_eq!((frozen(), ending), (json!(true), Ending::Done), "{said:#}");
    assert_eq!(said["left"]["tasks"], 0);
    let (ending, _) = drain(&["--unfreeze"]).await;
    assert_eq!((frozen(), ending), (json!(false), Ending::Done));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_from_a_cluster_marks_those_whom_no_object_declares() {
    let rig = Rig::dss().await;
    super::export::populated(&rig);
    rig.create(
        "DssUser",
        "jane.doe",
        json!({ "instanceRef": { "name": "design" }, "managementPolicy": "Observe" }),
    );
    let words = ["access", "report", "--format", "json", FROM[0], FROM[1]];
    let said = with_cluster(&rig, &words).await.unwrap();
    let report: Value = serde_json::from_str(&said.out).unwrap();
    let users = report["users"].as_array().unwrap();
    let user = |login: &str| users.iter().find(|user| user["login"] == login).unwrap();
    assert_eq!(user("jane.doe")["declaredBy"], "team/jane.doe");
    assert!(
        user("a+b")["marks"].as_array().unwrap().contains(&json!("undeclared")),
        "{report:#}"
    );
}
