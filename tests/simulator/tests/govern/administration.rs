//! Keys, settings, usage, directories and tasks of Govern: G6 to G8, G15 to G20 and G28 to G39.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{call, call_as, delete, get, jane, post, put};
use crate::govern;

#[tokio::test]
async fn another_govern_takes_the_place_of_this_one() {
    let govern = govern().await;
    let first = get(&govern, "/instance-info").await.1["nodeId"].clone();
    govern.act("swapNode", &json!({})).unwrap();
    let (status, other) = get(&govern, "/instance-info").await;
    assert_eq!((status, &other["nodeType"]), (200, &json!("GOVERN")));
    assert_ne!(other["nodeId"], first);
    assert_eq!(get(&govern, "/admin/roles").await.0, 200, "the same key");
}

#[tokio::test]
async fn a_global_key_has_the_permissions_of_govern() {
    let govern = govern().await;
    let body = json!({"label": "l", "description": null,
        "globalPermissions": {"admin": false, "isGovernArchitect": true, "mayManageGovern": true, "mayCreateProjects": true}});
    let (status, key) = post(&govern, "/admin/global-api-keys/", body).await;
    assert_eq!(status, 200);
    assert_eq!(
        key["globalPermissions"],
        json!({"admin": false, "isGovernArchitect": true}),
        "permissions that Govern does not have are dropped"
    );
    let secret = key["key"].as_str().unwrap();
    let as_key = async |path: &str| call_as(&govern, secret, Method::GET, path, None).await.0;
    assert_eq!(
        (as_key("/admin/roles").await, as_key("/admin/users/").await),
        (200, 403)
    );

    let path = format!("/admin/global-api-keys/{}", key["id"].as_str().unwrap());
    let (_, mut definition) = get(&govern, &path).await;
    definition["groups"] = json!(["administrators"]);
    definition["globalPermissions"] = json!({});
    assert_eq!(put(&govern, &path, definition).await.0, 200);
    assert_eq!(
        (as_key("/admin/roles").await, as_key("/admin/users/").await),
        (200, 200),
        "by its group"
    );
    assert_eq!(
        get(&govern, &format!("/admin/globalAPIKeys/{secret}")).await.1["id"],
        key["id"]
    );
    assert_eq!(delete(&govern, &path).await.0, 200);
    assert_eq!(as_key("/admin/roles").await, 401);
    assert_eq!(["G32", "G33", "G34", "G35", "G36"].map(|id| govern.count(id)), [1; 5]);
}

#[tokio::test]
async fn the_settings_have_no_sections_about_code() {
    let govern = govern().await;
    let (_, mut settings) = get(&govern, "/admin/general-settings").await;
    assert_eq!(
        (settings.get("impersonation"), settings.get("containerSettings")),
        (None, None)
    );
    settings["security"]["hideErrorStacks"] = json!(true);
    settings["impersonation"] = json!({"userRules": []});
    assert_eq!(put(&govern, "/admin/general-settings", settings.clone()).await.0, 200);
    settings.as_object_mut().unwrap().remove("impersonation");
    assert_eq!(
        get(&govern, "/admin/general-settings").await.1,
        settings,
        "an unknown section is dropped"
    );
    assert_eq!((govern.count("G28"), govern.count("G29")), (2, 1));
}

#[tokio::test]
async fn the_usage_is_an_object_of_its_own() {
    let govern = govern().await;
    let (status, usage) = get(&govern, "/admin/monitoring/global-usage-summary").await;
    assert_eq!((status, usage.is_object(), usage.get("projects")), (200, true, None));
    assert_eq!(govern.count("G30"), 1);
}

#[tokio::test]
async fn many_users_go_in_one_call() {
    let govern = govern().await;
    let bulk = "/admin/users/actions/bulk";
    let outcomes = |answer: &Value| -> Vec<String> {
        let all = answer.as_array().unwrap().iter();
        all.map(|one| one["status"].as_str().unwrap().to_owned()).collect()
    };
    let (_, created) = post(&govern, bulk, json!([jane(), jane()])).await;
    assert_eq!(outcomes(&created), ["SUCCESS", "FAILURE"]);
    let edits = json!([{"login": "jane", "enabled": false, "secrets": [{"name": "n", "value": "v"}]}]);
    let (_, edited) = put(&govern, bulk, edits).await;
    assert_eq!(outcomes(&edited), ["SUCCESS"]);
    let user = govern.state_at("/users/jane").unwrap();
    assert_eq!((&user["enabled"], user.get("secrets")), (&json!(false), None));
    let (_, deleted) = call(&govern, Method::DELETE, bulk, Some(json!(["jane"]))).await;
    assert_eq!(outcomes(&deleted), ["SUCCESS"]);
    assert_eq!(["G6", "G7", "G8"].map(|id| govern.count(id)), [1; 3]);
}

#[tokio::test]
async fn a_resync_of_some_and_of_all_are_told_apart() {
    let govern = govern().await;
    govern.switch("futures", json!("inline")).unwrap();
    let ana = |name: &str| json!({"directory": {"LDAP": {"users": {"ana": {"displayName": name, "groups": []}}}}});
    govern.patch_state(ana("Ana")).unwrap();
    let (_, found) = get(&govern, "/admin/external-users?userSourceType=LDAP").await;
    let body = json!({"userSourceType": "LDAP", "users": found["result"]});
    assert_eq!(post(&govern, "/admin/users/actions/provision", body).await.0, 200);
    govern.patch_state(ana("Ana B.")).unwrap();
    let multi = "/admin/users/actions/resync-multi";
    assert_eq!(post(&govern, multi, json!(["ana"])).await.0, 200);
    assert_eq!(govern.state_at("/users/ana/displayName").unwrap(), "Ana B.");
    assert_eq!(call(&govern, Method::POST, multi, None).await.0, 200);
    assert_eq!(
        post(&govern, "/admin/users/ana/actions/resync", Value::Null).await.0,
        200
    );
    assert_eq!(get(&govern, "/admin/external-groups?userSourceType=LDAP").await.0, 200);
    assert_eq!(
        ["G15", "G16", "G17", "G18", "G19", "G20"].map(|id| govern.count(id)),
        [1; 6]
    );
}

#[tokio::test]
async fn a_long_task_waits_for_the_clock() {
    let govern = govern().await;
    govern.switch("futures", json!("delayed")).unwrap();
    govern.switch("futureMillis", json!(60_000)).unwrap();
    let (_, started) = call(&govern, Method::POST, "/admin/users/actions/resync-multi", None).await;
    let path = format!("/futures/{}", started["jobId"].as_str().unwrap());
    assert_eq!(get(&govern, &format!("{path}?peek=True")).await.1["hasResult"], false);
    assert_eq!(get(&govern, "/futures/").await.1.as_array().unwrap().len(), 1);
    govern.advance(Duration::from_secs(61));
    assert_eq!(get(&govern, &format!("{path}?peek=False")).await.1["hasResult"], true);
    assert_eq!(delete(&govern, &path).await.0, 404, "a result that was read is gone");
    assert_eq!(["G37", "G38", "G39"].map(|id| govern.count(id)), [1, 2, 1]);
}
