//! Access that a group must not have.

use serde_json::json;

use super::{Case, absent, found, grants, listed, written};
use crate::engine::Change;

#[test]
fn a_plan_withdraws_absent_access_from_each_source_and_again_when_somebody_gives_it_back() {
    let before = json!({"id": "g1", "name": "team",
        "dataikuPermissions": {"design-0": {"mayX": true}, "automation-0": {"mayX": true}, "gone-0": {}},
        "governPermissions": {"govern-0": {"isGovernArchitect": true}}});
    let spec = json!({
        "nodes": [{"name": "design-0", "ensure": "Absent"}, {"name": "gone-0", "ensure": "Absent"}],
        "nodeTypes": [{"type": "govern", "ensure": "Absent"}],
    });
    let plan = found(before.clone()).plan(spec.clone());
    let mut steps = plan.steps();
    steps.sort();
    assert_eq!(
        steps,
        [
            "withdraw access to design-0",
            "withdraw access to gone-0",
            "withdraw access to govern-0"
        ]
    );
    assert!(plan.changes.iter().all(Change::withdraws));
    assert!(grants(&plan, "nodes").is_empty() && plan.waiting.is_empty());
    let after = written(&plan, &before);
    assert_eq!(after["dataikuPermissions"], json!({"automation-0": {"mayX": true}}));
    assert!(found(after).plan(spec.clone()).is_empty());
    assert_eq!(found(before).plan(spec).steps().len(), 3, "it came back");
}

#[test]
fn nobody_waits_for_a_node_that_must_not_be_accessed() {
    let spec = json!({
        "nodes": [{"name": "api-0", "ensure": "Absent"}], "nodeTypes": [{"type": "api", "ensure": "Absent"}],
    });
    assert!(found(json!({})).plan(spec.clone()).outstanding().is_empty());
    assert_eq!(absent().plan(spec).outstanding(), ["create group"]);
}

#[test]
fn of_two_entries_for_one_node_the_one_that_takes_access_away_counts() {
    let spec = json!({
        "nodes": [{"name": "design-1", "ensure": "Absent"}, {"name": "automation-0", "permissions": {"mayX": true}}],
        "nodeTypes": [
            {"type": "design", "permissions": {"mayX": true}}, {"type": "automation", "ensure": "Absent"},
        ],
    });
    let case = found(json!({"dataikuPermissions": {"design-1": {}, "automation-0": {}}}))
        .recorded(&[("nodes", &["automation-0"]), ("permissions", &["automation-0/mayX"])]);
    let plan = case.plan(spec);
    let mut steps = plan.steps();
    steps.sort();
    assert_eq!(
        steps,
        [
            "give access to design-0",
            "on design-0 set mayX to true",
            "withdraw access to automation-0",
            "withdraw access to design-1",
        ]
    );
    assert_eq!(grants(&plan, "nodes"), ["design-0"]);
    assert_eq!(grants(&plan, "permissions"), ["design-0/mayX"]);
}

#[test]
fn a_node_whose_type_cannot_be_read_keeps_its_access_and_the_plan_says_so() {
    let hidden = |case: Case| {
        let nodes = listed(&json!([{"name": "design-0", "type": "design"}, {"name": "govern-0", "type": 7}]));
        case.lists.replace_nodes(std::time::Instant::now(), nodes);
        case
    };
    let case = hidden(found(json!({"governPermissions": {"govern-0": {}}})));
    let plan = case.plan(json!({"nodeTypes": [{"type": "govern", "ensure": "Absent"}]}));
    assert!(plan.steps().is_empty() && plan.deferred);
    assert_eq!(
        plan.outstanding(),
        ["node govern-0 cannot be read; access to it stays until its type is known"]
    );
    let by_name = case.plan(json!({"nodes": [{"name": "govern-0", "ensure": "Absent"}]}));
    assert_eq!(by_name.steps(), ["withdraw access to govern-0"]);
}

#[test]
fn rights_are_not_copied_from_a_node_that_must_not_be_accessed() {
    let refusal = absent().refusal(json!({"nodes": [
        {"name": "design-0", "ensure": "Absent"}, {"name": "design-1", "permissionsFrom": "design-0"},
    ]}));
    assert!(
        refusal.contains("nodes entry design-1: permissionsFrom design-0 has ensure: Absent"),
        "{refusal}"
    );
}
