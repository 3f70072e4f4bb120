//! Role assignments of blueprints: G48 to G52, and the blueprints they name: G60.

use serde_json::json;

use crate::client::{delete, get, post, put};
use crate::{govern, rule_for};

const ALL: &str = "/admin/blueprint-role-assignments";
const ID: &str = "bp.system.business_initiative";

fn one() -> String {
    format!("{ALL}/{ID}")
}

#[tokio::test]
async fn assignments_live_from_create_to_delete() {
    let govern = govern().await;
    assert_eq!(get(&govern, &one()).await.0, 404, "the blueprint has none yet");
    let (status, created) = post(&govern, ALL, json!({"blueprintId": ID, "future": 1})).await;
    let stored = json!({"blueprintId": ID, "inheritBlueprintId": null, "inheritArtifactFieldId": null,
        "roleAssignmentsRules": {}, "future": 1});
    assert_eq!((status, &created), (200, &stored));
    assert_eq!(get(&govern, &one()).await, (200, stored));

    let rules = json!({"ro.reader": [rule_for("jdoe"), rule_for("nobody")]});
    let sent =
        json!({"blueprintId": ID, "inheritBlueprintId": "bp.system.dataiku_project", "roleAssignmentsRules": rules});
    let (status, answer) = put(&govern, &one(), sent).await;
    let stored = json!({"blueprintId": ID, "inheritBlueprintId": "bp.system.dataiku_project",
        "inheritArtifactFieldId": null, "roleAssignmentsRules": rules});
    assert_eq!((status, &answer), (200, &stored), "a PUT answers what is stored now");
    assert_eq!(govern.state_at(&format!("/roleAssignments/{ID}")).unwrap(), stored);

    assert_eq!(delete(&govern, &one()).await.0, 200);
    assert_eq!(get(&govern, &one()).await.0, 404);
    assert_eq!(
        ["G48", "G49", "G50", "G51", "G52"].map(|id| govern.count(id)),
        [0, 1, 3, 1, 1]
    );
    assert_eq!(govern.writes(), 3);
}

#[tokio::test]
async fn the_list_has_only_blueprints_with_assignments_of_their_own() {
    let govern = govern().await;
    let listed = |all: serde_json::Value| -> Vec<String> {
        let all = all.as_array().unwrap().iter();
        all.map(|one| one["blueprintId"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(listed(get(&govern, ALL).await.1), ["bp.system.govern_project"]);
    post(&govern, ALL, json!({"blueprintId": ID})).await;
    assert_eq!(listed(get(&govern, ALL).await.1), ["bp.system.govern_project", ID]);
    let (_, blueprints) = get(&govern, "/blueprints").await;
    let ids = blueprints
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["blueprint"]["id"].clone());
    assert_eq!(
        ids.collect::<Vec<_>>(),
        [ID, "bp.system.dataiku_project", "bp.system.govern_project"]
    );
}

#[tokio::test]
async fn a_second_create_is_an_error_and_changes_nothing() {
    let govern = govern().await;
    post(
        &govern,
        ALL,
        json!({"blueprintId": ID, "roleAssignmentsRules": {"ro.reader": [rule_for("a")]}}),
    )
    .await;
    let before = govern.state();
    for status in [400, 409] {
        govern.switch("A2", json!(status)).unwrap();
        assert_eq!(post(&govern, ALL, json!({"blueprintId": ID})).await.0, status);
    }
    assert_eq!(govern.state(), before);
}

#[tokio::test]
async fn wrong_assignments_are_refused() {
    let govern = govern().await;
    assert_eq!(
        put(&govern, &one(), json!({"blueprintId": ID})).await.0,
        404,
        "a PUT does not create"
    );
    assert_eq!(delete(&govern, &one()).await.0, 404);
    assert_eq!(post(&govern, ALL, json!({})).await.0, 400);
    assert_eq!(post(&govern, ALL, json!({"blueprintId": "bp.unknown"})).await.0, 404);
    assert_eq!(post(&govern, ALL, json!({"blueprintId": ID})).await.0, 200);
    for wrong in [
        json!([]),
        json!({"blueprintId": "bp.system.dataiku_project"}),
        json!({"blueprintId": ID, "inheritBlueprintId": 1}),
        json!({"blueprintId": ID, "roleAssignmentsRules": []}),
        json!({"blueprintId": ID, "roleAssignmentsRules": {"ro.reader": rule_for("a")}}),
    ] {
        assert_eq!(put(&govern, &one(), wrong.clone()).await.0, 400, "{wrong}");
    }
    assert_eq!(get(&govern, &one()).await.1["roleAssignmentsRules"], json!({}));
}

#[tokio::test]
async fn a_human_edit_leaves_whole_documents() {
    let govern = govern().await;
    let edit = json!({
        "blueprints": {"bp.mine": {"blueprint": {"name": "Mine"}}},
        "roleAssignments": {"bp.mine": {"roleAssignmentsRules": {"ro.reader": [{"userContainers": []}]}}},
        "roles": {"ro.mine": {"label": "Mine"}},
    });
    govern.patch_state(edit).unwrap();
    let (_, shown) = get(&govern, &format!("{ALL}/bp.mine")).await;
    assert_eq!(
        shown["roleAssignmentsRules"]["ro.reader"],
        json!([{"userContainers": [], "criteria": [], "fieldIds": []}])
    );
    assert_eq!(govern.state_at("/blueprints/bp.mine/blueprint/id").unwrap(), "bp.mine");
    assert_eq!(get(&govern, "/admin/role/ro.mine").await.1["id"], "ro.mine");
    let wrong = json!({"roleAssignments": {"bp.mine": {"roleAssignmentsRules": {"ro.reader": [1]}}}});
    assert!(govern.patch_state(wrong).is_err());
    govern
        .patch_state(json!({"roleAssignments": {"bp.mine": null}}))
        .unwrap();
    assert_eq!(get(&govern, &format!("{ALL}/bp.mine")).await.0, 404);
}
