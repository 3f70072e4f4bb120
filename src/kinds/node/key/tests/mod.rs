#![allow(clippy::needless_pass_by_value, reason = "every caller makes the JSON on the spot")]

mod adoption;
mod faults;
mod fields;
mod issue;
mod rotation;

use std::time::Instant;

use serde_json::{Value, json};

use super::{change::NewKey, *};
use crate::{
    crd::{DssGlobalApiKey, applied::Grants},
    dataiku::listed::Listed,
    engine::{Change, Secret, Secrets},
    kinds::node::tests::{Bed, document, object},
};

const UID: &str = "0a1b2c";
const OURS: &str = "[dataiku-operator.io/owner: team/ci 0a1b2c]";
const NODE: &str = "https://dss.example.com";

fn ci(spec: Value) -> DssGlobalApiKey {
    let mut all = if spec.get("id").is_some() {
        json!({ "adoptionPolicy": "Adopt" })
    } else {
        json!({ "secretName": "ci-key" })
    };
    if spec.get("groups").is_none() {
        all["permissions"] = json!({});
    }
    for (key, value) in spec.as_object().unwrap() {
        all[key] = value.clone();
    }
    let mut object: DssGlobalApiKey = object("DssGlobalApiKey", "ci", &all);
    object.metadata.uid = Some(UID.into());
    object
}

fn record(value: &Value) -> Arc<KeyRecord> {
    Arc::new(KeyRecord::from_document(&document(value)).unwrap())
}

/// A key of `ci` with `extra` merged into its definition.
fn definition(id: &str, extra: Value) -> Value {
    let mut all = json!({
        "id": id, "label": "ci", "description": OURS, "groups": null,
        "globalPermissions": { "admin": false, "mayCreateProjects": false }, "unknown": { "x": 1.50 },
    });
    for (key, value) in extra.as_object().unwrap() {
        all[key] = value.clone();
    }
    all
}

/// A bed whose node has these keys; `id`: the one on record.
fn bed(id: Option<&str>, keys: &[Value]) -> Bed {
    let mut bed = Bed::default();
    let items = keys.iter().map(record).collect();
    bed.lists.keys.replace(Instant::now(), &Listed { items, unreadable: 0 });
    bed.record.id = id.map(str::to_owned);
    bed
}

fn granted(bed: &mut Bed, list: &'static str, name: &str) {
    let names = [(list, [name.to_owned()].into())];
    bed.record.grants.add(names.into_iter().collect::<Grants>());
}

/// The contents of the Secret, as they were published.
fn holding(id: &str) -> Secrets {
    let value = |value: &str| Secret::Unchanged(value.to_owned().into(), String::new());
    [
        (PUBLISHED, value("value")),
        (PUBLISHED_ID, value(id)),
        (PUBLISHED_URL, value(NODE)),
    ]
    .map(|(slot, secret)| (slot.to_owned(), secret))
    .into_iter()
    .collect()
}

fn missing() -> Secrets {
    let slots = [PUBLISHED, PUBLISHED_ID, PUBLISHED_URL].into_iter();
    slots
        .map(|slot| (slot.to_owned(), Secret::Missing("gone".into())))
        .collect()
}

/// What an observation shows of the keys of the bed.
fn observed(object: &DssGlobalApiKey, bed: &Bed) -> Option<SeenKeys> {
    let adopts = object.key().id.is_some();
    let id = object.key().id.as_ref().or(bed.record.id.as_ref());
    let of = |kind: Kin| {
        let is = |key: &KeyRecord| kin(key.description.as_deref().unwrap_or_default(), object, bed.cluster) == kind;
        if adopts { Vec::new() } else { bed.lists.keys.filter(is) }
    };
    let seen = SeenKeys {
        named: id.and_then(|id| bed.lists.keys.get(id).found()),
        document: None,
        marked: of(Kin::Own),
        former: of(Kin::Former),
        adopts,
    };
    (seen.named.is_some() || !seen.marked.is_empty() || !seen.former.is_empty()).then_some(seen)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn try_plan(object: &DssGlobalApiKey, bed: &Bed, now: i64) -> Result<Plan<KeyChange>, Error> {
    let given = Given {
        now: at(now),
        ..bed.given()
    };
    Key::plan(object, &given, observed(object, bed).as_ref())
}

fn plan(object: &DssGlobalApiKey, bed: &Bed, now: i64) -> Plan<KeyChange> {
    try_plan(object, bed, now).unwrap()
}

fn refused(object: &DssGlobalApiKey, bed: &Bed) -> Error {
    try_plan(object, bed, 0).err().unwrap()
}

fn steps(object: &DssGlobalApiKey, bed: &Bed) -> Vec<String> {
    plan(object, bed, 0).steps()
}

/// The only key that the plan creates.
fn new_key(plan: &Plan<KeyChange>) -> &NewKey {
    let mut new = plan.changes.iter().filter_map(|change| match change {
        KeyChange::Create(new) => Some(new),
        _ => None,
    });
    new.next().unwrap()
}

/// The definition after the only edit of the plan.
fn edited(object: &DssGlobalApiKey, bed: &Bed, found: &Value) -> (Vec<String>, Value) {
    let plan = plan(object, bed, 0);
    let [KeyChange::Edit { edit, .. }] = &plan.changes[..] else {
        panic!("{:?}", plan.steps());
    };
    let mut document = document(found);
    edit.write(&mut document).unwrap();
    (plan.steps(), serde_json::to_value(&document).unwrap())
}
