//! What a single write, or many writes together, must not do.

use serde_json::json;

use super::rig::Rig;

async fn with_widgets(names: &[String]) -> Rig {
    let rig = Rig::ready().await;
    for name in names {
        rig.widget(name, json!({ "enabled": true }));
    }
    for name in names {
        rig.widget_is(name, "InSync").await;
    }
    rig.pass(65).await;
    rig
}

#[tokio::test(start_paused = true)]
async fn two_objects_at_once_leave_one_administrator() {
    let rig = with_widgets(&["admin-1".into(), "admin-2".into()]).await;
    rig.edit("admin-1", json!({ "enabled": false }));
    rig.edit("admin-2", json!({ "enabled": false }));
    rig.pass(200).await;
    let enabled = ["admin-1", "admin-2"].map(|name| rig.world.get(name).unwrap().enabled);
    assert_eq!(enabled.iter().filter(|enabled| **enabled).count(), 1);
    let guarded = ["admin-1", "admin-2"].map(|name| rig.reason(name));
    assert!(guarded.contains(&"Guarded".to_owned()), "{guarded:?}");
}

#[tokio::test(start_paused = true)]
async fn a_guarded_deletion_terminates_and_leaves_the_remote_object() {
    let rig = with_widgets(&["admin-1".into()]).await;
    rig.server.delete("widgets", "team", "admin-1");
    rig.until("the object is gone", || {
        rig.server.find("widgets", "team", "admin-1").is_none()
    })
    .await;
    assert!(rig.world.get("admin-1").is_some());
    rig.pass(5).await;
    assert!(rig.events("admin-1").contains(&("Warning".into(), "Guarded".into())));
}

#[tokio::test(start_paused = true)]
async fn a_mistake_that_disables_everybody_reaches_ten() {
    let names: Vec<String> = (0..40).map(|n| format!("w{n:02}")).collect();
    let rig = with_widgets(&names).await;
    for name in &names {
        rig.edit(name, json!({ "enabled": false }));
    }
    rig.pass(120).await;
    let disabled = || {
        names
            .iter()
            .filter(|name| !rig.world.get(name).unwrap().enabled)
            .count()
    };
    assert_eq!(disabled(), 10);
    assert!(names.iter().any(|name| rig.reason(name) == "AwaitingAcknowledgement"));
    rig.acknowledge().await;
    rig.pass(120).await;
    assert_eq!(disabled(), 40);
}

#[tokio::test(start_paused = true)]
async fn a_mass_deletion_waits_for_its_acknowledgement() {
    let names: Vec<String> = (0..40).map(|n| format!("w{n:02}")).collect();
    let rig = with_widgets(&names).await;
    for name in &names {
        rig.server.delete("widgets", "team", name);
    }
    rig.pass(120).await;
    assert_eq!(rig.world.widgets.lock().unwrap().len(), 30);
    rig.acknowledge().await;
    rig.until("all are gone", || rig.server.list("widgets").is_empty())
        .await;
    assert!(rig.world.widgets.lock().unwrap().is_empty());
}
