//! A connection whose Secret is deleted: objects that are deleted afterwards leave no access behind, and nothing else is written.

use serde_json::json;

use super::rig::Rig;

async fn in_sync() -> Rig {
    let rig = Rig::ready().await;
    rig.widget("jane", json!({ "groups": ["readers"], "deletionPolicy": "Disable" }));
    rig.widget_is("jane", "InSync").await;
    rig
}

async fn gone(rig: &Rig) {
    // Longer than a deletion waits for credentials.
    for _ in 0..20 {
        if rig.server.find("widgets", "team", "jane").is_none() {
            return;
        }
        rig.pass(60).await;
    }
    rig.until("the object is gone", || {
        rig.server.find("widgets", "team", "jane").is_none()
    })
    .await;
}

async fn lose_secret(rig: &Rig) {
    rig.server.delete("secrets", "team", "hub-key");
    rig.wait("hubs", "hub", "DependencyNotReady").await;
}

fn is_enabled(rig: &Rig) -> bool {
    rig.world.get("jane").unwrap().enabled
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_deleted_after_the_secret_is_withdrawn_with_one_write() {
    let rig = in_sync().await;
    lose_secret(&rig).await;
    rig.pass(5).await;
    rig.server.delete("widgets", "team", "jane");
    gone(&rig).await;
    assert!(!is_enabled(&rig));
    assert_eq!(rig.world.count("edit"), 1);
    rig.wait("hubs", "hub", "DependencyNotReady").await;
}

#[tokio::test(start_paused = true)]
async fn an_edit_without_the_secret_writes_nothing_even_where_it_takes_access_away() {
    let rig = in_sync().await;
    lose_secret(&rig).await;
    rig.edit("jane", json!({ "enabled": false, "groups": [] }));
    rig.pass(300).await;
    rig.server.delete("hubs", "team", "hub");
    rig.pass(300).await;
    assert_eq!(rig.world.count("edit"), 0);
    assert!(is_enabled(&rig));
}

#[tokio::test(start_paused = true)]
async fn drift_is_not_repaired_without_the_secret() {
    let rig = in_sync().await;
    lose_secret(&rig).await;
    rig.world
        .widgets
        .lock()
        .unwrap()
        .get_mut("jane")
        .unwrap()
        .groups
        .clear();
    rig.pass(300).await;
    assert_eq!(rig.world.count("edit"), 0);
}

#[tokio::test(start_paused = true)]
async fn the_last_credentials_serve_no_longer_than_a_deletion_waits_for_others() {
    let rig = in_sync().await;
    lose_secret(&rig).await;
    rig.pass(601).await;
    rig.server.delete("widgets", "team", "jane");
    gone(&rig).await;
    assert_eq!((rig.world.count("edit"), is_enabled(&rig)), (0, true));
}

#[tokio::test(start_paused = true)]
async fn a_restart_has_no_credentials_of_a_secret_that_is_gone() {
    let mut rig = in_sync().await;
    lose_secret(&rig).await;
    rig.kill().await;
    rig.start().await;
    rig.pass(5).await;
    rig.server.delete("widgets", "team", "jane");
    gone(&rig).await;
    assert_eq!((rig.world.count("edit"), is_enabled(&rig)), (0, true));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_left_its_secret_is_not_used_any_more_even_if_the_secret_goes_later() {
    let rig = in_sync().await;
    rig.secret("hub-key", "another", "value");
    rig.wait("hubs", "hub", "DependencyNotReady").await;
    lose_secret(&rig).await;
    rig.pass(5).await;
    rig.server.delete("widgets", "team", "jane");
    gone(&rig).await;
    assert_eq!((rig.world.count("edit"), is_enabled(&rig)), (0, true));
}

#[tokio::test(start_paused = true)]
async fn a_consent_that_was_withdrawn_stays_withdrawn_after_the_secret_is_gone() {
    let rig = in_sync().await;
    let nothing = json!({ "metadata": { "annotations": null } });
    rig.server.patch("secrets", "team", "hub-key", nothing);
    rig.wait("hubs", "hub", "NotAllowed").await;
    lose_secret(&rig).await;
    rig.server.delete("widgets", "team", "jane");
    gone(&rig).await;
    assert_eq!((rig.world.count("edit"), is_enabled(&rig)), (0, true));
}

#[tokio::test(start_paused = true)]
async fn another_url_gets_no_credentials_of_a_secret_that_is_gone() {
    let rig = in_sync().await;
    lose_secret(&rig).await;
    rig.hub(json!({ "url": "https://127.0.0.1:9/elsewhere" }));
    rig.pass(5).await;
    rig.server.delete("widgets", "team", "jane");
    gone(&rig).await;
    assert_eq!((rig.world.count("edit"), is_enabled(&rig)), (0, true));
}

#[tokio::test(start_paused = true)]
async fn a_mass_deletion_together_with_its_connection_and_secret_ends_with_one_acknowledgement() {
    let rig = Rig::ready().await;
    let names: Vec<_> = (0..21).map(|n| format!("person-{n}")).collect();
    for name in &names {
        rig.widget(name, json!({ "deletionPolicy": "Delete" }));
    }
    for name in &names {
        rig.widget_is(name, "InSync").await;
    }
    rig.pass(5).await;
    // Somebody deletes an Application: everything goes at once, and the Secret has no finalizer.
    rig.server.delete("secrets", "team", "hub-key");
    for name in &names {
        rig.server.delete("widgets", "team", name);
    }
    rig.server.delete("hubs", "team", "hub");
    rig.pass(30).await;
    let left = || rig.server.list("widgets").len();
    assert_eq!((left(), rig.world.count("delete")), (11, 10));
    rig.acknowledge().await;
    assert_eq!((left(), rig.world.count("delete")), (0, 21));
    rig.until("the connection is gone", || {
        rig.server.find("hubs", "team", "hub").is_none()
    })
    .await;
}
