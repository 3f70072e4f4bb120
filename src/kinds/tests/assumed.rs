//! What is assumed of DSS and Govern nodes, every way: each switch of the simulator at each of its values, under a life of all
//! kinds. Whatever a node answers, the objects end in sync or in a state that names why not, the operator then writes nothing
//! more, and their end leaves nothing behind.
//!
//! A value is tried on one of four releases, another one for each, and one value of eight by default, since each takes seconds of
//! processor time. `DATAIKU_OPERATOR_TEST_SETTINGS=all` tries every value, `DATAIKU_OPERATOR_TEST_RELEASES=all` on all releases.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use testbed::simulator::{InstanceConfig, Product};
use tokio::{sync::Semaphore, task::JoinSet};

use super::node::{Rig, ready};

const RELEASES: [&str; 4] = ["12.5.0", "13.5.0", "14.2.0", "15.2.0"];
/// One value of so many is tried by default.
const SAMPLE: usize = 8;
/// Lives that go on at once.
const AT_ONCE: usize = 6;

/// A switch at one of its values.
pub(crate) type Setting = (String, Value);

/// Every switch of a product at each of its values, as the documentation of the simulator lists them. A switch with a number of
/// milliseconds assumes nothing.
pub(crate) fn settings(product: &str) -> Vec<Setting> {
    let table = include_str!("../../../docs/simulator.md");
    let cells = |line: &str| -> Vec<String> {
        let line = line.replace("\\|", "\u{1}");
        let cells = line.split('|').map(|cell| cell.trim().replace('\u{1}', "|"));
        cells.collect()
    };
    let rows = table.lines().filter(|line| line.starts_with("| ")).map(cells);
    let mut all = Vec::new();
    for row in rows.filter(|row| row.len() == 7 && row[1].split(", ").any(|one| one == product)) {
        let name = row[2].trim_matches('`').to_owned();
        let values: Vec<Value> = match &*row[4] {
            "a number of milliseconds" | "a release such as 14.2.0" => Vec::new(),
            "a status from 400 to 599" => [400, 404, 409, 500].map(Value::from).into(),
            "a status from 200 to 599" => [200, 207, 400, 500].map(Value::from).into(),
            "true | false" => [true, false].map(Value::from).into(),
            "a text or null" => vec![Value::Null, json!("readers")],
            texts => texts.split(" | ").map(Value::from).collect(),
        };
        all.extend(values.into_iter().map(|value| (name.clone(), value)));
    }
    assert!(all.len() > 30, "{product}: {all:?}");
    all
}

/// What an object is not in sync with at this setting, and why: the reason.
fn expected(kind: &str, (switch, value): &Setting) -> &'static [&'static str] {
    let text = value.as_str().unwrap_or_default();
    match (kind, switch.as_str(), text) {
        // The Launchpad owns the users of such a node.
        ("DssUser" | "GovernUser", "cloud", _) if *value == true => &["Forbidden", "Rejected"],
        // A personal key waits for its user.
        ("DssPersonalApiKey", "cloud", _) if *value == true => &["DependencyNotReady"],
        ("DssTask", "futures", "failing" | "aborted") => &["RunFailed"],
        _ => &["InSync"],
    }
}

/// Kind, plural, name and spec of every object.
fn objects(product: Product) -> Vec<(&'static str, &'static str, &'static str, Value)> {
    let user = json!({
        "sourceType": "LOCAL", "passwordSecretRef": { "name": "values" }, "displayName": "Jane", "userProfile": "READER",
        "email": "jane@example.com", "groups": [{ "name": "team" }], "adminProperties": { "costCenter": "4711" },
        "userProperties": { "team": "risk" }, "deletionPolicy": "Delete",
    });
    let group = json!({ "description": "Team", "ldapGroupNames": ["cn=team", "cn=other"], "admin": false });
    let key = json!({ "secretName": "ci-key", "permissions": { "admin": false } });
    let resync = json!({ "resyncUsers": { "all": true } });
    if product == Product::Govern {
        let rule = json!([{ "users": ["jane"], "groups": ["team"], "criteria": [{ "type": "always" }] }]);
        let mut task = resync;
        task["instanceRef"] = json!({ "kind": "GovernInstance" });
        return vec![
            ("GovernGroup", "governgroups", "team", group),
            ("GovernUser", "governusers", "jane", user),
            ("GovernGlobalApiKey", "governglobalapikeys", "ci", key),
            ("GovernRole", "governroles", "auditor", json!({ "label": "Auditor" })),
            (
                "GovernRoleAssignment",
                "governroleassignments",
                "auditors",
                json!({ "blueprintId": "bp.system.business_initiative", "roleRef": { "name": "auditor" }, "rules": rule }),
            ),
            (
                "GovernBlueprintPermissions",
                "governblueprintpermissions",
                "own",
                json!({ "blueprintId": "bp.system.dataiku_project", "permissions": { "ours": { "read": true } } }),
            ),
            (
                "GovernDefaultPermissions",
                "governdefaultpermissions",
                "default",
                json!({ "permissions": { "ours": { "read": true } } }),
            ),
            ("DssTask", "dsstasks", "resync", task),
        ];
    }
    let mut dss_user = user;
    dss_user["secrets"] = json!([{ "name": "token", "valueSecretRef": { "name": "values", "key": "token" } }]);
    dss_user["preferences"] = json!({ "mentionEmails": false });
    vec![
        ("DssGroup", "dssgroups", "team", group),
        ("DssUser", "dssusers", "jane", dss_user),
        ("DssGlobalApiKey", "dssglobalapikeys", "ci", key),
        (
            "DssPersonalApiKey",
            "dsspersonalapikeys",
            "jane-key",
            json!({ "user": "jane", "secretName": "jane-key" }),
        ),
        (
            "DssInstanceVariables",
            "dssinstancevariables",
            "variables",
            json!({ "variables": { "region": "eu", "limits": { "rows": 10 } } }),
        ),
        (
            "DssGeneralSettings",
            "dssgeneralsettings",
            "settings",
            json!({ "settings": { "security": { "restrictUsersAndGroupsVisibility": true } } }),
        ),
        (
            "DssImpersonationRule",
            "dssimpersonationrules",
            "rule",
            json!({ "user": { "type": "SINGLE_MAPPING", "dssUser": "jane", "targetUnix": "ujane" } }),
        ),
        ("DssTask", "dsstasks", "resync", resync),
    ]
}

/// One rig, and how its objects fare.
struct Life {
    rig: Rig,
    product: Product,
    setting: Setting,
    what: String,
}

impl Life {
    fn connection(&self) -> (&'static str, &'static str) {
        match self.product {
            Product::Govern => ("governinstances", "govern"),
            _ => ("dssinstances", "design"),
        }
    }

    async fn sweep(&self) {
        let (plural, name) = self.connection();
        let list = if self.product == Product::Govern { "G1" } else { "D1" };
        let at = format!("{}", self.rig.node.count(list) + 1);
        let annotation = json!({ "metadata": { "annotations": { "dataiku-operator.io/reconcile-at": at } } });
        self.rig.server.patch(plural, "team", name, annotation);
        self.rig
            .until("the end of the sweep", || {
                self.rig.server.get(plural, "team", name)["status"]["lastHandledReconcileAt"] == at
            })
            .await;
        // What the sweep woke is done, or waits for something.
        tokio::time::sleep(Duration::from_millis(300)).await;
    }

    async fn all_as_expected(&self) {
        for (kind, plural, name, _) in objects(self.product) {
            self.reason_is(plural, name, expected(kind, &self.setting)).await;
        }
    }

    /// Nothing is written while everything stays as it is.
    async fn is_quiet(&self, when: &str) {
        // What a refusal or a late answer leaves open is settled first.
        self.sweep().await;
        self.sweep().await;
        let before = self.rig.node.requests().counts;
        let writes = self.rig.node.writes();
        self.sweep().await;
        self.sweep().await;
        let after = self.rig.node.requests().counts;
        assert_eq!(
            self.rig.node.writes(),
            writes,
            "{} {when}: {before:?} {after:?}",
            self.what
        );
    }

    async fn live(self) {
        self.rig.server.create(json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "values", "namespace": "team" },
            "stringData": { "password": "correct-horse", "token": "canary-token" },
        }));
        for (kind, _, name, spec) in objects(self.product) {
            let mut spec = spec;
            spec["instanceRef"]["name"] = json!(self.connection().1);
            self.rig.create(kind, name, spec);
        }
        self.all_as_expected().await;
        self.is_quiet("at first").await;
        if self.rig.at("/users/jane").is_object() {
            let drift =
                json!({ "users": { "jane": { "displayName": "By hand", "adminProperties": { "theirs": "x" } } } });
            self.rig.node.patch_state(drift).unwrap();
            self.sweep().await;
            let repaired = || self.rig.at("/users/jane/displayName") == "Jane";
            self.rig.until(&format!("{}: the repair", self.what), repaired).await;
            assert_eq!(self.rig.at("/users/jane/adminProperties/theirs"), "x", "{}", self.what);
        }
        self.rig
            .node
            .patch_state(json!({ "groups": { "team": { "description": "By hand" } } }))
            .unwrap();
        self.sweep().await;
        let repaired = || self.rig.at("/groups/team/description") == "Team";
        self.rig.until(&format!("{}: the repair", self.what), repaired).await;
        self.all_as_expected().await;
        self.is_quiet("after drift").await;
        self.what_somebody_deletes_comes_back().await;
        self.a_name_that_is_taken_at_the_same_moment_is_theirs().await;
        self.a_key_without_rights_is_named().await;
        if self.product == Product::Dss {
            self.tasks_end().await;
        }
        self.is_quiet("after all of it").await;
        for (_, plural, name, _) in objects(self.product).into_iter().rev() {
            self.rig.server.delete(plural, "team", name);
            self.rig.gone(plural, name).await;
        }
        for gone in [
            "/users/jane",
            "/groups/team",
            "/roles/ro.auditor",
            "/roles/auditor",
            "/variables/region",
        ] {
            assert_eq!(self.rig.at(gone), Value::Null, "{}: {gone}", self.what);
        }
    }
}

impl Life {
    fn is_cloud(&self) -> bool {
        self.setting == ("cloud".to_owned(), json!(true))
    }

    fn operation(&self, number: &str) -> String {
        format!("{}{number}", if self.product == Product::Govern { "G" } else { "D" })
    }

    /// A key, a group and a role are found gone, by whatever status the node has for that.
    async fn what_somebody_deletes_comes_back(&self) {
        let keys = if self.product == Product::Govern {
            "governglobalapikeys"
        } else {
            "dssglobalapikeys"
        };
        let id = || self.rig.server.get(keys, "team", "ci")["status"]["remote"]["id"].clone();
        let before = id();
        let mut gone = json!({ "globalApiKeys": { before.as_str().unwrap(): null }, "groups": { "team": null } });
        if self.product == Product::Govern {
            let role = self.rig.server.get("governroles", "team", "auditor")["status"]["remote"]["id"].clone();
            gone["roles"] = json!({ role.as_str().unwrap(): null });
        }
        self.rig.node.patch_state(gone).unwrap();
        self.sweep().await;
        self.rig
            .until(&format!("{}: another key", self.what), || {
                id() != before && id().is_string()
            })
            .await;
        self.rig
            .until(&format!("{}: the group", self.what), || {
                self.rig.at("/groups/team").is_object()
            })
            .await;
        // A node may have taken the group out of its members.
        self.sweep().await;
        self.all_as_expected().await;
    }

    async fn a_name_that_is_taken_at_the_same_moment_is_theirs(&self) {
        if self.is_cloud() {
            return;
        }
        let (kind, plural) = if self.product == Product::Govern {
            ("GovernUser", "governusers")
        } else {
            ("DssUser", "dssusers")
        };
        let theirs =
            json!({ "users": { "late": { "login": "late", "sourceType": "LOCAL", "displayName": "Theirs" } } });
        self.rig.node.fault(json!({
            "match": { "operation": self.operation("2") }, "fault": { "kind": "edit", "when": "before", "patch": theirs },
        }));
        let spec = json!({
            "instanceRef": { "name": self.connection().1 }, "sourceType": "LOCAL_NO_AUTH", "displayName": "Ours",
            "userProfile": "READER", "deletionPolicy": "Delete",
        });
        self.rig.create(kind, "late", spec);
        self.reason_is(plural, "late", &["AlreadyExists"]).await;
        self.rig.server.delete(plural, "team", "late");
        self.rig.gone(plural, "late").await;
        assert_eq!(self.rig.at("/users/late/displayName"), "Theirs", "{}", self.what);
        self.rig.node.clear_faults();
    }

    async fn a_key_without_rights_is_named(&self) {
        let (plural, name) = self.connection();
        let set = |key: &str| {
            let data = json!({ "data": null, "stringData": { "apiKey": key } });
            self.rig.server.patch("secrets", "team", "admin", data);
        };
        for key in [self.rig.node.non_admin_api_key(), "no-such-key"] {
            set(key);
            self.reason_is(plural, name, &["Forbidden"]).await;
            set(self.rig.node.api_key());
            self.reason_is(plural, name, &["InSync"]).await;
        }
    }

    /// Actions of a DSS node alone.
    async fn tasks_end(&self) {
        let act_as = json!({ "spec": { "actAs": { "logins": ["ghost"] } } });
        self.rig.server.patch("dssinstances", "team", "design", act_as);
        let cell = json!({ "cell_type": "code", "metadata": {}, "source": [], "execution_count": null, "outputs": [] });
        let content = json!({ "metadata": {}, "nbformat": 4, "nbformat_minor": 5, "cells": [cell] });
        let open = json!([{ "sessionId": "s1", "kernelExecutionState": "idle", "kernelConnections": 1 }]);
        self.rig
            .node
            .patch_state(json!({ "projects": { "RISK": { "notebooks": { "open": { "content": content, "sessions": open } } } } }))
            .unwrap();
        self.rig.server.create(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "content", "namespace": "team" },
            "data": { "notebook.ipynb": content.to_string() },
        }));
        let write = json!({ "projectKey": "RISK", "notebook": "open", "contentRef": { "name": "content" } });
        for (name, spec) in [
            ("push", json!({ "pushBaseImages": {} })),
            (
                "report",
                json!({ "accessReport": { "format": "json", "configMapName": "access" } }),
            ),
            ("write", json!({ "writeNotebook": write })),
            ("unload", json!({ "unloadNotebooks": { "projectKeys": ["RISK"] } })),
            ("ghost", json!({ "asUser": "ghost", "pushBaseImages": {} })),
        ] {
            let mut spec = spec;
            spec["instanceRef"] = json!({ "name": "design" });
            self.rig.create("DssTask", name, spec);
            let fails = name == "push" && matches!(self.setting.1.as_str(), Some("failing" | "aborted"));
            let wanted: &[&str] = match name {
                // Nobody can act as a user whom the node does not know.
                "ghost" => &["RunFailed", "Forbidden", "Rejected", "Unavailable"],
                _ if fails => &["RunFailed"],
                _ => &["InSync"],
            };
            self.reason_is("dsstasks", name, wanted).await;
            self.rig.server.delete("dsstasks", "team", name);
            self.rig.gone("dsstasks", name).await;
        }
    }

    async fn reason_is(&self, plural: &str, name: &str, wanted: &[&str]) {
        for _ in 0..1200 {
            let object = self.rig.server.get(plural, "team", name);
            let current = object["status"]["observedGeneration"] == object["metadata"]["generation"];
            let reason = ready(&object)["reason"].clone();
            if current && wanted.iter().any(|one| reason == *one) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let object = self.rig.server.get(plural, "team", name);
        let counts = self.rig.node.requests().counts;
        panic!(
            "{}: {plural} {name} is not {wanted:?}: {:#} {counts:?}",
            self.what, object["status"]
        );
    }
}

async fn every_setting(product: Product, name: &str) {
    let all_releases = std::env::var("DATAIKU_OPERATOR_TEST_RELEASES").is_ok_and(|wanted| wanted == "all");
    let all_settings = std::env::var("DATAIKU_OPERATOR_TEST_SETTINGS").is_ok_and(|wanted| wanted == "all");
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    let mut lives = JoinSet::new();
    let mut tried = 0;
    for (number, setting) in settings(name).into_iter().enumerate() {
        if !all_settings && number % SAMPLE != 0 {
            continue;
        }
        for (place, release) in RELEASES.into_iter().enumerate() {
            if !all_releases && place != number / SAMPLE % RELEASES.len() {
                continue;
            }
            tried += 1;
            let (setting, slots) = (setting.clone(), slots.clone());
            lives.spawn(async move {
                let _slot = slots.acquire_owned().await.unwrap();
                let (switch, value) = &setting;
                let what = format!("{switch} = {value} on {release}");
                let config = InstanceConfig::new(product)
                    .switch("release", json!(release))
                    .switch(switch, value.clone());
                let rig = Rig::with(config).await;
                Life {
                    rig,
                    product,
                    setting,
                    what,
                }
                .live()
                .await;
            });
        }
    }
    let mut failed = Vec::new();
    while let Some(ended) = lives.join_next().await {
        failed.extend(ended.err().map(|error| error.to_string()));
    }
    println!("{name}: {tried} lives");
    assert!(failed.is_empty(), "{} of {tried} lives failed, see above", failed.len());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes of processor time and counts on sweeps that end in time: run it with --ignored on an idle machine"]
async fn every_kind_of_a_dss_node_is_right_at_every_setting() {
    every_setting(Product::Dss, "dss").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes of processor time and counts on sweeps that end in time: run it with --ignored on an idle machine"]
async fn every_kind_of_a_govern_node_is_right_at_every_setting() {
    every_setting(Product::Govern, "govern").await;
}
