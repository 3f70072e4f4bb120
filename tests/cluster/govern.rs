//! Role assignments: one document of many, and what is assumed of Govern.

use std::time::Duration;

use serde_json::{Value, json};
use testbed::simulator::Product;
use tokio::time::Instant;

use crate::bed::{Bed, LOG, PATIENCE, merged, object};

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

/// Somebody saves the rules of another role. Govern has no conditional write: a save that falls between a read and the write
/// that follows it is lost. This hand keeps clear of that: it does not save while the last that was asked is a read.
async fn save_by_hand(bed: &Bed, rules: &[Value]) {
    let mut since = (0, Instant::now());
    loop {
        let log = bed.remote.requests().log;
        let last = log
            .iter()
            .rfind(|call| ["G49", "G50", "G51"].contains(&call.operation.as_str()));
        let seq = last.map_or(0, |last| last.seq);
        if since.0 != seq {
            since = (seq, Instant::now());
        }
        let written = last.is_none_or(|last| last.operation != "G50" && last.status != 0);
        if written || since.1.elapsed() > Duration::from_secs(2) {
            bed.remote.patch_state(patch("ro.reader", rules)).unwrap();
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_objects_and_a_person_write_one_document_and_nobody_loses_a_rule() {
    let bed = Bed::govern("hundred").await;
    bed.remote.patch_state(patch(ROLE, &[rule("theirs")])).unwrap();
    bed.sweeps(1).await;
    bed.remote.reset_requests();
    let names: Vec<_> = (0..100).map(|n| format!("person-{n:03}")).collect();
    let applying = async {
        let all: Vec<_> = names.iter().map(|name| assignment(name, json!({}))).collect();
        futures::future::join_all(all.iter().map(|object| bed.apply(object))).await;
    };
    let by_hand = async {
        let mut rules = Vec::new();
        for n in 0..20 {
            rules.push(rule(&format!("hand-{n:02}")));
            save_by_hand(&bed, &rules).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::join!(applying, by_hand);
    for name in &names {
        in_sync(&bed, name).await;
    }
    let mut everybody = names.clone();
    everybody.push("theirs".to_owned());
    assert_eq!(holders(&bed, ROLE), everybody);
    let hands: Vec<_> = (0..20).map(|n| format!("hand-{n:02}")).collect();
    assert_eq!(holders(&bed, "ro.reader"), hands);
    let counts = bed.remote.requests().counts;
    println!("writes and reads of the document for 100 objects: {counts:?}");
    assert!(bed.remote.writes() <= 30, "{counts:?}");
    bed.sweeps(1).await;
    bed.remote.reset_requests();
    bed.sweeps(1).await;
    assert_eq!(bed.remote.writes(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_comes_between_look_and_create_is_no_error() {
    let bed = Bed::govern("between").await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_role_and_a_blueprint_that_come_later_are_waited_for() {
    let bed = Bed::govern("later").await;
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

#[tokio::test(flavor = "multi_thread")]
async fn the_document_goes_with_its_last_rule_only_if_we_made_it() {
    let bed = Bed::govern("lastrule").await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_two_objects_declare_goes_with_the_last_of_them() {
    let bed = Bed::govern("shared").await;
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

#[tokio::test(flavor = "multi_thread")]
async fn exact_leaves_what_others_declare_and_a_second_one_is_a_conflict() {
    let bed = Bed::govern("exact").await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_is_declared_no_more_is_withdrawn_if_we_added_it() {
    let bed = Bed::govern("withdrawn").await;
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

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_rule_is_no_trouble_of_others() {
    let bed = Bed::govern("badrule").await;
    bed.remote.switch("A34", json!("typed")).unwrap();
    let typed = json!({ "rules": [{ "users": ["good"], "criteria": [{ "type": "made-up", "value": 1 }] }] });
    let untyped = json!({ "rules": [{ "users": ["bad"], "criteria": [{ "value": 1 }] }] });
    for (name, extra) in [("bad", untyped), ("good", typed), ("plain", json!({}))] {
        bed.apply(&assignment(name, extra)).await;
    }
    in_sync(&bed, "good").await;
    in_sync(&bed, "plain").await;
    bed.wait("GovernRoleAssignment", "bad", "Ready=False/Rejected").await;
    assert_eq!(holders(&bed, ROLE), ["good", "plain"]);
    bed.remote.switch("A34", json!("opaque")).unwrap();
    in_sync(&bed, "bad").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_assumed_of_rules_and_roles_may_be_otherwise() {
    for (a33, a52) in [("prefixed", "filled"), ("verbatim", "empty")] {
        let bed = Bed::govern(&format!("assumed-{a33}")).await;
        bed.remote.switch("A33", json!(a33)).unwrap();
        bed.remote.switch("A52", json!(a52)).unwrap();
        // The id of a role is what the node made of the identifier; it is taken as it is.
        let role = if a33 == "prefixed" { "ro.auditor" } else { "auditor" };
        let made = json!({ "roles": { role: { "id": role, "label": "Auditor", "description": "" } } });
        bed.remote.patch_state(made).unwrap();
        bed.apply(&assignment("jane", json!({ "roleId": role }))).await;
        in_sync(&bed, "jane").await;
        assert_eq!(
            document(&bed).unwrap()["roleAssignmentsRules"][role],
            json!([rule("jane")])
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_is_deleted_under_its_rules_is_waited_for() {
    for a37 in ["dangling", "removed"] {
        let bed = Bed::govern(&format!("a37-{a37}")).await;
        bed.remote.switch("A37", json!(a37)).unwrap();
        bed.apply(&assignment("jane", json!({}))).await;
        in_sync(&bed, "jane").await;
        delete_role(&bed, 200).await;
        bed.remote.reset_requests();
        bed.wait("GovernRoleAssignment", "jane", "Ready=False/DependencyNotReady")
            .await;
        bed.sweeps(1).await;
        assert_eq!(bed.remote.writes(), 0, "{a37}");
        let role = json!({ "roles": { ROLE: { "id": ROLE, "label": "Again", "description": "" } } });
        bed.remote.patch_state(role).unwrap();
        in_sync(&bed, "jane").await;
        assert_eq!(holders(&bed, ROLE), ["jane"], "{a37}");
    }
    let bed = Bed::govern("a37-refuse").await;
    bed.remote.switch("A37", json!("refuse")).unwrap();
    bed.apply(&assignment("jane", json!({}))).await;
    in_sync(&bed, "jane").await;
    delete_role(&bed, 400).await;
    bed.sweeps(1).await;
    in_sync(&bed, "jane").await;
}

/// Somebody deletes the role by the API, as another tool would.
async fn delete_role(bed: &Bed, status: u16) {
    let url = format!("{}/dip/publicapi/admin/role/{ROLE}", bed.remote.url());
    let call = reqwest::Client::new()
        .delete(url)
        .basic_auth(bed.remote.api_key(), Some(""));
    let answer = call.send().await.unwrap();
    assert_eq!(answer.status().is_success(), status == 200, "{}", answer.status());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connection_shows_admin_and_architect_rights() {
    let bed = Bed::start_for(Product::Govern, "rights", &[], LOG).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn exact_asks_only_objects_that_the_connection_allows() {
    let bed = Bed::govern("allowed").await;
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
