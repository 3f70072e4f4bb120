//! Secret values are nowhere but where they belong.

use serde_json::{Value, json};
use testbed::simulator::Product;

use super::{
    Scenario,
    subject::{Subject, origin},
};
use crate::{
    bed::{PATIENCE, message},
    connection::secret_forms,
    ground::Ground,
};

pub async fn no_secret_value_is_shown<S: Scenario>(ground: &Ground) {
    let subject = Subject::<S>::ready_with_log(ground, "canary", "trace").await;
    let mut canaries = secret_forms(&subject.bed.remote);
    canaries.extend(values::<S>());
    let refused = refused(&subject, &canaries).await;
    subject.bed.remote.clear_faults();
    subject.converged("canary").await;
    canaries.extend(rotate(&subject).await);
    canaries.extend(S::shown_once(&subject.bed.remote, "canary"));
    // What the last pass writes down of itself is there too.
    subject.bed.sweeps(1).await;
    for (place, text) in places(&subject, &refused).await {
        assert!(text.len() > 100, "{place} was read");
        for canary in &canaries {
            assert!(!text.contains(canary), "a secret value is in {place}");
        }
    }
}

/// Everything that people and machines read of the operator.
async fn places<S: Scenario>(subject: &Subject<S>, refusal: &Value) -> [(&'static str, String); 6] {
    let logs = subject.bed.operator.logs();
    assert!(
        logs.contains("remote write") && logs.contains("TRACE"),
        "the log was kept"
    );
    let namespace = &subject.bed.namespace;
    let connection = subject.bed.connection;
    [
        ("logs", logs),
        ("metrics", subject.bed.operator.metrics().await.unwrap()),
        ("refusal", refusal.to_string()),
        ("object", namespace.get(S::KIND, "canary").await.unwrap().to_string()),
        (
            "connection",
            namespace
                .get(connection.kind, connection.name)
                .await
                .unwrap()
                .to_string(),
        ),
        (
            "events",
            serde_json::to_string(&namespace.list("Event").await.unwrap()).unwrap(),
        ),
    ]
}

fn values<S: Scenario>() -> impl Iterator<Item = String> {
    let keys = S::SECRETS.iter().flat_map(|(_, keys)| *keys);
    keys.map(|(_, value)| (*value).to_owned())
}

/// The remote side quotes every value when it refuses to create, as a careless server would.
async fn refused<S: Scenario>(subject: &Subject<S>, canaries: &[String]) -> Value {
    let quoted = format!("the licence is full, said {}", canaries.join(" and "));
    let (status, body) = match S::PRODUCT {
        Product::Dss | Product::Govern => (400, json!({ "errorType": "x.Refused", "message": quoted })),
        Product::Launchpad => (422, json!({ "errors": { "json": { "name": [quoted] } } })),
    };
    subject.bed.remote.fault(json!({
        "match": { "operation": S::CREATES[0] }, "times": 0,
        "fault": { "kind": "status", "status": status, "body": body },
    }));
    subject.prepare("canary");
    subject.apply("canary", json!({})).await;
    let object = subject.wait("canary", "Ready=False/Rejected").await;
    let message = message(&object);
    let is_of_the_refusal = message.contains("HTTP 4") || message.starts_with("the Launchpad refused");
    // A part of the message that is no secret might stand next to one in an encoding that nobody knows.
    assert!(
        is_of_the_refusal && message.contains("withheld") && !message.contains("the licence is full"),
        "{message}"
    );
    // While it is tried again the intent stands; after that, what somebody made by hand now would not be ours.
    let disowned = |object: &Value| origin(object).is_null();
    subject
        .bed
        .namespace
        .wait_for(S::KIND, "canary", disowned, PATIENCE)
        .await
        .unwrap();
    object
}

/// Changes the Secrets and waits until the remote side has the new values, which it returns.
async fn rotate<S: Scenario>(subject: &Subject<S>) -> Vec<String> {
    let changed = |value: &str| format!("{value}-changed");
    for (name, keys) in S::SECRETS {
        let keys: Vec<_> = keys.iter().map(|(key, value)| (*key, changed(value))).collect();
        let keys: Vec<_> = keys.iter().map(|(key, value)| (*key, value.as_str())).collect();
        subject.bed.namespace.secret(name, &keys).await.unwrap();
    }
    let values: Vec<_> = values::<S>().map(|value| changed(&value)).collect();
    subject
        .bed
        .until("the changed values", || {
            let state = subject.bed.remote.state().to_string();
            values.iter().all(|value| state.contains(value))
        })
        .await;
    values
}
