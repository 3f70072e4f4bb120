//! The switches that only Govern has.

use serde_json::{Value, json};
use simulator::Instance;

use crate::client::{delete, get, post, put};

const ASSIGNMENTS: &str = "/admin/blueprint-role-assignments";
const BLUEPRINT: &str = "bp.system.business_initiative";
const DEFAULT: &str = "/admin/blueprint-permissions/default";

answers! { govern: {
    "userList" members_of_a_listed_user {
        "guide" => ["login", "sourceType", "displayName", "groups"],
        "full" => ["login", "sourceType", "displayName", "email", "groups", "userProfile", "resultingUserProfile", "enabled",
            "creationDate"],
    }
    "rules" the_rules_of_a_saved_document {
        "asSent" => [r#"[{"value":5,"operator":"gt"}] user group"#, r#"[{"value":1.5,"operator":"eq"}] group user"#],
        "numbers" => [r#"[{"value":5.0,"operator":"gt"}] user group"#, r#"[{"value":1.5,"operator":"eq"}] group user"#],
        "texts" => [r#"[{"value":"5","operator":"gt"}] user group"#, r#"[{"value":"1.5","operator":"eq"}] group user"#],
        "capitals" => [r#"[{"value":5,"operator":"GT"}] user group"#, r#"[{"value":1.5,"operator":"EQ"}] group user"#],
        "filledIn" => [
            r#"[{"value":5,"operator":"gt","negate":false}] user group and a ruleId"#,
            r#"[{"value":1.5,"operator":"eq","negate":false}] group user and a ruleId"#,
        ],
        "reordered" => [r#"[{"operator":"eq","value":1.5}] user group"#, r#"[{"operator":"gt","value":5}] user group"#],
    }
    "A33" the_id_of_a_new_role { "prefixed" => "ro.pm", "verbatim" => "pm" }
    "A34" a_criterion_without_and_with_a_type { "opaque" => [200, 200], "typed" => [400, 200] }
    "A35" two_containers_of_a_key { "globalApiKey" => [200, 400], "apiKey" => [400, 200] }
    "A36" the_default_permissions { "bare" => {"kept": 1}, "wrapped" => {"permissions": {"kept": 1}} }
    "A37" the_deletion_of_an_assigned_role {
        "dangling" => [200, ["ro.reader", "ro.contributor"]],
        "refuse" => [400, ["ro.reader", "ro.contributor"]],
        "removed" => [200, ["ro.contributor"]],
    }
    "A52" a_rule_without_fields {
        "filled" => {"criteria": [], "userContainers": [{"type": "user", "login": "jdoe"}], "fieldIds": []},
        "empty" => {"criteria": [], "fieldIds": [], "userContainers": []},
    }
} }

async fn members_of_a_listed_user(govern: &Instance) -> Value {
    let (_, listed) = get(govern, "/admin/users/").await;
    listed[0].as_object().unwrap().keys().cloned().collect()
}

/// Each rule of a role: its criteria as text, the types of its containers, and the key that the server adds. A second save
/// of what was answered changes nothing.
async fn the_rules_of_a_saved_document(govern: &Instance) -> Value {
    let container = |kind: &str| match kind {
        "user" => json!({"type": "user", "login": "jdoe"}),
        _ => json!({"type": "group", "groupName": "pms"}),
    };
    let rule = |value: Value, operator: &str, kinds: [&str; 2]| json!({"criteria": [{"value": value, "operator": operator}], "fieldIds": [], "userContainers": kinds.map(container)});
    let rules = [
        rule(json!(5), "gt", ["user", "group"]),
        rule(json!(1.5), "eq", ["group", "user"]),
    ];
    let body = json!({"blueprintId": BLUEPRINT, "roleAssignmentsRules": {"ro.reader": rules}});
    let (status, answer) = post(govern, ASSIGNMENTS, body).await;
    assert_eq!(status, 200);
    let again = put(govern, &format!("{ASSIGNMENTS}/{BLUEPRINT}"), answer.clone()).await;
    assert_eq!(again, (200, answer.clone()));
    let shown = |rule: &Value| {
        let kinds = rule["userContainers"].as_array().unwrap().iter();
        let kinds: Vec<_> = kinds.map(|container| container["type"].as_str().unwrap()).collect();
        let id = if rule["ruleId"].is_string() {
            " and a ruleId"
        } else {
            ""
        };
        json!(format!("{} {}{id}", rule["criteria"], kinds.join(" ")))
    };
    let rules = answer["roleAssignmentsRules"]["ro.reader"].as_array().unwrap();
    rules.iter().map(shown).collect()
}

async fn the_id_of_a_new_role(govern: &Instance) -> Value {
    let (status, role) = post(govern, "/admin/roles/?newIdentifier=pm", json!({"label": "PM"})).await;
    assert_eq!(status, 200);
    role["id"].clone()
}

/// Replaces the rules of a blueprint that has none by one; the status, and the rule as it is stored.
async fn stored(govern: &Instance, rule: &Value) -> (u16, Value) {
    let edit = json!({"roleAssignments": {BLUEPRINT: {"roleAssignmentsRules": {"ro.reader": []}}}});
    govern.patch_state(edit).unwrap();
    let body = json!({"roleAssignmentsRules": {"ro.reader": [rule]}});
    let (status, answer) = put(govern, &format!("{ASSIGNMENTS}/{BLUEPRINT}"), body).await;
    (status, answer["roleAssignmentsRules"]["ro.reader"][0].clone())
}

async fn a_criterion_without_and_with_a_type(govern: &Instance) -> Value {
    let rule = |criterion: Value| json!({"criteria": [criterion], "fieldIds": [], "userContainers": []});
    let without = stored(govern, &rule(json!({"anything": 1}))).await.0;
    let (status, kept) = stored(govern, &rule(json!({"type": "fieldValue", "anything": 1}))).await;
    assert_eq!(kept["criteria"][0]["anything"], 1);
    json!([without, status])
}

async fn two_containers_of_a_key(govern: &Instance) -> Value {
    let rule = |container: Value| json!({"criteria": [], "fieldIds": [], "userContainers": [container]});
    let one = stored(govern, &rule(json!({"type": "globalApiKey", "id": "k"})))
        .await
        .0;
    let other = stored(govern, &rule(json!({"type": "apiKey", "apiKeyId": "k"})))
        .await
        .0;
    json!([one, other])
}

async fn the_default_permissions(govern: &Instance) -> Value {
    govern
        .patch_state(json!({"defaultPermissions": {"everyone": null, "roles": null, "kept": 1}}))
        .unwrap();
    let (status, shown) = get(govern, DEFAULT).await;
    assert_eq!(status, 200);
    assert_eq!(put(govern, DEFAULT, shown.clone()).await, (200, shown.clone()));
    assert_eq!(govern.state_at("/defaultPermissions").unwrap(), json!({"kept": 1}));
    shown
}

async fn the_deletion_of_an_assigned_role(govern: &Instance) -> Value {
    let body = json!({"blueprintId": BLUEPRINT, "roleAssignmentsRules": {"ro.reader": [], "ro.contributor": []}});
    assert_eq!(post(govern, ASSIGNMENTS, body).await.0, 200);
    let (status, _) = delete(govern, "/admin/role/ro.reader").await;
    assert_eq!(govern.state_at("/roles/ro.reader").is_none(), status == 200);
    assert_eq!(
        delete(govern, "/admin/role/ro.project_manager").await.0,
        200,
        "nobody has it"
    );
    let (_, assignments) = get(govern, &format!("{ASSIGNMENTS}/{BLUEPRINT}")).await;
    let left: Vec<&String> = assignments["roleAssignmentsRules"]
        .as_object()
        .unwrap()
        .keys()
        .collect();
    json!([status, left])
}

async fn a_rule_without_fields(govern: &Instance) -> Value {
    let rule = json!({"criteria": [], "userContainers": [{"type": "user", "login": "jdoe"}]});
    let (status, stored) = stored(govern, &rule).await;
    assert_eq!(status, 200);
    stored
}
