//! Lists that are dropped since other connections need the memory.

use serde_json::json;

use super::rig::Rig;
use crate::engine::connect::ConnectionKey;

impl Rig {
    /// As if another connection needed the memory of the hub's lists.
    fn evict(&self) {
        let hubs = self.hubs.as_ref().unwrap();
        let live = hubs.live(&ConnectionKey::new("team", "hub")).unwrap();
        live.account().unwrap().evict();
    }

    fn sweeps(&self) -> usize {
        *self.world.sweeps.lock().unwrap() as usize
    }
}

#[tokio::test(start_paused = true)]
async fn lists_that_were_dropped_are_read_again_when_an_object_needs_them_and_nobody_sees_it() {
    let rig = Rig::ready().await;
    rig.widget("w", json!({}));
    rig.widget_is("w", "InSync").await;
    rig.pass(5).await;
    let (sweeps, statuses) = (rig.sweeps(), rig.status_writes_of("hubs", "hub"));
    rig.evict();
    rig.pass(5).await;
    assert_eq!(rig.sweeps(), sweeps, "nobody needs them yet");
    rig.edit("w", json!({ "groups": ["a"] }));
    rig.pass(5).await;
    assert_eq!(rig.reason("w"), "InSync");
    assert!(
        rig.world.get("w").unwrap().groups.contains("a"),
        "well before the next sweep is due"
    );
    assert_eq!(rig.sweeps(), sweeps + 1);
    assert_eq!(rig.status_writes_of("hubs", "hub"), statuses);
    // The next sweep reads them in any case, and finds drift.
    rig.evict();
    rig.world.widgets.lock().unwrap().get_mut("w").unwrap().groups.clear();
    rig.pass(90).await;
    assert!(rig.world.get("w").unwrap().groups.contains("a"));
}

#[tokio::test(start_paused = true)]
async fn no_write_is_judged_by_lists_that_are_gone() {
    let rig = Rig::ready().await;
    rig.widget("admin-1", json!({ "deletionPolicy": "Delete" }));
    rig.widget_is("admin-1", "InSync").await;
    rig.pass(5).await;
    rig.evict();
    rig.edit("admin-1", json!({ "enabled": false }));
    rig.widget_is("admin-1", "Guarded").await;
    assert!(rig.world.get("admin-1").unwrap().enabled, "the last administrator");
    for _ in 0..5 {
        rig.evict();
        rig.pass(3).await;
    }
    assert!(rig.world.get("admin-1").unwrap().enabled);
    rig.server.delete("widgets", "team", "admin-1");
    rig.evict();
    rig.pass(120).await;
    assert!(rig.world.get("admin-1").is_some(), "the last administrator");
}

#[tokio::test(start_paused = true)]
async fn a_connection_whose_secret_is_gone_keeps_the_lists_that_its_deletions_need() {
    let rig = Rig::ready().await;
    rig.widget("w", json!({ "deletionPolicy": "Delete" }));
    rig.widget_is("w", "InSync").await;
    rig.server.delete("secrets", "team", "hub-key");
    rig.wait("hubs", "hub", "DependencyNotReady").await;
    rig.evict();
    rig.server.delete("widgets", "team", "w");
    rig.pass(30).await;
    assert!(rig.world.get("w").is_none(), "{:?}", rig.world.sent());
}
