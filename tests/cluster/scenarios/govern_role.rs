//! `GovernRole` in the scenarios: a role whose definition follows its creation.

use serde_json::{Value, json};
use testbed::simulator::{Instance, Product};

use super::{BadInput, Deletion, Scenario, bad_input::answers_that_are_none, without};

pub struct GovernRole;

/// The id that the node makes of the identifier.
fn id(name: &str) -> String {
    format!("ro.{name}")
}

fn role(remote: &Instance, name: &str) -> Option<Value> {
    remote.state_at(&format!("/roles/{}", id(name)))
}

fn definition() -> Value {
    json!({ "icon": { "name": "shield", "size": 2 }, "tags": ["risk"] })
}

impl Scenario for GovernRole {
    const PRODUCT: Product = Product::Govern;
    const KIND: &'static str = "GovernRole";
    const WRITES: u64 = 2;
    const CREATES: &'static [&'static str] = &["G44"];
    const NOT_OFFERED: &'static [(&'static str, &'static str)] = &[("Disable", "cannot be disabled")];

    fn spec(_name: &str) -> Value {
        json!({ "label": "Risk owner", "description": "Owns risks", "definition": definition() })
    }

    fn declared(remote: &Instance, name: &str) -> Value {
        let Some(role) = role(remote, name) else {
            return Value::Null;
        };
        json!({
            "label": role["label"],
            "description": role["description"],
            "name": role["icon"]["name"],
            "size": role["icon"]["size"],
            "tags": role["tags"],
        })
    }

    fn expected(_name: &str) -> Value {
        json!({
            "label": "Risk owner", "description": "Owns risks", "name": "shield", "size": 2, "tags": ["risk"],
        })
    }

    fn rest(remote: &Instance, name: &str) -> Value {
        let Some(role) = role(remote, name) else {
            return Value::Null;
        };
        let mut rest = without(role, &["label", "description", "tags"]);
        if let Some(icon) = rest.get_mut("icon").and_then(Value::as_object_mut) {
            icon.retain(|member, _| !["name", "size"].contains(&member.as_str()));
        }
        Value::Object(rest)
    }

    fn broken(_remote: &Instance, name: &str) -> Value {
        json!({ "roles": { id(name): { "label": "By hand", "icon": { "name": "other" }, "tags": null } } })
    }

    fn disturbed(_remote: &Instance, name: &str) -> Value {
        json!({ "roles": { id(name): {
            "icon": { "theirs": true },
            "addedByAFutureRelease": { "nested": { "list": [1, 1.5, "ä"] }, "flag": true },
        } } })
    }

    fn found(_remote: &Instance, name: &str) -> Value {
        json!({ "roles": { id(name): { "id": id(name), "label": "Theirs", "description": null, "icon": {} } } })
    }

    fn same(name: &str) -> Option<Value> {
        Some(json!({ "identifier": name }))
    }

    fn widened(_name: &str) -> Value {
        json!({ "definition": { "mayApprove": { "all": true } } })
    }

    fn surplus(remote: &Instance, name: &str) -> bool {
        role(remote, name).is_some_and(|role| role.get("mayApprove").is_some())
    }

    fn varied(_name: &str) -> Value {
        json!({ "description": "Others" })
    }

    fn gone(_remote: &Instance, name: &str) -> Value {
        json!({ "roles": { id(name): null } })
    }

    fn deletions(name: &str) -> Vec<Deletion> {
        vec![
            Deletion::created(None, Value::Null),
            Deletion::created(Some("Delete"), Value::Null),
            Deletion::created(Some("Retain"), Self::expected(name)),
            Deletion::adopted(None, Self::expected(name)),
            Deletion::adopted(Some("Delete"), Value::Null),
        ]
    }

    fn bad_inputs(name: &str) -> Vec<BadInput> {
        let forgets = json!({
            "match": { "operation": "G46" }, "times": 0,
            "fault": { "kind": "edit", "when": "after", "patch": { "roles": { id(name): { "tags": null } } } },
        });
        let mut inputs = vec![
            BadInput::remote("notstored", forgets, "AcceptedButNotStored", "set definition/tags").with_writes(5),
            BadInput::spec(
                "own",
                json!({ "definition": { "label": "Risk owner" } }),
                "Invalid",
                "label does not belong there",
            ),
        ];
        let answers = answers_that_are_none("G45", "GET /admin/role/{role}").into_iter();
        // The list tells that there is no role, so it is made before it is read.
        inputs.extend(answers.map(|input| input.with_writes(1)));
        inputs
    }
}

scenarios!(GovernRole);
