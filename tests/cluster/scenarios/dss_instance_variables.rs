//! `DssInstanceVariables` in the scenarios: variables in a map of their own, in the one document of the node.

use serde_json::{Value, json};
use testbed::simulator::{Instance, Product};

use super::{BadInput, Deletion, Scenario, bad_input::answers_that_are_none};

pub struct DssInstanceVariables;

/// The variables that are declared, below the name of the object.
fn ours() -> Value {
    json!({ "region": "eu", "limits": { "rows": 5 } })
}

/// The document with the declared variables taken out, and with no map that they leave empty.
fn others(mut document: Value, name: &str) -> Value {
    let Some(all) = document.as_object_mut() else {
        return document;
    };
    let Some(own) = all.get_mut(name).and_then(Value::as_object_mut) else {
        return document;
    };
    own.shift_remove("region");
    if let Some(limits) = own.get_mut("limits").and_then(Value::as_object_mut) {
        limits.shift_remove("rows");
        if limits.is_empty() {
            own.shift_remove("limits");
        }
    }
    if own.is_empty() {
        all.shift_remove(name);
    }
    document
}

impl Scenario for DssInstanceVariables {
    const PRODUCT: Product = Product::Dss;
    const KIND: &'static str = "DssInstanceVariables";
    const WRITES: u64 = 1;
    const CREATES: &'static [&'static str] = &["D32"];
    const SHARED: bool = true;
    const RESTORES: bool = true;
    const ONE_DOCUMENT: bool = true;
    const NOT_OFFERED: &'static [(&'static str, &'static str)] = &[("Disable", "cannot be disabled")];

    fn prepare(remote: &Instance, _name: &str) {
        remote.patch_state(json!({ "variables": { "plain": "text" } })).unwrap();
    }

    fn spec(name: &str) -> Value {
        json!({ "variables": { name: ours() } })
    }

    fn declared(remote: &Instance, name: &str) -> Value {
        let own = remote.state_at(&format!("/variables/{name}")).unwrap_or_default();
        if own["region"].is_null() && own["limits"]["rows"].is_null() {
            return Value::Null;
        }
        json!({ "region": own["region"], "rows": own["limits"]["rows"] })
    }

    fn expected(_name: &str) -> Value {
        json!({ "region": "eu", "rows": 5 })
    }

    fn rest(remote: &Instance, name: &str) -> Value {
        others(remote.state_at("/variables").unwrap(), name)
    }

    fn broken(_remote: &Instance, name: &str) -> Value {
        json!({ "variables": { name: { "region": "us", "limits": { "rows": 7 } } } })
    }

    fn disturbed(_remote: &Instance, name: &str) -> Value {
        json!({ "variables": {
            "by-hand": [1, 1.5, "ä", { "b": 1, "a": 2 }],
            name: { "theirs": { "nested": { "list": [1, 1.5], "none": null } }, "limits": { "columns": 3 } },
        } })
    }

    fn found(_remote: &Instance, name: &str) -> Value {
        json!({ "variables": { name: ours() } })
    }

    fn same(_name: &str) -> Option<Value> {
        Some(json!({}))
    }

    fn widened(name: &str) -> Value {
        json!({ "variables": { name: { "region": "eu", "limits": { "rows": 5 }, "more": true } } })
    }

    fn surplus(remote: &Instance, name: &str) -> bool {
        remote.state_at(&format!("/variables/{name}/more")) == Some(json!(true))
    }

    fn varied(name: &str) -> Value {
        json!({ "variables": { name: { "region": "us", "limits": { "rows": 5 } } } })
    }

    fn gone(_remote: &Instance, name: &str) -> Value {
        json!({ "variables": { name: null } })
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
        let forgets = json!({
            "match": { "writes": true }, "times": 0,
            "fault": { "kind": "edit", "when": "after", "patch": { "variables": { name: { "region": null } } } },
        });
        let mut inputs = vec![
            BadInput::spec(
                "place",
                json!({ "variables": { "plain": { "below": 1 } } }),
                "Invalid",
                "variable plain/below cannot be set",
            ),
            BadInput::remote(
                "notstored",
                forgets,
                "AcceptedButNotStored",
                "set variable bad-notstored/region",
            )
            .with_writes(5),
        ];
        inputs.extend(answers_that_are_none("D31", "GET /admin/variables"));
        inputs
    }
}

scenarios!(DssInstanceVariables, adopting);
