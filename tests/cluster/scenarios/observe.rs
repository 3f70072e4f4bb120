//! `Observe` tells what `Manage` then does: the steps in its plan are those of the Events that follow.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    Scenario,
    subject::{Subject, origin},
};
use crate::{
    bed::{PATIENCE, merged},
    ground::Ground,
};

pub async fn observe_tells_what_manage_then_does<S: Scenario>(ground: &Ground) {
    let subject = Subject::<S>::ready(ground, "observe").await;
    subject.prepare("absent");
    subject.bed.sweeps(1).await;
    foreseen(&subject, "absent", json!({})).await;

    subject.create("drifted", json!({})).await;
    subject.apply("drifted", observing()).await;
    subject.converged("drifted").await;
    subject.edit(S::broken(&subject.bed.remote, "drifted"));
    foreseen(&subject, "drifted", json!({})).await;

    // A shared document has nothing that differs and is not ours.
    if !S::SHARED && S::ADOPTS {
        subject.prepare("found");
        subject.edit(S::found(&subject.bed.remote, "found"));
        subject.bed.sweeps(1).await;
        let object = foreseen(&subject, "found", json!({ "adoptionPolicy": "Adopt" })).await;
        assert_eq!(origin(&object), "Adopted");
    }
}

fn observing() -> Value {
    json!({ "managementPolicy": "Observe" })
}

/// Watches, then manages, and compares. Nothing was written in the seconds before, so that the Events are told apart.
async fn foreseen<S: Scenario>(subject: &Subject<S>, name: &str, extra: Value) -> Value {
    subject.bed.remote.reset_requests();
    let before = (subject.declared(name), subject.rest(name));
    subject.apply(name, merged(observing(), extra.clone())).await;
    let object = subject.wait(name, "Ready=True/Observed").await;
    let plan: BTreeSet<String> = serde_json::from_value(object["status"]["plan"].clone()).unwrap();
    subject.bed.sweeps(1).await;
    assert_eq!(subject.bed.remote.writes(), 0, "{name}");
    assert_eq!((subject.declared(name), subject.rest(name)), before, "{name}");

    let earlier = notes(subject, name).await.len();
    subject.apply(name, extra).await;
    let object = subject.converged(name).await;
    assert_eq!(object["status"]["plan"], Value::Null);
    let writes = usize::try_from(subject.bed.remote.writes()).unwrap();
    let began = Instant::now();
    loop {
        let notes = notes(subject, name).await.split_off(earlier);
        let done = steps(&notes);
        let is_news = |step: &&String| !plan.contains(*step) && !S::UNFORESEEN.contains(&step.as_str());
        if plan.is_subset(&done) && !done.iter().any(|step| is_news(&step)) && notes.len() == writes {
            return object;
        }
        assert!(began.elapsed() < PATIENCE, "{name}: planned {plan:?}, done {done:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What the Events tell of the writes that were made, the oldest first.
async fn notes<S: Scenario>(subject: &Subject<S>, name: &str) -> Vec<String> {
    let events = subject.bed.namespace.events(name).await.unwrap();
    let normal = events.into_iter().filter(|event| event.kind == "Normal");
    normal.map(|event| event.note).collect()
}

/// A note says whom it is about, then the steps.
fn steps(notes: &[String]) -> BTreeSet<String> {
    let steps = notes
        .iter()
        .map(|note| note.split_once(": ").map_or(note.as_str(), |(_, steps)| steps))
        .flat_map(|steps| steps.split("; "));
    steps.map(str::to_owned).collect()
}
