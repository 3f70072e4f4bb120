//! `DssPersonalApiKey` in the scenarios: a key of a user, which may do what the user may.

use serde_json::{Value, json};
use testbed::simulator::{Instance, Product};

use super::{
    BadInput, Deletion, Scenario,
    bad_input::answers_that_are_none,
    node_key::{keys, patch, published, text},
    without,
};

pub struct DssPersonalApiKey;

/// Where personal keys are in the state.
const KEYS: &str = "personalApiKeys";

impl Scenario for DssPersonalApiKey {
    const PRODUCT: Product = Product::Dss;
    const KIND: &'static str = "DssPersonalApiKey";
    const WRITES: u64 = 1;
    const CREATES: &'static [&'static str] = &["D47"];
    const ADOPTS: bool = false;
    const SHOWN_ONCE: bool = true;
    const ROTATES: bool = true;
    const NOT_OFFERED: &'static [(&'static str, &'static str)] = &[("Disable", "cannot be disabled")];

    fn spec(name: &str) -> Value {
        json!({
            "user": "admin",
            "label": format!("Key of {name}"),
            "description": "Notebooks",
            "secretName": format!("{name}-key"),
        })
    }

    fn declared(remote: &Instance, name: &str) -> Value {
        let keys = keys(remote, KEYS, name);
        match keys.as_slice() {
            [] => Value::Null,
            [key] => json!({ "label": key["label"], "description": text(key), "user": key["user"] }),
            several => json!(format!("{} keys", several.len())),
        }
    }

    fn expected(name: &str) -> Value {
        json!({ "label": format!("Key of {name}"), "description": "Notebooks", "user": "admin" })
    }

    fn rest(remote: &Instance, name: &str) -> Value {
        match keys(remote, KEYS, name).pop() {
            Some(key) => Value::Object(without(key, &["label", "description"])),
            None => Value::Null,
        }
    }

    fn broken(remote: &Instance, name: &str) -> Value {
        patch(remote, KEYS, name, &json!({ "label": "By hand" }))
    }

    fn disturbed(remote: &Instance, name: &str) -> Value {
        let future = json!({ "addedByAFutureRelease": { "nested": { "list": [1, 1.5, "ä"] }, "flag": true } });
        patch(remote, KEYS, name, &future)
    }

    /// A key of the same label, of somebody else: labels are free.
    fn found(_remote: &Instance, name: &str) -> Value {
        json!({ KEYS: { format!("id-of-{name}"): {
            "label": format!("Key of {name}"), "description": "Theirs", "user": "admin",
        } } })
    }

    /// It may do what its user may, so that there is nothing to grant.
    fn widened(_name: &str) -> Value {
        json!({ "description": "More" })
    }

    fn surplus(remote: &Instance, name: &str) -> bool {
        keys(remote, KEYS, name).iter().any(|key| text(key) == "More")
    }

    fn gone(remote: &Instance, name: &str) -> Value {
        patch(remote, KEYS, name, &Value::Null)
    }

    fn credential(name: &str) -> Option<(String, &'static str)> {
        Some((format!("{name}-key"), "apiKey"))
    }

    fn shown_once(remote: &Instance, name: &str) -> Vec<String> {
        let keys = keys(remote, KEYS, name).into_iter();
        keys.map(|key| key["key"].as_str().unwrap().to_owned()).collect()
    }

    fn published(remote: &Instance, name: &str) -> Vec<(String, &'static str, String)> {
        published(remote, KEYS, name)
    }

    fn deletions(name: &str) -> Vec<Deletion> {
        vec![
            Deletion::created(None, Value::Null),
            Deletion::created(Some("Delete"), Value::Null),
            Deletion::created(Some("Retain"), Self::expected(name)),
        ]
    }

    fn bad_inputs(_name: &str) -> Vec<BadInput> {
        let mut inputs = vec![
            BadInput::spec(
                "secret",
                // That of the connection.
                json!({ "secretName": "design-admin" }),
                "AlreadyExists",
                "choose another secretName",
            ),
            BadInput::spec(
                "user",
                json!({ "user": "later" }),
                "DependencyNotReady",
                "user later does not exist yet",
            ),
            BadInput::spec(
                "overlap",
                json!({ "rotation": { "interval": "1h", "overlap": "2h" } }),
                "Invalid",
                "rotation.overlap is longer than rotation.interval",
            ),
        ];
        // The list shows all that there is of a key, so nothing else is read.
        inputs.extend(answers_that_are_none("D46", "GET /admin/personal-api-keys/"));
        inputs
    }
}

scenarios!(DssPersonalApiKey, neither);
