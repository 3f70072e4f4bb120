//! `LaunchpadUser` in the scenarios: somebody who is invited and does not answer, and somebody who accepts the invite.

use std::marker::PhantomData;

use serde_json::{Map, Value, json};
use testbed::simulator::{Instance, Product};

use super::{BadInput, Deletion, Scenario, bad_input::answers_that_are_none, without};
use crate::bed::merged;

/// How far somebody comes by themselves.
pub trait Progress {
    /// Name in the fault campaign.
    const LABEL: &'static str;
    /// Writes until they are there.
    const WRITES: u64;
    /// Milliseconds until they accept an invite; 0: they do not.
    const ACCEPTS_AFTER: u64;
}

/// Somebody who never answers.
pub struct Invited;

impl Progress for Invited {
    const LABEL: &'static str = "LaunchpadUser";
    const WRITES: u64 = 1;
    const ACCEPTS_AFTER: u64 = 0;
}

/// Somebody who accepts the invite. Only then the properties can be set.
pub struct Active;

impl Progress for Active {
    const LABEL: &'static str = "LaunchpadUserWhoAccepts";
    const WRITES: u64 = 2;
    const ACCEPTS_AFTER: u64 = 400;
}

/// Somebody in a space.
pub struct Person<P>(PhantomData<P>);

fn email(name: &str) -> String {
    format!("{name}@example.com")
}

/// Everybody of this address, with the part of the state in which they are.
fn all(remote: &Instance, name: &str) -> Vec<(&'static str, Value)> {
    let email = email(name);
    let mut found = Vec::new();
    for part in ["invites", "users"] {
        let people = remote.state_at(&format!("/{part}")).unwrap_or_else(|| json!({}));
        let people = people.as_object().unwrap().values();
        let same = people.filter(|one| one["email"].as_str().unwrap().eq_ignore_ascii_case(&email));
        found.extend(same.map(|one| (part, one.clone())));
    }
    found
}

fn is_in(person: &Value, group: &str) -> bool {
    let groups = person["groups"].as_array().into_iter().flatten();
    groups.into_iter().any(|one| one["name"] == group)
}

/// A patch of everybody of this address.
fn patch(remote: &Instance, name: &str, members: &Value) -> Value {
    let mut patch = json!({});
    for (part, person) in all(remote, name) {
        patch[part][person["id"].as_str().unwrap()] = members.clone();
    }
    patch
}

fn of_user<P: Progress>(members: Value) -> Value {
    if P::ACCEPTS_AFTER > 0 { members } else { json!({}) }
}

impl<P: Progress> Scenario for Person<P> {
    const PRODUCT: Product = Product::Launchpad;
    const KIND: &'static str = "LaunchpadUser";
    const LABEL: &'static str = P::LABEL;
    const WRITES: u64 = P::WRITES;
    const CREATES: &'static [&'static str] = &["L3"];
    const ONE_DOCUMENT: bool = true;
    const UNFORESEEN: &'static [&'static str] = &["set admin property costCenter"];
    const NOT_OFFERED: &'static [(&'static str, &'static str)] = &[("Disable", "cannot be disabled")];

    fn prepare(remote: &Instance, _name: &str) {
        remote.switch("taskMillis", json!(300)).unwrap();
        remote.switch("acceptMillis", json!(P::ACCEPTS_AFTER)).unwrap();
    }

    fn spec(name: &str) -> Value {
        let spec = json!({
            "email": email(name),
            "profile": { "name": "explorer" },
            "groups": [{ "name": "designers" }],
        });
        merged(
            spec,
            of_user::<P>(json!({ "adminProperties": { "costCenter": "4711" } })),
        )
    }

    fn is_at_rest(object: &Value) -> bool {
        let status = &object["status"];
        let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
        let propagates = |one: &Value| one["type"] == "Propagated" && one["status"] != "True";
        let phase = if P::ACCEPTS_AFTER > 0 { "Active" } else { "Invited" };
        status["remote"]["phase"] == phase && !conditions.iter().any(propagates)
    }

    fn declared(remote: &Instance, name: &str) -> Value {
        match all(remote, name).as_slice() {
            [] => Value::Null,
            [(part, person)] => {
                let declared = json!({
                    "is": part,
                    "profile": person["profile"]["name"],
                    "designers": is_in(person, "designers"),
                });
                let property = json!({ "costCenter": person["adminProperties"]["costCenter"] });
                merged(
                    declared,
                    if property["costCenter"].is_null() {
                        json!({})
                    } else {
                        property
                    },
                )
            }
            several => json!(format!("{} invites and users", several.len())),
        }
    }

    fn expected(_name: &str) -> Value {
        let is = if P::ACCEPTS_AFTER > 0 { "users" } else { "invites" };
        let expected = json!({ "is": is, "profile": "explorer", "designers": true });
        merged(expected, of_user::<P>(json!({ "costCenter": "4711" })))
    }

    fn rest(remote: &Instance, name: &str) -> Value {
        let Some((_, person)) = all(remote, name).pop() else {
            return Value::Null;
        };
        let mut rest: Map<String, Value> = without(person, &["id", "email", "createdOn", "isOwner", "profile"]);
        rest["groups"]
            .as_array_mut()
            .unwrap()
            .retain(|group| group["name"] != "designers");
        if let Some(properties) = rest.get_mut("adminProperties").and_then(Value::as_object_mut) {
            properties.shift_remove("costCenter");
        }
        Value::Object(rest)
    }

    /// Groups that the object does not declare stay.
    fn broken(remote: &Instance, name: &str) -> Value {
        let groups = Self::rest(remote, name)["groups"].clone();
        patch(
            remote,
            name,
            &json!({ "profile": { "name": "reader" }, "groups": groups }),
        )
    }

    fn disturbed(remote: &Instance, name: &str) -> Value {
        let members = json!({
            "groups": ["deployers", "designers"],
            "addedByAFutureRelease": { "nested": { "list": [1, 1.5, "ä"], "none": null }, "flag": true },
        });
        patch(
            remote,
            name,
            &merged(
                members,
                of_user::<P>(json!({ "adminProperties": { "mine": [1, "kept"] } })),
            ),
        )
    }

    fn found(_remote: &Instance, name: &str) -> Value {
        let part = if P::ACCEPTS_AFTER > 0 { "users" } else { "invites" };
        let theirs = json!({
            "email": format!("{}@Example.com", name.to_uppercase()), "profile": { "name": "reader" }, "groups": ["deployers"],
        });
        json!({ part: { format!("id-of-{name}"): theirs } })
    }

    fn same(_name: &str) -> Option<Value> {
        Some(json!({}))
    }

    fn widened(_name: &str) -> Value {
        json!({ "groups": [{ "name": "designers" }, { "name": "project_deployers" }] })
    }

    fn surplus(remote: &Instance, name: &str) -> bool {
        all(remote, name)
            .iter()
            .any(|(_, person)| is_in(person, "project_deployers"))
    }

    fn varied(_name: &str) -> Value {
        json!({ "profile": { "name": "reader" } })
    }

    fn gone(remote: &Instance, name: &str) -> Value {
        patch(remote, name, &Value::Null)
    }

    /// Whatever is lost, nobody is invited twice, or invited while a user.
    fn violation(remote: &Instance, name: &str) -> Option<String> {
        let all = all(remote, name);
        (all.len() > 1).then(|| format!("{all:?} at one time"))
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
                "profile",
                json!({ "profile": { "name": "wizard" } }),
                "Invalid",
                "the space has no profile wizard: set profile to one of designer, explorer, reader",
            ),
            BadInput::spec(
                "group",
                json!({ "groups": [{ "name": "designers" }, { "name": "later" }] }),
                "DependencyNotReady",
                "group later does not exist yet",
            )
            .with_writes(Self::WRITES),
        ];
        // The search that tells whether there is such a person already.
        inputs.extend(answers_that_are_none("L1", "POST /spaces/{space}/invites/search"));
        inputs
    }
}

mod invited {
    use super::{Invited, Person};

    scenarios!(Person<Invited>; keeping, adopting, apart, again);
}

mod accepting {
    use super::{Active, Person};

    scenarios!(Person<Active>; keeping, adopting, apart, returning);
}
