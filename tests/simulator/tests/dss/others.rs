//! Activity, trials, licence, the authorization matrix, and the switches of users.

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
    dss.switch("A20", json!("absent")).unwrap();
    assert_eq!(
        get(&dss, "/admin/authorization-matrix").await.1["perUser"].get("admin"),
        None
    );
}

#[tokio::test]
async fn a_new_user_gets_the_default_group() {
    let dss = dss().await;
    dss.switch("defaultGroup", json!("data_team")).unwrap();
    post(&dss, "/admin/users", jane()).await;
    assert_eq!(
        get(&dss, "/admin/users/jane").await.1["groups"],
        json!(["readers", "data_team"])
    );
}

#[tokio::test]
async fn statuses_and_further_keys_of_refusals_can_be_chosen() {
    let dss = dss().await;
    post(&dss, "/admin/users", jane()).await;
    assert_eq!(post(&dss, "/admin/users", jane()).await.1.as_object().unwrap().len(), 3);
    dss.switch("A2", json!(409)).unwrap();
    dss.switch("A1", json!("extra")).unwrap();
    let (status, answer) = post(&dss, "/admin/users", jane()).await;
    assert_eq!((status, &answer["code"]), (409, &json!("ERR_SECURITY_USER_EXISTS")));
}

#[tokio::test]
async fn an_unknown_group_or_profile_is_refused_or_not() {
    let dss = dss().await;
    let mut body = jane();
    body["groups"] = json!(["nobody"]);
    dss.switch("A9", json!("refuse")).unwrap();
    assert_eq!(post(&dss, "/admin/users", body.clone()).await.0, 400);
    dss.switch("A9", json!("accept")).unwrap();
    body["userProfile"] = json!("DATA_SCIENTIST");
    assert_eq!(post(&dss, "/admin/users", body.clone()).await.0, 400);
    dss.switch("A10", json!("fallback")).unwrap();
    assert_eq!(post(&dss, "/admin/users", body).await.0, 200);
    let (_, user) = get(&dss, "/admin/users/jane").await;
    assert_eq!(
        (&user["userProfile"], &user["resultingUserProfile"]),
        (&json!("DATA_SCIENTIST"), &json!("READER"))
    );
}

#[tokio::test]
async fn an_empty_password_is_refused_kept_or_cleared() {
    let dss = dss().await;
    post(&dss, "/admin/users", jane()).await;
    let (_, mut user) = get(&dss, "/admin/users/jane").await;
    user["password"] = json!("");
    let expected = [("refuse", 400, "s3cret!"), ("keep", 200, "s3cret!"), ("clear", 200, "")];
    for (value, status, password) in expected {
        dss.switch("A15", json!(value)).unwrap();
        assert_eq!(put(&dss, "/admin/users/jane", user.clone()).await.0, status, "{value}");
        assert_eq!(dss.state_at("/users/jane/password").unwrap(), password, "{value}");
    }
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
async fn case_tells_logins_apart_or_not() {
    let dss = dss().await;
    post(&dss, "/admin/users", jane()).await;
    assert_eq!(get(&dss, "/admin/users/JANE").await.0, 404);
    dss.switch("A50", json!("insensitive")).unwrap();
    assert_eq!(get(&dss, "/admin/users/JANE").await.1["login"], "jane");
}

#[tokio::test]
async fn an_unknown_switch_or_value_is_refused() {
    let dss = dss().await;
    assert!(dss.switch("A999", json!(1)).is_err());
    assert!(dss.switch("A3", json!("maybe")).is_err());
    assert!(dss.switch("A2", json!(200)).is_err());
}
