use serde_json::{Value, json};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};

use super::*;
use crate::dataiku::tests::govern;

const API: &str = "/dip/publicapi";
const ROLES: &str = "/admin/roles";
const ASSIGNMENTS: &str = "/admin/blueprint-role-assignments";
const BLUEPRINTS: &str = "/blueprints";

async fn swept(answers: &[(&str, u16, Value)], known: bool) -> (Result<Own, Error>, GovernLists, usize) {
    let server = MockServer::start().await;
    for (at, status, body) in answers {
        Mock::given(path(format!("{API}{at}")))
            .respond_with(ResponseTemplate::new(*status).set_body_json(body))
            .mount(&server)
            .await;
    }
    let lists = GovernLists::default();
    let own = lists.sweep(&govern(&server.uri()), known).await;
    let calls = server.received_requests().await.unwrap().len();
    (own, lists, calls)
}

fn assignments() -> Value {
    let rule = json!({ "userContainers": [{ "type": "user", "login": "jane" }] });
    json!([{ "blueprintId": "bp.a", "roleAssignmentsRules": { "ro.pm": [rule, rule], "ro.odd": [7] } }])
}

#[tokio::test]
async fn a_sweep_takes_three_calls_and_shows_roles_assignments_and_blueprints() {
    let answers = [
        (ROLES, 200, json!([{ "id": "ro.pm" }])),
        (ASSIGNMENTS, 200, assignments()),
        (BLUEPRINTS, 200, json!([{ "blueprint": { "id": "bp.a" } }])),
    ];
    let (own, lists, calls) = swept(&answers, true).await;
    let expected = Own {
        architect: Some(true),
        fits: Some(true),
    };
    assert_eq!((own.unwrap(), calls), (expected, 3));
    assert!(lists.has_role("ro.pm") && !lists.has_role("ro.other"));
    assert!(lists.has_blueprint("bp.a") && !lists.has_blueprint("bp.b"));
    let rules = lists.assignments.get("bp.a").found().unwrap();
    let of_role = rules.of_role("ro.pm").unwrap();
    let copies: Vec<_> = of_role.iter().map(|(.., copies)| copies).collect();
    assert_eq!(copies, [2]);
    assert!(rules.of_role("ro.odd").is_none(), "unreadable");
    assert!(rules.of_role("ro.none").unwrap().iter().next().is_none());
    assert!(matches!(lists.assignments.get("bp.b"), Known::Absent));
}

#[tokio::test]
async fn what_a_list_does_not_identify_is_not_taken_for_absent() {
    let answers = [
        (ROLES, 200, json!([{ "id": "ro.pm" }, { "id": 7 }])),
        (ASSIGNMENTS, 200, json!([{ "blueprintId": 7 }])),
        (BLUEPRINTS, 200, json!([{ "blueprint": {} }])),
    ];
    let (own, lists, _) = swept(&answers, true).await;
    own.unwrap();
    assert!(lists.has_role("ro.other") && lists.has_blueprint("bp.b"));
    assert!(matches!(lists.assignments.get("bp.b"), Known::Unknown));
}

#[tokio::test]
async fn a_key_without_the_architect_right_and_a_node_of_another_product_are_no_errors() {
    let forbidden = [(ROLES, 403, json!({}))];
    for (known, fits) in [(true, Some(true)), (false, None)] {
        let (own, _, calls) = swept(&forbidden, known).await;
        let expected = Own {
            architect: Some(false),
            fits,
        };
        assert_eq!((own.unwrap(), calls), (expected, 1));
    }
    let (own, ..) = swept(&[], false).await;
    assert_eq!(own.unwrap().fits, Some(false));
    assert!(swept(&[], true).await.0.is_err(), "a Govern node has roles");
}
