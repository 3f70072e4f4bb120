//! `DssGroup` and `GovernGroup` in the scenarios: a group whose rights follow its creation.

use std::marker::PhantomData;

use serde_json::{Value, json};
use testbed::simulator::{Instance, Product};

use super::{BadInput, Deletion, Scenario, bad_input::answers_that_are_none, without};

/// A kind of node.
pub trait Node {
    /// The product.
    const PRODUCT: Product;
    /// Name of the kind of its groups.
    const KIND: &'static str;
    /// The operation that creates a group, the one that reads one, and the one that edits one.
    const OPERATIONS: (&'static [&'static str], &'static str, &'static str);
    /// A right that is declared, one that is denied, and one more.
    const RIGHTS: [&'static str; 3];
}

/// A group of such a node.
pub struct Group<N>(PhantomData<N>);

impl<N: Node> Scenario for Group<N> {
    const PRODUCT: Product = N::PRODUCT;
    const KIND: &'static str = N::KIND;
    const WRITES: u64 = 2;
    const CREATES: &'static [&'static str] = N::OPERATIONS.0;
    const NOT_OFFERED: &'static [(&'static str, &'static str)] = &[("Disable", "cannot be disabled")];

    fn spec(_name: &str) -> Value {
        json!({
            "description": "Risk analysts",
            // The last is a flag of a release that nobody knows yet.
            "permissions": { N::RIGHTS[0]: true, N::RIGHTS[1]: false, "mayFly": true },
            "ldapGroupNames": ["cn=analysts"],
        })
    }

    fn declared(remote: &Instance, name: &str) -> Value {
        let Some(group) = remote.state_at(&format!("/groups/{name}")) else {
            return Value::Null;
        };
        json!({
            "description": group["description"],
            "given": group[N::RIGHTS[0]],
            "denied": group[N::RIGHTS[1]],
            "mayFly": group["mayFly"],
            "ldapGroupNames": group["ldapGroupNames"],
        })
    }

    fn expected(_name: &str) -> Value {
        json!({
            "description": "Risk analysts",
            "given": true,
            "denied": false,
            "mayFly": true,
            "ldapGroupNames": ["cn=analysts"],
        })
    }

    fn rest(remote: &Instance, name: &str) -> Value {
        let Some(group) = remote.state_at(&format!("/groups/{name}")) else {
            return Value::Null;
        };
        let declared = ["description", N::RIGHTS[0], N::RIGHTS[1], "mayFly", "ldapGroupNames"];
        Value::Object(without(group, &declared))
    }

    fn broken(_remote: &Instance, name: &str) -> Value {
        json!({ "groups": { name: { N::RIGHTS[0]: false, "ldapGroupNames": ["cn=others"] } } })
    }

    fn disturbed(_remote: &Instance, name: &str) -> Value {
        json!({ "groups": { name: {
            N::RIGHTS[2]: true,
            "ssoGroupNames": ["by-hand"],
            "addedByAFutureRelease": { "nested": { "list": [1, 1.5, "ä"], "none": null }, "flag": true },
        } } })
    }

    fn found(_remote: &Instance, name: &str) -> Value {
        json!({ "groups": { name: { "description": "Theirs", N::RIGHTS[2]: true } } })
    }

    fn same(name: &str) -> Option<Value> {
        Some(json!({ "name": name }))
    }

    fn widened(_name: &str) -> Value {
        let mut permissions = Self::spec("")["permissions"].clone();
        permissions[N::RIGHTS[2]] = json!(true);
        json!({ "permissions": permissions })
    }

    fn surplus(remote: &Instance, name: &str) -> bool {
        remote.state_at(&format!("/groups/{name}/{}", N::RIGHTS[2])) == Some(json!(true))
    }

    fn varied(_name: &str) -> Value {
        json!({ "description": "Others" })
    }

    fn gone(_remote: &Instance, name: &str) -> Value {
        json!({ "groups": { name: null } })
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
        let forgets = json!({ "groups": { name: { "mayFly": null } } });
        let rule = json!({
            "match": { "operation": N::OPERATIONS.2 }, "times": 0,
            "fault": { "kind": "edit", "when": "after", "patch": forgets },
        });
        // The create, and no more than a few tries of the edit.
        let mut inputs = vec![BadInput::remote("notstored", rule, "AcceptedButNotStored", "mayFly").with_writes(5)];
        inputs.extend(answers_that_are_none(N::OPERATIONS.1, "GET /admin/groups/{name}"));
        inputs
    }
}
