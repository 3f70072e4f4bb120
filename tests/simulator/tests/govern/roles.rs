//! Roles: G43 to G47.

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{call_as, delete, get, post, put};
use crate::govern;

const BLUEPRINT: &str = "/admin/blueprint-role-assignments/bp.system.business_initiative";

#[tokio::test]
async fn a_role_lives_from_create_to_delete() {
    let govern = govern().await;
    let sent = json!({"label": "PM", "description": "Leads", "future": [1]});
    let (status, mut role) = post(&govern, "/admin/roles/?newIdentifier=pm-1_X", sent).await;
    assert_eq!(
        (status, &role),
        (
            200,
            &json!({"id": "ro.pm-1_X", "label": "PM", "description": "Leads", "future": [1]})
        )
    );
    let (_, all) = get(&govern, "/admin/roles").await;
    let ids: Vec<&str> = all
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|role| role["id"].as_str())
        .collect();
    assert_eq!(ids, ["ro.reader", "ro.contributor", "ro.project_manager", "ro.pm-1_X"]);

    role["label"] = json!("Manager");
    assert_eq!(
        put(&govern, "/admin/role/ro.pm-1_X", role.clone()).await,
        (200, role.clone())
    );
    assert_eq!(get(&govern, "/admin/role/ro.pm-1_X").await, (200, role.clone()));
    assert_eq!(
        put(&govern, "/admin/role/ro.pm-1_X", json!({"label": "PM"})).await.1,
        json!({"id": "ro.pm-1_X", "label": "PM", "description": null}),
        "a PUT replaces the whole role and answers it as it is stored"
    );

    assert_eq!(delete(&govern, "/admin/role/ro.pm-1_X").await.0, 200);
    assert_eq!(govern.state_at("/roles/ro.pm-1_X"), None);
    let counts = ["G43", "G44", "G45", "G46", "G47"].map(|id| govern.count(id));
    assert_eq!((counts, govern.writes()), ([1, 1, 1, 2, 1], 4));
}

#[tokio::test]
async fn a_wrong_role_is_refused() {
    let govern = govern().await;
    let create = |query: &str| format!("/admin/roles/{query}");
    for query in [
        "",
        "?newIdentifier=",
        "?newIdentifier=ro.pm",
        "?newIdentifier=a%20b",
        "?newIdentifier=reader",
    ] {
        let (status, error) = post(&govern, &create(query), json!({"label": "x"})).await;
        assert_eq!(status, 400, "{query}");
        assert_eq!(error["errorType"], "java.lang.IllegalArgumentException");
    }
    assert_eq!(post(&govern, &create("?newIdentifier=x"), json!([])).await.0, 400);
    assert_eq!(
        post(&govern, &create("?newIdentifier=x"), json!({"label": 1})).await.0,
        400
    );
    let renamed = json!({"id": "ro.other", "label": "x"});
    assert_eq!(put(&govern, "/admin/role/ro.reader", renamed).await.0, 400);
    assert_eq!(govern.state_at("/roles").unwrap().as_object().unwrap().len(), 3);
    assert_eq!(govern.state_at("/roles/ro.reader/label").unwrap(), "Reader");
}

#[tokio::test]
async fn an_absent_role_is_an_error_of_a8() {
    let govern = govern().await;
    for status in [404, 500] {
        govern.switch("A8", json!(status)).unwrap();
        let (got, error) = get(&govern, "/admin/role/ro.x").await;
        assert_eq!(got, status);
        assert!(error["errorType"].as_str().unwrap().ends_with("NotFoundException"));
        assert_eq!(put(&govern, "/admin/role/ro.x", json!({"label": "x"})).await.0, status);
        assert_eq!(delete(&govern, "/admin/role/ro.x").await.0, status);
    }
}

#[tokio::test]
async fn roles_assignments_and_permissions_are_for_architects() {
    let govern = govern().await;
    let paths = [
        "/admin/roles",
        "/admin/role/ro.reader",
        BLUEPRINT,
        "/admin/blueprint-role-assignments",
        "/admin/blueprint-permissions",
        "/admin/blueprint-permissions/default",
    ];
    let edit = json!({
        "groups": {"designers": {"isGovernArchitect": true}},
        "users": {"jane": {"groups": ["designers"]}},
        "tickets": {"t": {"login": "jane"}}
    });
    govern.patch_state(edit).unwrap();
    for path in paths {
        let (status, error) = call_as(&govern, govern.non_admin_api_key(), Method::GET, path, None).await;
        assert_eq!((status, error["message"].is_string()), (403, true), "{path}");
        let url = format!("{}/dip/publicapi{path}", govern.url());
        let as_jane = reqwest::Client::new()
            .get(url)
            .header("X-DKU-APITicket", "t")
            .send()
            .await
            .unwrap();
        assert_ne!(as_jane.status(), 403, "{path}");
    }
    let create = async |key: String| {
        let body: Option<Value> = Some(json!({"label": "PM"}));
        call_as(&govern, &key, Method::POST, "/admin/roles/?newIdentifier=pm", body)
            .await
            .0
    };
    assert_eq!(create(govern.non_admin_api_key().to_owned()).await, 403);
    assert_eq!(create(crate::key_with(&govern, "isGovernArchitect")).await, 200);
    let blueprints = call_as(&govern, govern.non_admin_api_key(), Method::GET, "/blueprints", None).await;
    assert_eq!(blueprints.0, 200, "everybody sees the blueprints");
}
