//! Activity, trials, licence, the authorization matrix, and passwords by source.

use serde_json::{Value, json};

use crate::client::{dss, get, jane, post, put};

#[tokio::test]
async fn activity_is_zero_until_somebody_signs_in() {
    let dss = dss().await;
    post(&dss, "/admin/users", jane()).await;
    assert_eq!(
        get(&dss, "/admin/users/jane/activity").await.1["lastSessionActivity"],
        0
    );
    dss.patch_state(json!({"activity": {"jane": {"lastSessionActivity": 5}}, "users": {"jane": {"enabled": false}}}))
        .unwrap();
    let (_, all) = get(&dss, "/admin/users-activity").await;
    assert_eq!(
        (&all[1]["login"], &all[1]["lastSessionActivity"]),
        (&json!("jane"), &json!(5))
    );
    assert_eq!(
        get(&dss, "/admin/users-activity?enabledUsersOnly=True")
            .await
            .1
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(get(&dss, "/admin/users/nobody/activity").await.0, 404);
}

#[tokio::test]
async fn running_jobs_are_listed_since_release_15_2() {
    let dss = dss().await;
    assert_eq!(get(&dss, "/jobs/running/").await.1, json!([]));
    dss.patch_state(json!({"jobs": {"j1": {"projectKey": "P", "initiator": "jane"}}}))
        .unwrap();
    let listed = async |all: &str| {
        let (_, jobs) = get(&dss, &format!("/jobs/running/?allUsers={all}")).await;
        jobs.as_array().map(Vec::len)
    };
    assert_eq!((listed("True").await, listed("False").await), (Some(1), Some(0)));
    dss.patch_state(json!({"jobs": {"j1": null}})).unwrap();
    assert_eq!(listed("True").await, Some(0));
    dss.switch("release", json!("15.1.0")).unwrap();
    assert_eq!(get(&dss, "/jobs/running/").await.0, 404);
}

#[tokio::test]
async fn an_entry_of_the_audit_trail_is_stored_and_counts_as_no_write() {
    let dss = dss().await;
    let writes = dss.writes();
    assert_eq!(
        post(&dss, "/admin/audit/custom/restart", json!({"by": "jane"})).await.0,
        204
    );
    let entry = &dss.state_at("/auditTrail").unwrap()[0];
    assert_eq!(
        (&entry["customMsgType"], &entry["customMsgParams"]),
        (&json!("restart"), &json!({"by": "jane"}))
    );
    assert_eq!(dss.writes(), writes);
}

#[tokio::test]
async fn trials_that_are_over_are_listed() {
    let dss = dss().await;
    assert_eq!(get(&dss, "/admin/list-trial-expired-users").await.1, json!([]));
    dss.patch_state(json!({"users": {"admin": {"trialStatus": {"exists": true, "expired": true}}}}))
        .unwrap();
    assert_eq!(
        get(&dss, "/admin/list-trial-expired-users").await.1[0]["login"],
        "admin"
    );
}

#[tokio::test]
async fn the_licence_names_its_profiles() {
    let (_, status) = get(&dss().await, "/admin/licensing/status").await;
    let profiles = status["base"]["userProfiles"].as_array().unwrap();
    assert!(profiles.contains(&json!("AI_CONSUMER")));
    assert_eq!(
        status["limits"]["licensedProfiles"].as_object().unwrap().len(),
        profiles.len()
    );
}

#[tokio::test]
async fn the_matrix_is_computed_from_groups_of_enabled_users() {
    let dss = dss().await;
    post(&dss, "/admin/users", jane()).await;
    dss.patch_state(
        json!({"groups": {"readers": {"mayCreateProjects": true}}, "users": {"off": {"enabled": false}},
                           "projects": {"P": {"name": "Project", "grants": {"readers": {"admin": true}}}}}),
    )
    .unwrap();
    let (_, matrix) = get(&dss, "/admin/authorization-matrix").await;
    let users = &matrix["perUser"];
    assert_eq!(users["users"], json!(["admin", "jane"]));
    assert_eq!(users["admin"], json!([true, false]));
    assert_eq!(
        (&users["mayCreateProjects"], &users["mayManageUDM"]),
        (&json!([true, true]), &json!([true, false]))
    );
    let grants = json!([{"projectKey": "P", "projectName": "Project", "grants": [{}, {"admin": true}]}]);
    assert_eq!(users["projectsGrants"], grants);
    assert_eq!(
        matrix["perGroup"]["groups"],
        json!(["administrators", "data_team", "readers"])
    );
}

#[tokio::test]
async fn only_a_local_user_has_a_password() {
    let dss = dss().await;
    let mut body = jane();
    body["sourceType"] = json!("LDAP");
    body["password"] = Value::Null;
    assert_eq!(post(&dss, "/admin/users", body).await.0, 200);
    let (_, mut user) = get(&dss, "/admin/users/jane").await;
    user["sourceType"] = json!("LOCAL");
    assert_eq!(
        put(&dss, "/admin/users/jane", user.clone()).await.0,
        400,
        "a user that becomes local needs one"
    );
    user["password"] = json!("s3cret!");
    assert_eq!(put(&dss, "/admin/users/jane", user.clone()).await.0, 200);
    user["sourceType"] = json!("LDAP");
    assert_eq!(put(&dss, "/admin/users/jane", user).await.0, 400);
}

#[tokio::test]
async fn an_unknown_switch_or_value_is_refused() {
    let dss = dss().await;
    assert!(dss.switch("A999", json!(1)).is_err());
    assert!(dss.switch("A3", json!("maybe")).is_err());
    assert!(dss.switch("A2", json!(200)).is_err());
}

#[tokio::test]
async fn another_node_takes_the_place_of_this_one_and_leaves_it_again() {
    let dss = dss().await;
    post(&dss, "/admin/users", jane()).await;
    let id = async || get(&dss, "/instance-info").await.1["nodeId"].clone();
    let first = id().await;
    let told = dss.act("swapNode", &json!({})).unwrap();
    assert_ne!(id().await, first);
    assert_eq!(id().await, told["nodeId"]);
    assert_eq!(get(&dss, "/admin/users/jane").await.0, 404, "the same key, other users");
    assert_eq!(get(&dss, "/admin/users/admin").await.0, 200);
    dss.act("swapNode", &json!({})).unwrap();
    assert_eq!(id().await, first);
    assert_eq!(get(&dss, "/admin/users/jane").await.0, 200);
}
