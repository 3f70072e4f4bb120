//! What Govern shares with DSS, and where it differs: G1 to G42.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{InstanceConfig, Product};

use crate::client::{call_as, get, jane, post, put};
use crate::{govern, started};

fn keys(document: &Value) -> Vec<&str> {
    document.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn a_user_has_neither_secrets_nor_preferences() {
    let govern = govern().await;
    assert_eq!(post(&govern, "/admin/users/", jane()).await.0, 200);
    let (_, mut user) = get(&govern, "/admin/users/jane").await;
    let members = [
        "login",
        "sourceType",
        "displayName",
        "email",
        "groups",
        "userProfile",
        "resultingUserProfile",
        "enabled",
        "creationDate",
        "userProperties",
        "adminProperties",
    ];
    assert_eq!(keys(&user), members);
    let before = user.clone();
    user["secrets"] = json!([{"name": "n", "value": "v"}]);
    user["preferences"] = json!({"uiLanguage": "fr"});
    assert_eq!(put(&govern, "/admin/users/jane", user).await.0, 200);
    assert_eq!(
        get(&govern, "/admin/users/jane").await.1,
        before,
        "what Govern does not know is dropped"
    );
    assert_eq!(govern.state_at("/users/jane/secrets"), None);
    assert_eq!(["G1", "G2", "G3", "G4"].map(|id| govern.count(id)), [0, 1, 2, 1]);
}

#[tokio::test]
async fn the_list_of_users_has_settings_only_when_it_is_asked_for_them() {
    let govern = govern().await;
    let (_, listed) = get(&govern, "/admin/users/").await;
    assert_eq!(keys(&listed[0]), ["login", "sourceType", "displayName", "groups"]);
    let (_, listed) = get(&govern, "/admin/users/?includeSettings=True").await;
    assert!(listed[0]["adminProperties"].is_object());
}

#[tokio::test]
async fn everybody_sees_cards_and_the_own_user() {
    let govern = govern().await;
    let (_, card) = get(&govern, "/users/admin").await;
    assert_eq!(keys(&card), ["login", "displayName", "groups", "email", "enabled"]);
    assert_eq!(
        (&card["enabled"], &card["email"]),
        (&json!(true), &json!("admin@example.com"))
    );
    govern
        .patch_state(json!({"tickets": {"t": {"login": "admin"}}}))
        .unwrap();
    let url = format!("{}/public/api/current-user", govern.url());
    let own = reqwest::Client::new()
        .get(url)
        .header("X-DKU-APITicket", "t")
        .send()
        .await
        .unwrap();
    let own: Value = own.json().await.unwrap();
    let members = [
        "login",
        "sourceType",
        "groups",
        "userProfile",
        "displayName",
        "email",
        "userProperties",
    ];
    assert_eq!(keys(&own), members);
}

#[tokio::test]
async fn a_group_has_the_flags_of_its_release() {
    for (release, flag, foreign) in [
        ("15.2.0", "isGovernArchitect", "mayManageGovern"),
        ("14.3.0", "mayManageGovern", "isGovernArchitect"),
    ] {
        let govern = started(InstanceConfig::new(Product::Govern).switch("release", json!(release))).await;
        let new = json!({"name": "g", "description": null, "sourceType": "LOCAL"});
        assert_eq!(post(&govern, "/admin/groups/", new).await.0, 200);
        let (_, mut group) = get(&govern, "/admin/groups/g").await;
        assert_eq!((&group["admin"], &group[flag]), (&json!(false), &json!(false)));
        assert_eq!((group.get(foreign), group.get("mayWriteSafeCode")), (None, None));
        group[flag] = json!(true);
        let expected = group.clone();
        group[foreign] = json!(true);
        assert_eq!(put(&govern, "/admin/groups/g", group.clone()).await.0, 200);
        assert_eq!(
            get(&govern, "/admin/groups/g").await.1,
            expected,
            "the flag of another release is dropped"
        );
        let edit = json!({"users": {"jane": {"groups": ["g"]}}, "tickets": {"t": {"login": "jane"}}});
        govern.patch_state(edit).unwrap();
        let url = format!("{}/public/api/admin/roles", govern.url());
        let roles = reqwest::Client::new()
            .get(url)
            .header("X-DKU-APITicket", "t")
            .send()
            .await
            .unwrap();
        assert_eq!(roles.status(), 200, "{flag} makes an architect");
        group[flag] = Value::Null;
        assert_eq!(put(&govern, "/admin/groups/g", group.clone()).await.0, 400);
        group.as_object_mut().unwrap().remove(flag);
        put(&govern, "/admin/groups/g", group).await;
        assert_eq!(
            govern.state_at("/groups/g").unwrap()[flag],
            false,
            "a boolean that is not there is false"
        );
        let (_, matrix) = get(&govern, "/admin/authorization-matrix").await;
        assert_eq!(keys(&matrix["perGroup"]), ["groups", "admin", flag, "projectsGrants"]);
    }
}

#[tokio::test]
async fn the_instance_says_that_it_is_a_govern() {
    let govern = govern().await;
    let (_, info) = get(&govern, "/instance-info").await;
    assert_eq!(
        (&info["nodeType"], &info["dssVersion"]),
        (&json!("GOVERN"), &json!("15.2.0"))
    );
    let (_, who) = get(&govern, "/auth/info?withSecrets=True").await;
    assert!(who["authIdentifier"].is_string());
    assert!(get(&govern, "/admin/licensing/status").await.1["base"]["userProfiles"].is_array());
    assert_eq!(["G40", "G41", "G42"].map(|id| govern.count(id)), [1, 1, 1]);
}

#[tokio::test]
async fn a_key_comes_as_the_user_and_nowhere_else() {
    let govern = govern().await;
    let url = format!("{}/dip/publicapi/admin/users/", govern.url());
    let request = || reqwest::Client::new().get(&url);
    let key = govern.api_key();
    assert_eq!(request().basic_auth(key, Some("")).send().await.unwrap().status(), 200);
    assert_eq!(request().basic_auth("", Some(key)).send().await.unwrap().status(), 401);
    assert_eq!(request().bearer_auth(key).send().await.unwrap().status(), 401);
    assert_eq!(request().send().await.unwrap().status(), 401);
    let as_admin = |key: &str| {
        request()
            .basic_auth(key, Some(""))
            .header("X-DKU-ProxyUser", "admin")
            .send()
    };
    assert_eq!(as_admin(key).await.unwrap().status(), 200);
    assert_eq!(as_admin(govern.non_admin_api_key()).await.unwrap().status(), 403);
}

#[tokio::test]
async fn what_only_dss_has_is_not_there() {
    let govern = govern().await;
    for path in [
        "/admin/variables/",
        "/personal-api-keys/",
        "/admin/personal-api-keys/",
        "/admin/notebooks/",
        "/projects/P/jupyter-notebooks/",
        "/admin/list-trial-expired-users",
    ] {
        let (status, error) = call_as(&govern, govern.api_key(), Method::GET, path, None).await;
        assert_eq!((status, error["errorType"].is_string()), (404, true), "{path}");
    }
    assert_eq!(
        post(&govern, "/admin/container-exec/actions/push-base-images", json!({}))
            .await
            .0,
        404
    );
    assert_eq!(govern.count("unknown"), 7);
    for part in ["personalApiKeys", "variables", "notebooks", "projects"] {
        assert_eq!(govern.state().get(part), None, "{part}");
    }
    assert!(
        govern
            .patch_state(json!({"personalApiKeys": {"k": {"user": "admin"}}}))
            .is_err()
    );
}
