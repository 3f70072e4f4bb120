use std::time::Instant;

use serde_json::{Value, json};

use super::{Case, absent, found, grants, listed, written};

fn with_nodes(case: Case, nodes: &Value) -> Case {
    case.lists.replace_nodes(Instant::now(), listed(nodes));
    case
}

#[test]
fn rights_that_would_differ_between_nodes_of_one_type_are_refused_with_both_named() {
    let both = |message: &str| {
        assert!(
            message.contains("design-0") && message.contains("design-1") && message.contains("mayX"),
            "{message}"
        );
    };
    let declared = json!({"nodes": [{"name": "design-0", "permissions": {"mayX": true}}, {"name": "design-1"}]});
    both(&absent().refusal(declared.clone()));
    let one_found = found(json!({"dataikuPermissions": {"design-1": {"mayX": false}}}));
    both(&one_found.refusal(json!({"nodes": [{"name": "design-0", "permissions": {"mayX": true}}]})));
    let false_and_absent = json!({"nodes": [
        {"name": "design-0", "permissions": {"mayX": false}}, {"name": "design-1"}, {"name": "automation-0", "permissions": {"mayX": true}},
    ]});
    assert!(!absent().plan(false_and_absent).is_empty());
}

#[test]
fn where_the_space_reports_only_generic_types_the_server_decides() {
    let differing =
        |one: &str, two: &str| json!({"nodes": [{"name": one, "permissions": {"mayX": true}}, {"name": two}]});
    let generic = json!([
        {"name": "design-0", "type": "dataiku"}, {"name": "automation-0", "type": "dataiku"},
        {"name": "govern-0", "type": "govern"}, {"name": "govern-1", "type": "govern"},
    ]);
    let case = with_nodes(absent(), &generic);
    for (one, two) in [("design-0", "automation-0"), ("govern-0", "govern-1")] {
        assert!(!case.plan(differing(one, two)).is_empty());
    }
    let mixed = json!([
        {"name": "design-0", "type": "dataiku"}, {"name": "automation-0", "type": "dataiku"}, {"name": "api-0", "type": "api"},
        {"name": "govern-0", "type": "govern"}, {"name": "govern-1", "type": "govern"},
    ]);
    let case = with_nodes(absent(), &mixed);
    assert!(!case.plan(differing("design-0", "automation-0")).is_empty());
    assert!(
        case.refusal(differing("govern-0", "govern-1"))
            .contains("the govern nodes govern-0 and govern-1")
    );
}

#[test]
fn a_type_without_nodes_is_reported() {
    let plan = absent().plan(json!({"nodeTypes": [{"type": "api"}, {"type": "design"}]}));
    assert_eq!(plan.waiting, ["no node of type api exists yet"]);
    assert_eq!(
        plan.steps(),
        ["create group", "give access to design-0", "give access to design-1"]
    );
    let odd = with_nodes(absent(), &json!([{"name": "api-0", "type": 7}]));
    let plan = odd.plan(json!({"nodeTypes": [{"type": "api"}], "nodes": [{"name": "api-0"}]}));
    assert_eq!(
        plan.waiting,
        [
            "node api-0 does not exist yet (1 nodes cannot be read)",
            "no node of type api exists yet (1 nodes cannot be read)"
        ]
    );
}

#[test]
fn entries_that_contradict_each_other_are_refused() {
    let twice = json!({
        "nodes": [{"name": "design-0", "permissions": {"mayX": true}}],
        "nodeTypes": [{"type": "dataiku", "permissions": {"mayX": false}}],
    });
    assert_eq!(
        absent().refusal(twice),
        "mayX on node design-0 is true by nodes and false by dataiku"
    );
    let nested = json!({
        "nodes": [{"name": "design-0", "permissions": {"p": {"child": true}}}],
        "nodeTypes": [{"type": "design", "permissions": {"p": false}}],
    });
    assert_eq!(
        absent().refusal(nested),
        "p/child on node design-0 is true by nodes and p false by design"
    );
    let both = json!({"nodes": [
        {"name": "design-0", "permissions": {}, "permissionsFrom": "design-1"}, {"name": "design-1"},
    ]});
    assert!(absent().refusal(both).contains("either permissions or permissionsFrom"));
    for source in ["design-1", "design-0"] {
        let chain = json!({"nodes": [
            {"name": "design-0", "permissionsFrom": source}, {"name": "design-1", "permissionsFrom": "automation-0"},
            {"name": "automation-0"},
        ]});
        assert!(absent().refusal(chain).contains("has permissionsFrom itself"));
    }
}

#[test]
fn a_node_that_does_not_exist_is_waited_for_and_the_others_are_written() {
    let spec = json!({"nodes": [{"name": "automation-0"}, {"name": "design-9", "permissions": {"mayX": true}}]});
    let plan = found(json!({})).plan(spec);
    assert_eq!(plan.steps(), ["give access to automation-0"]);
    assert_eq!(plan.waiting, ["node design-9 does not exist yet"]);
    assert_eq!(
        grants(&plan, "nodes"),
        ["automation-0", "design-9"],
        "access that it has stays on record"
    );
    assert_eq!(grants(&plan, "permissions"), ["design-9/mayX"]);
}

#[test]
fn a_declared_node_that_is_not_listed_keeps_its_access() {
    let case = found(json!({"dataikuPermissions": {"design-9": {"mayX": true}}})).recorded(&[("nodes", &["design-9"])]);
    let plan = case.plan(json!({"nodes": [{"name": "design-9"}], "nodesPolicy": "Exact"}));
    assert!(plan.is_empty());
    assert_eq!(plan.waiting, ["node design-9 does not exist yet"]);
    assert_eq!(grants(&plan, "nodes"), ["design-9"]);
}

#[test]
fn access_to_a_node_that_is_not_listed_is_withdrawn_unless_a_type_may_declare_it() {
    let case = found(json!({"dataikuPermissions": {"design-9": {"mayX": true}}})).recorded(&[("nodes", &["design-9"])]);
    let plan = case.plan(json!({}));
    assert_eq!(plan.steps(), ["withdraw access to design-9"]);
    let plan = case.plan(json!({"nodeTypes": [{"type": "design"}]}));
    assert!(!plan.steps().contains(&"withdraw access to design-9".to_owned()) && plan.deferred);
    assert_eq!(
        plan.waiting,
        ["node design-9 is not listed; access to it stays until it is"]
    );
}

#[test]
fn a_right_that_is_not_given_has_nothing_below_it() {
    let before = json!({"id": "g1", "name": "team", "launchpadPermissions": {"below": {"one": true, "two": false}, "flag": true}});
    let spec = json!({"launchpadPermissions": {"below": false, "flag": {"one": true}}});
    let plan = found(before.clone()).plan(spec.clone());
    assert_eq!(
        plan.steps(),
        ["set below/one to false", "set flag to false", "set flag/one to true"]
    );
    let after = written(&plan, &before);
    assert_eq!(
        after["launchpadPermissions"],
        json!({"below": {"one": false, "two": false}, "flag": {"one": true}})
    );
    assert!(found(after).plan(spec).is_empty());
}

#[test]
fn a_right_may_turn_into_several_and_back() {
    let flag = || found(json!({"launchpadPermissions": {"p": true}}));
    let map = || found(json!({"launchpadPermissions": {"p": {"child": true}}}));
    let several = json!({"launchpadPermissions": {"p": {"child": true}}});
    let from_flag = flag().recorded(&[("launchpadPermissions", &["p"])]);
    assert_eq!(
        from_flag.plan(several.clone()).steps(),
        ["set p to false", "set p/child to true"]
    );
    assert!(
        map()
            .recorded(&[("launchpadPermissions", &["p"])])
            .plan(several)
            .is_empty()
    );
    let one = json!({"launchpadPermissions": {"p": true}});
    let from_map = map().recorded(&[("launchpadPermissions", &["p/child"])]);
    assert_eq!(
        from_map.plan(one.clone()).steps(),
        ["set p/child to false", "set p to true"]
    );
    assert!(
        flag()
            .recorded(&[("launchpadPermissions", &["p/child"])])
            .plan(one)
            .is_empty()
    );
}

#[test]
fn rights_without_access_apply_only_where_the_group_has_access() {
    let spec = json!({"nodeTypes": [{"type": "dataiku", "grantAccess": false, "permissions": {"mayX": true}}], "nodesPolicy": "Exact"});
    let case = found(
        json!({"dataikuPermissions": {"design-0": {}, "design-1": {"mayX": true}}, "governPermissions": {"govern-0": {}}}),
    );
    let plan = case.plan(spec.clone());
    assert_eq!(
        plan.steps(),
        ["withdraw access to govern-0", "on design-0 set mayX to true"]
    );
    assert!(grants(&plan, "nodes").is_empty(), "access is somebody else's");
    assert_eq!(grants(&plan, "permissions"), ["design-0/mayX", "design-1/mayX"]);
    assert_eq!(absent().plan(spec.clone()).steps(), ["create group"]);
    let by_name = json!({"nodes": [{"name": "design-0"}], "nodeTypes": spec["nodeTypes"]});
    assert_eq!(
        absent().plan(by_name).steps(),
        [
            "create group",
            "give access to design-0",
            "on design-0 set mayX to true"
        ]
    );
    let ours = found(json!({"dataikuPermissions": {"design-0": {"mayX": true}}})).recorded(&[("nodes", &["design-0"])]);
    assert_eq!(
        ours.plan(spec).steps(),
        ["withdraw access to design-0"],
        "access that it granted is withdrawn"
    );
}

#[test]
fn rights_that_were_set_without_access_are_withdrawn_without_it() {
    let case = found(json!({"dataikuPermissions": {"design-0": {"mayX": true, "mayY": true}}}))
        .recorded(&[("permissions", &["design-0/mayX"])]);
    let plan = case.plan(json!({}));
    assert_eq!(plan.steps(), ["on design-0 set mayX to false"]);
    assert!(plan.grants.is_empty());
}

#[test]
fn the_rights_on_a_node_that_nothing_declares_are_copied_as_they_are() {
    let before = json!({"id": "g1", "name": "team", "dataikuPermissions": {
        "design-0": {"mayX": true, "mayY": false, "nested": {"a": true}}, "automation-0": {"mayZ": true},
    }});
    let spec = json!({"nodes": [{"name": "automation-0", "permissionsFrom": "design-0"}]});
    let plan = found(before.clone()).plan(spec.clone());
    assert_eq!(
        plan.steps(),
        [
            "on automation-0 set mayZ to false",
            "on automation-0 set mayX to true",
            "on automation-0 set nested/a to true"
        ]
    );
    assert_eq!(
        grants(&plan, "permissions"),
        ["automation-0/mayX", "automation-0/nested/a"]
    );
    assert_eq!(
        grants(&plan, "nodes"),
        ["automation-0"],
        "the source is somebody else's"
    );
    let after = written(&plan, &before);
    assert!(found(after).plan(spec).is_empty());
}

#[test]
fn a_copy_follows_what_the_plan_makes_of_its_source_and_yields_to_what_is_declared() {
    let spec = json!({
        "nodes": [{"name": "automation-0", "permissionsFrom": "design-0"}],
        "nodeTypes": [
            {"type": "design", "permissions": {"mayX": true}}, {"type": "automation", "permissions": {"mayY": true}},
        ],
    });
    let plan = absent().plan(spec.clone());
    let after = written(&plan, &json!({"id": "g1", "name": "team"}));
    assert_eq!(
        after["dataikuPermissions"]["automation-0"],
        json!({"mayX": true, "mayY": true})
    );
    assert!(found(after).plan(spec).is_empty());
}

#[test]
fn a_copy_of_a_node_without_access_waits_and_takes_nothing_away() {
    let case = found(json!({"dataikuPermissions": {"automation-0": {"mayX": true}}}))
        .recorded(&[("nodes", &["automation-0"]), ("permissions", &["automation-0/mayX"])]);
    let plan = case.plan(json!({"nodes": [{"name": "automation-0", "permissionsFrom": "design-0"}]}));
    assert!(plan.is_empty() && plan.deferred);
    assert_eq!(
        plan.waiting,
        ["the rights on automation-0 wait: the group has no access to design-0, whose rights they copy"]
    );
}
