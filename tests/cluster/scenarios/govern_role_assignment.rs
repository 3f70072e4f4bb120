//! `GovernRoleAssignment` in the scenarios: a rule in a document that people have rules in, too.

use serde_json::{Value, json};
use testbed::simulator::{Instance, Product};

use super::{BadInput, Deletion, Scenario, bad_input::answers_that_are_none};

pub struct GovernRoleAssignment;

const ROLE: &str = "ro.project_manager";

fn blueprint(name: &str) -> String {
    format!("bp.{name}")
}

fn document(remote: &Instance, name: &str) -> Option<Value> {
    remote.state_at(&format!("/roleAssignments/{}", blueprint(name)))
}

/// The rule that is declared, as the node has it.
fn ours() -> Value {
    json!({
        "criteria": [{ "kind": "made-up", "nested": { "values": [1, 1.5] } }],
        "fieldIds": ["owner"],
        "userContainers": [
            { "type": "user", "login": "jane.doe" },
            { "type": "group", "groupName": "pms" },
        ],
    })
}

fn theirs(login: &str) -> Value {
    json!({ "criteria": [], "fieldIds": [], "userContainers": [{ "type": "user", "login": login }], "by": "hand" })
}

/// The rules of the role, ours or others'.
fn rules(document: &Value, own: bool) -> Vec<Value> {
    let rules = document["roleAssignmentsRules"][ROLE].as_array().cloned();
    let rules = rules.unwrap_or_default().into_iter();
    rules.filter(|rule| (*rule == ours()) == own).collect()
}

/// A document with these rules for the role.
fn patch(name: &str, rules: &[Value]) -> Value {
    json!({ "roleAssignments": { blueprint(name): { "roleAssignmentsRules": { ROLE: rules } } } })
}

impl Scenario for GovernRoleAssignment {
    const PRODUCT: Product = Product::Govern;
    const KIND: &'static str = "GovernRoleAssignment";
    const WRITES: u64 = 1;
    const CREATES: &'static [&'static str] = &["G49"];
    const SHARED: bool = true;
    const NOT_OFFERED: &'static [(&'static str, &'static str)] = &[("Disable", "cannot be disabled")];

    fn prepare(remote: &Instance, name: &str) {
        let id = blueprint(name);
        let made = json!({ "blueprints": { &id: { "blueprint": { "id": id, "name": name } } } });
        remote.patch_state(made).unwrap();
    }

    fn spec(name: &str) -> Value {
        json!({
            "blueprintId": blueprint(name),
            "roleId": ROLE,
            "rules": [{
                "users": ["jane.doe"],
                "groups": ["pms"],
                "fieldIds": ["owner"],
                "criteria": [{ "kind": "made-up", "nested": { "values": [1, 1.5] } }],
            }],
        })
    }

    fn declared(remote: &Instance, name: &str) -> Value {
        match document(remote, name).map(|document| rules(&document, true)) {
            Some(rules) if !rules.is_empty() => Value::Array(rules),
            _ => Value::Null,
        }
    }

    fn expected(_name: &str) -> Value {
        json!([ours()])
    }

    fn rest(remote: &Instance, name: &str) -> Value {
        let Some(mut document) = document(remote, name) else {
            return Value::Null;
        };
        let others = rules(&document, false);
        let by_role = document["roleAssignmentsRules"].as_object_mut().unwrap();
        if others.is_empty() {
            by_role.remove(ROLE);
        } else {
            by_role.insert(ROLE.to_owned(), Value::Array(others));
        }
        document
    }

    fn broken(remote: &Instance, name: &str) -> Value {
        patch(name, &rules(&document(remote, name).unwrap(), false))
    }

    fn disturbed(remote: &Instance, name: &str) -> Value {
        let mut all = document(remote, name)
            .map(|document| rules(&document, true))
            .unwrap_or_default();
        all.insert(0, theirs("by-hand"));
        json!({ "roleAssignments": { blueprint(name): {
            "roleAssignmentsRules": { "ro.reader": [theirs("reader")], ROLE: all },
            "addedByAFutureRelease": { "nested": { "list": [1, 1.5, "ä"], "none": null }, "flag": true },
        } } })
    }

    fn found(_remote: &Instance, name: &str) -> Value {
        let id = blueprint(name);
        json!({ "roleAssignments": { &id: { "blueprintId": id, "roleAssignmentsRules": { ROLE: [ours()] } } } })
    }

    fn widened(name: &str) -> Value {
        let mut rules = Self::spec(name)["rules"].clone();
        rules.as_array_mut().unwrap().push(json!({ "users": ["more"] }));
        json!({ "rules": rules })
    }

    fn surplus(remote: &Instance, name: &str) -> bool {
        document(remote, name).is_some_and(|document| document.to_string().contains("\"more\""))
    }

    fn gone(_remote: &Instance, name: &str) -> Value {
        json!({ "roleAssignments": { blueprint(name): null } })
    }

    fn deletions(name: &str) -> Vec<Deletion> {
        vec![
            Deletion::created(None, Value::Null),
            Deletion::created(Some("Delete"), Value::Null),
            Deletion::created(Some("Retain"), Self::expected(name)),
            Deletion::adopted(None, Self::expected(name)),
            // What was found is not ours, whatever the policy says.
            Deletion::adopted(Some("Delete"), Self::expected(name)),
        ]
    }

    fn bad_inputs(name: &str) -> Vec<BadInput> {
        let body = json!({ "errorType": "x.y.Refused", "message": "no such criterion" });
        let refuses = json!({
            "match": { "operation": "G49" }, "times": 0,
            "fault": { "kind": "status", "status": 400, "body": body },
        });
        let forgets = json!({
            "match": { "writes": true }, "times": 0,
            "fault": { "kind": "edit", "when": "after", "patch": patch(name, &[]) },
        });
        let granted = "grant ro.project_manager to users [jane.doe], groups [pms], fields [owner]";
        let mut inputs = vec![
            BadInput::remote("criteria", refuses, "Rejected", "no such criterion").with_writes(4),
            BadInput::remote("notstored", forgets, "AcceptedButNotStored", granted).with_writes(5),
        ];
        inputs.extend(answers_that_are_none(
            "G50",
            "GET /admin/blueprint-role-assignments/{blueprint}",
        ));
        inputs
    }
}

scenarios!(GovernRoleAssignment);
