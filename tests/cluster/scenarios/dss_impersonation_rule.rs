//! `DssImpersonationRule` in the scenarios: a rule in the list of the node, in which people have rules too.

use serde_json::{Value, json};
use testbed::simulator::{Instance, Product};

use super::{BadInput, Deletion, Scenario, bad_input::answers_that_are_none};

pub struct DssImpersonationRule;

fn rules(remote: &Instance) -> Vec<Value> {
    let rules = remote.state_at("/generalSettings/impersonation/userRules").unwrap();
    rules.as_array().unwrap().clone()
}

/// A patch that makes these the rules.
fn patch(rules: &[Value]) -> Value {
    json!({ "generalSettings": { "impersonation": { "userRules": rules } } })
}

fn target(name: &str) -> String {
    format!("unix-{name}")
}

fn rule(name: &str, target: &str) -> Value {
    json!({ "type": "SINGLE_MAPPING", "dssUser": name, "targetUnix": target })
}

fn maps(rule: &Value, name: &str, target: &str) -> bool {
    rule["dssUser"] == name && rule["targetUnix"] == target
}

/// The rules without the declared one.
fn others(remote: &Instance, name: &str) -> Vec<Value> {
    let mut rules = rules(remote);
    rules.retain(|rule| !maps(rule, name, &target(name)));
    rules
}

impl Scenario for DssImpersonationRule {
    const PRODUCT: Product = Product::Dss;
    const KIND: &'static str = "DssImpersonationRule";
    const WRITES: u64 = 1;
    const CREATES: &'static [&'static str] = &["D30"];
    const SHARED: bool = true;
    const ONE_DOCUMENT: bool = true;
    const NOT_OFFERED: &'static [(&'static str, &'static str)] = &[("Disable", "cannot be disabled")];

    fn spec(name: &str) -> Value {
        json!({ "user": rule(name, &target(name)) })
    }

    fn declared(remote: &Instance, name: &str) -> Value {
        let rules = rules(remote);
        let ours = rules.iter().filter(|rule| maps(rule, name, &target(name)));
        match ours.count() {
            0 => Value::Null,
            number => json!({ "rules": number }),
        }
    }

    fn expected(_name: &str) -> Value {
        json!({ "rules": 1 })
    }

    fn rest(remote: &Instance, name: &str) -> Value {
        let mut document = remote.state_at("/generalSettings").unwrap();
        document["impersonation"]["userRules"] = Value::Array(others(remote, name));
        document
    }

    fn broken(remote: &Instance, name: &str) -> Value {
        patch(&others(remote, name))
    }

    fn disturbed(remote: &Instance, name: &str) -> Value {
        let mut rules = rules(remote);
        rules.insert(0, rule(&format!("{name}-by-hand"), "theirs"));
        rules.push(json!({ "type": "REGEXP_RULE", "ruleFrom": format!("{name}-(.*)"), "targetUnix": "$1" }));
        let mut patch = patch(&rules);
        json_patch::merge(&mut patch, &json!({ "generalSettings": super::shared_map::future() }));
        patch
    }

    fn found(remote: &Instance, name: &str) -> Value {
        let mut rules = rules(remote);
        rules.push(rule(name, &target(name)));
        patch(&rules)
    }

    fn widened(name: &str) -> Value {
        json!({ "user": rule(name, "root") })
    }

    fn surplus(remote: &Instance, name: &str) -> bool {
        rules(remote).iter().any(|rule| maps(rule, name, "root"))
    }

    fn gone(remote: &Instance, name: &str) -> Value {
        patch(&others(remote, name))
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

    fn bad_inputs(_name: &str) -> Vec<BadInput> {
        let expression = json!({ "type": "REGEXP_RULE", "ruleFrom": "(", "targetUnix": "x" });
        let forgets = json!({
            "match": { "writes": true }, "times": 0,
            "fault": { "kind": "edit", "when": "after", "patch": patch(&[]) },
        });
        let mut inputs = vec![
            BadInput::remote("notstored", forgets, "AcceptedButNotStored", NOT_STORED).with_writes(5),
            BadInput::spec("expression", json!({ "user": expression }), "Invalid", "ruleFrom"),
            BadInput::spec("position", json!({ "position": "Middle" }), "Invalid", "position"),
            BadInput::spec(
                "before",
                json!({ "position": { "before": "later" } }),
                "DependencyNotReady",
                "no DssImpersonationRule team/later",
            ),
        ];
        inputs.extend(answers_that_are_none("D29", "GET /admin/general-settings"));
        inputs
    }
}

/// The step that has to be named when the rule is not stored.
const NOT_STORED: &str = "add user rule SINGLE_MAPPING bad-notstored";

scenarios!(DssImpersonationRule, adopting);
