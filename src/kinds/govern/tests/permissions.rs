use serde_json::{Value, json};

use super::{InstanceConfig, Product, Rig};

const OWN: &str = "governblueprintpermissions";
const DEFAULT: &str = "governdefaultpermissions";
const BLUEPRINT: &str = "bp.system.dataiku_project";

impl Rig {
    fn own(&self, name: &str, mut spec: Value) {
        spec["instanceRef"] = json!({ "name": "govern" });
        spec["blueprintId"] = json!(BLUEPRINT);
        self.create("GovernBlueprintPermissions", name, spec);
    }

    fn default_permissions(&self, name: &str, permissions: Value) {
        let spec = json!({ "instanceRef": { "name": "govern" }, "permissions": permissions });
        self.create("GovernDefaultPermissions", name, spec);
    }

    fn permissions(&self) -> Value {
        self.at(&format!("/blueprintPermissions/{BLUEPRINT}"))
    }

    fn permissions_by_hand(&self, document: Value) {
        self.node
            .patch_state(json!({ "blueprintPermissions": { BLUEPRINT: document } }))
            .unwrap();
    }

    fn writes_of_permissions(&self) -> u64 {
        ["G54", "G56", "G57", "G59"].iter().map(|id| self.node.count(id)).sum()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn declared_keys_are_set_and_restored_and_the_rest_stays() {
    let rig = Rig::govern().await;
    rig.permissions_by_hand(json!({ "blueprintId": BLUEPRINT, "permissions": { "everyone": { "read": true, "order": [2, 1] }, "roles": {} }, "other": 1.50 }));
    let before = rig.permissions();
    rig.own(
        "base",
        json!({ "permissions": { "everyone": { "read": false }, "roles": { "ro.pm": { "write": true } } } }),
    );
    rig.wait(OWN, "base", "InSync").await;
    let mut expected = before.clone();
    expected["permissions"]["everyone"]["read"] = json!(false);
    expected["permissions"]["roles"] = json!({ "ro.pm": { "write": true } });
    assert_eq!(rig.permissions().to_string(), expected.to_string());
    rig.swept().await;
    assert_eq!(rig.writes_of_permissions(), 1);
    rig.permissions_by_hand(json!({ "permissions": { "everyone": { "read": true, "theirs": 1 } } }));
    rig.until("the repair", || {
        rig.permissions()["permissions"]["everyone"]["read"] == false
    })
    .await;
    rig.permissions_by_hand(json!({ "permissions": { "everyone": { "theirs": null } } }));
    rig.server.delete(OWN, "team", "base");
    rig.gone(OWN, "base").await;
    assert_eq!(rig.permissions().to_string(), before.to_string());
    assert_eq!(rig.writes_of_permissions(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blueprint_gets_permissions_of_its_own_and_uses_the_defaults_again_after_the_last_object() {
    let rig = Rig::govern().await;
    rig.node
        .patch_state(json!({ "blueprintPermissions": { BLUEPRINT: null } }))
        .unwrap();
    rig.own("one", json!({ "permissions": { "a": 1 } }));
    rig.own("two", json!({ "permissions": { "b": { "c": [1] } } }));
    for name in ["one", "two"] {
        rig.wait(OWN, name, "InSync").await;
    }
    assert_eq!(
        rig.permissions(),
        json!({ "blueprintId": BLUEPRINT, "permissions": { "a": 1, "b": { "c": [1] } } })
    );
    for name in ["one", "two"] {
        rig.server.delete(OWN, "team", name);
        rig.gone(OWN, name).await;
    }
    assert_eq!(rig.permissions(), Value::Null);
    assert_eq!(rig.node.count("G57"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn use_defaults_takes_the_own_permissions_away_and_brings_them_back() {
    let rig = Rig::govern().await;
    rig.permissions_by_hand(
        json!({ "blueprintId": BLUEPRINT, "permissions": { "everyone": { "read": 1.50, "z": 1, "a": 2 } } }),
    );
    let before = rig.permissions();
    rig.own("defaults", json!({ "useDefaults": true }));
    rig.wait(OWN, "defaults", "InSync").await;
    assert_eq!(rig.permissions(), Value::Null);
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    rig.own("newer", json!({ "permissions": { "a": 1 } }));
    let object = rig.wait(OWN, "newer", "Conflict").await;
    assert!(Rig::message(&object).contains("team/defaults"), "{object:#}");
    rig.server.delete(OWN, "team", "newer");
    rig.gone(OWN, "newer").await;
    rig.swept().await;
    assert_eq!(rig.writes_of_permissions(), 1);
    rig.server.delete(OWN, "team", "defaults");
    rig.gone(OWN, "defaults").await;
    assert_eq!(rig.permissions().to_string(), before.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_the_node_drops_is_written_once_and_a_missing_blueprint_is_waited_for() {
    let rig = Rig::govern().await;
    rig.permissions_by_hand(json!({ "blueprintId": BLUEPRINT, "permissions": { "x": 1 } }));
    let drop = json!({ "blueprintPermissions": { BLUEPRINT: { "permissions": { "odd": null } } } });
    let edit = json!({ "kind": "edit", "when": "after", "patch": drop });
    rig.node
        .fault(json!({ "match": { "operation": "G56" }, "times": 0, "fault": edit }));
    rig.own("odd", json!({ "permissions": { "odd": true } }));
    let object = rig.wait(OWN, "odd", "AcceptedButNotStored").await;
    assert!(Rig::message(&object).contains("permissions/odd"));
    rig.swept().await;
    assert_eq!(rig.writes_of_permissions(), 1);
    let spec = json!({ "instanceRef": { "name": "govern" }, "blueprintId": "bp.none", "useDefaults": true });
    rig.create("GovernBlueprintPermissions", "none", spec);
    let object = rig.wait(OWN, "none", "DependencyNotReady").await;
    assert!(Rig::message(&object).contains("blueprint bp.none does not exist yet"));
}

#[tokio::test(flavor = "multi_thread")]
async fn default_permissions_are_kept_in_the_form_that_the_node_has() {
    for form in ["bare", "wrapped"] {
        let rig = Rig::with(InstanceConfig::new(Product::Govern).switch("A36", json!(form))).await;
        rig.node
            .patch_state(json!({ "defaultPermissions": { "everyone": { "read": true, "n": 1.50 } } }))
            .unwrap();
        let before = rig.at("/defaultPermissions");
        rig.default_permissions(
            "base",
            json!({ "everyone": { "read": false }, "roles": { "ro.pm": { "write": true } } }),
        );
        rig.wait(DEFAULT, "base", "InSync").await;
        let mut expected = before.clone();
        expected["everyone"]["read"] = json!(false);
        expected["roles"]["ro.pm"] = json!({ "write": true });
        assert_eq!(
            rig.at("/defaultPermissions").to_string(),
            expected.to_string(),
            "{form}"
        );
        rig.swept().await;
        assert_eq!(rig.writes_of_permissions(), 1);
        rig.server.delete(DEFAULT, "team", "base");
        rig.gone(DEFAULT, "base").await;
        assert_eq!(rig.at("/defaultPermissions").to_string(), before.to_string(), "{form}");
    }
}
