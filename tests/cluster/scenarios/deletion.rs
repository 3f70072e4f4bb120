//! Deletion does what the policy says, and ends.

use serde_json::{Value, json};

use super::{
    Deletion, Scenario,
    subject::{Subject, declaration},
};
use crate::{bed::PATIENCE, connection::Connection, ground::Ground};

pub async fn each_policy_leaves_what_it_says<S: Scenario>(ground: &Ground) {
    let subject = Subject::<S>::ready(ground, "policies").await;
    let case = |number: usize| format!("case-{number}");
    let cases = || (0..).map(case);
    let total = S::deletions("case-0").len();
    for (number, name) in cases().take(total).enumerate() {
        let deletion = S::deletions(&name).swap_remove(number);
        made(&subject, &name, &deletion).await;
    }
    for (number, name) in cases().take(total).enumerate() {
        let Deletion {
            adopted,
            policy,
            leaves,
        } = S::deletions(&name).swap_remove(number);
        let what = format!("adopted: {adopted}, policy: {policy:?}");
        let theirs = subject.rest(&name);
        subject.bed.remote.reset_requests();
        subject.delete(&name).await;
        assert_eq!(subject.declared(&name), leaves, "{what}");
        if leaves == S::expected(&name) {
            assert_eq!(subject.bed.remote.writes(), 0, "{what}");
        }
        let rest = subject.rest(&name);
        // The document may go with what was declared; where it stays, it stays as it was.
        if !rest.is_null() || !leaves.is_null() {
            assert_eq!(rest.to_string(), theirs.to_string(), "{what}");
        }
    }
}

/// An object in sync, in a document in which somebody has set something too.
async fn made<S: Scenario>(subject: &Subject<S>, name: &str, deletion: &Deletion) {
    let policy = match deletion.policy {
        Some(policy) => json!({ "deletionPolicy": policy }),
        None => json!({}),
    };
    if deletion.adopted {
        subject.adopt(name, policy).await;
    } else {
        subject.create(name, policy).await;
    }
    subject.edit(S::disturbed(&subject.bed.remote, name));
}

/// What is offered has a case, and the apiserver refuses the rest.
pub async fn each_policy_is_offered_or_refused<S: Scenario>(ground: &Ground) {
    let namespace = ground.namespace(&format!("{}-offered", S::KIND.to_lowercase())).await;
    namespace.control_plane().installation().await.unwrap();
    let offered: Vec<_> = S::deletions("any").iter().filter_map(|case| case.policy).collect();
    for policy in ["Delete", "Disable", "Retain"] {
        let object = declaration::<S>(Connection::to(S::PRODUCT), "any", json!({ "deletionPolicy": policy }));
        let applied = namespace.apply_object(&object).await;
        let refusal = S::NOT_OFFERED.iter().find(|(refused, _)| *refused == policy);
        match (applied, refusal) {
            (Ok(_), None) => assert!(offered.contains(&policy), "{policy} has no case"),
            (Err(error), Some((_, words))) => assert!(format!("{error:#}").contains(words), "{error:#}"),
            (Ok(_), Some(_)) => panic!("{policy} was accepted"),
            (Err(error), None) => panic!("{policy} was refused: {error:#}"),
        }
    }
}

pub async fn what_is_gone_already_holds_nothing_up<S: Scenario>(ground: &Ground) {
    let subject = Subject::<S>::ready(ground, "already").await;
    subject.create("already", json!({ "deletionPolicy": "Delete" })).await;
    subject.bed.remote.reset_requests();
    subject.edit(S::gone(&subject.bed.remote, "already"));
    subject.delete("already").await;
    assert_eq!(subject.declared("already"), Value::Null);
    assert_eq!(subject.bed.remote.writes(), 0);
}

/// Without it, a deletion would leave everything on the remote side and say nothing.
pub async fn a_finalizer_that_is_taken_comes_back<S: Scenario>(ground: &Ground) {
    let subject = Subject::<S>::ready(ground, "taken").await;
    subject.create("taken", json!({})).await;
    subject.bed.sweeps(1).await;
    subject.bed.remote.reset_requests();
    let none = json!({ "metadata": { "finalizers": null } });
    subject.bed.namespace.patch(S::KIND, "taken", none).await.unwrap();
    let has_one = |object: &Value| object["metadata"]["finalizers"][0] == "dataiku-operator.io/finalizer";
    subject
        .bed
        .namespace
        .wait_for(S::KIND, "taken", has_one, PATIENCE)
        .await
        .unwrap();
    assert_eq!(
        subject.bed.remote.writes(),
        0,
        "{:?}",
        subject.bed.remote.requests().counts
    );
}

/// The list of the last sweep still has it, and is no reason to refuse it.
pub async fn what_was_deleted_is_made_again_at_once<S: Scenario>(ground: &Ground) {
    let subject = Subject::<S>::ready(ground, "again").await;
    let bed = &subject.bed;
    subject.create("again", json!({ "deletionPolicy": "Delete" })).await;
    let mut names = vec!["again"];
    // Of a shared document nothing is refused.
    if !S::SHARED && S::ADOPTS {
        names.push("byhand");
        subject.prepare("byhand");
        subject.edit(S::found(&bed.remote, "byhand"));
    }
    bed.sweeps(1).await;
    bed.apply(&bed.connection_with(json!({ "driftInterval": "10m" }))).await;
    bed.wait(bed.connection.kind, bed.connection.name, "Ready=True/InSync")
        .await;

    subject.delete("again").await;
    assert_eq!(subject.declared("again"), Value::Null);
    if !S::SHARED && S::ADOPTS {
        // Somebody else's, which they remove by hand.
        subject.edit(S::gone(&bed.remote, "byhand"));
    }
    for name in &names {
        subject.apply(name, json!({})).await;
    }
    for name in names {
        subject.converged(name).await;
        let warnings = bed.events(name, "Warning").await;
        assert!(warnings.is_empty(), "{warnings:?}");
    }
}
