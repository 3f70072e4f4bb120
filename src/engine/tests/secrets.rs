//! A missing Secret blocks what needs its value, and nothing else.

use serde_json::json;

use super::rig::{Rig, ready};

#[tokio::test(start_paused = true)]
async fn a_leaver_is_disabled_although_the_secret_is_gone() {
    let rig = Rig::ready().await;
    rig.secret("pw", "password", "hunter2222");
    rig.widget("jane", json!({ "enabled": true, "passwordRef": { "name": "pw" } }));
    rig.widget_is("jane", "InSync").await;
    rig.server.delete("secrets", "team", "pw");
    rig.widget_is("jane", "DependencyNotReady").await;
    rig.edit("jane", json!({ "enabled": false }));
    let object = rig.widget_is("jane", "DependencyNotReady").await;
    assert!(!rig.world.get("jane").unwrap().enabled);
    assert!(
        ready(&object)["message"]
            .as_str()
            .unwrap()
            .contains("Secret team/pw not found")
    );
    rig.secret("pw", "password", "hunter2222");
    rig.widget_is("jane", "InSync").await;
    assert_eq!(rig.world.count("edit"), 1, "the unchanged password is not sent again");
}

#[tokio::test(start_paused = true)]
async fn a_missing_secret_blocks_the_creation_that_needs_it_and_its_watch_wakes_the_object() {
    let rig = Rig::ready().await;
    rig.widget("jane", json!({ "passwordRef": { "name": "pw" } }));
    rig.widget_is("jane", "DependencyNotReady").await;
    assert_eq!(rig.world.get("jane"), None);
    rig.secret("pw", "password", "hunter2222\n");
    rig.widget_is("jane", "InSync").await;
    assert_eq!(rig.world.get("jane").unwrap().password.as_deref(), Some("hunter2222"));
}

#[tokio::test(start_paused = true)]
async fn a_changed_secret_is_written_once_and_at_once() {
    let rig = Rig::ready().await;
    rig.secret("pw", "password", "hunter2222");
    rig.widget("jane", json!({ "passwordRef": { "name": "pw" } }));
    rig.widget_is("jane", "InSync").await;
    rig.secret("pw", "password", "hunter3333");
    rig.until("the new password", || {
        rig.world.get("jane").unwrap().password.as_deref() == Some("hunter3333")
    })
    .await;
    rig.pass(200).await;
    assert_eq!(rig.world.count("edit"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_reference_that_left_and_came_back_sets_its_value_again() {
    let rig = Rig::ready().await;
    rig.secret("pw", "password", "hunter2222");
    rig.widget("jane", json!({ "passwordRef": { "name": "pw" } }));
    rig.widget_is("jane", "InSync").await;
    rig.edit("jane", json!({ "passwordRef": null }));
    let object = rig.widget_is("jane", "InSync").await;
    assert_eq!(object["status"]["applied"].get("secrets"), None);
    rig.edit("jane", json!({ "passwordRef": { "name": "pw" } }));
    rig.widget_is("jane", "InSync").await;
    assert_eq!(rig.world.count("edit"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_value_with_white_space_is_invalid_and_blocks_nothing_else() {
    let rig = Rig::ready().await;
    rig.secret("pw", "password", "hunter2222");
    rig.widget("jane", json!({ "enabled": true, "passwordRef": { "name": "pw" } }));
    rig.widget_is("jane", "InSync").await;
    rig.secret("pw", "password", "hunter2222 ");
    rig.edit("jane", json!({ "enabled": false }));
    let object = rig.widget_is("jane", "Invalid").await;
    assert!(!rig.world.get("jane").unwrap().enabled);
    assert!(
        ready(&object)["message"]
            .as_str()
            .unwrap()
            .contains("key password of Secret team/pw")
    );
}

/// What the apiserver answered to our own status write holds what was sent; the watch may bring it much later.
#[tokio::test(start_paused = true)]
async fn a_password_that_was_sent_is_not_sent_again_while_the_watch_brings_nothing() {
    let rig = Rig::ready().await;
    rig.secret("pw", "password", "hunter2222");
    rig.widget("jane", json!({ "passwordRef": { "name": "pw" } }));
    rig.widget_is("jane", "InSync").await;
    rig.pass(5).await;
    rig.server.hold_watch("widgets");
    rig.secret("pw", "password", "hunter3333");
    rig.until("the new password", || rig.world.count("edit") == 1).await;
    rig.pass(5).await;
    let writes = rig.status_writes("jane");
    for n in ["1", "2", "3"] {
        // Any change of the Secret is a reason for a reconcile.
        rig.server.annotate("secrets", "team", "pw", "somebody/n", n);
        rig.pass(5).await;
    }
    assert_eq!((rig.world.count("edit"), rig.status_writes("jane")), (1, writes));
    rig.server.release_watch("widgets");
    rig.pass(120).await;
    assert_eq!(rig.world.count("edit"), 1);
}
