//! One rig, and how its objects fare.

use std::time::Duration;

use serde_json::{Value, json};
use testbed::simulator::Product;

use super::{
    Setting,
    objects::{BASIC, OAUTH2, PRESET, expected, objects},
};
use crate::kinds::tests::node::{Rig, ready};

/// One rig, and how its objects fare.
pub(super) struct Life {
    rig: Rig,
    product: Product,
    setting: Setting,
    what: String,
}

impl Life {
    pub(super) fn new(rig: Rig, setting: Setting, what: String) -> Self {
        let product = rig.node.product();
        Self {
            rig,
            product,
            setting,
            what,
        }
    }

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
            .until(&format!("{}: the end of the sweep", self.what), || {
                self.rig.server.get(plural, "team", name)["status"]["lastHandledReconcileAt"] == at
            })
            .await;
        // What the sweep woke is done, or waits for something.
        tokio::time::sleep(Duration::from_millis(300)).await;
    }

    async fn all_as_expected(&self) {
        for (kind, plural, name, _) in objects(self.product) {
            self.reason_is(plural, name, expected(kind, name, &self.setting)).await;
        }
    }

    /// Nothing is written while everything stays as it is. What the node refuses is attempted ever more rarely.
    async fn is_quiet(&self, when: &str) {
        // What a refusal or a late answer leaves open is settled first.
        self.sweep().await;
        self.sweep().await;
        let before = self.rig.node.requests().counts;
        let writes = self.rig.node.writes();
        self.sweep().await;
        self.sweep().await;
        let after = self.rig.node.requests().counts;
        let refused = objects(self.product)
            .into_iter()
            .filter(|(kind, _, name, _)| expected(kind, name, &self.setting).contains(&"Rejected"))
            .count();
        let more = self.rig.node.writes() - writes;
        assert!(
            more <= u64::try_from(refused).unwrap(),
            "{} {when}: {more} writes, {before:?} {after:?}",
            self.what
        );
    }

    pub(super) async fn live(self) {
        // Sweeps are asked for.
        let (plural, name) = self.connection();
        let rarely = json!({ "spec": { "driftInterval": "1m" } });
        self.rig.server.patch(plural, "team", name, rarely);
        self.rig.server.create(json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "values", "namespace": "team" },
            "stringData": { "password": "correct-horse", "token": "canary-token" },
        }));
        if self.product == Product::Dss {
            let known =
                json!({ "connections": { BASIC: {}, OAUTH2: {}, "theirs": {} }, "pluginPresets": { PRESET: {} } });
            self.rig.node.patch_state(known).unwrap();
        }
        for (kind, _, name, spec) in objects(self.product) {
            let mut spec = spec;
            spec["instanceRef"]["name"] = json!(self.connection().1);
            self.rig.create(kind, name, spec);
        }
        self.all_as_expected().await;
        self.is_quiet("at first").await;
        self.drift_of_a_user_is_repaired().await;
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
            "/users/mary",
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
    /// What is declared comes back, and what somebody else added stays.
    async fn drift_of_a_user_is_repaired(&self) {
        if !self.rig.at("/users/jane").is_object() {
            return;
        }
        let user = |part: &str| self.rig.at(&format!("/users/jane/{part}"));
        let mut drift = json!({ "displayName": "By hand", "adminProperties": { "theirs": "x" } });
        let is_dss = self.product == Product::Dss;
        let theirs = json!({ "name": "theirs", "value": "x", "secret": true });
        let credential = json!({ "type": "BASIC", "user": "theirs", "password": "x" });
        if is_dss {
            drift["secrets"] = json!([theirs]);
            drift["credentials"] = json!({ BASIC: null, PRESET: null, "theirs": credential });
            drift["preferences"] = json!({ "mentionEmails": true });
        }
        self.rig
            .node
            .patch_state(json!({ "users": { "jane": drift } }))
            .unwrap();
        self.sweep().await;
        let is_repaired = || {
            let credentials = user("credentials");
            user("displayName") == "Jane"
                && (!is_dss
                    || credentials[BASIC]["password"] == "canary-token"
                        && credentials[PRESET]["password"] == "canary-token"
                        && user("secrets/1/value") == "canary-token"
                        && user("preferences/mentionEmails") == false)
        };
        let what = format!("{}: the repair of {}", self.what, self.rig.at("/users/jane"));
        self.rig.until(&what, is_repaired).await;
        assert_eq!(user("adminProperties/theirs"), "x", "{}", self.what);
        if is_dss {
            assert_eq!(user("secrets/0"), theirs, "{}", self.what);
            assert_eq!(user("credentials/theirs"), credential, "{}", self.what);
        }
    }

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
