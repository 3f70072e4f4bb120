//! Bad input: each gets a clear answer and loses nothing.

use std::time::Duration;

use serde_json::{Value, json};

use super::{BadInput, Scenario, Wrong, subject::Subject};
use crate::{
    bed::{INTERVAL, message},
    ground::Ground,
    history::History,
};

/// Reasons that say that somebody has to act.
const STALLED: [&str; 6] = [
    "Invalid",
    "Rejected",
    "AcceptedButNotStored",
    "AlreadyExists",
    "Conflict",
    "NotAllowed",
];

pub async fn bad_input_has_its_reason<S: Scenario>(ground: &Ground) {
    let subject = Subject::<S>::ready(ground, "bad").await;
    let labels: Vec<_> = S::bad_inputs("any").iter().map(|input| input.label).collect();
    assert!(!labels.is_empty(), "a kind has bad input");
    for (number, label) in labels.iter().enumerate() {
        let name = format!("bad-{label}");
        let input = S::bad_inputs(&name).swap_remove(number);
        subject.prepare(&name);
        subject.bed.remote.reset_requests();
        let extra = match &input.wrong {
            Wrong::Spec(extra) => extra.clone(),
            Wrong::Remote(rule) => {
                subject.bed.remote.fault(rule.clone());
                json!({})
            }
        };
        subject.apply(&name, extra).await;
        is_answered(&subject, &name, &input).await;
        subject.bed.remote.clear_faults();
        let mut object = subject.object(&name, json!({}));
        if input.reason == "AcceptedButNotStored" {
            // What was not stored is not sent again unless somebody asks for it.
            object["metadata"]["annotations"] = json!({ "dataiku-operator.io/reconcile-at": "now" });
        }
        subject.bed.apply(&object).await;
        subject.converged(&name).await;
        // The failed calls of several objects would open the circuit before the next one has its own answer.
        subject.delete(&name).await;
    }
}

async fn is_answered<S: Scenario>(subject: &Subject<S>, name: &str, input: &BadInput) {
    let object = subject.wait(name, &format!("Ready=False/{}", input.reason)).await;
    let message = message(&object);
    assert!(message.contains(input.words), "{name}: {message}");
    assert!(!message.contains("<html"), "{name} quotes a page: {message}");
    let stalled = object["status"]["conditions"].to_string().contains("Stalled");
    assert_eq!(stalled, STALLED.contains(&input.reason), "{name}: {}", object["status"]);
    if input.writes > 0 {
        subject.bed.sweeps(1).await;
    }
    assert!(
        subject.bed.remote.writes() <= input.writes.max(u64::from(!S::LOOKS_FIRST)),
        "{name}: {:?}",
        subject.bed.remote.requests().counts
    );
}

/// A create that is refused is tried once, and then once for each look at the remote side: nothing that we write to our own
/// object is a reason to try again.
pub async fn a_refused_create_is_tried_once<S: Scenario>(ground: &Ground) {
    let subject = Subject::<S>::ready(ground, "tried").await;
    subject.prepare("tried");
    let rule =
        json!({ "match": { "operation": S::CREATES[0] }, "times": 0, "fault": { "kind": "status", "status": 400 } });
    subject.bed.remote.fault(rule);
    subject.bed.sweeps(1).await;
    subject.bed.remote.reset_requests();
    subject.apply("tried", json!({})).await;
    subject.wait("tried", &format!("Ready=False/{}", S::REFUSED)).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let history = History::of(&subject.bed.namespace, S::KIND, "tried").await;
    tokio::time::sleep(INTERVAL + Duration::from_secs(3)).await;
    // Read in this order, a look in between is no failure.
    let tries = subject.creates();
    let looks = subject.bed.looks();
    assert!(tries <= 1 + looks, "{tries} tries and {looks} looks");
    // Whatever is put down before another try, nothing changes for those who read it.
    assert_eq!(history.status_writes(), 0, "{:?}", history.states());
}

/// Answers that are none, to the call that reads one object.
pub fn answers_that_are_none(operation: &str, call: &'static str) -> Vec<BadInput> {
    let status = |status: u16| json!({ "kind": "status", "status": status });
    let faults: [(_, Value, _, _); 6] = [
        (
            "html",
            json!({ "kind": "html", "page": "login", "status": 200 }),
            "Unavailable",
            "not JSON",
        ),
        ("error500", status(500), "Unavailable", "HTTP 500"),
        ("dropped", json!({ "kind": "dropBefore" }), "Unavailable", "connection"),
        ("truncated", json!({ "kind": "truncate" }), "Unavailable", call),
        (
            "limited",
            json!({ "kind": "status", "status": 429, "retryAfter": "2" }),
            "RateLimited",
            "HTTP 429",
        ),
        ("refused", status(400), "Rejected", "HTTP 400"),
    ];
    let rule = |fault| json!({ "match": { "operation": operation }, "times": 0, "fault": fault });
    let inputs = faults
        .into_iter()
        .map(|(label, fault, reason, words)| BadInput::remote(label, rule(fault), reason, words));
    inputs.collect()
}
