//! What is assumed of Govern, both ways.

use serde_json::json;

use super::{ROLE, assignment, document, holders, in_sync, rule};
use crate::bed::Bed;
use crate::ground::Ground;

in_memory!(one_bad_rule_is_no_trouble_of_others);
async fn one_bad_rule_is_no_trouble_of_others(ground: &Ground) {
    let bed = ground.govern("badrule").await;
    bed.remote.switch("A34", json!("typed")).unwrap();
    let typed = json!({ "rules": [{ "users": ["good"], "criteria": [{ "type": "made-up", "value": 1 }] }] });
    let untyped = json!({ "rules": [{ "users": ["bad"], "criteria": [{ "value": 1 }] }] });
    for (name, extra) in [("bad", untyped), ("good", typed), ("plain", json!({}))] {
        bed.apply(&assignment(name, extra)).await;
    }
    in_sync(&bed, "good").await;
    in_sync(&bed, "plain").await;
    bed.wait("GovernRoleAssignment", "bad", "Ready=False/Rejected").await;
    assert_eq!(holders(&bed, ROLE), ["good", "plain"]);
    bed.remote.switch("A34", json!("opaque")).unwrap();
    in_sync(&bed, "bad").await;
}

in_memory!(what_is_assumed_of_rules_and_roles_may_be_otherwise);
async fn what_is_assumed_of_rules_and_roles_may_be_otherwise(ground: &Ground) {
    for (a33, a52) in [("prefixed", "filled"), ("verbatim", "empty")] {
        let bed = ground.govern(&format!("assumed-{a33}")).await;
        bed.remote.switch("A33", json!(a33)).unwrap();
        bed.remote.switch("A52", json!(a52)).unwrap();
        // The id of a role is what the node made of the identifier; it is taken as it is.
        let role = if a33 == "prefixed" { "ro.auditor" } else { "auditor" };
        let made = json!({ "roles": { role: { "id": role, "label": "Auditor", "description": "" } } });
        bed.remote.patch_state(made).unwrap();
        bed.apply(&assignment("jane", json!({ "roleId": role }))).await;
        in_sync(&bed, "jane").await;
        assert_eq!(
            document(&bed).unwrap()["roleAssignmentsRules"][role],
            json!([rule("jane")])
        );
    }
}

in_cluster!(a_role_that_is_deleted_under_its_rules_is_waited_for);
async fn a_role_that_is_deleted_under_its_rules_is_waited_for(ground: &Ground) {
    for a37 in ["dangling", "removed"] {
        let bed = ground.govern(&format!("a37-{a37}")).await;
        bed.remote.switch("A37", json!(a37)).unwrap();
        bed.apply(&assignment("jane", json!({}))).await;
        in_sync(&bed, "jane").await;
        delete_role(&bed, 200).await;
        bed.remote.reset_requests();
        bed.wait("GovernRoleAssignment", "jane", "Ready=False/DependencyNotReady")
            .await;
        bed.sweeps(1).await;
        assert_eq!(bed.remote.writes(), 0, "{a37}");
        let role = json!({ "roles": { ROLE: { "id": ROLE, "label": "Again", "description": "" } } });
        bed.remote.patch_state(role).unwrap();
        in_sync(&bed, "jane").await;
        assert_eq!(holders(&bed, ROLE), ["jane"], "{a37}");
    }
    let bed = ground.govern("a37-refuse").await;
    bed.remote.switch("A37", json!("refuse")).unwrap();
    bed.apply(&assignment("jane", json!({}))).await;
    in_sync(&bed, "jane").await;
    delete_role(&bed, 400).await;
    bed.sweeps(1).await;
    in_sync(&bed, "jane").await;
}

/// Somebody deletes the role by the API, as another tool would.
async fn delete_role(bed: &Bed, status: u16) {
    let url = format!("{}/dip/publicapi/admin/role/{ROLE}", bed.remote.url());
    let call = reqwest::Client::new()
        .delete(url)
        .basic_auth(bed.remote.api_key(), Some(""));
    let answer = call.send().await.unwrap();
    assert_eq!(answer.status().is_success(), status == 200, "{}", answer.status());
}
