//! `DssGroup` in the scenarios: a group whose rights follow its creation.

use serde_json::{Value, json};
use testbed::simulator::{Instance, Product};

use super::{BadInput, Deletion, Scenario, bad_input::answers_that_are_none, without};

struct DssGroup;

impl Scenario for DssGroup {
    const PRODUCT: Product = Product::Dss;
    const KIND: &'static str = "DssGroup";
    const WRITES: u64 = 2;
    const CREATES: &'static [&'static str] = &["D24"];
    const NOT_OFFERED: &'static [(&'static str, &'static str)] = &[("Disable", "cannot be disabled")];

    fn spec(_name: &str) -> Value {
        json!({
            "description": "Risk analysts",
            // The last is a flag of a release that nobody knows yet.
            "permissions": { "mayCreateProjects": true, "mayWriteSafeCode": false, "mayFly": true },
            "ldapGroupNames": ["cn=analysts"],
        })
    }

    fn declared(remote: &Instance, name: &str) -> Value {
        let Some(group) = remote.state_at(&format!("/groups/{name}")) else {
            return Value::Null;
        };
        json!({
            "description": group["description"],
            "mayCreateProjects": group["mayCreateProjects"],
            "mayWriteSafeCode": group["mayWriteSafeCode"],
            "mayFly": group["mayFly"],
            "ldapGroupNames": group["ldapGroupNames"],
        })
    }

    fn expected(_name: &str) -> Value {
        json!({
            "description": "Risk analysts",
            "mayCreateProjects": true,
            "mayWriteSafeCode": false,
            "mayFly": true,
            "ldapGroupNames": ["cn=analysts"],
        })
    }

    fn rest(remote: &Instance, name: &str) -> Value {
        let Some(group) = remote.state_at(&format!("/groups/{name}")) else {
            return Value::Null;
        };
        let declared = [
            "description",
            "mayCreateProjects",
            "mayWriteSafeCode",
            "mayFly",
            "ldapGroupNames",
        ];
        Value::Object(without(group, &declared))
    }

    fn broken(_remote: &Instance, name: &str) -> Value {
        json!({ "groups": { name: { "mayCreateProjects": false, "ldapGroupNames": ["cn=others"] } } })
    }

    fn disturbed(_remote: &Instance, name: &str) -> Value {
        json!({ "groups": { name: {
            "mayManageUDM": true,
            "ssoGroupNames": ["by-hand"],
            "addedByAFutureRelease": { "nested": { "list": [1, 1.5, "ä"], "none": null }, "flag": true },
        } } })
    }

    fn found(_remote: &Instance, name: &str) -> Value {
        json!({ "groups": { name: { "description": "Theirs", "mayDevelopPlugins": true } } })
    }

    fn widened(_name: &str) -> Value {
        let mut permissions = Self::spec("")["permissions"].clone();
        permissions["mayManageUDM"] = json!(true);
        json!({ "permissions": permissions })
    }

    fn surplus(remote: &Instance, name: &str) -> bool {
        remote.state_at(&format!("/groups/{name}/mayManageUDM")) == Some(json!(true))
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
            "match": { "operation": "D26" }, "times": 0,
            "fault": { "kind": "edit", "when": "after", "patch": forgets },
        });
        // The create, and no more than a few tries of the edit.
        let mut inputs = vec![BadInput::remote("notstored", rule, "AcceptedButNotStored", "mayFly").with_writes(5)];
        inputs.extend(answers_that_are_none("D25", "GET /admin/groups/{name}"));
        inputs
    }
}

scenarios!(DssGroup);
