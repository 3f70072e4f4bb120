//! `plan` against the simulator, and what the operator does with the same manifests.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Value, json};
use tempfile::TempDir;
use testbed::simulator::{InstanceConfig, Product, Simulator};

use super::{at, command, with_input};
use crate::{cli::Ending, kinds::tests::node::Rig};

fn manifest(kind: &str, name: &str, spec: Value) -> Value {
    let mut spec = spec;
    spec["instanceRef"] = json!({ "name": "design" });
    json!({
        "apiVersion": "dataiku-operator.io/v1alpha1", "kind": kind,
        "metadata": { "name": name, "namespace": "team" }, "spec": spec,
    })
}

fn write(folder: &Path, manifests: &[Value]) {
    for (index, one) in manifests.iter().enumerate() {
        fs::write(folder.join(format!("{index:02}.yaml")), one.to_string()).unwrap();
    }
}

async fn plan(rig: &Rig, folder: &Path, extra: &[&str]) -> Result<(Ending, Value), String> {
    let folder = folder.to_str().unwrap();
    let fixed = ["plan", "--instance", "team/design", "-f", folder, "-o", "json"];
    let words: Vec<&str> = fixed.iter().chain(extra).copied().collect();
    let (ending, printed) = command(rig, &words).await?;
    Ok((ending, serde_json::from_str(&printed).unwrap()))
}

fn action<'a>(planned: &'a Value, name: &str) -> &'a str {
    let objects = planned["objects"].as_array().unwrap();
    let found = objects.iter().find(|one| one["name"] == name);
    found.unwrap_or_else(|| panic!("{name} is not in {planned:#}"))["action"]
        .as_str()
        .unwrap()
}

fn populated(rig: &Rig) {
    let user = |login: &str, email: &str| {
        json!({ "login": login, "sourceType": "LOCAL", "password": "canary-theirs", "displayName": login,
            "email": email, "groups": [], "userProfile": "READER", "enabled": true })
    };
    let patch = json!({
        "groups": {
            "analysts": { "name": "analysts", "sourceType": "LOCAL", "description": "old", "mayCreateProjects": false },
            "theirs": { "name": "theirs", "sourceType": "LOCAL", "description": "theirs" },
        },
        "users": {
            "same": user("same", "same@example.com"), "moved": user("moved", "old@example.com"),
            "watched": user("watched", "old@example.com"), "foreign": user("foreign", "old@example.com"),
            "leaver": user("leaver", "leaver@example.com"),
        },
    });
    rig.node.patch_state(patch).unwrap();
    rig.server.create(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "jane", "namespace": "team" },
        "stringData": { "password": "canary-of-jane" },
    }));
}

fn manifests() -> Vec<Value> {
    let adopt = |mut spec: Value| {
        spec["adoptionPolicy"] = json!("Adopt");
        spec
    };
    vec![
        manifest(
            "DssGroup",
            "analysts",
            adopt(json!({ "description": "new", "permissions": { "mayCreateProjects": true } })),
        ),
        manifest("DssGroup", "theirs", json!({ "description": "ours" })),
        manifest("DssGroup", "added", json!({ "description": "added" })),
        manifest(
            "DssUser",
            "jane",
            json!({ "userProfile": "READER", "email": "jane@example.com",
            "passwordSecretRef": { "name": "jane" } }),
        ),
        manifest("DssUser", "same", adopt(json!({ "email": "same@example.com" }))),
        manifest("DssUser", "moved", adopt(json!({ "email": "new@example.com" }))),
        manifest(
            "DssUser",
            "watched",
            adopt(json!({ "email": "new@example.com", "managementPolicy": "Observe" })),
        ),
        manifest("DssUser", "foreign", json!({ "email": "new@example.com" })),
        manifest("DssUser", "leaver", adopt(json!({ "enabled": false }))),
        manifest("DssUser", "admin", adopt(json!({ "enabled": false }))),
    ]
}

const REASONS: [(&str, &str, &str, &str); 10] = [
    ("dssgroups", "analysts", "change", "InSync"),
    ("dssgroups", "theirs", "blocked", "AlreadyExists"),
    ("dssgroups", "added", "create", "InSync"),
    ("dssusers", "jane", "create", "InSync"),
    ("dssusers", "same", "none", "InSync"),
    ("dssusers", "moved", "change", "InSync"),
    ("dssusers", "watched", "observe", "Observed"),
    ("dssusers", "foreign", "blocked", "AlreadyExists"),
    ("dssusers", "leaver", "withdraw", "InSync"),
    ("dssusers", "admin", "blocked", "Guarded"),
];

/// Keys of the users and groups that differ.
fn changed(before: &[Value; 2], after: &[Value; 2]) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for (before, after) in before.iter().zip(after) {
        let names = before
            .as_object()
            .unwrap()
            .keys()
            .chain(after.as_object().unwrap().keys());
        keys.extend(names.filter(|name| before.get(*name) != after.get(*name)).cloned());
    }
    keys
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_plan_shows_is_what_the_operator_writes() {
    let rig = Rig::dss().await;
    populated(&rig);
    rig.swept().await;
    let folder = TempDir::new().unwrap();
    write(folder.path(), &manifests());
    let writes = rig.node.writes();
    let (ending, planned) = plan(&rig, folder.path(), &[]).await.unwrap();
    assert_eq!((ending, rig.node.writes()), (Ending::Differs, writes));
    for (_, name, expected, _) in REASONS {
        assert_eq!(action(&planned, name), expected, "{name}: {planned:#}");
    }
    let text = planned.to_string();
    assert!(
        text.contains("old@example.com") && text.contains("(from Secret team/jane)"),
        "{text}"
    );
    let state = || ["/users", "/groups"].map(|part| rig.at(part));
    let before = state();
    let log = rig.node.requests().log.len();
    for one in manifests() {
        rig.server.create(one);
    }
    for (plural, name, _, reason) in REASONS {
        rig.wait(plural, name, reason).await;
    }
    let writing = ["create", "change", "withdraw"];
    let expected = REASONS.iter().filter(|(_, _, action, _)| writing.contains(action));
    let expected: BTreeSet<String> = expected.map(|(_, name, ..)| (*name).to_owned()).collect();
    assert_eq!(changed(&before, &state()), expected);
    let requests = rig.node.requests().log;
    let written = requests
        .iter()
        .skip(log)
        .filter(|one| !matches!(one.method.as_str(), "GET" | "HEAD"));
    for one in written.filter(|one| one.method == "PUT") {
        let key = one.path.trim_end_matches('/').rsplit('/').next().unwrap().to_owned();
        assert!(expected.contains(&key), "{} {} was not planned", one.method, one.path);
    }
    // The second time, with what the cluster knows, nothing is to be done but what stays blocked.
    let objects: Vec<Value> = REASONS
        .iter()
        .filter(|(_, _, _, reason)| *reason == "InSync")
        .map(|(plural, name, ..)| rig.server.get(plural, "team", name))
        .collect();
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects }).to_string();
    let key = folder.path().join("key");
    fs::write(&key, rig.node.api_key()).unwrap();
    let words = ["plan", "--instance", "team/design", "-f", "-"];
    let (ending, printed) = with_input(&rig, &words, &["--api-key-file", key.to_str().unwrap()], &list)
        .await
        .unwrap();
    assert_eq!(ending, Ending::Done, "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_form_of_a_plan_holds_a_secret_and_each_says_the_same() {
    let rig = Rig::dss().await;
    populated(&rig);
    let folder = TempDir::new().unwrap();
    write(folder.path(), &manifests());
    for form in ["table", "json", "kyaml", "md"] {
        let words = [
            "plan",
            "--instance",
            "team/design",
            "-f",
            folder.path().to_str().unwrap(),
            "-o",
            form,
        ];
        let (ending, printed) = command(&rig, &words).await.unwrap();
        assert_eq!(ending, Ending::Differs);
        for secret in ["canary", rig.node.api_key()] {
            assert!(!printed.contains(secret), "{form} holds {secret}");
        }
        assert!(printed.contains("moved") && printed.contains("analysts"), "{printed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_brake_shows_before_the_merge() {
    let rig = Rig::dss().await;
    let logins: Vec<String> = (0..14).map(|n| format!("u{n:02}")).collect();
    let user = |login: &String| {
        (
            login.clone(),
            json!({ "login": login, "sourceType": "LOCAL", "groups": [], "enabled": true }),
        )
    };
    let users: serde_json::Map<String, Value> = logins.iter().map(user).collect();
    rig.node.patch_state(json!({ "users": users })).unwrap();
    let folder = TempDir::new().unwrap();
    let spec = json!({ "enabled": false, "adoptionPolicy": "Adopt" });
    let all: Vec<Value> = logins
        .iter()
        .map(|login| manifest("DssUser", login, spec.clone()))
        .collect();
    write(folder.path(), &all);
    let (_, planned) = plan(&rig, folder.path(), &[]).await.unwrap();
    let braked = planned["objects"].as_array().unwrap().iter();
    let braked = braked.filter(|one| one["reason"] == "AwaitingAcknowledgement").count();
    assert_eq!(braked, 4, "{planned:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_apiserver_would_refuse_is_named_without_its_value() {
    let rig = Rig::dss().await;
    let folder = TempDir::new().unwrap();
    for (spec, expected) in [
        (json!({ "emial": "canary" }), "spec.emial: unknown field"),
        (json!({ "email": { "canary": 1 } }), "spec.email"),
        (json!({ "sourceType": "canary" }), "spec.sourceType"),
        (json!({ "login": "canary login with spaces" }), "spec.login"),
        (
            json!({ "generatePassword": { "secretName": "a" }, "passwordSecretRef": { "name": "canary" } }),
            "generatePassword",
        ),
        (
            json!({ "adminProperties": { "dataiku-operator.io/owner": "canary" } }),
            "spec.adminProperties",
        ),
    ] {
        write(folder.path(), &[manifest("DssUser", "jane", spec)]);
        let error = plan(&rig, folder.path(), &[]).await.unwrap_err();
        assert!(
            error.contains(expected) && error.contains("DssUser team/jane"),
            "{error}"
        );
        assert!(!error.contains("canary"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_other_kind_is_planned_or_named() {
    let rig = Rig::dss().await;
    let folder = TempDir::new().unwrap();
    let all = [
        manifest("DssInstanceVariables", "vars", json!({ "variables": { "a": "1" } })),
        manifest(
            "DssImpersonationRule",
            "rule",
            json!({ "user": { "type": "SINGLE_MAPPING", "dssUser": "a", "targetUnix": "b" } }),
        ),
        manifest(
            "DssGlobalApiKey",
            "key",
            json!({ "secretName": "key", "permissions": { "mayCreateProjects": true } }),
        ),
        manifest("DssTask", "task", json!({ "pushBaseImages": {} })),
        manifest("GovernGroup", "theirs", json!({})),
        json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s" }, "stringData": { "a": "canary" } }),
    ];
    write(folder.path(), &all);
    let (ending, planned) = plan(&rig, folder.path(), &[]).await.unwrap();
    assert_eq!(ending, Ending::Differs);
    let names = ["vars", "rule", "key"];
    assert!(
        names
            .iter()
            .all(|name| ["create", "change"].contains(&action(&planned, name))),
        "{planned:#}"
    );
    let skipped = planned["skipped"].to_string();
    assert!(
        skipped.contains("DssTask") && skipped.contains("GovernGroup"),
        "{planned:#}"
    );
    assert!(
        planned["others"] == 1 && !planned.to_string().contains("canary"),
        "{planned:#}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_products_are_planned_by_the_same_table() {
    let simulator = Simulator::start().await.unwrap();
    let folder = TempDir::new().unwrap();
    let path = folder.path().to_str().unwrap();
    let govern = simulator.instance(InstanceConfig::new(Product::Govern)).await.unwrap();
    let mut group = manifest("GovernGroup", "added", json!({ "description": "new" }));
    group["spec"]["instanceRef"]["name"] = json!("govern");
    let mut role = manifest("GovernRole", "added", json!({ "label": "Added" }));
    role["spec"]["instanceRef"]["name"] = json!("govern");
    write(folder.path(), &[group, role]);
    let words = [
        "plan",
        "--product",
        "govern",
        "--instance",
        "team/govern",
        "-f",
        path,
        "-o",
        "json",
    ];
    let key = ["--api-key-file", "-"];
    let (_, printed) = at(govern.url(), &words, &key, govern.api_key()).await.unwrap();
    let planned: Value = serde_json::from_str(&printed).unwrap();
    let created = |planned: &Value| {
        let objects = planned["objects"].as_array().unwrap();
        objects.iter().filter(|one| one["action"] == "create").count()
    };
    assert_eq!((created(&planned), govern.writes()), (2, 0), "{planned:#}");
    let space = simulator
        .instance(InstanceConfig::new(Product::Launchpad))
        .await
        .unwrap();
    let mut group = manifest("LaunchpadGroup", "added", json!({ "description": "new" }));
    group["spec"].as_object_mut().unwrap().remove("instanceRef");
    group["spec"]["spaceRef"] = json!({ "name": "prod" });
    fs::remove_file(folder.path().join("01.yaml")).unwrap();
    write(folder.path(), &[group]);
    let (id, of) = (space.space_id(), space.api_key_id());
    let fixed = [
        "plan",
        "--product",
        "launchpad",
        "--instance",
        "team/prod",
        "-f",
        path,
        "-o",
        "json",
    ];
    let words: Vec<&str> = fixed
        .into_iter()
        .chain(["--space-id", id, "--api-key-id", of])
        .collect();
    let (_, printed) = at(space.url(), &words, &key, space.api_key_secret()).await.unwrap();
    let planned: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((created(&planned), space.writes()), (1, 0), "{planned:#}");
}
