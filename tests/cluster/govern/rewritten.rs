//! Rules that Govern stores in another form than they were sent.

use std::time::Duration;

use serde_json::{Value, json};

use super::{BLUEPRINT, ROLE, assignment, delete, document, patch, rule};
use crate::bed::{Bed, Findings, PATIENCE};

/// The forms that the simulator has; one of them at a time.
const FORMS: [&str; 5] = ["numbers", "texts", "capitals", "filledIn", "reordered"];

fn criteria() -> Value {
    json!([
        { "type": "fieldValue", "fieldId": "risk", "operator": "gt", "value": 5 },
        { "type": "fieldValue", "fieldId": "area", "operator": "eq", "value": { "in": [1, 2] } },
    ])
}

/// The rules of the role that name a login.
fn rules_of(bed: &Bed, login: &str) -> Vec<Value> {
    let rules = document(bed).map(|document| document["roleAssignmentsRules"][ROLE].clone());
    let rules = rules.and_then(|rules| rules.as_array().cloned()).unwrap_or_default();
    let quoted = format!("\"{login}\"");
    rules
        .into_iter()
        .filter(|rule| rule.to_string().contains(&quoted))
        .collect()
}

fn declared(name: &str, extra: Value) -> Value {
    let rules =
        json!([{ "users": [name, "somebody"], "groups": ["a-group"], "fieldIds": ["b", "a"], "criteria": criteria() }]);
    assignment(name, crate::bed::merged(json!({ "rules": rules }), extra))
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

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_the_server_rewrites_is_granted_once_and_goes_with_its_object() {
    let bed = Bed::govern("rewritten").await;
    let mut findings = Findings::default();
    for form in FORMS {
        bed.remote.switch("rules", json!(form)).unwrap();
        let name = form.to_lowercase();
        bed.apply(&declared(&name, json!({}))).await;
        at_rest(&bed, &name).await;
        bed.sweeps(1).await;
        bed.remote.reset_requests();
        bed.sweeps(1).await;
        findings.check(bed.remote.writes() == 0, &format!("{form}: written again"));
        let rules = rules_of(&bed, &name);
        findings.check(rules.len() == 1, &format!("{form}: {} rules: {rules:?}", rules.len()));
        delete(&bed, &name).await;
        let left = rules_of(&bed, &name);
        findings.check(left.is_empty(), &format!("{form}: left behind: {left:?}"));
        // The next one starts from a clean document.
        bed.remote.patch_state(patch(ROLE, &[])).unwrap();
        bed.sweeps(1).await;
    }
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn exact_keeps_a_rule_that_the_server_rewrites_and_removes_the_others() {
    let bed = Bed::govern("rewritexact").await;
    let mut findings = Findings::default();
    for form in FORMS {
        bed.remote.switch("rules", json!(form)).unwrap();
        let name = form.to_lowercase();
        bed.remote.patch_state(patch(ROLE, &[rule("by-hand")])).unwrap();
        bed.sweeps(1).await;
        bed.apply(&declared(&name, json!({ "rulesPolicy": "Exact" }))).await;
        at_rest(&bed, &name).await;
        findings.check(
            rules_of(&bed, "by-hand").is_empty(),
            &format!("{form}: another rule is left"),
        );
        bed.sweeps(1).await;
        bed.remote.reset_requests();
        bed.sweeps(1).await;
        findings.check(bed.remote.writes() == 0, &format!("{form}: written again"));
        let rules = rules_of(&bed, &name);
        findings.check(rules.len() == 1, &format!("{form}: {} rules: {rules:?}", rules.len()));
        delete(&bed, &name).await;
        findings.check(rules_of(&bed, &name).is_empty(), &format!("{form}: left behind"));
    }
    findings.none();
}

/// Somebody adds a key to a rule of ours by hand: it is found again, and goes with its object.
#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_was_found_in_another_form_stays() {
    let bed = Bed::govern("foundform").await;
    let mut findings = Findings::default();
    // Equal by value, in another form: 5 as 5.0, keys and containers in another order.
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
    bed.remote.patch_state(patch(ROLE, &[theirs.clone()])).unwrap();
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
    let left = document(&bed).unwrap()["roleAssignmentsRules"][ROLE].clone();
    findings.check(
        left == json!([theirs]),
        &format!("what was found is {left} in {BLUEPRINT}"),
    );
    findings.none();
}
