//! Changes that people make on the other side.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::bed::{Bed, group, user};
use crate::ground::Ground;

in_memory!(an_edit_by_somebody_else_around_our_write_ends_as_declared_and_is_not_fought_over);
async fn an_edit_by_somebody_else_around_our_write_ends_as_declared_and_is_not_fought_over(ground: &Ground) {
    let bed = ground.ready("between").await;
    // Between our read and our write: the server takes no condition, so what they did to other fields is lost, and nothing
    // tells. Ours has to be there in the end. After our write: both are kept.
    for (when, kept) in [("before", None), ("after", Some("Typed"))] {
        let email = |address: &str| user(when, json!({ "email": address }));
        bed.apply(&email("a@example.com")).await;
        bed.wait("DssUser", when, "Ready=True/InSync").await;
        bed.remote.reset_requests();
        let theirs = match when {
            "before" => json!({ "displayName": "Typed", "email": "theirs@example.com" }),
            _ => json!({ "displayName": "Typed" }),
        };
        bed.remote.fault(json!({
            "match": { "writes": true, "method": "PUT" },
            "fault": { "kind": "edit", "when": when, "patch": { "users": { when: theirs } } },
        }));
        bed.apply(&email("b@example.com")).await;
        bed.wait("DssUser", when, "Ready=True/InSync").await;
        assert_eq!(bed.remote.faults()[0]["hits"], 1, "they edited {when} our write");
        bed.sweeps(2).await;
        let user = bed.user(when).unwrap();
        assert_eq!(user["email"], "b@example.com", "{when}");
        if let Some(kept) = kept {
            assert_eq!(user["displayName"], kept, "{when}");
        }
        assert_eq!(bed.remote.writes(), 1, "{when}: {:?}", bed.remote.requests().counts);
        bed.remote.clear_faults();
    }
    // After our read-back too: the next sweep sees it.
    bed.remote
        .patch_state(json!({ "users": { "after": { "email": "theirs@example.com" } } }))
        .unwrap();
    bed.until("the repair", || bed.user("after").unwrap()["email"] == "b@example.com")
        .await;
}

in_memory!(what_is_declared_no_more_is_withdrawn_where_it_gives_access_and_left_elsewhere);
async fn what_is_declared_no_more_is_withdrawn_where_it_gives_access_and_left_elsewhere(ground: &Ground) {
    let bed = ground.ready("withdraw").await;
    bed.apply(&group(
        "analysts",
        json!({ "permissions": { "mayCreateProjects": true, "mayManageUDM": true } }),
    ))
    .await;
    bed.apply(&user(
        "jane",
        json!({ "email": "j@example.com", "groups": [{ "name": "readers" }, { "name": "data_team" }] }),
    ))
    .await;
    bed.wait("DssUser", "jane", "Ready=True/InSync").await;
    bed.wait("DssGroup", "analysts", "Ready=True/InSync").await;
    bed.apply(&group(
        "analysts",
        json!({ "permissions": { "mayCreateProjects": true } }),
    ))
    .await;
    bed.apply(&user("jane", json!({ "groups": [{ "name": "readers" }] })))
        .await;
    bed.until("the withdrawal", || {
        bed.user("jane").unwrap()["groups"] == json!(["readers"])
    })
    .await;
    bed.until("the withdrawal", || {
        bed.group("analysts").unwrap()["mayManageUDM"] == false
    })
    .await;
    assert_eq!(bed.user("jane").unwrap()["email"], "j@example.com");
    assert_eq!(bed.group("analysts").unwrap()["mayCreateProjects"], true);
    // No list at all: what is left of it is withdrawn too.
    bed.apply(&user("jane", json!({}))).await;
    bed.until("the withdrawal", || bed.user("jane").unwrap()["groups"] == json!([]))
        .await;
}

in_memory!(empty_is_managed_to_empty);
async fn empty_is_managed_to_empty(ground: &Ground) {
    let bed = ground.ready("empty").await;
    bed.apply(&group(
        "analysts",
        json!({ "description": "text", "ldapGroupNames": ["cn=a"], "sourceType": "LDAP" }),
    ))
    .await;
    bed.wait("DssGroup", "analysts", "Ready=True/InSync").await;
    assert_eq!(bed.group("analysts").unwrap()["ldapGroupNames"], json!(["cn=a"]));
    bed.apply(&group("analysts", json!({ "description": "", "ldapGroupNames": [] })))
        .await;
    bed.until("the empty list", || {
        bed.group("analysts").unwrap()["ldapGroupNames"] == json!([])
    })
    .await;
    let analysts = bed.group("analysts").unwrap();
    assert_eq!(analysts["description"].as_str().unwrap_or_default(), "");
    // A map owns the keys that it declares, and an empty one none.
    bed.apply(&user("jane", json!({ "userProperties": { "team": "risk" } })))
        .await;
    bed.wait("DssUser", "jane", "Ready=True/InSync").await;
    bed.apply(&user("jane", json!({ "userProperties": {} }))).await;
    bed.wait("DssUser", "jane", "Ready=True/InSync").await;
    bed.sweeps(1).await;
    assert_eq!(bed.user("jane").unwrap()["userProperties"]["team"], "risk");
    assert_eq!(analysts["sourceType"], "LDAP", "left out, so left alone");
}

in_memory!(a_frozen_connection_shows_what_waits_and_writes_it_when_it_thaws);
async fn a_frozen_connection_shows_what_waits_and_writes_it_when_it_thaws(ground: &Ground) {
    let bed = Bed::one_by_one(ground, "frozen").await;
    let connection = |freeze: bool| bed.connection_with(json!({ "freeze": freeze, "limits": { "concurrency": 2 } }));
    bed.apply(&connection(false)).await;
    bed.apply(&user("calm", json!({ "displayName": "Calm" }))).await;
    bed.wait("DssUser", "calm", "Ready=True/InSync").await;
    // The connection is busy when it freezes: two writes are under way, and others wait for them.
    bed.remote
        .fault(json!({ "match": { "writes": true }, "times": 0, "fault": { "kind": "latency", "millis": 5_000 } }));
    bed.remote.reset_requests();
    let busy: Vec<_> = (0..6).map(|n| format!("busy-{n}")).collect();
    for name in &busy {
        bed.apply(&user(name, json!({ "displayName": "Busy" }))).await;
    }
    bed.until("two writes", || bed.remote.writes() == 2).await;
    bed.apply(&connection(true)).await;
    bed.wait("DssInstance", "design", "Ready=True/InSync").await;
    bed.apply(&user("jane", json!({ "displayName": "Jane" }))).await;
    let jane = bed.wait("DssUser", "jane", "Ready=False/Frozen").await;
    assert_eq!(
        jane["status"]["plan"],
        json!(["create LOCAL_NO_AUTH user with profile READER"])
    );
    bed.remote.clear_faults();
    bed.sweeps(1).await;
    bed.wait("DssUser", "calm", "Ready=True/InSync").await;
    assert_eq!(bed.remote.writes(), 2, "what was under way, and nothing after it");
    let mut frozen = 0;
    for name in &busy {
        let object = bed.namespace.get("DssUser", name).await.unwrap();
        frozen += usize::from(object["status"]["conditions"].to_string().contains("Frozen"));
    }
    assert_eq!(frozen, 4);
    bed.apply(&connection(false)).await;
    for name in busy.iter().map(String::as_str).chain(["jane"]) {
        bed.wait("DssUser", name, "Ready=True/InSync").await;
        assert!(bed.user(name).is_some());
    }
}

in_memory!(a_declared_property_is_written_although_the_list_does_not_show_properties);
async fn a_declared_property_is_written_although_the_list_does_not_show_properties(ground: &Ground) {
    let bed = ground.ready("unseen").await;
    bed.apply(&user("jane", json!({ "displayName": "Jane" }))).await;
    bed.wait("DssUser", "jane", "Ready=True/InSync").await;
    bed.sweeps(1).await;
    bed.apply(&user(
        "jane",
        json!({ "displayName": "Jane", "adminProperties": { "costCenter": "4711" } }),
    ))
    .await;
    bed.wait("DssUser", "jane", "Ready=True/InSync").await;
    assert_eq!(bed.user("jane").unwrap()["adminProperties"]["costCenter"], "4711");
}

in_memory!(a_pass_asked_for_by_annotation_looks_anew);
async fn a_pass_asked_for_by_annotation_looks_anew(ground: &Ground) {
    let bed = ground.ready("asked").await;
    bed.apply(&bed.connection_with(json!({ "driftInterval": "10m" }))).await;
    bed.wait("DssInstance", "design", "Ready=True/InSync").await;
    let mut jane = user("jane", json!({ "email": "jane@example.com" }));
    bed.apply(&jane).await;
    bed.wait("DssUser", "jane", "Ready=True/InSync").await;
    bed.remote
        .patch_state(json!({ "users": { "jane": { "email": "by-hand@example.com" } } }))
        .unwrap();
    jane["metadata"]["annotations"] = json!({ "dataiku-operator.io/reconcile-at": "1" });
    bed.apply(&jane).await;
    bed.until("the repair", || {
        bed.user("jane").unwrap()["email"] == "jane@example.com"
    })
    .await;
}

in_memory!(each_change_has_an_event_of_its_own);
async fn each_change_has_an_event_of_its_own(ground: &Ground) {
    let bed = ground.ready("events").await;
    bed.apply(&user("jane", json!({ "email": "a@example.com" }))).await;
    bed.wait("DssUser", "jane", "Ready=True/InSync").await;
    bed.apply(&user("jane", json!({ "email": "b@example.com" }))).await;
    bed.until("the email", || bed.user("jane").unwrap()["email"] == "b@example.com")
        .await;
    bed.apply(&user(
        "jane",
        json!({ "email": "b@example.com", "groups": [{ "name": "readers" }] }),
    ))
    .await;
    bed.until("the group", || {
        bed.user("jane").unwrap()["groups"] == json!(["readers"])
    })
    .await;
    let both = |events: &[testbed::Event]| {
        ["set email to b@example.com", "add to group readers"]
            .iter()
            .all(|words| events.iter().any(|event| event.note.contains(words)))
    };
    let began = Instant::now();
    while !both(&bed.namespace.events("jane").await.unwrap()) {
        assert!(
            began.elapsed() < crate::bed::PATIENCE,
            "{:?}",
            bed.namespace.events("jane").await
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
