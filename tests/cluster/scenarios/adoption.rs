//! Whose a remote object is.

use serde_json::json;

use super::{
    Scenario,
    subject::{Subject, origin},
};
use crate::{
    bed::{PATIENCE, message},
    ground::Ground,
};

pub async fn what_exists_is_not_taken_unasked<S: Scenario>(ground: &Ground) {
    let subject = Subject::<S>::ready(ground, "refused").await;
    subject.prepare("refused");
    subject.edit(S::found(&subject.bed.remote, "refused"));
    if !S::ADOPTS {
        return another_is_made(&subject, "refused").await;
    }
    let before = (subject.declared("refused"), subject.rest("refused"));
    subject.bed.remote.reset_requests();
    if S::SHARED {
        entries_found_are_adopted_and_left(&subject, "refused").await;
    } else {
        refused_and_left(&subject, "refused").await;
    }
    assert!(subject.bed.remote.writes() <= u64::from(!S::LOOKS_FIRST));
    assert_eq!((subject.declared("refused"), subject.rest("refused")), before);
}

/// What somebody else has made is not the object, however it is called, and stays as it was.
async fn another_is_made<S: Scenario>(subject: &Subject<S>, name: &str) {
    let theirs = subject.bed.remote.state();
    let object = subject.create(name, json!({ "deletionPolicy": "Delete" })).await;
    assert_eq!(origin(&object), "Created");
    assert_ne!(subject.bed.remote.state(), theirs, "it was made");
    subject.delete(name).await;
    assert_eq!(subject.bed.remote.state(), theirs, "theirs is as it was");
}

async fn refused_and_left<S: Scenario>(subject: &Subject<S>, name: &str) {
    subject.apply(name, json!({ "deletionPolicy": "Delete" })).await;
    let object = subject.wait(name, "Ready=False/AlreadyExists").await;
    assert!(origin(&object).is_null());
    assert!(object["status"]["conditions"].to_string().contains("Stalled"));
    let message = message(&object);
    assert!(message.contains("adoptionPolicy: Adopt"), "{message}");
    let event = subject
        .bed
        .namespace
        .wait_for_event(name, "AlreadyExists", PATIENCE)
        .await
        .unwrap();
    assert_eq!(event.kind, "Warning");
    subject.delete(name).await;
}

/// The document belongs to nobody, so there is nothing to be refused.
async fn entries_found_are_adopted_and_left<S: Scenario>(subject: &Subject<S>, name: &str) {
    subject.apply(name, json!({})).await;
    let object = subject.converged(name).await;
    assert_eq!(origin(&object), "Adopted");
    subject.delete(name).await;
}

pub async fn what_exists_is_adopted_when_asked<S: Scenario>(ground: &Ground) {
    let subject = Subject::<S>::ready(ground, "adopted").await;
    subject.prepare("adopted");
    subject.edit(S::found(&subject.bed.remote, "adopted"));
    subject.edit(S::disturbed(&subject.bed.remote, "adopted"));
    let theirs = subject.rest("adopted");
    subject.bed.remote.reset_requests();
    subject.apply("adopted", json!({ "adoptionPolicy": "Adopt" })).await;
    let object = subject.converged("adopted").await;
    assert_eq!(origin(&object), "Adopted");
    assert_eq!(subject.creates_that_succeeded(), 0);
    assert!(subject.creates() <= u64::from(!S::LOOKS_FIRST));
    assert_eq!(subject.rest("adopted").to_string(), theirs.to_string());
}
