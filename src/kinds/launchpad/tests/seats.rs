//! Many people at once: few calls, one seat for each, and the oldest first.

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{Rig, condition};

fn reason(object: &Value) -> String {
    let ready = condition(object, "Ready");
    ready["reason"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn five_hundred_people_are_invited_in_few_calls_and_a_bad_address_is_named_on_its_own_object() {
    for a44 in ["object", "text", "nested", "422"] {
        let rig = Rig::ready(&[("A44", json!(a44))]).await;
        // The schema lets it pass, the Launchpad does not.
        rig.user("bad", json!({ "email": "bad@example" }));
        for n in 0..500 {
            rig.user(&format!("p{n:03}"), json!({ "groups": [{ "name": "designers" }] }));
        }
        rig.until("all invites", || {
            rig.space.state_at("/invites").unwrap().as_object().unwrap().len() == 500
        })
        .await;
        let object = rig.user_is("bad", "Rejected").await;
        let message = condition(&object, "Ready")["message"].to_string();
        assert!(message.contains("bad@example"), "{message}");
        rig.until("all objects", || {
            let users = rig.server.list("launchpadusers");
            users.iter().filter(|user| reason(user) == "InSync").count() == 500
        })
        .await;
        let counts = rig.space.requests().counts;
        assert!(rig.space.count("L3") <= 10, "{a44}: {counts:?}");
        assert!(rig.space.count("L1") + rig.space.count("L6") <= 60, "{a44}: {counts:?}");
    }
}

#[tokio::test]
async fn thirty_people_for_ten_seats() {
    for (seats, exhausted) in [("users", "item"), ("users and invites", "422")] {
        let switches = [("seats", json!(seats)), ("seatsExhausted", json!(exhausted))];
        let rig = Rig::ready(&switches).await;
        // The owner has one.
        rig.space
            .patch_state(json!({ "profiles": { "designer": { "totalSeats": 11 } } }))
            .unwrap();
        rig.swept().await;
        for n in 0..30 {
            rig.user(&format!("p{n:02}"), json!({ "profile": { "name": "designer" } }));
        }
        let settled = |invited: usize| {
            let users = rig.server.list("launchpadusers");
            let are = |wanted: &str| users.iter().filter(|user| reason(user) == wanted).count();
            are("InSync") == invited && are("Guarded") == users.len() - invited
        };
        rig.until("ten are invited, twenty say why not", || settled(10)).await;
        let versions = || {
            let users = rig.server.list("launchpadusers");
            let versions = users.iter().map(|user| user["metadata"]["resourceVersion"].clone());
            versions.collect::<Vec<_>>()
        };
        tokio::time::sleep(Duration::from_secs(6)).await;
        let before = versions();
        rig.space.reset_requests();
        rig.swept().await;
        assert_eq!(rig.space.writes(), 0);
        assert_eq!(versions(), before, "none flaps");
        let users = rig.server.list("launchpadusers");
        let waiting: Vec<&Value> = users.iter().filter(|user| reason(user) == "Guarded").collect();
        let message = condition(waiting[0], "Ready")["message"].to_string();
        assert!(
            message.contains("11 of 11 taken (1 users, 10 invites: owner@example.com"),
            "{message}"
        );

        let invited = users.iter().find(|user| reason(user) == "InSync").unwrap();
        let created = |user: &&&Value| {
            let metadata = &user["metadata"];
            (metadata["creationTimestamp"].to_string(), metadata["name"].to_string())
        };
        let oldest = waiting.iter().min_by_key(created).unwrap()["metadata"]["name"].clone();
        rig.delete_user(invited["metadata"]["name"].as_str().unwrap()).await;
        rig.user_is(oldest.as_str().unwrap(), "InSync").await;
        rig.until("one more is invited", || settled(10)).await;
        assert_eq!(rig.space.count("L3"), 1);
    }
}

#[tokio::test]
async fn somebody_who_cannot_be_invited_holds_no_seat() {
    let rig = Rig::ready(&[]).await;
    // Four are free: the owner has one of five.
    let designer = json!({ "name": "designer" });
    rig.user("a", json!({ "profile": designer, "email": "bad@example" }));
    rig.user_is("a", "Rejected").await;
    for n in 0..5 {
        rig.user(&format!("p{n}"), json!({ "profile": designer }));
    }
    rig.until("four are invited", || {
        let users = rig.server.list("launchpadusers");
        users.iter().filter(|user| reason(user) == "InSync").count() == 4
    })
    .await;
}

#[tokio::test]
async fn a_profile_that_the_space_lacks_is_invalid_and_a_change_of_profile_needs_a_seat_too() {
    for a40 in ["separate", "merged"] {
        let rig = Rig::ready(&[("A40", json!(a40))]).await;
        rig.user("odd", json!({ "profile": { "name": "wizard" } }));
        let object = rig.user_is("odd", "Invalid").await;
        let message = condition(&object, "Ready")["message"].to_string();
        assert!(message.contains("designer, explorer, reader"), "{message}");
        assert_eq!(rig.space.writes(), 0);
        let full = json!({ "profiles": { "designer": { "totalSeats": 1 }, "designer-trial": { "totalSeats": 0 } } });
        rig.space.patch_state(full).unwrap();
        rig.swept().await;
        rig.user("jane", json!({ "groups": [{ "name": "designers" }] }));
        rig.phase_is("jane", "Invited").await;
        rig.edit_user("jane", json!({ "profile": { "name": "designer" }, "groups": [] }));
        rig.user_is("jane", "Guarded").await;
        let invite = rig.found("invites", "jane@example.com");
        assert_eq!(invite["profile"]["name"], "reader");
        assert_eq!(invite["groups"], json!([]), "the rest is written");
    }
}
