//! Passwords: set once, set again when the Secret changes, sent at no other time, shown nowhere.

use serde_json::{Value, json};

use crate::bed::{Bed, object};

fn local(name: &str, extra: &Value) -> Value {
    let mut spec = json!({
        "instanceRef": { "name": "design" }, "sourceType": "LOCAL", "passwordSecretRef": { "name": "login" },
    });
    for (key, value) in extra.as_object().unwrap() {
        spec[key] = value.clone();
    }
    object("DssUser", name, spec)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_set_once_and_again_when_the_secret_changes() {
    let bed = Bed::ready("password").await;
    bed.namespace
        .secret("login", &[("password", "first-one")])
        .await
        .unwrap();
    bed.apply(&local("jane", &json!({}))).await;
    bed.wait("DssUser", "jane", "Ready=True/InSync").await;
    assert_eq!(bed.user("jane").unwrap()["password"], "first-one");
    bed.sweeps(2).await;
    assert_eq!(
        bed.remote.writes(),
        1,
        "the create carried it: {:?}",
        bed.remote.requests().counts
    );

    bed.namespace
        .secret("login", &[("password", "second-one")])
        .await
        .unwrap();
    bed.until("the new password", || {
        bed.user("jane").unwrap()["password"] == "second-one"
    })
    .await;
    bed.sweeps(2).await;
    assert_eq!(bed.remote.count("D4"), 1);

    // Another write to the user does not carry it.
    bed.remote
        .patch_state(json!({ "users": { "jane": { "password": "by hand" } } }))
        .unwrap();
    bed.apply(&local("jane", &json!({ "displayName": "Jane" }))).await;
    bed.until("the name", || bed.user("jane").unwrap()["displayName"] == "Jane")
        .await;
    assert_eq!(bed.user("jane").unwrap()["password"], "by hand");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_sends_no_password_and_writes_nothing_at_all() {
    let mut bed = Bed::ready("restart").await;
    bed.namespace
        .secret("login", &[("password", "first-one")])
        .await
        .unwrap();
    bed.apply(&local("jane", &json!({}))).await;
    let before = bed.wait("DssUser", "jane", "Ready=True/InSync").await;
    assert_eq!(
        bed.operator.terminate().await.unwrap(),
        0,
        "SIGTERM ends the operator with success"
    );
    bed.remote.reset_requests();
    bed.operator.restart().await.unwrap();
    bed.sweeps(2).await;
    assert_eq!(bed.remote.writes(), 0, "{:?}", bed.remote.requests().counts);
    let after = bed.namespace.get("DssUser", "jane").await.unwrap();
    assert_eq!(
        after["metadata"]["resourceVersion"],
        before["metadata"]["resourceVersion"]
    );

    // A Secret edited while the operator was away is noticed.
    bed.operator.terminate().await.unwrap();
    bed.namespace
        .secret("login", &[("password", "second-one")])
        .await
        .unwrap();
    bed.operator.restart().await.unwrap();
    bed.until("the new password", || {
        bed.user("jane").unwrap()["password"] == "second-one"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn adoption_sets_a_declared_password_once_and_leaves_an_undeclared_one() {
    let bed = Bed::ready("adoptpw").await;
    for login in ["with", "without"] {
        let user = json!({ "login": login, "sourceType": "LOCAL", "password": "theirs" });
        bed.remote.patch_state(json!({ "users": { login: user } })).unwrap();
    }
    bed.sweeps(1).await;
    bed.namespace
        .secret("login", &[("password", "ours-now")])
        .await
        .unwrap();
    bed.apply(&local("with", &json!({ "adoptionPolicy": "Adopt" }))).await;
    let mut without = local("without", &json!({ "adoptionPolicy": "Adopt" }));
    without["spec"].as_object_mut().unwrap().remove("passwordSecretRef");
    bed.apply(&without).await;
    bed.wait("DssUser", "with", "Ready=True/InSync").await;
    bed.wait("DssUser", "without", "Ready=True/InSync").await;
    bed.sweeps(2).await;
    assert_eq!(bed.user("with").unwrap()["password"], "ours-now");
    assert_eq!(bed.user("without").unwrap()["password"], "theirs");
    assert_eq!(bed.remote.writes(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_or_empty_secret_is_no_write_and_heals() {
    let bed = Bed::ready("missing").await;
    bed.apply(&local("jane", &json!({}))).await;
    bed.wait("DssUser", "jane", "Ready=False/DependencyNotReady").await;
    let message = bed.message("DssUser", "jane").await;
    assert_eq!(message, format!("Secret {}/login not found", bed.namespace.name()));
    bed.namespace.secret("login", &[("other", "x")]).await.unwrap();
    bed.namespace
        .wait_for(
            "DssUser",
            "jane",
            |jane| jane.to_string().contains("has no key password"),
            crate::bed::PATIENCE,
        )
        .await
        .unwrap();
    bed.namespace.secret("login", &[("password", "")]).await.unwrap();
    bed.namespace
        .wait_for(
            "DssUser",
            "jane",
            |jane| jane.to_string().contains("is empty"),
            crate::bed::PATIENCE,
        )
        .await
        .unwrap();
    assert_eq!(bed.remote.writes(), 0);
    bed.namespace
        .secret("login", &[("password", "there-now")])
        .await
        .unwrap();
    bed.wait("DssUser", "jane", "Ready=True/InSync").await;

    // Gone again: nothing is cleared, and what is in sync is not written.
    bed.remote.reset_requests();
    bed.namespace.delete("Secret", "login").await.unwrap();
    bed.wait("DssUser", "jane", "Ready=False/DependencyNotReady").await;
    assert_eq!(bed.remote.writes(), 0);
    assert_eq!(bed.user("jane").unwrap()["password"], "there-now");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_the_pass_under_way_finish_so_that_nothing_is_sent_twice() {
    let mut bed = Bed::ready("stopping").await;
    bed.namespace
        .secret("login", &[("password", "first-one")])
        .await
        .unwrap();
    bed.apply(&local("jane", &json!({}))).await;
    bed.wait("DssUser", "jane", "Ready=True/InSync").await;
    // The read-back after the write takes its time: D3 comes before the write and after it.
    bed.remote.fault(json!({
        "match": { "operation": "D3" }, "nth": 2, "fault": { "kind": "latency", "millis": 2_000 },
    }));
    bed.namespace
        .secret("login", &[("password", "second-one")])
        .await
        .unwrap();
    bed.until("the write", || bed.remote.count("D4") == 1).await;
    assert_eq!(bed.operator.terminate().await.unwrap(), 0);
    bed.operator.restart().await.unwrap();
    bed.sweeps(2).await;
    assert_eq!(bed.remote.count("D4"), 1, "{:?}", bed.remote.requests().counts);
    bed.wait("DssUser", "jane", "Ready=True/InSync").await;
}
