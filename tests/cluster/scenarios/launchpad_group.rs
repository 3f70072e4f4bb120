//! `LaunchpadGroup` in the scenarios: a group with access to nodes, a member, and somebody who is only invited.

use serde_json::{Value, json};
use testbed::simulator::{Instance, Product};

use super::{BadInput, Deletion, Scenario, bad_input::answers_that_are_none, without};

pub struct LaunchpadGroup;

/// Id of a group that somebody else has made.
fn theirs(name: &str) -> String {
    format!("id-of-{name}")
}

fn group(remote: &Instance, name: &str) -> Option<Value> {
    let groups = remote.state_at("/groups").unwrap();
    let mut groups = groups.as_object().unwrap().values();
    groups.find(|group| group["name"] == name).cloned()
}

fn id(remote: &Instance, name: &str) -> String {
    group(remote, name).unwrap()["id"].as_str().unwrap().to_owned()
}

/// Whether a user or an invite has the group.
fn is_in(remote: &Instance, person: &str, group: &Value) -> bool {
    let person = remote.state_at(person).unwrap();
    person["groups"].to_string().contains(group["id"].as_str().unwrap())
}

fn member(name: &str) -> (String, String) {
    (format!("user-{name}"), format!("Member-{name}@example.com"))
}

fn invited(name: &str) -> (String, String) {
    (format!("invite-{name}"), format!("invited-{name}@example.com"))
}

impl Scenario for LaunchpadGroup {
    const PRODUCT: Product = Product::Launchpad;
    const KIND: &'static str = "LaunchpadGroup";
    const WRITES: u64 = 2;
    const CREATES: &'static [&'static str] = &["L12"];
    const NOT_OFFERED: &'static [(&'static str, &'static str)] = &[("Disable", "cannot be disabled")];

    fn prepare(remote: &Instance, name: &str) {
        remote.switch("taskMillis", json!(300)).unwrap();
        let profile = json!({ "name": "reader", "isTrial": false });
        let person = |(id, email): &(String, String)| {
            json!({ id.as_str(): {
                "id": id, "email": email, "profile": profile, "groups": [], "createdOn": "2026-03-01T10:20:30.123456+00:00",
            } })
        };
        let people = json!({ "users": person(&member(name)), "invites": person(&invited(name)) });
        remote.patch_state(people).unwrap();
    }

    fn spec(name: &str) -> Value {
        json!({
            "description": "Analytics",
            "launchpadPermissions": { "mayTurnOnSpace": true },
            "nodes": [
                { "name": "design-0", "permissions": { "mayCreateProjects": true, "below": { "one": true, "two": false } } },
                { "name": "automation-0", "permissionsFrom": "design-0" },
            ],
            "nodeTypes": [{ "type": "govern", "permissions": { "isGovernArchitect": false } }],
            "members": [{ "email": member(name).1.to_lowercase() }, { "email": invited(name).1 }],
        })
    }

    fn is_at_rest(object: &Value) -> bool {
        let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions
            .iter()
            .any(|condition| condition["type"] == "Propagated" && condition["status"] == "True")
    }

    fn declared(remote: &Instance, name: &str) -> Value {
        let Some(group) = group(remote, name) else {
            return Value::Null;
        };
        json!({
            "description": group["description"],
            "mayTurnOnSpace": group["launchpadPermissions"]["mayTurnOnSpace"],
            "design-0": group["dataikuPermissions"]["design-0"]["mayCreateProjects"],
            "below": group["dataikuPermissions"]["design-0"]["below"],
            "automation-0": group["dataikuPermissions"]["automation-0"]["mayCreateProjects"],
            "govern-0": group["governPermissions"]["govern-0"]["isGovernArchitect"],
            "member": is_in(remote, &format!("/users/{}", member(name).0), &group),
            "invited": is_in(remote, &format!("/invites/{}", invited(name).0), &group),
        })
    }

    fn expected(_name: &str) -> Value {
        json!({
            "description": "Analytics",
            "mayTurnOnSpace": true,
            "design-0": true,
            // A right that is not there is not given.
            "below": { "one": true },
            "automation-0": true,
            "govern-0": false,
            "member": true,
            "invited": true,
        })
    }

    fn rest(remote: &Instance, name: &str) -> Value {
        let Some(group) = group(remote, name) else {
            return Value::Null;
        };
        let mut rest = without(group, &["description", "users"]);
        for (place, node) in [
            ("dataikuPermissions", "design-0"),
            ("dataikuPermissions", "automation-0"),
            ("governPermissions", "govern-0"),
        ] {
            if let Some(rights) = rest[place].get_mut(node).and_then(Value::as_object_mut) {
                rights
                    .retain(|right, _| !["mayCreateProjects", "below", "isGovernArchitect"].contains(&right.as_str()));
            }
        }
        rest["launchpadPermissions"]
            .as_object_mut()
            .unwrap()
            .remove("mayTurnOnSpace");
        Value::Object(rest)
    }

    fn broken(remote: &Instance, name: &str) -> Value {
        json!({
            "groups": { id(remote, name): {
                "description": "by hand",
                "launchpadPermissions": { "mayTurnOnSpace": false },
                "dataikuPermissions": { "design-0": { "below": { "one": false } }, "automation-0": { "below": { "one": false } } },
            } },
            "users": { member(name).0: { "groups": [] } },
        })
    }

    fn disturbed(remote: &Instance, name: &str) -> Value {
        json!({ "groups": { id(remote, name): {
            "launchpadPermissions": { "mayBeUnknown": true },
            "dataikuPermissions": {
                "deployer-0": { "mayDeploy": true },
                "design-0": { "mayWriteSafeCode": true },
                "automation-0": { "mayWriteSafeCode": true },
            },
            "addedByAFutureRelease": { "nested": { "list": [1, 1.5, "ä"], "none": null }, "flag": true },
        } } })
    }

    fn found(_remote: &Instance, name: &str) -> Value {
        let id = theirs(name);
        json!({ "groups": { &id: {
            "id": id, "name": name, "description": "Theirs", "launchpadPermissions": {},
            "dataikuPermissions": { "design-0": {}, "automation-0": {} }, "governPermissions": { "govern-0": {} },
        } } })
    }

    fn same(name: &str) -> Option<Value> {
        Some(json!({ "name": name }))
    }

    fn widened(_name: &str) -> Value {
        json!({ "launchpadPermissions": { "mayTurnOnSpace": true, "mayDoMore": true } })
    }

    fn surplus(remote: &Instance, name: &str) -> bool {
        group(remote, name).is_some_and(|group| group["launchpadPermissions"]["mayDoMore"] == true)
    }

    fn varied(_name: &str) -> Value {
        json!({ "description": "Others" })
    }

    fn gone(remote: &Instance, name: &str) -> Value {
        json!({ "groups": { id(remote, name): null } })
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

    fn bad_inputs(_name: &str) -> Vec<BadInput> {
        let mut inputs = vec![
            BadInput::spec(
                "node",
                json!({ "nodes": [{ "name": "design-0" }, { "name": "design-9" }], "nodeTypes": null }),
                "DependencyNotReady",
                "node design-9 does not exist yet",
            )
            .with_writes(Self::WRITES),
            BadInput::spec(
                "member",
                json!({ "members": [{ "email": "nobody@example.com" }] }),
                "DependencyNotReady",
                "nobody@example.com is neither a user nor invited yet",
            )
            .with_writes(Self::WRITES),
            BadInput::spec(
                "contradiction",
                json!({ "nodeTypes": [{ "type": "dataiku", "permissions": { "mayCreateProjects": false } }] }),
                "Invalid",
                "mayCreateProjects on node design-0 is true by nodes and false by dataiku",
            ),
            BadInput::spec(
                "from",
                json!({ "nodes": [
                    { "name": "design-0", "permissionsFrom": "automation-0" },
                    { "name": "automation-0", "permissionsFrom": "design-0" },
                ] }),
                "Invalid",
                "permissionsFrom automation-0 has permissionsFrom itself",
            ),
            BadInput::spec(
                "type",
                json!({ "nodeTypes": [{ "type": "api" }] }),
                "DependencyNotReady",
                "no node of type api exists yet",
            )
            .with_writes(Self::WRITES),
        ];
        let answers = answers_that_are_none("L11", "GET /spaces/{space}/group/{group}").into_iter();
        // The list tells that there is no group, so it is made before it is read.
        inputs.extend(answers.map(|input| input.with_writes(1)));
        inputs
    }
}

scenarios!(LaunchpadGroup, everywhere);
