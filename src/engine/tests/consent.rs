//! Credentials go only where the owner of their Secret lets them go.

use serde_json::json;

use super::{
    permit::{busy, nothing_is_sent_after},
    rig::{Rig, condition, ready},
};

const ALLOWED_HOSTS: &str = "dataiku-operator.io/allowed-hosts";

fn allow(rig: &Rig, hosts: &str) {
    rig.server.annotate("secrets", "team", "hub-key", ALLOWED_HOSTS, hosts);
}

fn withdraw(rig: &Rig) {
    let nothing = json!({ "metadata": { "annotations": null } });
    rig.server.patch("secrets", "team", "hub-key", nothing);
}

#[tokio::test(start_paused = true)]
async fn without_the_annotation_nothing_is_sent_and_the_message_is_the_command() {
    let mut rig = Rig::stopped();
    withdraw(&rig);
    rig.start().await;
    let hub = rig.wait("hubs", "hub", "NotAllowed").await;
    let message = ready(&hub)["message"].as_str().unwrap().to_owned();
    assert!(
        message.ends_with(
            "kubectl annotate secret hub-key --namespace team 'dataiku-operator.io/allowed-hosts=127.0.0.1'"
        ),
        "{message}"
    );
    assert!(condition(&hub, "Stalled").is_some());
    rig.widget("jane", json!({}));
    rig.widget_is("jane", "DependencyNotReady").await;
    rig.pass(300).await;
    assert_eq!(rig.world.calls(), 0, "not even a read is sent");
    allow(&rig, "127.0.0.1");
    rig.widget_is("jane", "InSync").await;
}

#[tokio::test(start_paused = true)]
async fn another_host_in_the_url_gets_no_credentials() {
    let rig = Rig::ready().await;
    rig.widget("jane", json!({}));
    rig.widget_is("jane", "InSync").await;
    rig.hub(json!({ "url": "https://attacker.example.com/" }));
    let hub = rig.wait("hubs", "hub", "NotAllowed").await;
    let message = ready(&hub)["message"].as_str().unwrap().to_owned();
    assert!(
        message.contains("'dataiku-operator.io/allowed-hosts=127.0.0.1,attacker.example.com' --overwrite"),
        "{message}"
    );
    rig.edit("jane", json!({ "enabled": false }));
    rig.pass(300).await;
    let elsewhere = super::toy::World::at("https://attacker.example.com/");
    assert_eq!(elsewhere.calls(), 0);
    assert_eq!(rig.world.count("edit"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_withdrawn_consent_stops_every_write_that_was_not_sent() {
    let rig = Rig::ready().await;
    busy(&rig).await;
    allow(&rig, "dss.example.com");
    nothing_is_sent_after(&rig).await;
    rig.wait("hubs", "hub", "NotAllowed").await;
    let calls = rig.world.calls();
    rig.pass(300).await;
    assert_eq!(rig.world.calls(), calls, "no sweep is sent either");
    allow(&rig, "127.0.0.1");
    rig.widget_is("w39", "InSync").await;
}

#[tokio::test(start_paused = true)]
async fn an_installation_that_asks_for_no_consent_needs_no_annotation() {
    let mut rig = Rig::stopped();
    withdraw(&rig);
    rig.policy.require_host_consent = false;
    rig.start().await;
    rig.wait("hubs", "hub", "InSync").await;
}

#[tokio::test(start_paused = true)]
async fn insecure_settings_work_only_where_the_operator_allows_them_and_show() {
    let mut rig = Rig::stopped();
    rig.policy.allow_insecure_tls = false;
    rig.start().await;
    rig.wait("hubs", "hub", "InSync").await;
    let calls = rig.world.calls();
    rig.hub(json!({ "tls": { "insecureSkipVerify": true } }));
    let hub = rig.wait("hubs", "hub", "NotAllowed").await;
    let message = ready(&hub)["message"].as_str().unwrap().to_owned();
    assert_eq!(
        message,
        "tls.insecureSkipVerify works only where the operator runs with --allow-insecure-tls"
    );
    assert_eq!(condition(&hub, "Insecure"), None);
    assert_eq!(rig.world.calls(), calls);
    rig.kill().await;
    rig.policy.allow_insecure_tls = true;
    rig.start().await;
    let hub = rig.wait("hubs", "hub", "InSync").await;
    let insecure = condition(&hub, "Insecure").unwrap();
    assert_eq!(
        (&insecure["status"], &insecure["reason"]),
        (&json!("True"), &json!("InsecureSkipVerify"))
    );
    rig.hub(json!({ "tls": { "insecureSkipVerify": null, "allowInsecureHttp": true } }));
    rig.until("http shows", || {
        let hub = rig.server.get("hubs", "team", "hub");
        condition(&hub, "Insecure").is_some_and(|insecure| insecure["reason"] == "InsecureHttp")
    })
    .await;
    rig.hub(json!({ "tls": null }));
    rig.until("the condition is gone", || {
        condition(&rig.server.get("hubs", "team", "hub"), "Insecure").is_none()
    })
    .await;
}
