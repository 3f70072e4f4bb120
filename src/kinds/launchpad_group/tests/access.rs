use std::collections::BTreeSet;

use serde_json::json;

use super::{absent, desired, observed, plan, refusal, written};
use crate::kinds::launchpad_group::edit;

#[test]
fn rights_that_would_differ_between_nodes_of_one_type_are_refused_with_both_named() {
    let both = |message: &str| {
        assert!(
            message.contains("design-0") && message.contains("design-1") && message.contains("mayX"),
            "{message}"
        );
    };
    let declared = json!({"nodes": [{"name": "design-0", "permissions": {"mayX": true}}, {"name": "design-1"}]});
    both(&refusal(declared, &absent()));
    let found = observed(json!({"dataikuPermissions": {"design-1": {"mayX": false}}}));
    let one = json!({"nodes": [{"name": "design-0", "permissions": {"mayX": true}}]});
    both(&refusal(one, &found));
    let false_and_absent = json!({"nodes": [
        {"name": "design-0", "permissions": {"mayX": false}}, {"name": "design-1"}, {"name": "automation-0", "permissions": {"mayX": true}},
    ]});
    assert!(!plan(false_and_absent, &absent()).is_empty());
}

#[test]
fn entries_that_contradict_each_other_are_refused() {
    let twice = json!({
        "nodes": [{"name": "design-0", "permissions": {"mayX": true}}],
        "nodeTypes": [{"type": "dataiku", "permissions": {"mayX": false}}],
    });
    let message = refusal(twice, &absent());
    assert_eq!(message, "mayX on node design-0 is true by nodes and false by dataiku");
    let from = json!({"nodes": [{"name": "design-0", "permissionsFrom": "design-9"}]});
    assert!(refusal(from, &absent()).contains("design-9 is no entry"));
    let both = json!({"nodes": [
        {"name": "design-0", "permissions": {}, "permissionsFrom": "design-1"}, {"name": "design-1"},
    ]});
    assert!(refusal(both, &absent()).contains("either permissions or permissionsFrom"));
    let chain = json!({"nodes": [
        {"name": "design-0", "permissionsFrom": "design-1"}, {"name": "design-1", "permissionsFrom": "automation-0"},
        {"name": "automation-0"},
    ]});
    assert!(refusal(chain, &absent()).contains("has permissionsFrom itself"));
}

#[test]
fn a_node_that_is_not_there_is_waited_for_and_the_others_are_written() {
    let spec = json!({"nodes": [{"name": "automation-0"}, {"name": "design-9"}], "nodeTypes": [{"type": "api"}]});
    let plan = plan(spec, &observed(json!({})));
    assert_eq!(plan.steps(), ["give access to automation-0"]);
    assert_eq!(plan.waiting, ["node design-9 does not exist yet"]);
}

#[test]
fn a_node_that_is_not_listed_is_not_taken_away() {
    let mut declared = desired(json!({"nodes": [{"name": "design-9"}], "nodesPolicy": "Exact"}));
    declared.granted_nodes = BTreeSet::from(["design-9".to_owned()]);
    let found = observed(json!({"dataikuPermissions": {"design-9": {"mayX": true}}}));
    let plan = edit(&declared, &found).unwrap();
    assert!(plan.is_empty());
    assert_eq!(plan.waiting, ["node design-9 does not exist yet"]);
}

#[test]
fn a_right_that_is_not_given_has_nothing_below_it() {
    let found = observed(json!({"launchpadPermissions": {"below": {"one": true, "two": false}, "flag": true}}));
    let spec = json!({"launchpadPermissions": {"below": false, "flag": {"one": true}}});
    let plan = plan(spec.clone(), &found);
    assert_eq!(plan.steps(), ["set below to false", "set flag/one to true"]);
    let before = json!({"launchpadPermissions": {"below": {"one": true, "two": false}, "flag": true}});
    let after = written(&plan, &before);
    assert_eq!(
        after["launchpadPermissions"],
        json!({"below": false, "flag": {"one": true}})
    );
    assert!(edit(&desired(spec), &observed(after)).unwrap().is_empty());
}

#[test]
fn a_withdrawal_from_a_node_that_is_not_listed_waits_and_is_not_forgotten() {
    let mut declared = desired(json!({}));
    declared.granted_nodes = BTreeSet::from(["design-9".to_owned()]);
    let found = observed(json!({"dataikuPermissions": {"design-9": {"mayX": true}}}));
    let plan = edit(&declared, &found).unwrap();
    assert!(plan.is_empty() && plan.deferred);
    assert_eq!(
        plan.waiting,
        ["node design-9 is not listed; access to it stays until it is"]
    );
}

#[test]
fn a_right_may_turn_into_several_and_back() {
    let mut declared = desired(json!({"launchpadPermissions": {"p": {"child": true}}}));
    declared.granted_launchpad = BTreeSet::from(["p".to_owned()]);
    let flag = observed(json!({"launchpadPermissions": {"p": true}}));
    assert_eq!(edit(&declared, &flag).unwrap().steps(), ["set p/child to true"]);
    let map = observed(json!({"launchpadPermissions": {"p": {"child": true}}}));
    assert!(edit(&declared, &map).unwrap().is_empty());
    let mut back = desired(json!({"launchpadPermissions": {"p": true}}));
    back.granted_launchpad = BTreeSet::from(["p/child".to_owned()]);
    assert_eq!(edit(&back, &map).unwrap().steps(), ["set p to true"]);
    assert!(edit(&back, &flag).unwrap().is_empty());
}
