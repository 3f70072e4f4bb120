//! A time limit takes effect when it passes, and not when the next sweep finds it.

use serde_json::{Value, json};

use super::rig::{Rig, ready};

impl Rig {
    /// A time limit that passes after this many seconds.
    fn after(&self, seconds: i64) -> Value {
        json!((self.server.now() + jiff::SignedDuration::from_secs(seconds)).to_string())
    }

    fn reconciles(&self) -> usize {
        let reconciles = self.counts.reconciles.lock().unwrap();
        reconciles.iter().filter(|one| one.kind == "Widget").count()
    }
}

#[tokio::test(start_paused = true)]
async fn access_ends_at_its_time_without_polling() {
    let rig = Rig::ready().await;
    rig.widget("jane", json!({ "enabled": true, "validUntil": rig.after(630) }));
    rig.widget_is("jane", "InSync").await;
    rig.pass(10).await;
    let before = rig.reconciles();
    rig.pass(600).await;
    assert_eq!(rig.reconciles(), before, "nothing to do until then");
    assert!(rig.world.get("jane").unwrap().enabled);
    rig.pass(23).await;
    assert!(!rig.world.get("jane").unwrap().enabled);
    let object = rig.widget_is("jane", "Expired").await;
    assert_eq!(ready(&object)["status"], "True");
    assert_eq!(rig.world.count("edit"), 1);
    rig.server.clear_log();
    rig.pass(600).await;
    assert_eq!(rig.world.count("edit"), 1);
    assert!(!rig.server.log().iter().any(memory_apiserver::Request::is_write));
}

#[tokio::test(start_paused = true)]
async fn somebody_who_enables_an_expired_user_is_overruled_and_a_later_limit_enables_it() {
    let rig = Rig::ready().await;
    rig.widget("jane", json!({ "enabled": true, "validUntil": rig.after(20) }));
    rig.widget_is("jane", "Expired").await;
    rig.world.widgets.lock().unwrap().get_mut("jane").unwrap().enabled = true;
    rig.pass(65).await;
    assert!(!rig.world.get("jane").unwrap().enabled);
    rig.edit("jane", json!({ "validUntil": rig.after(3600) }));
    rig.widget_is("jane", "InSync").await;
    assert!(rig.world.get("jane").unwrap().enabled);
    assert_eq!(rig.world.count("edit"), 3);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_created_after_the_end_and_a_later_limit_creates() {
    let rig = Rig::ready().await;
    rig.widget("jane", json!({ "validUntil": rig.after(-1) }));
    rig.widget_is("jane", "Expired").await;
    rig.pass(300).await;
    assert!(rig.world.get("jane").is_none() && rig.world.sent().is_empty());
    rig.edit("jane", json!({ "validUntil": null }));
    rig.widget_is("jane", "InSync").await;
    assert_eq!(rig.world.count("create"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_passes_while_the_operator_is_down_counts_at_its_start() {
    let mut rig = Rig::ready().await;
    rig.widget("jane", json!({ "enabled": true, "validUntil": rig.after(60) }));
    rig.widget_is("jane", "InSync").await;
    rig.kill().await;
    rig.pass(120).await;
    rig.start().await;
    rig.widget_is("jane", "Expired").await;
    assert!(!rig.world.get("jane").unwrap().enabled);
}
