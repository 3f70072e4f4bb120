//! `DssUser` and `GovernUser` in the scenarios: a LOCAL user with a password, whose properties follow its creation.

use std::marker::PhantomData;

use serde_json::{Value, json};
use testbed::simulator::{Instance, Product};

use super::{BadInput, Deletion, Scenario, Secret, bad_input::answers_that_are_none, without};
use crate::bed::merged;

/// The mark of a user that the operator created; written together with other changes.
const OWNER: &str = "dataiku-operator.io/owner";

/// A kind of node.
pub trait Node {
    /// The product.
    const PRODUCT: Product;
    /// Name of the kind of its users.
    const KIND: &'static str;
    /// The operation that creates a user, and the one that reads one.
    const OPERATIONS: (&'static [&'static str], &'static str);
}

/// A user of such a node.
pub struct User<N>(PhantomData<N>);

impl<N: Node> Scenario for User<N> {
    const PRODUCT: Product = N::PRODUCT;
    const KIND: &'static str = N::KIND;
    const WRITES: u64 = 2;
    const CREATES: &'static [&'static str] = N::OPERATIONS.0;
    const SECRETS: &'static [Secret] = &[("login", &[("password", "canary-password-93c1")])];
    const LOOKS_FIRST: bool = false;
    const MARKED: bool = true;
    const UNFORESEEN: &'static [&'static str] = &["set password"];

    fn prepare(remote: &Instance, _name: &str) {
        let team = json!({ "groups": { "data_team": { "description": "Data team" } } });
        remote.patch_state(team).unwrap();
    }

    fn spec(_name: &str) -> Value {
        json!({
            "sourceType": "LOCAL",
            "passwordSecretRef": { "name": "login" },
            "email": "jane@example.com",
            "groups": [{ "name": "readers" }],
            "userProperties": { "team": "risk" },
            "adminProperties": { "costCenter": "4711" },
        })
    }

    fn declared(remote: &Instance, login: &str) -> Value {
        let Some(user) = remote.state_at(&format!("/users/{login}")) else {
            return Value::Null;
        };
        json!({
            "sourceType": user["sourceType"],
            "password": user["password"],
            "email": user["email"],
            "readers": has_group(&user, "readers"),
            "team": user["userProperties"]["team"],
            "costCenter": user["adminProperties"]["costCenter"],
            // Not declared, but what a disabled user is known by.
            "enabled": user["enabled"],
        })
    }

    fn expected(_login: &str) -> Value {
        json!({
            "sourceType": "LOCAL",
            "password": "canary-password-93c1",
            "email": "jane@example.com",
            "readers": true,
            "team": "risk",
            "costCenter": "4711",
            "enabled": true,
        })
    }

    fn rest(remote: &Instance, login: &str) -> Value {
        let Some(user) = remote.state_at(&format!("/users/{login}")) else {
            return Value::Null;
        };
        let mut rest = without(user.clone(), &["sourceType", "password", "email", "enabled"]);
        rest["groups"]
            .as_array_mut()
            .unwrap()
            .retain(|group| group != "readers");
        for (map, declared) in [("userProperties", "team"), ("adminProperties", "costCenter")] {
            rest[map] = Value::Object(without(user[map].clone(), &[declared, OWNER]));
        }
        Value::Object(rest)
    }

    fn broken(_remote: &Instance, login: &str) -> Value {
        json!({ "users": { login: {
            "email": "somebody@example.com",
            "userProperties": { "team": "other" },
            "adminProperties": { "costCenter": null },
        } } })
    }

    fn disturbed(_remote: &Instance, login: &str) -> Value {
        json!({ "users": { login: {
            "displayName": "Renamed by hand",
            "groups": ["data_team", "readers"],
            "userProperties": { "mine": "kept" },
            "addedByAFutureRelease": { "nested": { "list": [1, 1.5, "ä"], "none": null }, "flag": true },
        } } })
    }

    fn found(_remote: &Instance, login: &str) -> Value {
        json!({ "users": { login: {
            "sourceType": "LOCAL", "password": "theirs", "displayName": "Theirs", "groups": ["readers"],
        } } })
    }

    fn same(login: &str) -> Option<Value> {
        Some(json!({ "login": login }))
    }

    fn widened(_login: &str) -> Value {
        json!({ "groups": [{ "name": "readers" }, { "name": "data_team" }] })
    }

    fn surplus(remote: &Instance, login: &str) -> bool {
        let user = remote.state_at(&format!("/users/{login}"));
        user.is_some_and(|user| has_group(&user, "data_team"))
    }

    fn varied(_name: &str) -> Value {
        json!({ "email": "other@example.com" })
    }

    fn gone(_remote: &Instance, login: &str) -> Value {
        json!({ "users": { login: null } })
    }

    fn deletions(login: &str) -> Vec<Deletion> {
        let kept = || Self::expected(login);
        let disabled = || merged(kept(), json!({ "enabled": false, "readers": false }));
        vec![
            Deletion::created(None, disabled()),
            Deletion::created(Some("Disable"), disabled()),
            Deletion::created(Some("Delete"), Value::Null),
            Deletion::created(Some("Retain"), kept()),
            Deletion::adopted(None, kept()),
            Deletion::adopted(Some("Disable"), disabled()),
            Deletion::adopted(Some("Delete"), Value::Null),
        ]
    }

    fn bad_inputs(_login: &str) -> Vec<BadInput> {
        let mut inputs = vec![
            BadInput::spec(
                "profile",
                json!({ "userProfile": "GRAND_WIZARD" }),
                "Invalid",
                "userProfile GRAND_WIZARD is not licensed; the licence holds ",
            ),
            BadInput::spec(
                "password",
                json!({ "passwordSecretRef": null }),
                "Invalid",
                "needs passwordSecretRef",
            ),
            BadInput::spec(
                "secret",
                json!({ "passwordSecretRef": { "name": "absent" } }),
                "DependencyNotReady",
                "/absent not found",
            ),
            BadInput::spec(
                "group",
                json!({ "groups": [{ "name": "readers" }, { "name": "later" }] }),
                "DependencyNotReady",
                "group later does not exist yet",
            )
            .with_writes(Self::WRITES),
        ];
        inputs.extend(answers_that_are_none(N::OPERATIONS.1, "GET /admin/users/{login}"));
        inputs
    }
}

fn has_group(user: &Value, name: &str) -> bool {
    let groups = user["groups"].as_array().unwrap();
    groups.iter().any(|group| group == name)
}
