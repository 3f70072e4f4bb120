//! What the engine makes of the changes of an object, on a kind that there is.

use kube::{core::DeserializeGuard, runtime::Predicate};
use serde_json::{Value, json};

use crate::{
    crd::{DssUser, common::FINALIZER},
    engine::changes::worth_a_pass,
};

fn prints(versions: &[Value]) -> Vec<Option<u64>> {
    let read = |value: &Value| -> DeserializeGuard<DssUser> { serde_json::from_value(value.clone()).unwrap() };
    let predicate = worth_a_pass::<DssUser>();
    versions
        .iter()
        .map(|version| predicate.hash_property(&read(version)))
        .collect()
}

fn version(finalizers: &[&str], status: &Value, spec: &Value) -> Value {
    json!({
        "apiVersion": "dataiku-operator.io/v1alpha1", "kind": "DssUser",
        "metadata": { "name": "jane", "namespace": "n", "generation": 1, "finalizers": finalizers },
        "spec": spec, "status": status,
    })
}

#[test]
fn our_finalizer_counts_only_where_it_is_taken() {
    let spec = json!({ "instanceRef": { "name": "design" } });
    let status = json!({ "observedGeneration": 1 });
    let seen = prints(&[
        version(&[], &Value::Null, &spec),
        version(&[FINALIZER], &Value::Null, &spec),
        version(&[FINALIZER], &status, &spec),
        version(&[FINALIZER, "another.io/finalizer"], &status, &spec),
        version(&[], &status, &spec),
        version(&["another.io/finalizer"], &status, &spec),
    ]);
    assert!(seen[..4].iter().all(|print| *print == seen[0]), "{seen:?}");
    assert!(seen[4..].iter().all(|print| *print == seen[4]), "{seen:?}");
    assert_ne!(seen[0], seen[4]);
}

#[test]
fn one_that_cannot_be_read_counts_as_not_seen_to() {
    let unreadable = json!({ "instanceRef": 7 });
    let seen = prints(&[
        version(&[], &Value::Null, &unreadable),
        version(&[FINALIZER], &Value::Null, &unreadable),
    ]);
    assert_eq!(seen[0], seen[1]);
}
