//! `DssGlobalApiKey` in the scenarios: a key with rights of its own, and with a user that only a second write can name.

use serde_json::{Map, Value, json};
use testbed::simulator::{Instance, Product};

use super::{BadInput, Deletion, Scenario, bad_input::answers_that_are_none, without};

pub struct DssGlobalApiKey;

/// The keys that have the mark of an object of this name.
fn keys(remote: &Instance, name: &str) -> Vec<Value> {
    let all = remote.state_at("/globalApiKeys").unwrap();
    let marked = |key: &&Value| {
        let description = key["description"].as_str().unwrap_or_default();
        description.contains("[dataiku-operator.io/owner: ") && description.contains(&format!("/{name} "))
    };
    all.as_object().unwrap().values().filter(marked).cloned().collect()
}

/// A patch of the key of an object of this name.
fn patch(remote: &Instance, name: &str, members: &Value) -> Value {
    let keys = keys(remote, name);
    let patches: Map<String, Value> = keys
        .iter()
        .map(|key| (key["id"].as_str().unwrap().to_owned(), members.clone()))
        .collect();
    json!({ "globalApiKeys": patches })
}

/// What people wrote into the description.
fn text(key: &Value) -> &str {
    let description = key["description"].as_str().unwrap_or_default();
    description.split(" [").next().unwrap_or_default()
}

impl Scenario for DssGlobalApiKey {
    const PRODUCT: Product = Product::Dss;
    const KIND: &'static str = "DssGlobalApiKey";
    const WRITES: u64 = 2;
    const CREATES: &'static [&'static str] = &["D36"];
    const ADOPTS: bool = false;
    const SHOWN_ONCE: bool = true;
    const NOT_OFFERED: &'static [(&'static str, &'static str)] = &[("Disable", "cannot be disabled")];

    fn spec(name: &str) -> Value {
        json!({
            "label": format!("Key of {name}"),
            "description": "Nightly runs",
            "permissions": { "mayCreateProjects": true, "mayWriteSafeCode": false },
            "dssUserForImpersonation": "admin",
            "secretName": format!("{name}-key"),
        })
    }

    fn declared(remote: &Instance, name: &str) -> Value {
        let keys = keys(remote, name);
        match keys.as_slice() {
            [] => Value::Null,
            [key] => json!({
                "label": key["label"],
                "description": text(key),
                "mayCreateProjects": key["globalPermissions"]["mayCreateProjects"],
                "mayWriteSafeCode": key["globalPermissions"]["mayWriteSafeCode"],
                "user": key["dssUserForImpersonation"],
            }),
            several => json!(format!("{} keys", several.len())),
        }
    }

    fn expected(name: &str) -> Value {
        json!({
            "label": format!("Key of {name}"),
            "description": "Nightly runs",
            "mayCreateProjects": true,
            "mayWriteSafeCode": false,
            "user": "admin",
        })
    }

    fn rest(remote: &Instance, name: &str) -> Value {
        let Some(key) = keys(remote, name).pop() else {
            return Value::Null;
        };
        let mut rest = without(key, &["label", "description", "dssUserForImpersonation"]);
        let rights = without(
            rest["globalPermissions"].take(),
            &["mayCreateProjects", "mayWriteSafeCode"],
        );
        rest.insert("globalPermissions".to_owned(), Value::Object(rights));
        Value::Object(rest)
    }

    fn broken(remote: &Instance, name: &str) -> Value {
        let broken = json!({ "label": "By hand", "globalPermissions": { "mayCreateProjects": false } });
        patch(remote, name, &broken)
    }

    fn disturbed(remote: &Instance, name: &str) -> Value {
        let disturbed = json!({
            "globalPermissions": { "mayManageUDM": true },
            "userProperties": { "mine": "kept" },
            "addedByAFutureRelease": { "nested": { "list": [1, 1.5, "ä"], "none": null }, "flag": true },
        });
        patch(remote, name, &disturbed)
    }

    /// A key of the same label, of somebody else: labels are free.
    fn found(_remote: &Instance, name: &str) -> Value {
        json!({ "globalApiKeys": { format!("id-of-{name}"): {
            "label": format!("Key of {name}"), "description": "Theirs", "globalPermissions": { "admin": true },
        } } })
    }

    fn widened(_name: &str) -> Value {
        json!({ "permissions": { "mayCreateProjects": true, "mayWriteSafeCode": false, "mayManageUDM": true } })
    }

    fn surplus(remote: &Instance, name: &str) -> bool {
        let keys = keys(remote, name);
        keys.iter().any(|key| key["globalPermissions"]["mayManageUDM"] == true)
    }

    fn varied(_name: &str) -> Value {
        json!({ "description": "Others" })
    }

    fn gone(remote: &Instance, name: &str) -> Value {
        patch(remote, name, &Value::Null)
    }

    fn shown_once(remote: &Instance, name: &str) -> Vec<String> {
        let keys = keys(remote, name).into_iter();
        keys.map(|key| key["key"].as_str().unwrap().to_owned()).collect()
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
                "group",
                json!({ "permissions": null, "groups": ["readers", "later"] }),
                "DependencyNotReady",
                "group later does not exist yet",
            )
            .with_writes(Self::WRITES),
        ];
        let answers = answers_that_are_none("D37", "GET /admin/global-api-keys/{id}").into_iter();
        // The list tells that there is no key, so it is made before it is read.
        inputs.extend(answers.map(|input| input.with_writes(1)));
        inputs
    }
}

scenarios!(DssGlobalApiKey, apart);
