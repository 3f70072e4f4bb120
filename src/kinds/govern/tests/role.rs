use serde_json::{Value, json};

use super::{InstanceConfig, Product, Rig};

const ROLES: &str = "governroles";
const ASSIGNMENTS: &str = "governroleassignments";
const BLUEPRINT: &str = "bp.system.business_initiative";

impl Rig {
    fn role(&self, name: &str, mut spec: Value) {
        spec["instanceRef"] = json!({ "name": "govern" });
        self.create("GovernRole", name, spec);
    }

    fn assignment(&self, name: &str, mut spec: Value) {
        spec["instanceRef"] = json!({ "name": "govern" });
        spec["blueprintId"] = json!(BLUEPRINT);
        self.create("GovernRoleAssignment", name, spec);
    }

    fn rules_of(&self, role: &str) -> usize {
        let rules = self.at(&format!("/roleAssignments/{BLUEPRINT}/roleAssignmentsRules/{role}"));
        rules.as_array().map_or(0, Vec::len)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_created_edited_repaired_and_deleted_under_the_id_that_the_node_gave() {
    for (form, id) in [("prefixed", "ro.risk_owner"), ("verbatim", "risk_owner")] {
        let rig = Rig::with(InstanceConfig::new(Product::Govern).switch("A33", json!(form))).await;
        let definition = json!({ "icon": { "name": "shield", "size": 2 }, "tags": ["a"] });
        rig.role(
            "risk-owner",
            json!({ "identifier": "risk_owner", "label": "Risk owner", "description": "d", "definition": definition }),
        );
        let object = rig.wait(ROLES, "risk-owner", "InSync").await;
        assert_eq!(object["status"]["remote"]["id"], id);
        let at = format!("/roles/{id}");
        let expected = json!({
            "id": id, "label": "Risk owner", "description": "d",
            "icon": { "name": "shield", "size": 2 }, "tags": ["a"],
        });
        assert_eq!(rig.at(&at), expected);
        assert_eq!((rig.node.count("G44"), rig.node.count("G46")), (1, 1));
        rig.node
            .patch_state(json!({ "roles": { id: { "icon": { "name": "other", "theirs": true } } } }))
            .unwrap();
        rig.until("the repair", || rig.at(&at)["icon"]["name"] == "shield")
            .await;
        assert_eq!(rig.at(&at)["icon"]["theirs"], true);
        rig.swept().await;
        assert_eq!((rig.node.count("G44"), rig.node.count("G46")), (1, 2));
        rig.server.delete(ROLES, "team", "risk-owner");
        rig.gone(ROLES, "risk-owner").await;
        assert_eq!(rig.at(&at), Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_whose_creation_was_not_recorded_is_found_again() {
    let mut rig = Rig::govern().await;
    let late = json!({ "kind": "late", "millis": 2000 });
    rig.node
        .fault(json!({ "match": { "operation": "G44" }, "fault": late }));
    rig.role("auditor", json!({ "label": "Auditor" }));
    rig.until("the creation", || rig.node.count("G44") == 1).await;
    rig.kill().await;
    rig.until("the role", || rig.at("/roles/ro.auditor") != Value::Null)
        .await;
    rig.start().await;
    let object = rig.wait(ROLES, "auditor", "InSync").await;
    assert_eq!(object["status"]["remote"]["id"], "ro.auditor");
    assert_eq!(object["status"]["remote"]["origin"], "Created");
    assert_eq!(rig.node.count("G44"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_of_others_is_left_alone_unless_it_is_adopted() {
    let rig = Rig::govern().await;
    rig.node
        .patch_state(json!({ "roles": { "ro.pm": { "id": "ro.pm", "label": "PM", "description": null } } }))
        .unwrap();
    rig.role("pm", json!({ "label": "Ours" }));
    rig.wait(ROLES, "pm", "AlreadyExists").await;
    assert_eq!(rig.node.writes(), 0);
    rig.server
        .patch(ROLES, "team", "pm", json!({ "spec": { "adoptionPolicy": "Adopt" } }));
    rig.wait(ROLES, "pm", "InSync").await;
    assert_eq!(rig.at("/roles/ro.pm")["label"], "Ours");
    rig.server.delete(ROLES, "team", "pm");
    rig.gone(ROLES, "pm").await;
    assert_ne!(rig.at("/roles/ro.pm"), Value::Null);
    rig.role("bad", json!({ "definition": { "label": "x" } }));
    let object = rig.wait(ROLES, "bad", "Invalid").await;
    assert!(Rig::message(&object).contains("label does not belong there"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_the_definition_that_leaves_the_spec_is_withdrawn_and_what_was_there_comes_back() {
    let mut rig = Rig::govern().await;
    let theirs = json!({
        "id": "ro.pm", "label": "PM", "description": null, "approver": false, "tags": ["theirs"], "same": 1, "icon": { "size": 3 },
    });
    rig.node.patch_state(json!({ "roles": { "ro.pm": theirs } })).unwrap();
    let definition = json!({
        "approver": true, "tags": ["ours"], "same": 1, "icon": { "name": "shield" }, "scope": { "all": { "fields": true } },
    });
    rig.role("pm", json!({ "adoptionPolicy": "Adopt", "definition": definition }));
    rig.wait(ROLES, "pm", "InSync").await;
    assert_eq!(rig.at("/roles/ro.pm")["approver"], true);
    assert_eq!(rig.at("/roles/ro.pm")["scope"], json!({ "all": { "fields": true } }));
    // What it replaced is in the status, whatever happens to the process.
    rig.kill().await;
    rig.start().await;
    let dropped = json!({ "spec": { "definition": { "approver": null, "same": null, "icon": null, "scope": null } } });
    // A null of a merge patch removes the key from the spec.
    rig.server.patch(ROLES, "team", "pm", dropped);
    rig.until("the withdrawal", || rig.at("/roles/ro.pm")["approver"] == false)
        .await;
    rig.wait(ROLES, "pm", "InSync").await;
    let mut expected = theirs.clone();
    expected["tags"] = json!(["ours"]);
    assert_eq!(rig.at("/roles/ro.pm"), expected);
    let writes = rig.node.writes();
    assert_eq!(writes, 2);
    rig.swept().await;
    // By now it is somebody else's.
    rig.node
        .patch_state(json!({ "roles": { "ro.pm": { "approver": true } } }))
        .unwrap();
    rig.swept().await;
    assert_eq!(rig.node.writes(), writes);
    rig.server
        .patch(ROLES, "team", "pm", json!({ "spec": { "definition": null } }));
    rig.until("the rest", || rig.at("/roles/ro.pm")["tags"] == json!(["theirs"]))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_the_node_lists_without_an_id_holds_up_no_other_one() {
    for form in ["prefixed", "verbatim"] {
        let rig = Rig::with(InstanceConfig::new(Product::Govern).switch("A33", json!(form))).await;
        let odd = json!({ "kind": "elements", "append": [{ "id": 7 }, 7] });
        rig.node
            .fault(json!({ "match": { "operation": "G43" }, "times": 0, "fault": odd }));
        rig.role("auditor", json!({ "label": "Auditor" }));
        rig.wait(ROLES, "auditor", "InSync").await;
        assert_eq!(rig.node.count("G44"), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assignment_waits_for_its_role_and_the_role_outlives_it() {
    let rig = Rig::govern().await;
    let rules = json!([{ "users": ["jane"] }]);
    rig.assignment("by-name", json!({ "roleRef": { "name": "auditor" }, "rules": rules }));
    let object = rig.wait(ASSIGNMENTS, "by-name", "DependencyNotReady").await;
    assert!(
        Rig::message(&object).contains("GovernRole auditor does not exist yet"),
        "{object:#}"
    );
    rig.role("auditor", json!({ "label": "Auditor" }));
    rig.wait(ASSIGNMENTS, "by-name", "InSync").await;
    assert_eq!(rig.rules_of("ro.auditor"), 1);
    rig.server.delete(ROLES, "team", "auditor");
    rig.until("the wait", || {
        let object = rig.server.get(ROLES, "team", "auditor");
        let message = Rig::message(&object);
        message.contains("still needed by GovernRoleAssignment team/by-name") && message.contains(BLUEPRINT)
    })
    .await;
    rig.server.delete(ASSIGNMENTS, "team", "by-name");
    rig.gone(ASSIGNMENTS, "by-name").await;
    assert_eq!(rig.rules_of("ro.auditor"), 0);
    rig.gone(ROLES, "auditor").await;
    assert_eq!(rig.at("/roles/ro.auditor"), Value::Null);
    assert_eq!(rig.node.count("G47"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_waits_for_rules_that_somebody_else_has_on_the_node() {
    let rig = Rig::govern().await;
    rig.role("auditor", json!({}));
    rig.wait(ROLES, "auditor", "InSync").await;
    let rule = json!({ "criteria": [], "fieldIds": [], "userContainers": [{ "type": "user", "login": "admin" }] });
    let document = |rules: Value| json!({ "roleAssignments": { BLUEPRINT: { "blueprintId": BLUEPRINT, "roleAssignmentsRules": { "ro.auditor": rules } } } });
    rig.node.patch_state(document(json!([rule]))).unwrap();
    rig.server.delete(ROLES, "team", "auditor");
    rig.until("the wait", || {
        Rig::message(&rig.server.get(ROLES, "team", "auditor")).contains("still needed by rules on blueprint")
    })
    .await;
    assert_ne!(rig.at("/roles/ro.auditor"), Value::Null);
    rig.node.patch_state(document(Value::Null)).unwrap();
    rig.gone(ROLES, "auditor").await;
    assert_eq!(rig.at("/roles/ro.auditor"), Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assignment_by_name_survives_a_restart_and_withdraws_without_its_role_object() {
    let mut rig = Rig::govern().await;
    rig.role("auditor", json!({ "deletionPolicy": "Retain" }));
    rig.assignment(
        "by-name",
        json!({ "roleRef": { "name": "auditor" }, "rules": [{ "groups": ["readers"] }] }),
    );
    rig.wait(ASSIGNMENTS, "by-name", "InSync").await;
    let writes = rig.node.writes();
    rig.kill().await;
    rig.start().await;
    rig.swept().await;
    assert_eq!(rig.node.writes(), writes);
    rig.server.delete(ROLES, "team", "auditor");
    rig.gone(ROLES, "auditor").await;
    rig.swept().await;
    assert_eq!(rig.rules_of("ro.auditor"), 1);
    rig.server.delete(ASSIGNMENTS, "team", "by-name");
    rig.gone(ASSIGNMENTS, "by-name").await;
    assert_eq!(rig.rules_of("ro.auditor"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn inheritance_is_set_repaired_and_restored_and_has_one_owner() {
    let rig = Rig::govern().await;
    let at = |member: &str| rig.at(&format!("/roleAssignments/{BLUEPRINT}/{member}"));
    let document = json!({ "blueprintId": BLUEPRINT, "inheritBlueprintId": "bp.old", "roleAssignmentsRules": {} });
    rig.node
        .patch_state(json!({ "roleAssignments": { BLUEPRINT: document } }))
        .unwrap();
    let inherit = json!({ "blueprintId": "bp.system.dataiku_project", "artifactFieldId": "parent" });
    rig.assignment("older", json!({ "roleId": "ro.reader", "inherit": inherit }));
    rig.wait(ASSIGNMENTS, "older", "InSync").await;
    assert_eq!(at("inheritBlueprintId"), "bp.system.dataiku_project");
    assert_eq!(at("inheritArtifactFieldId"), "parent");
    let writes = rig.node.count("G51");
    rig.swept().await;
    assert_eq!((writes, rig.node.count("G51")), (1, 1));
    rig.node
        .patch_state(json!({ "roleAssignments": { BLUEPRINT: { "inheritArtifactFieldId": "other" } } }))
        .unwrap();
    rig.until("the repair", || at("inheritArtifactFieldId") == "parent")
        .await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    rig.assignment(
        "newer",
        json!({ "roleId": "ro.reader", "inherit": { "artifactFieldId": "x" } }),
    );
    let object = rig.wait(ASSIGNMENTS, "newer", "Conflict").await;
    assert!(
        Rig::message(&object).contains("team/older declares inherit"),
        "{object:#}"
    );
    rig.server.delete(ASSIGNMENTS, "team", "newer");
    rig.gone(ASSIGNMENTS, "newer").await;
    rig.server.delete(ASSIGNMENTS, "team", "older");
    rig.gone(ASSIGNMENTS, "older").await;
    assert_eq!(at("inheritBlueprintId"), "bp.old");
    assert!(at("inheritArtifactFieldId").is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_rules_and_exact_leave_the_role_to_nobody_and_a_document_for_inheritance_alone_goes_again() {
    let rig = Rig::govern().await;
    let rule = json!({ "criteria": [], "fieldIds": [], "userContainers": [{ "type": "user", "login": "admin" }] });
    let document =
        json!({ "blueprintId": BLUEPRINT, "roleAssignmentsRules": { "ro.reader": [rule], "ro.contributor": [rule] } });
    rig.node
        .patch_state(json!({ "roleAssignments": { BLUEPRINT: document } }))
        .unwrap();
    rig.assignment(
        "nobody",
        json!({ "roleId": "ro.reader", "rules": [], "rulesPolicy": "Exact" }),
    );
    rig.wait(ASSIGNMENTS, "nobody", "InSync").await;
    // The lists of the last sweep may be older than the rule.
    rig.until("the withdrawal", || rig.rules_of("ro.reader") == 0).await;
    assert_eq!(rig.rules_of("ro.contributor"), 1);
    rig.node
        .patch_state(json!({ "roleAssignments": { BLUEPRINT: null } }))
        .unwrap();
    rig.assignment(
        "parent",
        json!({ "roleId": "ro.reader", "inherit": { "artifactFieldId": "parent" } }),
    );
    rig.wait(ASSIGNMENTS, "parent", "InSync").await;
    rig.server.delete(ASSIGNMENTS, "team", "parent");
    rig.gone(ASSIGNMENTS, "parent").await;
    assert_eq!(rig.at(&format!("/roleAssignments/{BLUEPRINT}")), Value::Null);
}
