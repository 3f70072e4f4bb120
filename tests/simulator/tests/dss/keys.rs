//! Global and personal API keys.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::Instance;

use crate::client::{call_as, delete, dss, get, jane, post, put};

const GLOBAL: &str = "/admin/global-api-keys/";
const PERSONAL: &str = "/personal-api-keys/";

async fn create(dss: &Instance, body: Value) -> Value {
    let (status, key) = post(dss, GLOBAL, body).await;
    assert_eq!(status, 200, "{key}");
    key
}

fn id(key: &Value) -> String {
    format!("{GLOBAL}{}", key["id"].as_str().unwrap())
}

async fn lists_users(dss: &Instance, key: &Value) -> u16 {
    call_as(dss, key["key"].as_str().unwrap(), Method::GET, "/admin/users/", None)
        .await
        .0
}

/// A user and a personal key of that user.
async fn of_jane(dss: &Instance) -> Value {
    post(dss, "/admin/users/", jane()).await;
    let (status, key) = post(
        dss,
        "/admin/personal-api-keys/",
        json!({"user": "jane", "label": "l", "description": "d"}),
    )
    .await;
    assert_eq!(status, 200);
    key
}

#[tokio::test]
async fn a_hashed_secret_is_shown_once_in_the_form_of_the_switch() {
    let dss = dss().await;
    let key = create(
        &dss,
        json!({"label": "ci", "description": null, "globalPermissions": {"admin": true}}),
    )
    .await;
    assert_eq!(key["key"].as_str().unwrap().len(), 32);
    for (form, shown) in [
        ("masked", Some(json!("************"))),
        ("absent", None),
        ("null", Some(Value::Null)),
    ] {
        dss.switch("A25", json!(form)).unwrap();
        let got = get(&dss, &id(&key)).await.1;
        assert_eq!(got.get("key"), shown.as_ref(), "{form}");
        let (_, listed) = get(&dss, GLOBAL).await;
        assert!(listed.as_array().unwrap().contains(&got));
    }
    assert_eq!(lists_users(&dss, &key).await, 200, "it opens the door all the same");
    dss.switch("hashedKeys", json!(false)).unwrap();
    assert_eq!(
        get(&dss, &id(&key)).await.1["key"],
        Value::Null,
        "a hash does not turn back into a secret"
    );
    let clear = create(&dss, json!({"label": "ci", "globalPermissions": {}})).await;
    assert_eq!(get(&dss, &id(&clear)).await.1["key"], clear["key"]);
    assert_eq!(clear.get("storedHashed"), None);
}

#[tokio::test]
async fn a_definition_is_replaced_but_for_what_the_server_owns() {
    let dss = dss().await;
    let key = create(
        &dss,
        json!({"label": "ci", "globalPermissions": {"mayCreateProjects": true}}),
    )
    .await;
    let sent = json!({"id": "other", "key": "other", "createdOn": 1, "expiresOn": 1, "label": "cd", "future": {"kept": 1},
                      "globalPermissions": {"mayManageUDM": true}});
    assert_eq!(put(&dss, &id(&key), sent).await.0, 200);
    let stored = dss
        .state_at(&format!("/globalApiKeys/{}", key["id"].as_str().unwrap()))
        .unwrap();
    for own in ["id", "key", "createdOn", "createdBy"] {
        assert_eq!(stored[own], key[own], "{own}");
    }
    assert_eq!(
        (&stored["label"], &stored["expiresOn"], &stored["future"]),
        (&json!("cd"), &json!(0), &json!({"kept": 1}))
    );
    let permissions = &stored["globalPermissions"];
    assert_eq!(
        (&permissions["mayCreateProjects"], &permissions["mayManageUDM"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(put(&dss, &id(&key), json!({"groups": "readers"})).await.0, 400);
    assert_eq!(put(&dss, &format!("{GLOBAL}unknown"), json!({})).await.0, 404);
    dss.switch("A8", json!(400)).unwrap();
    assert_eq!(delete(&dss, &format!("{GLOBAL}unknown")).await.0, 400);
    assert_eq!(get(&dss, &format!("{GLOBAL}unknown")).await.0, 404);
}

#[tokio::test]
async fn a_key_expires_after_its_days() {
    let dss = dss().await;
    let key = create(&dss, json!({"label": "ci", "globalPermissions": {"admin": true}})).await;
    let body = json!({"globalPermissions": {"admin": true}, "expiry": "2"});
    assert_eq!(put(&dss, &id(&key), body).await.0, 200);
    let (_, got) = get(&dss, &id(&key)).await;
    assert_eq!(got["expiry"], "2");
    assert_eq!(
        got["expiresOn"].as_u64().unwrap() - got["createdOn"].as_u64().unwrap(),
        2 * 86_400_000
    );
    dss.advance(Duration::from_hours(24));
    assert_eq!(lists_users(&dss, &key).await, 200);
    dss.advance(Duration::from_hours(24));
    assert_eq!(lists_users(&dss, &key).await, 401);
    assert_eq!(put(&dss, &id(&key), json!({"expiry": "soon"})).await.0, 400);
}

#[tokio::test]
async fn keys_of_groups_came_with_a_release() {
    let dss = dss().await;
    let body = json!({"label": "grouped", "groups": ["administrators"]});
    let key = create(&dss, body.clone()).await;
    assert_eq!(lists_users(&dss, &key).await, 200);
    dss.patch_state(json!({"groups": {"administrators": {"admin": false}}}))
        .unwrap();
    assert_eq!(
        lists_users(&dss, &key).await,
        403,
        "the rights are those of the groups now"
    );
    dss.switch("release", json!("14.2.0")).unwrap();
    assert_eq!(create(&dss, body.clone()).await["groups"], Value::Null);
    dss.switch("release", json!("15.2.0")).unwrap();
    let unknown = json!({"label": "grouped", "groups": ["nobody"]});
    create(&dss, unknown.clone()).await;
    dss.switch("A9", json!("refuse")).unwrap();
    assert_eq!(post(&dss, GLOBAL, unknown).await.0, 400);
}

#[tokio::test]
async fn a_label_is_free_or_unique() {
    let dss = dss().await;
    let body = json!({"label": "same", "globalPermissions": {}});
    let first = create(&dss, body.clone()).await;
    let second = create(&dss, body.clone()).await;
    assert_ne!(first["id"], second["id"]);
    dss.switch("A24", json!("unique")).unwrap();
    assert_eq!(post(&dss, GLOBAL, body.clone()).await.0, 400);
    assert_eq!(put(&dss, &id(&first), body).await.0, 200, "its own label is no other's");
}

#[tokio::test]
async fn a_key_is_found_by_its_secret_in_both_modes() {
    let dss = dss().await;
    let key = create(&dss, json!({"label": "ci", "globalPermissions": {}})).await;
    let path = format!("/admin/globalAPIKeys/{}", key["key"].as_str().unwrap());
    assert_eq!(get(&dss, &path).await.1["id"], key["id"]);
    let (status, error) = get(&dss, "/admin/globalAPIKeys/not-a-secret").await;
    assert_eq!(status, 404);
    assert!(!error.to_string().contains("not-a-secret"));
    assert_eq!(dss.requests().log.last().unwrap().path, "/admin/globalAPIKeys/{secret}");
}

#[tokio::test]
async fn a_personal_key_acts_as_its_user_and_reaches_its_own_kind_only() {
    let dss = dss().await;
    let key = of_jane(&dss).await;
    let secret = key["key"].as_str().unwrap();
    let as_jane = async |method, path: String, body| {
        let path = format!("{PERSONAL}{path}");
        call_as(&dss, secret, method, &path, body).await
    };
    let (status, own) = as_jane(
        Method::POST,
        String::new(),
        Some(json!({"label": "laptop", "description": ""})),
    )
    .await;
    assert_eq!(
        (status, &own["user"], &own["createdBy"]),
        (200, &json!("jane"), &json!("jane"))
    );
    assert_eq!(
        as_jane(Method::GET, String::new(), None)
            .await
            .1
            .as_array()
            .unwrap()
            .len(),
        2
    );

    let (_, other) = post(
        &dss,
        "/admin/personal-api-keys/",
        json!({"user": "admin", "label": "x", "description": ""}),
    )
    .await;
    let other = other["id"].as_str().unwrap().to_owned();
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(as_jane(method, other.clone(), None).await.0, 403);
    }
    assert_eq!(as_jane(Method::PUT, other, Some(json!({}))).await.0, 403);
    assert_eq!(as_jane(Method::GET, "unknown".to_owned(), None).await.0, 404);
    assert_eq!(get(&dss, PERSONAL).await.0, 400, "a global key is no user");
    let unknown = json!({"user": "nobody", "label": "", "description": ""});
    assert_eq!(post(&dss, "/admin/personal-api-keys/", unknown).await.0, 404);
}

#[tokio::test]
async fn a_hashed_personal_key_has_the_form_of_its_own_switch() {
    let dss = dss().await;
    let key = of_jane(&dss).await;
    let path = format!("{PERSONAL}{}", key["id"].as_str().unwrap());
    assert_eq!(get(&dss, &path).await.1.get("key"), None);
    dss.switch("A25personal", json!("masked")).unwrap();
    assert_eq!(get(&dss, &path).await.1["key"], "************");
    dss.switch("A25personal", json!("null")).unwrap();
    assert_eq!(get(&dss, &path).await.1.get("key"), Some(&Value::Null));
}

#[tokio::test]
async fn the_keys_of_a_deleted_user_go_or_wait_for_the_next_of_that_name() {
    for (what, count) in [("removed", 0), ("kept", 1)] {
        for by_hand in [false, true] {
            let dss = dss().await;
            dss.switch("A26", json!(what)).unwrap();
            let key = of_jane(&dss).await;
            let secret = key["key"].as_str().unwrap();
            if by_hand {
                dss.patch_state(json!({"users": {"jane": null}})).unwrap();
            } else {
                delete(&dss, "/admin/users/jane").await;
            }
            assert_eq!(
                get(&dss, "/admin/personal-api-keys/").await.1.as_array().unwrap().len(),
                count
            );
            assert_eq!(call_as(&dss, secret, Method::GET, "/auth/info", None).await.0, 401);
            post(&dss, "/admin/users/", jane()).await;
            let again = call_as(&dss, secret, Method::GET, "/auth/info", None).await.0;
            assert_eq!(again, if count == 0 { 401 } else { 200 });
        }
    }
}
