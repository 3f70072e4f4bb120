//! What changes while a write waits stops it.

use std::{collections::BTreeSet, time::Duration};

use serde_json::json;

use super::{rig::Rig, toy::Remotely};

const WIDGETS: usize = 40;

pub(super) async fn busy(rig: &Rig) {
    *rig.world.latency.lock().unwrap() = Duration::from_secs(1);
    for n in 0..WIDGETS {
        rig.widget(&format!("w{n:02}"), json!({}));
    }
    rig.pass(5).await;
    assert!(rig.world.count("create") > 0, "the queue moves");
}

/// Writes that were already sent when something changed may end; after that there are none.
pub(super) async fn nothing_is_sent_after(rig: &Rig) -> usize {
    let sent = rig.world.sent().len();
    rig.pass(50).await;
    assert_eq!(rig.world.sent().len(), sent, "{:?}", rig.world.sent());
    sent
}

#[tokio::test(start_paused = true)]
async fn a_freeze_stops_every_write_that_was_not_sent() {
    let rig = Rig::ready().await;
    busy(&rig).await;
    rig.hub(json!({ "freeze": true }));
    let sent = nothing_is_sent_after(&rig).await;
    assert!(sent < WIDGETS);
    rig.pass(60).await;
    let frozen = (0..WIDGETS)
        .filter(|n| rig.reason(&format!("w{n:02}")) == "Frozen")
        .count();
    assert!(frozen >= WIDGETS - sent - 4, "{frozen} are frozen after {sent} writes");
    rig.hub(json!({ "freeze": false }));
    *rig.world.latency.lock().unwrap() = Duration::ZERO;
    for n in 0..WIDGETS {
        rig.widget_is(&format!("w{n:02}"), "InSync").await;
    }
    let created: BTreeSet<String> = rig.world.sent().into_iter().map(|sent| sent.key).collect();
    assert_eq!(created.len(), WIDGETS);
    assert_eq!(rig.world.count("create"), WIDGETS, "each is created once");
}

#[tokio::test(start_paused = true)]
async fn without_the_lease_no_write_is_sent_that_waited() {
    let rig = Rig::ready().await;
    busy(&rig).await;
    rig.lease.set(false);
    let sent = nothing_is_sent_after(&rig).await;
    assert!(sent < WIDGETS);
    rig.lease.set(true);
    *rig.world.latency.lock().unwrap() = Duration::ZERO;
    for n in 0..WIDGETS {
        rig.widget_is(&format!("w{n:02}"), "InSync").await;
    }
    assert_eq!(rig.world.count("create"), WIDGETS, "each is created once");
}

#[tokio::test(start_paused = true)]
async fn a_revoked_namespace_stops_every_write_that_was_not_sent() {
    let rig = Rig::ready().await;
    // The hub's own namespace always may; so the widgets are moved away from it by moving the hub.
    rig.server.create(json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": "hub-key", "namespace": "home", "annotations": { "dataiku-operator.io/allowed-hosts": "127.0.0.1" } },
        "stringData": { "apiKey": "admin-key-one" },
    }));
    let spec = rig.server.get("hubs", "team", "hub")["spec"].clone();
    let mut spec = spec;
    spec["allowedNamespaces"] = json!({ "from": "All" });
    rig.server.create(json!({
        "apiVersion": "dataiku-operator.io/v1alpha1", "kind": "Hub",
        "metadata": { "name": "shared", "namespace": "home" }, "spec": spec,
    }));
    *rig.world.latency.lock().unwrap() = Duration::from_secs(1);
    for n in 0..WIDGETS {
        rig.widget(
            &format!("w{n:02}"),
            json!({ "hubRef": { "name": "shared", "namespace": "home" } }),
        );
    }
    rig.pass(6).await;
    assert!(rig.world.count("create") > 0);
    let revoked = json!({ "spec": { "allowedNamespaces": { "from": "Same" } } });
    rig.server.patch("hubs", "home", "shared", revoked);
    nothing_is_sent_after(&rig).await;
    rig.widget_is("w39", "NotAllowed").await;
}

#[tokio::test(start_paused = true)]
async fn a_rotated_key_stops_writes_until_it_was_read() {
    let rig = Rig::ready().await;
    busy(&rig).await;
    // The connection cannot read the new value: nobody knows with which key the queued writes would be sent.
    let hold = memory_apiserver::Rule::new(memory_apiserver::Action::Hold)
        .method("GET")
        .path("/secrets/hub-key");
    let hold = rig.server.fault(hold);
    rig.secret("hub-key", "apiKey", "admin-key-two");
    nothing_is_sent_after(&rig).await;
    hold.remove();
    *rig.world.latency.lock().unwrap() = Duration::ZERO;
    for n in 0..WIDGETS {
        rig.widget_is(&format!("w{n:02}"), "InSync").await;
    }
}

#[tokio::test(start_paused = true)]
async fn another_url_gets_no_write_that_was_meant_for_the_old_one() {
    let rig = Rig::ready().await;
    busy(&rig).await;
    rig.hub(json!({ "url": "https://127.0.0.1:9/elsewhere" }));
    nothing_is_sent_after(&rig).await;
}

#[tokio::test(start_paused = true)]
async fn a_reconcile_that_waited_applies_the_present_spec() {
    let rig = Rig::ready().await;
    rig.widget("xavier", json!({ "enabled": false }));
    rig.widget_is("xavier", "InSync").await;
    busy(&rig).await;
    rig.edit("xavier", json!({ "enabled": true }));
    rig.pass(1).await;
    rig.edit("xavier", json!({ "enabled": false }));
    rig.widget_is("xavier", "InSync").await;
    rig.pass(60).await;
    let of_xavier = rig.world.sent().into_iter().filter(|sent| sent.key == "xavier");
    let enabled: Vec<_> = of_xavier
        .filter(|sent| sent.enabled == Some(true) && sent.operation == "edit")
        .collect();
    assert_eq!(enabled, [], "the account was enabled although the spec says otherwise");
}

#[tokio::test(start_paused = true)]
async fn a_withdrawal_overtakes_an_onboarding() {
    let rig = Rig::ready().await;
    rig.widget("leaver", json!({ "enabled": true }));
    rig.widget_is("leaver", "InSync").await;
    *rig.world.latency.lock().unwrap() = Duration::from_secs(1);
    for n in 0..200 {
        rig.widget(&format!("w{n:03}"), json!({}));
    }
    rig.pass(3).await;
    rig.edit("leaver", json!({ "enabled": false }));
    rig.pass(15).await;
    assert!(!rig.world.get("leaver").unwrap().enabled, "the leaver still has access");
    assert!(rig.world.count("create") < 150);
}

#[tokio::test(start_paused = true)]
async fn a_paused_object_gets_no_write_that_was_queued_before() {
    let rig = Rig::ready().await;
    busy(&rig).await;
    rig.server
        .annotate("widgets", "team", "w39", "dataiku-operator.io/paused", "True");
    rig.pass(120).await;
    assert_eq!(rig.world.get("w39"), None);
    assert_eq!(rig.reason("w39"), "Paused");
    rig.server
        .annotate("widgets", "team", "w39", "dataiku-operator.io/paused", "false");
    rig.widget_is("w39", "InSync").await;
}

#[tokio::test(start_paused = true)]
async fn what_nobody_manages_survives_every_write() {
    let rig = Rig::ready().await;
    let found = Remotely {
        enabled: true,
        visits: 7,
        ..Remotely::default()
    };
    rig.world.widgets.lock().unwrap().insert("old".into(), found);
    rig.widget("old", json!({ "adoptionPolicy": "Adopt", "groups": ["readers"] }));
    rig.widget_is("old", "InSync").await;
    let now = rig.world.get("old").unwrap();
    assert_eq!((now.visits, now.groups.contains("readers")), (7, true));
}

#[tokio::test(start_paused = true)]
async fn an_edit_of_the_object_stops_what_the_spec_before_it_asked_for() {
    let rig = Rig::ready().await;
    rig.widget("w", json!({ "enabled": true }));
    rig.widget_is("w", "InSync").await;
    rig.pass(5).await;
    let sent = rig.world.sent().len();
    // The reconcile of the first edit reads while the second one comes. Neither needs an intent, which would notice it.
    *rig.world.latency.lock().unwrap() = Duration::from_secs(5);
    rig.edit("w", json!({ "enabled": false }));
    rig.pass(2).await;
    rig.edit("w", json!({ "enabled": true }));
    rig.pass(60).await;
    assert_eq!(rig.world.sent().len(), sent, "{:?}", rig.world.sent());
}
