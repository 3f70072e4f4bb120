//! `DssGlobalApiKey` and `GovernGlobalApiKey` in the scenarios: a key with rights of its own, and with a user that only a
//! second write can name.

use std::marker::PhantomData;

use serde_json::{Map, Value, json};
use testbed::simulator::{Instance, Product};

use super::{BadInput, Deletion, Scenario, bad_input::answers_that_are_none, without};
use crate::connection::Connection;

/// A kind of node.
pub trait Node {
    /// The product.
    const PRODUCT: Product;
    /// Name of the kind of its keys.
    const KIND: &'static str;
    /// The operation that creates a key, and the one that reads one.
    const OPERATIONS: (&'static [&'static str], &'static str);
    /// A right that is declared, one that is denied, and one more.
    const RIGHTS: [&'static str; 3];
}

/// A global key of such a node.
pub struct Key<N>(PhantomData<N>);

/// Where global keys are in the state.
const KEYS: &str = "globalApiKeys";

/// The keys of a collection that have the mark of an object of this name.
pub fn keys(remote: &Instance, collection: &str, name: &str) -> Vec<Value> {
    let all = remote.state_at(&format!("/{collection}")).unwrap_or_else(|| json!({}));
    let marked = |key: &&Value| {
        let description = key["description"].as_str().unwrap_or_default();
        description.contains("[dataiku-operator.io/owner: ") && description.contains(&format!("/{name} "))
    };
    all.as_object().unwrap().values().filter(marked).cloned().collect()
}

/// A patch of the key of an object of this name.
pub fn patch(remote: &Instance, collection: &str, name: &str, members: &Value) -> Value {
    let keys = keys(remote, collection, name);
    let patches: Map<String, Value> = keys
        .iter()
        .map(|key| (key["id"].as_str().unwrap().to_owned(), members.clone()))
        .collect();
    json!({ collection: patches })
}

/// What the Secret of an object of this name has to hold.
pub fn published(remote: &Instance, collection: &str, name: &str) -> Vec<(String, &'static str, String)> {
    let keys = keys(remote, collection, name).into_iter();
    let text = |key: &Value, member: &str| key[member].as_str().unwrap_or_default().to_owned();
    keys.flat_map(|key| {
        let secret = format!("{name}-key");
        [
            (secret.clone(), "apiKey", text(&key, "key")),
            (secret, "apiKeyId", text(&key, "id")),
        ]
    })
    .collect()
}

/// What people wrote into the description.
pub fn text(key: &Value) -> &str {
    let description = key["description"].as_str().unwrap_or_default();
    description.split(" [").next().unwrap_or_default()
}

impl<N: Node> Scenario for Key<N> {
    const PRODUCT: Product = N::PRODUCT;
    const KIND: &'static str = N::KIND;
    const WRITES: u64 = 2;
    const CREATES: &'static [&'static str] = N::OPERATIONS.0;
    const ADOPTS: bool = false;
    const SHOWN_ONCE: bool = true;
    const ROTATES: bool = true;
    const NOT_OFFERED: &'static [(&'static str, &'static str)] = &[("Disable", "cannot be disabled")];

    fn spec(name: &str) -> Value {
        json!({
            "label": format!("Key of {name}"),
            "description": "Nightly runs",
            "permissions": { N::RIGHTS[0]: true, N::RIGHTS[1]: false },
            "dssUserForImpersonation": "admin",
            "secretName": format!("{name}-key"),
        })
    }

    fn declared(remote: &Instance, name: &str) -> Value {
        let keys = keys(remote, KEYS, name);
        match keys.as_slice() {
            [] => Value::Null,
            [key] => json!({
                "label": key["label"],
                "description": text(key),
                "given": key["globalPermissions"][N::RIGHTS[0]],
                "denied": key["globalPermissions"][N::RIGHTS[1]],
                "user": key["dssUserForImpersonation"],
            }),
            several => json!(format!("{} keys", several.len())),
        }
    }

    fn expected(name: &str) -> Value {
        json!({
            "label": format!("Key of {name}"),
            "description": "Nightly runs",
            "given": true,
            "denied": false,
            "user": "admin",
        })
    }

    fn rest(remote: &Instance, name: &str) -> Value {
        let Some(key) = keys(remote, KEYS, name).pop() else {
            return Value::Null;
        };
        let mut rest = without(key, &["label", "description", "dssUserForImpersonation"]);
        let rights = without(rest["globalPermissions"].take(), &[N::RIGHTS[0], N::RIGHTS[1]]);
        rest.insert("globalPermissions".to_owned(), Value::Object(rights));
        Value::Object(rest)
    }

    fn broken(remote: &Instance, name: &str) -> Value {
        let broken = json!({ "label": "By hand", "globalPermissions": { N::RIGHTS[0]: false } });
        patch(remote, KEYS, name, &broken)
    }

    fn disturbed(remote: &Instance, name: &str) -> Value {
        let disturbed = json!({
            "globalPermissions": { N::RIGHTS[2]: true },
            "userProperties": { "mine": "kept" },
            "addedByAFutureRelease": { "nested": { "list": [1, 1.5, "ä"], "none": null }, "flag": true },
        });
        patch(remote, KEYS, name, &disturbed)
    }

    /// A key of the same label, of somebody else: labels are free.
    fn found(_remote: &Instance, name: &str) -> Value {
        json!({ "globalApiKeys": { format!("id-of-{name}"): {
            "label": format!("Key of {name}"), "description": "Theirs", "globalPermissions": { "admin": true },
        } } })
    }

    fn widened(_name: &str) -> Value {
        json!({ "permissions": { N::RIGHTS[0]: true, N::RIGHTS[1]: false, N::RIGHTS[2]: true } })
    }

    fn surplus(remote: &Instance, name: &str) -> bool {
        let keys = keys(remote, KEYS, name);
        keys.iter().any(|key| key["globalPermissions"][N::RIGHTS[2]] == true)
    }

    fn varied(_name: &str) -> Value {
        json!({ "description": "Others" })
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
                json!({ "secretName": Connection::to(N::PRODUCT).secret() }),
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
        let answers = answers_that_are_none(N::OPERATIONS.1, "GET /admin/global-api-keys/{id}").into_iter();
        // The list tells that there is no key, so it is made before it is read.
        inputs.extend(answers.map(|input| input.with_writes(1)));
        inputs
    }
}
