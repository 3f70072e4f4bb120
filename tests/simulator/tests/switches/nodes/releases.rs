//! What came with a release.

use serde_json::{Value, json};
use simulator::Instance;

use super::{BULK, KEYS};
use crate::client::{get, post};

answers! { dss, govern: {
    "release" what_a_release_has {
        "15.2.0" => ["lists of mappings", "filter by email", "bulk", "settings in the list", "keys of groups"],
        "14.2.0" => ["lists of mappings", "filter by email", "bulk", "settings in the list"],
        "14.1.3" => ["lists of mappings", "filter by email"],
        "14.0.3" => ["lists of mappings"],
        "12.5.0" => [],
    }
    "customAudit" an_entry_of_the_audit_trail { "offered" => [204, 1], "absent" => [404, 0] }
} }

async fn an_entry_of_the_audit_trail(node: &Instance) -> Value {
    let (status, _) = post(node, "/admin/audit/custom/restart", json!({"by": "ana"})).await;
    let trail = node.state_at("/auditTrail").unwrap_or_default();
    json!([status, trail.as_array().map_or(0, Vec::len)])
}

async fn what_a_release_has(node: &Instance) -> Value {
    node.switch("futures", json!("inline")).unwrap();
    let people = json!({"ana": {"email": "ana@example.com"}, "bob": {}});
    node.patch_state(json!({"directory": {"LDAP": {"users": people}}}))
        .unwrap();
    let by_email = "/admin/external-users?userSourceType=LDAP&email=ana@example.com";
    let found = get(node, by_email).await.1["result"].as_array().unwrap().len();
    let (_, listed) = get(node, "/admin/users/?includeSettings=True").await;
    let (_, key) = post(node, KEYS, json!({"label": "k", "groups": ["readers"]})).await;
    let (_, group) = get(node, "/admin/groups/readers").await;
    let has = [
        ("lists of mappings", group["ldapGroupNames"].is_array()),
        ("filter by email", found == 1),
        ("bulk", post(node, BULK, json!([])).await.0 == 200),
        ("settings in the list", listed[0]["adminProperties"].is_object()),
        ("keys of groups", key["groups"].is_array()),
    ];
    has.into_iter().filter(|(_, has)| *has).map(|(what, _)| what).collect()
}
