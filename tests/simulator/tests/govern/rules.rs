//! What Govern makes of a rule.

use serde_json::{Value, json};
use simulator::Instance;

use crate::client::{post, put};
use crate::govern;

const ALL: &str = "/admin/blueprint-role-assignments";
const ID: &str = "bp.system.business_initiative";

/// Stores one rule and gives the status and the rule as it is stored.
async fn stored(govern: &Instance, rule: &Value) -> (u16, Value) {
    let body = json!({"blueprintId": ID, "roleAssignmentsRules": {"ro.reader": [rule]}});
    if govern.state_at(&format!("/roleAssignments/{ID}")).is_none() {
        post(govern, ALL, json!({"blueprintId": ID})).await;
    }
    let (status, answer) = put(govern, &format!("{ALL}/{ID}"), body).await;
    (status, answer["roleAssignmentsRules"]["ro.reader"][0].clone())
}

fn containing(container: &Value) -> Value {
    json!({"criteria": [], "fieldIds": [], "userContainers": [container]})
}

#[tokio::test]
async fn a_whole_rule_is_kept_as_it_is() {
    let govern = govern().await;
    let rule = json!({"criteria": [{"type": "artifactExists", "x": {"y": [null]}}], "fieldIds": ["owner"],
        "userContainers": [{"type": "user", "login": "jdoe"}, {"type": "group", "groupName": "pms", "z": 1}], "more": 1});
    for choice in ["filled", "empty"] {
        govern.switch("A52", json!(choice)).unwrap();
        assert_eq!(stored(&govern, &rule).await, (200, rule.clone()));
    }
}

#[tokio::test]
async fn a52_says_what_becomes_of_a_rule_that_lacks_a_key() {
    let govern = govern().await;
    let jdoe = json!([{"type": "user", "login": "jdoe"}]);
    let empty = json!({"criteria": [], "fieldIds": [], "userContainers": []});
    let cases = [
        (json!({"criteria": [], "userContainers": jdoe}), jdoe.clone()),
        (json!({"fieldIds": [], "userContainers": jdoe}), jdoe.clone()),
        (
            json!({"criteria": null, "fieldIds": [], "userContainers": jdoe}),
            jdoe.clone(),
        ),
        (
            json!({"criteria": [], "fieldIds": [], "usersContainers": jdoe}),
            json!([]),
        ),
    ];
    for (sent, containers) in cases {
        govern.switch("A52", json!("filled")).unwrap();
        let (status, rule) = stored(&govern, &sent).await;
        assert_eq!(
            (status, &rule["criteria"], &rule["fieldIds"], &rule["userContainers"]),
            (200, &json!([]), &json!([]), &containers),
            "{sent}"
        );
        govern.switch("A52", json!("empty")).unwrap();
        assert_eq!(stored(&govern, &sent).await, (200, empty.clone()), "{sent}");
    }
}

#[tokio::test]
async fn a_rule_of_another_shape_is_refused() {
    let govern = govern().await;
    for wrong in [
        json!("jdoe"),
        json!({"criteria": {}, "fieldIds": [], "userContainers": []}),
        json!({"criteria": ["x"], "fieldIds": [], "userContainers": []}),
        json!({"criteria": [], "fieldIds": [1], "userContainers": []}),
        json!({"criteria": [], "fieldIds": [], "userContainers": {"type": "user", "login": "jdoe"}}),
        containing(&json!("jdoe")),
        containing(&json!({"login": "jdoe"})),
        containing(&json!({"type": "user", "groupName": "pms"})),
        containing(&json!({"type": "group", "name": "pms"})),
    ] {
        assert_eq!(stored(&govern, &wrong).await.0, 400, "{wrong}");
    }
    assert_eq!(
        govern
            .state_at(&format!("/roleAssignments/{ID}/roleAssignmentsRules"))
            .unwrap(),
        json!({})
    );
}

#[tokio::test]
async fn a9_says_whether_a_container_may_name_nobody() {
    let govern = govern().await;
    let nobody = containing(&json!({"type": "user", "login": "nobody"}));
    let no_group = containing(&json!({"type": "group", "groupName": "none"}));
    assert_eq!(stored(&govern, &nobody).await.0, 200);
    assert_eq!(stored(&govern, &no_group).await.0, 200);
    govern.switch("A9", json!("refuse")).unwrap();
    assert_eq!(stored(&govern, &nobody).await.0, 400);
    assert_eq!(stored(&govern, &no_group).await.0, 400);
    assert_eq!(
        stored(&govern, &containing(&json!({"type": "user", "login": "admin"})))
            .await
            .0,
        200
    );
    assert_eq!(
        stored(&govern, &containing(&json!({"type": "group", "groupName": "readers"})))
            .await
            .0,
        200
    );
}
