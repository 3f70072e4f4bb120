//! Rules that Govern stores in another form than they were sent.

use std::time::Duration;

use serde_json::{Value, json};

use super::{ROLE, assignment, delete, rule};
use crate::bed::{Bed, Findings, PATIENCE, merged};
use crate::ground::Ground;

/// The forms that the simulator has; one of them at a time.
const FORMS: [&str; 5] = ["numbers", "texts", "capitals", "filledIn", "reordered"];

fn criteria() -> Value {
    json!([
        { "type": "fieldValue", "fieldId": "risk", "operator": "gt", "value": 5 },
        { "type": "fieldValue", "fieldId": "area", "operator": "eq", "value": { "in": [1, 2] } },
    ])
}

fn blueprint(name: &str) -> String {
    format!("bp.{name}")
}

/// The rules of the role on the blueprint of an object.
fn rules_of(bed: &Bed, name: &str) -> Vec<Value> {
    let rules = bed.remote.state_at(&format!(
        "/roleAssignments/{}/roleAssignmentsRules/{ROLE}",
        blueprint(name)
    ));
    rules.and_then(|rules| rules.as_array().cloned()).unwrap_or_default()
}

/// The rules there that name the user of that name.
fn ours(bed: &Bed, name: &str) -> Vec<Value> {
    let quoted = format!("\"{name}\"");
    let rules = rules_of(bed, name).into_iter();
    rules.filter(|rule| rule.to_string().contains(&quoted)).collect()
}

fn declared(name: &str, extra: Value) -> Value {
    let rules =
        json!([{ "users": [name, "somebody"], "groups": ["a-group"], "fieldIds": ["b", "a"], "criteria": criteria() }]);
    let spec = json!({ "rules": rules, "blueprintId": blueprint(name) });
    assignment(name, merged(spec, extra))
}

/// Waits until the object says either that the rule is there, or that the server stored something else.
async fn at_rest(bed: &Bed, name: &str) {
    let says = |object: &Value| {
        let ready = &object["status"]["conditions"][0];
        ["InSync", "AcceptedButNotStored"].contains(&ready["reason"].as_str().unwrap_or_default())
            && ready["observedGeneration"] == object["metadata"]["generation"]
    };
    let found = bed
        .namespace
        .wait_for("GovernRoleAssignment", name, says, PATIENCE)
        .await;
    found.unwrap();
}

in_memory!(a_rule_that_the_server_rewrites_is_granted_once_and_goes_with_its_object);

/// Each form on a blueprint of its own, with either policy. The server rewrites what is saved; what is not saved again
/// stays in the form that was in force.
async fn a_rule_that_the_server_rewrites_is_granted_once_and_goes_with_its_object(ground: &Ground) {
    let bed = ground.govern("rewritten").await;
    let policies = ["AtLeast", "Exact"];
    let cases = || {
        FORMS
            .into_iter()
            .flat_map(|form| policies.map(|policy| (form, policy, format!("{form}-{policy}").to_lowercase())))
    };
    for (.., name) in cases() {
        let id = blueprint(&name);
        let made = json!({
            "blueprints": { &id: { "blueprint": { "id": id, "name": name } } },
            "roleAssignments": { &id: { "blueprintId": id, "roleAssignmentsRules": { ROLE: [rule("by-hand")] } } },
        });
        bed.remote.patch_state(made).unwrap();
    }
    bed.sweeps(1).await;
    for (form, policy, name) in cases() {
        bed.remote.switch("rules", json!(form)).unwrap();
        bed.apply(&declared(&name, json!({ "rulesPolicy": policy }))).await;
        at_rest(&bed, &name).await;
    }
    let mut findings = Findings::default();
    // Whatever is granted once more now is stored in that form again.
    bed.remote.switch("rules", json!(FORMS[0])).unwrap();
    bed.sweeps(1).await;
    bed.remote.reset_requests();
    bed.sweeps(2).await;
    let counts = bed.remote.requests().counts;
    findings.check(bed.remote.writes() == 0, &format!("written again: {counts:?}"));
    for (form, policy, name) in cases() {
        let rules = ours(&bed, &name);
        findings.check(rules.len() == 1, &format!("{name}: {} rules: {rules:?}", rules.len()));
        let others = rules_of(&bed, &name).len() - rules.len();
        let kept = usize::from(policy == "AtLeast");
        findings.check(others == kept, &format!("{name}: {others} rules of others"));
        bed.remote.switch("rules", json!(form)).unwrap();
        delete(&bed, &name).await;
        let left = ours(&bed, &name);
        findings.check(left.is_empty(), &format!("{name}: left behind: {left:?}"));
        let others = rules_of(&bed, &name).len();
        findings.check(
            others == kept,
            &format!("{name}: {others} rules of others after the deletion"),
        );
    }
    findings.none();
}

in_memory!(a_rule_that_was_found_in_another_form_stays);

/// Equal by value, in another form: 5 as 5.0, keys, fields and containers in another order.
async fn a_rule_that_was_found_in_another_form_stays(ground: &Ground) {
    let bed = ground.govern("foundform").await;
    let mut findings = Findings::default();
    let theirs = json!({
        "userContainers": [
            { "groupName": "a-group", "type": "group" }, { "login": "somebody", "type": "user" },
            { "login": "jane", "type": "user" },
        ],
        "fieldIds": ["a", "b"],
        "criteria": [
            { "value": 5.0, "operator": "gt", "fieldId": "risk", "type": "fieldValue" },
            { "value": { "in": [1, 2.0] }, "operator": "eq", "fieldId": "area", "type": "fieldValue" },
        ],
    });
    let id = blueprint("jane");
    let made = json!({
        "blueprints": { &id: { "blueprint": { "id": id, "name": "Jane's" } } },
        "roleAssignments": { &id: { "blueprintId": id, "roleAssignmentsRules": { ROLE: [theirs.clone()] } } },
    });
    bed.remote.patch_state(made).unwrap();
    bed.sweeps(1).await;
    bed.remote.reset_requests();
    bed.apply(&declared("jane", json!({}))).await;
    let jane = bed.wait("GovernRoleAssignment", "jane", "Ready=True/InSync").await;
    findings.check(
        jane["status"]["remote"]["origin"] == "Adopted",
        &format!("{}", jane["status"]),
    );
    findings.check(bed.remote.writes() == 0, "granted once more");
    delete(&bed, "jane").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let left = rules_of(&bed, "jane");
    findings.check(left == [theirs], &format!("what was found is {left:?} now"));
    findings.none();
}
