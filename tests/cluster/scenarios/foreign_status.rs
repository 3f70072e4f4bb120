//! The status belongs to the operator, whoever else wrote into it.

use serde_json::{Value, json};

use super::{
    Scenario, Wrong,
    subject::{Subject, origin},
};
use crate::{bed::PATIENCE, ground::Ground, history::History};

pub async fn a_status_that_others_wrote_becomes_ours_again<S: Scenario>(ground: &Ground) {
    let subject = Subject::<S>::ready(ground, "foreign").await;
    subject.create("taken", json!({})).await;
    subject.bed.sweeps(1).await;
    let history = History::of(&subject.bed.namespace, S::KIND, "taken").await;
    restored(&subject, "taken", &foreign("Rejected")).await;
    ask(&subject, "taken", "1").await;
    ours_alone(&subject, "taken", "1").await;
    let writes = history.status_writes() - 1;
    assert!(writes <= 3, "{writes} status writes: {:?}", history.states());

    if !S::KEEPS {
        // Nothing is read any more that could be refused.
        return subject.stays_in_sync().await;
    }
    // The operator writes a condition of its own that somebody else had written too, and takes it away again.
    let refusal = S::bad_inputs("taken")
        .into_iter()
        .find(|input| input.label == "refused");
    let Some(Wrong::Remote(rule)) = refusal.map(|input| input.wrong) else {
        panic!("{} has no read that is refused", S::KIND);
    };
    restored(&subject, "taken", &foreign("Invalid")).await;
    subject.bed.remote.fault(rule);
    ask(&subject, "taken", "2").await;
    subject.wait("taken", "Ready=False/Rejected").await;
    subject.bed.remote.clear_faults();
    ask(&subject, "taken", "3").await;
    ours_alone(&subject, "taken", "3").await;
    subject.stays_in_sync().await;
}

/// As in another cluster: the object is not the one of which the status speaks.
pub async fn a_status_of_another_object_is_not_trusted<S: Scenario>(ground: &Ground) {
    let subject = Subject::<S>::ready(ground, "stranger").await;
    if S::MARKED {
        // A mark would prove what the status alone does not.
        let unmarked = subject.bed.connection_with(json!({ "ownershipMark": false }));
        subject.bed.apply(&unmarked).await;
        let (kind, name) = (subject.bed.connection.kind, subject.bed.connection.name);
        subject.bed.wait(kind, name, "Ready=True/InSync").await;
    }
    let status = subject.create("stranger", json!({})).await["status"].clone();
    let theirs = (subject.declared("stranger"), subject.rest("stranger"));
    annotate(&subject, "stranger", "force-release", json!("true")).await;
    subject.bed.namespace.delete(S::KIND, "stranger").await.unwrap();
    let gone = subject.bed.namespace.wait_gone(S::KIND, "stranger", PATIENCE).await;
    gone.unwrap();

    let mut object = subject.object("stranger", json!({ "deletionPolicy": "Delete" }));
    object["metadata"]["annotations"] = json!({ "dataiku-operator.io/paused": "true" });
    subject.bed.apply(&object).await;
    subject.wait("stranger", "Ready=False/Paused").await;
    restored(&subject, "stranger", &status).await;
    subject.bed.remote.reset_requests();
    object["metadata"]["annotations"] = json!({ "dataiku-operator.io/reconcile-at": "1" });
    subject.bed.apply(&object).await;
    handled(&subject, "stranger", "1").await;
    if !S::ADOPTS {
        // A second one was made, which goes alone.
        subject.delete("stranger").await;
        assert_eq!((subject.declared("stranger"), subject.rest("stranger")), theirs);
        return;
    }
    let found = subject.bed.namespace.get(S::KIND, "stranger").await.unwrap();
    assert_ne!(origin(&found), "Created", "{}", found["status"]);
    subject.delete("stranger").await;
    assert_eq!((subject.declared("stranger"), subject.rest("stranger")), theirs);
    assert_eq!(subject.bed.remote.writes(), 0);
}

/// What a restore, a person or a tool may leave in a status.
fn foreign(reason: &str) -> Value {
    let condition = |kind: &str, status: &str, reason: &str| {
        json!({
            "type": kind, "status": status, "reason": reason, "message": "m", "lastTransitionTime": "2026-01-01T00:00:00Z",
        })
    };
    json!({
        "observedGeneration": 1,
        "plan": ["set email to x@example.com"],
        "conditions": [
            condition("Ready", "False", reason),
            condition("Stalled", "True", reason),
            condition("Audited", "True", "ByThem"),
        ],
    })
}

async fn restored<S: Scenario>(subject: &Subject<S>, name: &str, status: &Value) {
    let namespace = &subject.bed.namespace;
    namespace.patch_status(S::KIND, name, "restore", status).await.unwrap();
}

async fn annotate<S: Scenario>(subject: &Subject<S>, name: &str, annotation: &str, value: Value) {
    let patch = json!({ "metadata": { "annotations": { format!("dataiku-operator.io/{annotation}"): value } } });
    subject.bed.namespace.patch(S::KIND, name, patch).await.unwrap();
}

async fn ask<S: Scenario>(subject: &Subject<S>, name: &str, mark: &str) {
    annotate(subject, name, "reconcile-at", json!(mark)).await;
}

async fn handled<S: Scenario>(subject: &Subject<S>, name: &str, mark: &str) {
    let handled = |object: &Value| object["status"]["lastHandledReconcileAt"] == mark;
    let object = subject.bed.namespace.wait_for(S::KIND, name, handled, PATIENCE).await;
    object.unwrap();
}

/// In sync, asked for by this mark, and nothing of others but a condition of their own.
async fn ours_alone<S: Scenario>(subject: &Subject<S>, name: &str, mark: &str) {
    let ours = |object: &Value| {
        let status = &object["status"];
        let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
        let has = |kind: &str, status: &str, reason: &str| {
            conditions
                .iter()
                .any(|one| one["type"] == kind && one["status"] == status && one["reason"] == reason)
        };
        let kinds: Vec<_> = conditions
            .iter()
            .map(|one| one["type"].as_str().unwrap_or_default())
            .collect();
        has("Ready", "True", "InSync")
            && !kinds.contains(&"Stalled")
            && status.get("plan").is_none()
            && status["lastHandledReconcileAt"] == mark
            && !conditions
                .iter()
                .any(|one| one["type"] != "Audited" && one["message"] == "m")
    };
    let found = subject.bed.namespace.wait_for(S::KIND, name, ours, PATIENCE).await;
    found.unwrap();
}
