//! Permissions of blueprints and by default: G53 to G59.

use serde_json::json;

use crate::client::{delete, get, post, put};
use crate::govern;

const ALL: &str = "/admin/blueprint-permissions";
const ONE: &str = "/admin/blueprint-permissions/bp.system.dataiku_project";
const DEFAULT: &str = "/admin/blueprint-permissions/default";
const ID: &str = "bp.system.dataiku_project";

#[tokio::test]
async fn permissions_live_from_create_to_delete() {
    let govern = govern().await;
    assert_eq!(get(&govern, ALL).await, (200, json!([])));
    assert_eq!(
        get(&govern, ONE).await.0,
        404,
        "the defaults hold, and are another document"
    );
    let sent = json!({"blueprintId": ID, "permissions": {"any": [{"thing": null}]}, "more": 1});
    assert_eq!(post(&govern, ALL, sent.clone()).await, (200, sent.clone()));
    assert_eq!(post(&govern, ALL, sent.clone()).await.0, 400, "it exists");
    assert_eq!(get(&govern, ALL).await, (200, json!([sent])));
    assert_eq!(get(&govern, ONE).await, (200, sent));
    let sent = json!({"blueprintId": ID, "permissions": {}});
    assert_eq!(put(&govern, ONE, sent.clone()).await, (200, sent.clone()));
    assert_eq!(govern.state_at(&format!("/blueprintPermissions/{ID}")).unwrap(), sent);
    assert_eq!(delete(&govern, ONE).await.0, 200);
    assert_eq!(get(&govern, ONE).await.0, 404);
    assert_eq!(get(&govern, DEFAULT).await.0, 200);
    assert_eq!(
        ["G53", "G54", "G55", "G56", "G57", "G58"].map(|id| govern.count(id)),
        [2, 2, 3, 1, 1, 1]
    );
}

#[tokio::test]
async fn wrong_permissions_are_refused() {
    let govern = govern().await;
    assert_eq!(
        put(&govern, ONE, json!({"blueprintId": ID, "permissions": {}})).await.0,
        404
    );
    for (body, status) in [
        (json!({"permissions": {}}), 400),
        (json!({"blueprintId": ID}), 400),
        (json!({"blueprintId": ID, "permissions": []}), 400),
        (json!({"blueprintId": "bp.unknown", "permissions": {}}), 404),
        (json!({"blueprintId": "default", "permissions": {}}), 404),
    ] {
        assert_eq!(post(&govern, ALL, body.clone()).await.0, status, "{body}");
    }
    assert_eq!(delete(&govern, DEFAULT).await.0, 404, "`default` is no blueprint");
    assert_eq!(
        post(&govern, ALL, json!({"blueprintId": ID, "permissions": {}}))
            .await
            .0,
        200
    );
    let other = json!({"blueprintId": "bp.system.govern_project", "permissions": {}});
    assert_eq!(put(&govern, ONE, other).await.0, 400);
    assert_eq!(get(&govern, ALL).await.1.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a36_says_whether_the_defaults_are_wrapped() {
    let govern = govern().await;
    let (_, bare) = get(&govern, DEFAULT).await;
    assert!(!bare.as_object().unwrap().is_empty());
    let sent = json!({"kept": {"x": [1]}});
    assert_eq!(put(&govern, DEFAULT, sent.clone()).await, (200, sent.clone()));
    assert_eq!(govern.state_at("/defaultPermissions").unwrap(), sent);

    govern.switch("A36", json!("wrapped")).unwrap();
    assert_eq!(get(&govern, DEFAULT).await, (200, json!({"permissions": sent})));
    assert_eq!(put(&govern, DEFAULT, sent).await.0, 400, "it must come back wrapped");
    let sent = json!({"permissions": {"other": true}});
    assert_eq!(put(&govern, DEFAULT, sent.clone()).await, (200, sent));
    assert_eq!(govern.state_at("/defaultPermissions").unwrap(), json!({"other": true}));
    assert_eq!((govern.count("G58"), govern.count("G59")), (2, 3));
}
