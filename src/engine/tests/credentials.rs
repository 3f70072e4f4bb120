//! After the fingerprint key is lost, nobody knows whether a Secret changed meanwhile. The object says so and sends nothing.

use memory_apiserver::MemoryApiserver;
use serde_json::{Value, json};

use super::rig::{Rig, condition};
use crate::engine::fingerprint::{Fingerprints, KEY_SECRET};

const UNVERIFIED: &str = "CredentialsUnverified";
const REAPPLY: &str = "dataiku-operator.io/reapply-credentials";
const ACKNOWLEDGE: &str = "dataiku-operator.io/acknowledge";

/// A user whose password was set before the key was lost.
async fn after_the_loss() -> Rig {
    let mut rig = Rig::ready().await;
    rig.secret("pw", "password", "hunter2222");
    rig.widget("jane", json!({ "passwordRef": { "name": "pw" } }));
    rig.widget_is("jane", "InSync").await;
    restart_with(&mut rig, 8).await;
    assert!(shown(&rig).is_some(), "{:#}", rig.get("jane"));
    rig
}

async fn restart_with(rig: &mut Rig, key: u8) {
    rig.kill().await;
    rig.fingerprint_key = key;
    rig.start().await;
    rig.pass(5).await;
}

fn shown(rig: &Rig) -> Option<Value> {
    condition(&rig.get("jane"), UNVERIFIED)
}

fn password(rig: &Rig) -> Option<String> {
    rig.world.get("jane").unwrap().password.clone()
}

#[tokio::test(start_paused = true)]
async fn a_lost_key_sends_nothing_and_shows_on_the_object_until_its_secrets_are_set_again() {
    let mut rig = after_the_loss().await;
    let unverified = shown(&rig).unwrap();
    assert_eq!(unverified["status"], "True");
    let message = unverified["message"].as_str().unwrap();
    assert!(message.contains("changed since: password."), "{message}");
    assert!(
        message.contains("kubectl annotate --overwrite widget/jane --namespace team"),
        "{message}"
    );
    assert_eq!(rig.reason("jane"), "InSync");
    restart_with(&mut rig, 8).await;
    rig.pass(200).await;
    assert_eq!((rig.world.count("edit"), shown(&rig).is_some()), (0, true));

    rig.server.annotate("widgets", "team", "jane", REAPPLY, "2026-11-29");
    rig.pass(5).await;
    assert_eq!((rig.world.count("edit"), shown(&rig)), (1, None));
    restart_with(&mut rig, 8).await;
    rig.pass(200).await;
    assert_eq!(
        (rig.world.count("edit"), shown(&rig)),
        (1, None),
        "one text sets the secrets once"
    );
}

#[tokio::test(start_paused = true)]
async fn values_that_are_accepted_count_as_applied_under_the_present_key() {
    let mut rig = after_the_loss().await;
    let message = shown(&rig).unwrap()["message"].as_str().unwrap().to_owned();
    let (_, token) = message.rsplit_once("acknowledge=").unwrap();
    let token = token.trim_end_matches('\'').to_owned();
    rig.server
        .annotate("widgets", "team", "jane", ACKNOWLEDGE, "another-token");
    rig.pass(5).await;
    assert!(shown(&rig).is_some());
    rig.server.annotate("widgets", "team", "jane", ACKNOWLEDGE, &token);
    rig.pass(5).await;
    assert_eq!((rig.world.count("edit"), shown(&rig)), (0, None));
    rig.secret("pw", "password", "hunter3333");
    rig.until("the new password", || password(&rig).as_deref() == Some("hunter3333"))
        .await;
    // The same annotation accepts no later loss.
    restart_with(&mut rig, 9).await;
    assert!(shown(&rig).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_edited_after_the_loss_is_set_at_once() {
    let rig = after_the_loss().await;
    rig.secret("pw", "password", "hunter3333");
    rig.until("the new password", || password(&rig).as_deref() == Some("hunter3333"))
        .await;
    rig.pass(5).await;
    assert_eq!(shown(&rig), None);
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_missing_when_somebody_asks_is_set_once_it_is_there() {
    let mut rig = after_the_loss().await;
    rig.server.delete("secrets", "team", "pw");
    rig.server.annotate("widgets", "team", "jane", REAPPLY, "now");
    rig.widget_is("jane", "DependencyNotReady").await;
    restart_with(&mut rig, 8).await;
    assert!(shown(&rig).is_some());
    rig.secret("pw", "password", "hunter2222");
    rig.widget_is("jane", "InSync").await;
    rig.pass(200).await;
    assert_eq!((rig.world.count("edit"), shown(&rig)), (1, None));
}

#[tokio::test(start_paused = true)]
async fn a_damaged_key_is_replaced_and_holds_up_no_start() {
    let server = MemoryApiserver::new();
    server.create(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": KEY_SECRET, "namespace": "home" },
        "stringData": { "key": "short" },
    }));
    let first = Fingerprints::load(&server.client(), "home").await.unwrap();
    let second = Fingerprints::load(&server.client(), "home").await.unwrap();
    assert_eq!(first.key_name(), second.key_name());

    server.patch("secrets", "home", KEY_SECRET, json!({ "data": { "key": null } }));
    let third = Fingerprints::load(&server.client(), "home").await.unwrap();
    assert_ne!(first.key_name(), third.key_name());
}
