//! Entries of a document that many objects write, in the scenarios: each object has a map of its own in it.

use std::marker::PhantomData;

use serde_json::{Value, json};
use testbed::simulator::{Instance, Product};

use super::{BadInput, Deletion, Scenario, bad_input::answers_that_are_none};

/// A kind of document.
pub trait Document {
    /// The product.
    const PRODUCT: Product;
    /// Name of the kind of its objects.
    const KIND: &'static str;
    /// Whether there is one such document alone.
    const ONE: bool;
    /// The operation that brings the first entries.
    const CREATE: &'static [&'static str];
    /// The operation that reads the document, and what messages call it.
    const READ: (&'static str, &'static str);
    /// How many members of [`place`](Self::place) lead to the document itself.
    const DEPTH: usize;

    /// Where in the state the map is that holds a map for each object.
    fn place(name: &str) -> Vec<String>;

    /// Puts on the remote side what the object needs there.
    fn prepare(_remote: &Instance, _name: &str) {}

    /// The spec that declares these members of the map.
    fn spec(name: &str, members: Value) -> Value;

    /// Somebody sets other members of the document, outside of the map.
    fn beside(_name: &str) -> Value {
        json!({})
    }

    /// Somebody removes all that is declared.
    fn gone(name: &str) -> Value {
        at(&Self::place(name), json!({ name: null }))
    }

    /// What people get wrong in a document of this kind.
    fn wrong() -> Vec<BadInput> {
        Vec::new()
    }
}

/// Entries of such a document.
pub struct Entries<D>(PhantomData<D>);

/// What nobody knows yet, for [`Document::beside`].
pub fn future() -> Value {
    json!({ "addedByAFutureRelease": { "nested": { "list": [1, 1.5, "ä"] }, "flag": true } })
}

/// A patch of the state at a place.
pub fn at(place: &[String], patch: Value) -> Value {
    place.iter().rev().fold(patch, |patch, member| json!({ member: patch }))
}

fn ours() -> Value {
    json!({ "region": "eu", "limits": { "rows": 5 } })
}

fn found(remote: &Instance, place: &[String]) -> Value {
    remote.state_at(&format!("/{}", place.join("/"))).unwrap_or_default()
}

/// Takes the declared entries out of a document, and the maps that they leave empty.
fn without_ours(document: &mut Value, place: &[String], name: &str) {
    let map = place.iter().try_fold(document, |value, member| value.get_mut(member));
    let Some(all) = map.and_then(Value::as_object_mut) else {
        return;
    };
    let Some(own) = all.get_mut(name).and_then(Value::as_object_mut) else {
        return;
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
}

impl<D: Document> Scenario for Entries<D> {
    const PRODUCT: Product = D::PRODUCT;
    const KIND: &'static str = D::KIND;
    const WRITES: u64 = 1;
    const CREATES: &'static [&'static str] = D::CREATE;
    const SHARED: bool = true;
    const RESTORES: bool = true;
    const ONE_DOCUMENT: bool = D::ONE;
    const NOT_OFFERED: &'static [(&'static str, &'static str)] = &[("Disable", "cannot be disabled")];

    fn prepare(remote: &Instance, name: &str) {
        D::prepare(remote, name);
    }

    fn spec(name: &str) -> Value {
        D::spec(name, json!({ name: ours() }))
    }

    fn declared(remote: &Instance, name: &str) -> Value {
        let own = &found(remote, &D::place(name))[name];
        if own["region"].is_null() && own["limits"]["rows"].is_null() {
            return Value::Null;
        }
        json!({ "region": own["region"], "rows": own["limits"]["rows"] })
    }

    fn expected(_name: &str) -> Value {
        json!({ "region": "eu", "rows": 5 })
    }

    fn rest(remote: &Instance, name: &str) -> Value {
        let place = D::place(name);
        let mut document = found(remote, &place[..D::DEPTH]);
        without_ours(&mut document, &place[D::DEPTH..], name);
        document
    }

    fn broken(_remote: &Instance, name: &str) -> Value {
        let other = json!({ name: { "region": "us", "limits": { "rows": 7 } } });
        at(&D::place(name), other)
    }

    fn disturbed(_remote: &Instance, name: &str) -> Value {
        let beside = json!({
            "by-hand": [1, 1.5, "ä", { "b": 1, "a": 2 }],
            name: { "theirs": { "nested": { "list": [1, 1.5] } }, "limits": { "columns": 3 } },
        });
        let mut patch = at(&D::place(name), beside);
        json_patch::merge(&mut patch, &D::beside(name));
        patch
    }

    fn found(_remote: &Instance, name: &str) -> Value {
        at(&D::place(name), json!({ name: ours() }))
    }

    fn same(_name: &str) -> Option<Value> {
        Some(json!({}))
    }

    fn widened(name: &str) -> Value {
        let more = json!({ name: { "region": "eu", "limits": { "rows": 5 }, "more": true } });
        D::spec(name, more)
    }

    fn surplus(remote: &Instance, name: &str) -> bool {
        found(remote, &D::place(name))[name]["more"] == true
    }

    fn varied(name: &str) -> Value {
        D::spec(name, json!({ name: { "region": "us", "limits": { "rows": 5 } } }))
    }

    fn gone(_remote: &Instance, name: &str) -> Value {
        D::gone(name)
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
            "fault": { "kind": "edit", "when": "after", "patch": at(&D::place(name), json!({ name: { "region": null } })) },
        });
        let step = "bad-notstored/region";
        let mut inputs = vec![BadInput::remote("notstored", forgets, "AcceptedButNotStored", step).with_writes(5)];
        inputs.extend(D::wrong());
        inputs.extend(answers_that_are_none(D::READ.0, D::READ.1));
        inputs
    }
}
