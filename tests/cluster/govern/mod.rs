//! Role assignments: one document of many, and what is assumed of Govern.

mod assumed;
mod crowd;
mod rewritten;
mod size;

use std::time::Duration;

use serde_json::{Value, json};
use testbed::simulator::Product;

use crate::bed::{Bed, LOG, PATIENCE, merged, object};
use crate::ground::Ground;

const BLUEPRINT: &str = "bp.system.business_initiative";
const ROLE: &str = "ro.project_manager";

/// Gives the role to a user of the object's own name.
fn assignment(name: &str, extra: Value) -> Value {
    let spec = json!({
        "instanceRef": { "name": "govern" }, "blueprintId": BLUEPRINT, "roleId": ROLE, "rules": [{ "users": [name] }],
    });
    object("GovernRoleAssignment", name, merged(spec, extra))
}

fn rule(login: &str) -> Value {
    json!({ "criteria": [], "fieldIds": [], "userContainers": [{ "type": "user", "login": login }] })
}

fn patch(role: &str, rules: &[Value]) -> Value {
    json!({ "roleAssignments": { BLUEPRINT: { "blueprintId": BLUEPRINT, "roleAssignmentsRules": { role: rules } } } })
}

fn document(bed: &Bed) -> Option<Value> {
    bed.remote.state_at(&format!("/roleAssignments/{BLUEPRINT}"))
}

/// Who has the role by a rule alone, sorted.
fn holders(bed: &Bed, role: &str) -> Vec<String> {
    let rules = document(bed).map(|document| document["roleAssignmentsRules"][role].clone());
    let rules = rules.and_then(|rules| rules.as_array().cloned()).unwrap_or_default();
    let logins = rules
        .iter()
        .map(|rule| rule["userContainers"][0]["login"].as_str().unwrap().to_owned());
    let mut logins: Vec<_> = logins.collect();
    logins.sort();
    logins
}

async fn in_sync(bed: &Bed, name: &str) -> Value {
    bed.wait("GovernRoleAssignment", name, "Ready=True/InSync").await
}

async fn delete(bed: &Bed, name: &str) {
    bed.namespace.delete("GovernRoleAssignment", name).await.unwrap();
    bed.namespace
        .wait_gone("GovernRoleAssignment", name, PATIENCE)
        .await
        .unwrap();
}

in_memory!(a_document_that_comes_between_look_and_create_is_no_error);
async fn a_document_that_comes_between_look_and_create_is_no_error(ground: &Ground) {
    let bed = ground.govern("between").await;
    bed.remote.fault(json!({
        "match": { "operation": "G49" },
        "fault": { "kind": "edit", "when": "before", "patch": patch(ROLE, &[rule("theirs")]) },
    }));
    bed.apply(&assignment("jane", json!({}))).await;
    in_sync(&bed, "jane").await;
    assert_eq!(holders(&bed, ROLE), ["jane", "theirs"]);
    assert_eq!((bed.remote.count("G49"), bed.remote.count("G51")), (1, 1));
    delete(&bed, "jane").await;
    assert_eq!(holders(&bed, ROLE), ["theirs"]);
}

in_memory!(a_role_and_a_blueprint_that_come_later_are_waited_for);
async fn a_role_and_a_blueprint_that_come_later_are_waited_for(ground: &Ground) {
    let bed = ground.govern("later").await;
    let later = json!({ "blueprintId": "bp.later", "roleId": "ro.later" });
    bed.apply(&assignment("jane", later)).await;
    let object = bed
        .wait("GovernRoleAssignment", "jane", "Ready=False/DependencyNotReady")
        .await;
    assert_eq!(
        object["status"]["plan"],
        json!([
            "blueprint bp.later does not exist yet",
            "role ro.later does not exist yet"
        ])
    );
    assert_eq!(object["status"].get("applied"), None, "nothing is ours yet");
    assert_eq!(bed.remote.writes(), 0);
    bed.remote
        .patch_state(json!({
            "roles": { "ro.later": { "id": "ro.later", "label": "Later", "description": "" } },
            "blueprints": { "bp.later": { "blueprint": { "id": "bp.later", "name": "Later" } } },
        }))
        .unwrap();
    in_sync(&bed, "jane").await;
    assert_eq!(bed.remote.count("G49"), 1);
}

in_memory!(the_document_goes_with_its_last_rule_only_if_we_made_it);
async fn the_document_goes_with_its_last_rule_only_if_we_made_it(ground: &Ground) {
    let bed = ground.govern("lastrule").await;
    bed.apply(&assignment("jane", json!({}))).await;
    in_sync(&bed, "jane").await;
    bed.apply(&assignment("max", json!({}))).await;
    in_sync(&bed, "max").await;
    // Whoever did not make the document learns with the next look that it is ours.
    bed.sweeps(2).await;
    delete(&bed, "jane").await;
    assert_eq!(holders(&bed, ROLE), ["max"]);
    delete(&bed, "max").await;
    assert_eq!(document(&bed), None, "made by us, and nothing is left in it");

    // The same where the two are about different roles.
    bed.apply(&assignment("maker", json!({}))).await;
    in_sync(&bed, "maker").await;
    bed.apply(&assignment("reader", json!({ "roleId": "ro.reader" }))).await;
    in_sync(&bed, "reader").await;
    bed.sweeps(2).await;
    delete(&bed, "maker").await;
    delete(&bed, "reader").await;
    assert_eq!(document(&bed), None);

    bed.remote.patch_state(patch("ro.reader", &[])).unwrap();
    bed.sweeps(1).await;
    bed.apply(&assignment("jane", json!({}))).await;
    in_sync(&bed, "jane").await;
    delete(&bed, "jane").await;
    assert_eq!(
        document(&bed).unwrap()["roleAssignmentsRules"],
        json!({ "ro.reader": [] })
    );
    assert_eq!(bed.remote.count("G52"), 2);
}

in_memory!(a_rule_that_two_objects_declare_goes_with_the_last_of_them);
async fn a_rule_that_two_objects_declare_goes_with_the_last_of_them(ground: &Ground) {
    let bed = ground.govern("shared").await;
    let same = json!({ "rules": [{ "users": ["jane"] }] });
    bed.apply(&assignment("first", same.clone())).await;
    in_sync(&bed, "first").await;
    bed.apply(&assignment("second", same)).await;
    in_sync(&bed, "second").await;
    bed.sweeps(2).await;
    bed.remote.reset_requests();
    delete(&bed, "first").await;
    assert_eq!(bed.remote.writes(), 0, "the other one still declares it");
    assert_eq!(holders(&bed, ROLE), ["jane"]);
    delete(&bed, "second").await;
    assert_eq!(holders(&bed, ROLE), Vec::<String>::new());
}

in_memory!(exact_leaves_what_others_declare_and_a_second_one_is_a_conflict);
async fn exact_leaves_what_others_declare_and_a_second_one_is_a_conflict(ground: &Ground) {
    let bed = ground.govern("exact").await;
    bed.remote
        .patch_state(patch(ROLE, &[rule("by-hand"), rule("found")]))
        .unwrap();
    bed.sweeps(1).await;
    bed.apply(&assignment("loose", json!({}))).await;
    in_sync(&bed, "loose").await;
    let exact = json!({ "rulesPolicy": "Exact", "rules": [{ "users": ["found"] }, { "users": ["exact"] }] });
    bed.apply(&assignment("exact", exact)).await;
    in_sync(&bed, "exact").await;
    assert_eq!(holders(&bed, ROLE), ["exact", "found", "loose"]);

    tokio::time::sleep(Duration::from_millis(1100)).await;
    bed.apply(&assignment("younger", json!({ "rulesPolicy": "Exact" })))
        .await;
    bed.wait("GovernRoleAssignment", "younger", "Ready=False/Conflict")
        .await;
    let message = bed.message("GovernRoleAssignment", "younger").await;
    assert!(
        message.contains(&format!("{}/exact", bed.namespace.name())),
        "{message}"
    );
    bed.sweeps(1).await;
    assert_eq!(holders(&bed, ROLE), ["exact", "found", "loose"]);
    delete(&bed, "exact").await;
    in_sync(&bed, "younger").await;
    assert_eq!(
        holders(&bed, ROLE),
        ["loose", "younger"],
        "what was found is declared by nobody now, and the younger wants no other"
    );
}

in_memory!(a_rule_that_is_declared_no_more_is_withdrawn_if_we_added_it);
async fn a_rule_that_is_declared_no_more_is_withdrawn_if_we_added_it(ground: &Ground) {
    let bed = ground.govern("withdrawn").await;
    bed.remote.patch_state(patch(ROLE, &[rule("found")])).unwrap();
    bed.sweeps(1).await;
    let rules = |logins: &[&str]| {
        let rules: Vec<_> = logins.iter().map(|login| json!({ "users": [login] })).collect();
        json!({ "rules": rules })
    };
    bed.apply(&assignment("jane", rules(&["jane", "max", "found"]))).await;
    in_sync(&bed, "jane").await;
    assert_eq!(holders(&bed, ROLE), ["found", "jane", "max"]);
    bed.apply(&assignment("jane", rules(&["jane"]))).await;
    in_sync(&bed, "jane").await;
    assert_eq!(holders(&bed, ROLE), ["found", "jane"]);
}

in_memory!(the_connection_shows_admin_and_architect_rights);
async fn the_connection_shows_admin_and_architect_rights(ground: &Ground) {
    let bed = ground.start_for(Product::Govern, "rights", &[], LOG).await;
    bed.connect().await;
    let instance = bed.namespace.get("GovernInstance", "govern").await.unwrap();
    let status = &instance["status"];
    assert_eq!(status["identity"]["admin"], true);
    assert_eq!(status["identity"]["architect"], true);
    assert_eq!(status["node"]["type"], "GOVERN");
    let users = bed.remote.state_at("/users").unwrap().as_object().unwrap().len();
    assert_eq!(status["users"]["total"], users);

    bed.namespace
        .secret("govern-admin", &[("apiKey", bed.remote.non_admin_api_key())])
        .await
        .unwrap();
    let instance = bed.wait("GovernInstance", "govern", "Ready=False/Forbidden").await;
    assert_eq!(instance["status"]["identity"]["admin"], false);
    assert_eq!(instance["status"]["identity"]["architect"], false);
    let message = bed.message("GovernInstance", "govern").await;
    assert!(message.contains("lacks the admin and the architect right"), "{message}");
    bed.apply(&assignment("jane", json!({}))).await;
    bed.wait("GovernRoleAssignment", "jane", "Ready=False/DependencyNotReady")
        .await;
}

in_cluster!(exact_asks_only_objects_that_the_connection_allows);
async fn exact_asks_only_objects_that_the_connection_allows(ground: &Ground) {
    let bed = ground.govern("allowed").await;
    let elsewhere = testbed::Namespace::create("elsewhere").await.unwrap();
    let home = bed.namespace.name();
    let mut theirs = assignment(
        "theirs",
        json!({ "instanceRef": { "name": "govern", "namespace": home } }),
    );
    theirs["metadata"]["namespace"] = json!(elsewhere.name());
    bed.remote.patch_state(patch(ROLE, &[rule("theirs")])).unwrap();
    bed.sweeps(1).await;
    elsewhere.apply_object(&theirs).await.unwrap();
    bed.apply(&assignment("exact", json!({ "rulesPolicy": "Exact" }))).await;
    in_sync(&bed, "exact").await;
    assert_eq!(
        holders(&bed, ROLE),
        ["exact"],
        "an object that may not use the connection keeps nothing"
    );
}
