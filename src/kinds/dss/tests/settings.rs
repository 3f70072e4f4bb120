use std::time::Duration;

use memory_apiserver::{Action, Rule};
use serde_json::{Value, json};

use super::{Rig, ready};

const PLURAL: &str = "dssgeneralsettings";

impl Rig {
    fn settings(&self, name: &str, declared: Value) {
        let mut spec = declared;
        spec["instanceRef"] = json!({ "name": "design" });
        self.create("DssGeneralSettings", name, spec);
    }

    fn respec(&self, name: &str, spec: Value) {
        self.server.patch(PLURAL, "team", name, json!({ "spec": spec }));
    }

    fn general_settings(&self) -> Value {
        self.node.state_at("/generalSettings").unwrap()
    }

    /// Somebody else edits the settings.
    fn settings_by_hand(&self, patch: Value) {
        self.node.patch_state(json!({ "generalSettings": patch })).unwrap();
    }

    fn bind_password(&self, name: &str, value: &str) {
        self.server.create(json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "namespace": "team" },
            "stringData": { "password": value },
        }));
    }
}

fn bind_password(secret: &str) -> Value {
    let reference = json!({ "name": secret, "key": "password" });
    json!([{ "path": "/ldapSettings/bindPassword", "valueSecretRef": reference }])
}

fn message(object: &Value) -> String {
    ready(object)["message"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_set_repaired_and_restored_and_in_sync_writes_nothing() {
    let rig = Rig::dss().await;
    rig.settings_by_hand(
        json!({ "mailSettings": { "host": "mail", "port": 2525 }, "limits": { "theirs": [1, { "b": 1 }] } }),
    );
    let before = rig.general_settings();
    rig.settings(
        "base",
        json!({ "settings": {
            "security": { "restrictUsersAndGroupsVisibility": true }, "mailSettings": { "port": 25.0 },
            "limits": { "ours": [1, 2] },
        } }),
    );
    rig.wait(PLURAL, "base", "InSync").await;
    let mut expected = before.clone();
    expected["security"]["restrictUsersAndGroupsVisibility"] = json!(true);
    expected["mailSettings"]["port"] = json!(25.0);
    expected["limits"]["ours"] = json!([1, 2]);
    assert_eq!(rig.general_settings(), expected);
    assert_eq!(rig.node.count("D30"), 1);
    let reads = rig.node.count("D29");
    rig.swept().await;
    assert_eq!(rig.node.count("D30"), 1, "in sync");
    assert!(rig.node.count("D29") <= reads + 4, "one read in a sweep");
    rig.settings_by_hand(json!({ "security": { "restrictUsersAndGroupsVisibility": false, "secureCookies": true } }));
    rig.until("the repair", || {
        rig.general_settings()["security"]["restrictUsersAndGroupsVisibility"] == true
    })
    .await;
    assert_eq!(
        rig.general_settings()["security"]["secureCookies"],
        true,
        "not declared"
    );
    assert_eq!(rig.node.count("D30"), 2);
    rig.settings_by_hand(json!({ "security": { "secureCookies": false } }));
    rig.server.delete(PLURAL, "team", "base");
    rig.gone(PLURAL, "base").await;
    assert_eq!(rig.general_settings(), before);
    assert_eq!(rig.node.count("D30"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_setting_is_written_once_and_again_when_its_secret_changes() {
    for form in ["opaque", "clear"] {
        let rig = Rig::dss().await;
        rig.node.switch("A14", json!(form)).unwrap();
        rig.settings(
            "ldap",
            json!({ "settings": { "ldapSettings": { "bindDN": "cn=dss" } }, "secretSettings": bind_password("bind") }),
        );
        let object = rig.wait(PLURAL, "ldap", "DependencyNotReady").await;
        assert!(message(&object).contains("bind"), "{object:#}");
        assert_eq!(
            rig.general_settings()["ldapSettings"]["bindDN"],
            "cn=dss",
            "only the secret waits"
        );
        rig.bind_password("bind", "correct-horse");
        rig.wait(PLURAL, "ldap", "InSync").await;
        assert_eq!(rig.general_settings()["ldapSettings"]["bindPassword"], "correct-horse");
        assert_eq!(rig.node.count("D30"), 2);
        rig.swept().await;
        assert_eq!(rig.node.count("D30"), 2, "{form}");
        rig.settings_by_hand(json!({ "ldapSettings": { "bindPassword": "" } }));
        rig.until("the repair", || {
            rig.general_settings()["ldapSettings"]["bindPassword"] == "correct-horse"
        })
        .await;
        rig.server.patch(
            "secrets",
            "team",
            "bind",
            json!({ "stringData": { "password": "battery-staple" } }),
        );
        rig.until("the new value", || {
            rig.general_settings()["ldapSettings"]["bindPassword"] == "battery-staple"
        })
        .await;
        rig.wait(PLURAL, "ldap", "InSync").await;
        assert_eq!(rig.node.count("D30"), 4);
        let texts = rig.texts();
        assert!(!texts.contains("correct-horse") && !texts.contains("battery-staple"));
        rig.server.delete(PLURAL, "team", "ldap");
        rig.gone(PLURAL, "ldap").await;
        assert_eq!(rig.general_settings()["ldapSettings"]["bindPassword"], "");
        assert_eq!(rig.general_settings()["ldapSettings"]["bindDN"], "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_of_others_is_in_no_status_and_stays_when_ours_leaves() {
    let rig = Rig::dss().await;
    rig.node.switch("A14", json!("clear")).unwrap();
    rig.settings_by_hand(json!({ "ldapSettings": { "bindPassword": "theirs-was-first" } }));
    rig.bind_password("bind", "correct-horse");
    rig.settings("ldap", json!({ "secretSettings": bind_password("bind") }));
    rig.wait(PLURAL, "ldap", "InSync").await;
    assert_eq!(rig.general_settings()["ldapSettings"]["bindPassword"], "correct-horse");
    assert!(!rig.texts().contains("theirs-was-first"));
    rig.server.delete(PLURAL, "team", "ldap");
    rig.gone(PLURAL, "ldap").await;
    assert_eq!(rig.general_settings()["ldapSettings"]["bindPassword"], "correct-horse");
    assert_eq!(rig.node.count("D30"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_the_node_does_not_have_is_written_once_and_named() {
    let rig = Rig::dss().await;
    rig.settings(
        "odd",
        json!({ "settings": { "security": { "noSuchThing": 1, "secureCookies": true }, "studioExternalUrl": null } }),
    );
    let object = rig.wait(PLURAL, "odd", "AcceptedButNotStored").await;
    assert!(
        message(&object).contains("set setting security/noSuchThing"),
        "{object:#}"
    );
    assert!(!message(&object).contains("secureCookies") && !message(&object).contains("studioExternalUrl"));
    assert_eq!(rig.general_settings()["security"]["secureCookies"], true);
    let writes = rig.node.count("D30");
    assert!(writes <= 2, "{writes} writes");
    rig.swept().await;
    assert_eq!(rig.node.count("D30"), writes);
    rig.respec("odd", json!({ "settings": { "security": { "noSuchThing": null } } }));
    rig.wait(PLURAL, "odd", "InSync").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_objects_with_one_setting_are_a_conflict_and_what_was_there_first_comes_back() {
    let rig = Rig::dss().await;
    rig.settings("older", json!({ "settings": { "mailSettings": { "host": "ours" } } }));
    rig.wait(PLURAL, "older", "InSync").await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    rig.settings("newer", json!({ "settings": { "mailSettings": { "host": "ours" } } }));
    let object = rig.wait(PLURAL, "newer", "Conflict").await;
    assert!(
        message(&object).contains("DssGeneralSettings team/older declares setting mailSettings/host too"),
        "{object:#}"
    );
    rig.server.delete(PLURAL, "team", "older");
    rig.gone(PLURAL, "older").await;
    rig.wait(PLURAL, "newer", "InSync").await;
    assert_eq!(rig.general_settings()["mailSettings"]["host"], "ours");
    rig.server.delete(PLURAL, "team", "newer");
    rig.gone(PLURAL, "newer").await;
    assert_eq!(rig.general_settings()["mailSettings"]["host"], "");
    assert_eq!(rig.node.count("D30"), 2, "the hand-over writes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_cannot_be_declared_say_why_and_write_nothing() {
    let rig = Rig::dss().await;
    let twice =
        json!({ "settings": { "ldapSettings": { "bindPassword": "" } }, "secretSettings": bind_password("bind") });
    let inner = json!({ "settings": { "limits": [1] }, "secretSettings": [
        { "path": "/limits/a", "valueSecretRef": { "name": "bind", "key": "password" } },
    ] });
    let cases = [
        (
            "rules",
            json!({ "settings": { "impersonation": { "userRules": [] } } }),
            "DssImpersonationRule",
        ),
        (
            "no-rules",
            json!({ "settings": { "impersonation": null } }),
            "DssImpersonationRule",
        ),
        (
            "plain",
            json!({ "settings": { "ldapSettings": { "bindPassword": "x" } } }),
            "looks like a secret",
        ),
        (
            "listed",
            json!({ "settings": { "limits": [{ "apiToken": "x" }] } }),
            "looks like a secret",
        ),
        ("twice", twice, "in settings and in secretSettings"),
        ("inner", inner, "part of another"),
        (
            "blocked",
            json!({ "settings": { "studioExternalUrl": "x", "security": { "secureCookies": { "a": 1 } } } }),
            "cannot be set",
        ),
    ];
    for (name, spec, _) in &cases {
        rig.settings(name, spec.clone());
    }
    for (name, _, why) in cases {
        let object = rig.wait(PLURAL, name, "Invalid").await;
        assert!(message(&object).contains(why), "{name}: {object:#}");
    }
    assert_eq!(rig.node.count("D30"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_login_of_the_last_administrators_is_not_closed() {
    let rig = Rig::dss().await;
    let users = rig.node.state_at("/users").unwrap();
    let mut patch = serde_json::Map::new();
    for login in users.as_object().unwrap().keys() {
        patch.insert(login.clone(), json!({ "sourceType": "LDAP" }));
    }
    rig.node.patch_state(json!({ "users": patch })).unwrap();
    rig.settings_by_hand(json!({ "ldapSettings": { "enabled": true } }));
    rig.swept().await;
    rig.settings("ldap", json!({ "settings": { "ldapSettings": { "enabled": false } } }));
    let object = rig.wait(PLURAL, "ldap", "Guarded").await;
    assert!(!message(&object).is_empty());
    assert_eq!(rig.node.count("D30"), 0);
    rig.node
        .patch_state(json!({ "users": { "admin": { "sourceType": "LOCAL" } } }))
        .unwrap();
    rig.wait(PLURAL, "ldap", "InSync").await;
    assert_eq!(rig.general_settings()["ldapSettings"]["enabled"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_wrote_between_the_plan_and_the_write_comes_back() {
    let rig = Rig::dss().await;
    rig.settings_by_hand(json!({ "mailSettings": { "port": 2525 } }));
    rig.swept().await;
    // The first write of the status records the plan, before the document is written.
    let slow = Rule::new(Action::Delay(Duration::from_secs(3)));
    rig.server.fault(slow.path(PLURAL).subresource("status").times(1));
    rig.settings("base", json!({ "settings": { "mailSettings": { "port": 25 } } }));
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(rig.node.count("D30"), 0, "it is not recorded yet");
    rig.settings_by_hand(json!({ "mailSettings": { "port": 587 } }));
    rig.wait(PLURAL, "base", "InSync").await;
    assert_eq!(rig.general_settings()["mailSettings"]["port"], 25);
    rig.server.delete(PLURAL, "team", "base");
    rig.gone(PLURAL, "base").await;
    assert_eq!(rig.general_settings()["mailSettings"]["port"], 587);
}
