//! Passwords: set once, set again when the Secret changes, sent at no other time, shown nowhere.

use serde_json::{Value, json};

use crate::bed::{merged, object};
use crate::ground::Ground;

fn local(name: &str, extra: &Value) -> Value {
    let spec = json!({
        "instanceRef": { "name": "design" }, "sourceType": "LOCAL", "passwordSecretRef": { "name": "login" },
    });
    object("DssUser", name, merged(spec, extra.clone()))
}

in_memory!(a_password_is_set_once_and_again_when_the_secret_changes);
async fn a_password_is_set_once_and_again_when_the_secret_changes(ground: &Ground) {
    let bed = ground.ready("password").await;
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

in_memory!(a_restart_sends_no_password_and_writes_nothing_at_all);
async fn a_restart_sends_no_password_and_writes_nothing_at_all(ground: &Ground) {
    let mut bed = ground.ready("restart").await;
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

in_memory!(adoption_sets_a_declared_password_once_and_leaves_an_undeclared_one);
async fn adoption_sets_a_declared_password_once_and_leaves_an_undeclared_one(ground: &Ground) {
    let bed = ground.ready("adoptpw").await;
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

in_memory!(a_missing_or_empty_secret_is_no_write_and_heals);
async fn a_missing_or_empty_secret_is_no_write_and_heals(ground: &Ground) {
    let bed = ground.ready("missing").await;
    bed.apply(&local("jane", &json!({}))).await;
    bed.wait("DssUser", "jane", "Ready=False/DependencyNotReady").await;
    let message = bed.message("DssUser", "jane").await;
    let missing = format!("Secret {}/login not found", bed.namespace.name());
    assert!(message.contains(&missing), "{message}");
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

    // Gone again: nothing is cleared, and nothing is written for it.
    bed.remote.reset_requests();
    bed.namespace.delete("Secret", "login").await.unwrap();
    bed.wait("DssUser", "jane", "Ready=False/DependencyNotReady").await;
    assert_eq!(bed.remote.writes(), 0);
    assert_eq!(bed.user("jane").unwrap()["password"], "there-now");
}

in_memory!(a_missing_secret_holds_up_its_own_value_and_nothing_else);
async fn a_missing_secret_holds_up_its_own_value_and_nothing_else(ground: &Ground) {
    let bed = ground.ready("leaver").await;
    bed.namespace
        .secret("login", &[("password", "first-one")])
        .await
        .unwrap();
    let spec = |extra: Value| {
        let common = json!({ "email": "jane@example.com", "groups": [{ "name": "readers" }] });
        local("jane", &merged(common, extra))
    };
    bed.apply(&spec(json!({}))).await;
    bed.wait("DssUser", "jane", "Ready=True/InSync").await;
    bed.namespace.delete("Secret", "login").await.unwrap();
    bed.wait("DssUser", "jane", "Ready=False/DependencyNotReady").await;

    // Drift is repaired without it.
    bed.remote
        .patch_state(json!({ "users": { "jane": { "email": "by-hand@example.com" } } }))
        .unwrap();
    bed.until("the repair", || {
        bed.user("jane").unwrap()["email"] == "jane@example.com"
    })
    .await;
    // Who leaves loses their groups and is disabled.
    bed.apply(&spec(json!({ "enabled": false, "groups": [] }))).await;
    bed.until("the leaver's account", || bed.user("jane").unwrap()["enabled"] == false)
        .await;
    bed.until("the leaver's groups", || {
        bed.user("jane").unwrap()["groups"] == json!([])
    })
    .await;
    bed.wait("DssUser", "jane", "Ready=False/DependencyNotReady").await;
    let message = bed.message("DssUser", "jane").await;
    assert!(
        message.contains(&format!("{}/login", bed.namespace.name())),
        "{message}"
    );
    assert_eq!(bed.user("jane").unwrap()["password"], "first-one");
    // And the Secret is not needed for the end either.
    bed.namespace.delete("DssUser", "jane").await.unwrap();
    bed.namespace
        .wait_gone("DssUser", "jane", crate::bed::PATIENCE)
        .await
        .unwrap();
}

in_memory!(a_password_that_is_declared_again_is_set_again);
async fn a_password_that_is_declared_again_is_set_again(ground: &Ground) {
    let bed = ground.ready("declaredagain").await;
    bed.namespace
        .secret("login", &[("password", "first-one")])
        .await
        .unwrap();
    bed.apply(&local("jane", &json!({}))).await;
    bed.wait("DssUser", "jane", "Ready=True/InSync").await;
    bed.apply(&local("jane", &json!({ "passwordSecretRef": null }))).await;
    bed.wait("DssUser", "jane", "Ready=True/InSync").await;
    // Meanwhile it is not managed, and somebody sets another one.
    bed.remote
        .patch_state(json!({ "users": { "jane": { "password": "by hand" } } }))
        .unwrap();
    bed.sweeps(1).await;
    assert_eq!(bed.user("jane").unwrap()["password"], "by hand");
    bed.apply(&local("jane", &json!({}))).await;
    bed.until("the password that is declared again", || {
        bed.user("jane").unwrap()["password"] == "first-one"
    })
    .await;
    bed.wait("DssUser", "jane", "Ready=True/InSync").await;
    bed.remote.reset_requests();
    bed.sweeps(1).await;
    assert_eq!(bed.remote.writes(), 0);
}

in_memory!(a_stop_lets_the_pass_under_way_finish_so_that_nothing_is_sent_twice);
async fn a_stop_lets_the_pass_under_way_finish_so_that_nothing_is_sent_twice(ground: &Ground) {
    let mut bed = ground.ready("stopping").await;
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
