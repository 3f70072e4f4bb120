//! Whose a remote object is.

use serde_json::json;

use crate::bed::user;
use crate::ground::Ground;

in_memory!(a_user_made_by_somebody_else_at_the_same_moment_is_not_taken);
async fn a_user_made_by_somebody_else_at_the_same_moment_is_not_taken(ground: &Ground) {
    let bed = ground.ready("race").await;
    // Between our look and our create, a person creates the same login.
    bed.remote.fault(json!({
        "match": { "operation": "D2" },
        "fault": { "kind": "edit", "when": "before", "patch": { "users": { "jane": {
            "login": "jane", "sourceType": "LOCAL_NO_AUTH", "displayName": "Theirs",
        } } } },
    }));
    bed.apply(&user("jane", json!({ "displayName": "Ours" }))).await;
    let jane = bed.wait("DssUser", "jane", "Ready=False/AlreadyExists").await;
    assert_eq!(jane["status"]["remote"].get("origin"), None);
    bed.sweeps(1).await;
    assert_eq!(bed.user("jane").unwrap()["displayName"], "Theirs");
}

in_memory!(after_a_create_that_failed_a_user_made_by_hand_is_not_ours);
async fn after_a_create_that_failed_a_user_made_by_hand_is_not_ours(ground: &Ground) {
    let bed = ground.ready("failed").await;
    bed.namespace
        .secret("login", &[("password", "pass-phrase")])
        .await
        .unwrap();
    let body = json!({ "errorType": "x.y.NoSeat", "message": "no seat left" });
    bed.remote.fault(json!({
        "match": { "operation": "D2" }, "times": 0, "fault": { "kind": "status", "status": 500, "body": body },
    }));
    let spec = json!({ "instanceRef": { "name": "design" }, "passwordSecretRef": { "name": "login" } });
    bed.apply(&crate::bed::object("DssUser", "jane", spec)).await;
    bed.wait("DssUser", "jane", "Ready=False/Unavailable").await;
    assert!(bed.message("DssUser", "jane").await.contains("no seat left"));
    let theirs = json!({ "login": "jane", "sourceType": "LOCAL", "password": "theirs", "displayName": "Theirs" });
    bed.remote.patch_state(json!({ "users": { "jane": theirs } })).unwrap();
    bed.remote.clear_faults();
    bed.wait("DssUser", "jane", "Ready=False/AlreadyExists").await;
    assert_eq!(bed.user("jane").unwrap()["password"], "theirs");
    bed.namespace.delete("DssUser", "jane").await.unwrap();
    bed.namespace
        .wait_gone("DssUser", "jane", crate::bed::PATIENCE)
        .await
        .unwrap();
    assert_eq!(bed.user("jane").unwrap()["enabled"], true);
}

in_memory!(a_user_found_at_the_moment_of_its_creation_is_adopted_and_not_created);
async fn a_user_found_at_the_moment_of_its_creation_is_adopted_and_not_created(ground: &Ground) {
    let bed = ground.ready("adoptrace").await;
    bed.namespace
        .secret("login", &[("password", "ours-now")])
        .await
        .unwrap();
    bed.remote.fault(json!({
        "match": { "operation": "D2" },
        "fault": { "kind": "edit", "when": "before", "patch": { "users": { "jane": {
            "login": "jane", "sourceType": "LOCAL", "password": "theirs",
        } } } },
    }));
    let spec = json!({
        "instanceRef": { "name": "design" }, "passwordSecretRef": { "name": "login" }, "adoptionPolicy": "Adopt",
    });
    bed.apply(&crate::bed::object("DssUser", "jane", spec)).await;
    let jane = bed.wait("DssUser", "jane", "Ready=True/InSync").await;
    assert_eq!(jane["status"]["remote"]["origin"], "Adopted");
    assert_eq!(bed.user("jane").unwrap()["password"], "ours-now");
    bed.namespace.delete("DssUser", "jane").await.unwrap();
    bed.namespace
        .wait_gone("DssUser", "jane", crate::bed::PATIENCE)
        .await
        .unwrap();
    assert_eq!(bed.user("jane").unwrap()["enabled"], true);
}
