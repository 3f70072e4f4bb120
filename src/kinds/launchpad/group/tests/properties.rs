//! Whatever is declared and found: what a plan writes is what the next plan wants to see.

use proptest::{collection::btree_map, prelude::*, sample::select};
use serde_json::{Map, Value, json};

use super::{Case, absent, found, written};
use crate::engine::Change;

const NODES: [&str; 5] = ["design-0", "design-1", "automation-0", "govern-0", "design-9"];

fn rights() -> impl Strategy<Value = Value> {
    let flags = btree_map(select(vec!["a", "b"]), any::<bool>(), 0..3).prop_map(|flags| json!(flags));
    let right = prop_oneof![any::<bool>().prop_map(Value::Bool), flags];
    btree_map(select(vec!["mayX", "mayY", "mayZ"]), right, 0..3).prop_map(|rights| json!(rights))
}

fn access() -> impl Strategy<Value = Value> {
    btree_map(select(NODES.to_vec()), rights(), 0..4).prop_map(|nodes| json!(nodes))
}

fn group() -> impl Strategy<Value = Value> {
    let users = prop::sample::subsequence(vec!["u1", "u2"], 0..=2);
    (
        rights(),
        access(),
        users,
        select(vec!["", "d"]),
        select(vec!["team", "renamed"]),
    )
        .prop_map(|(launchpad, access, users, description, name)| {
            let (mut dataiku, mut govern) = (Map::new(), Map::new());
            for (node, rights) in access.as_object().unwrap() {
                let map = if node.starts_with("govern") {
                    &mut govern
                } else {
                    &mut dataiku
                };
                map.insert(node.clone(), rights.clone());
            }
            let users: Vec<Value> = users
                .iter()
                .map(|id| json!({"id": id, "email": if *id == "u1" { "Jane@example.com" } else { "max@example.com" }}))
                .collect();
            json!({"id": "g1", "name": name, "description": description, "launchpadPermissions": launchpad,
                "dataikuPermissions": dataiku, "governPermissions": govern, "users": users, "future": [1.0]})
        })
}

fn entry() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({})),
        rights().prop_map(|rights| json!({ "permissions": rights })),
        select(NODES.to_vec()).prop_map(|source| json!({ "permissionsFrom": source })),
    ]
}

fn policy() -> impl Strategy<Value = Value> {
    select(vec![json!(null), json!("AtLeast"), json!("Exact")])
}

fn spec() -> impl Strategy<Value = Value> {
    let nodes = btree_map(select(NODES.to_vec()), entry(), 0..4).prop_map(|entries| {
        let entries = entries.into_iter().map(|(name, mut entry)| {
            entry["name"] = json!(name);
            entry
        });
        entries.collect::<Vec<_>>()
    });
    let types = btree_map(
        select(vec!["design", "dataiku", "govern", "api"]),
        (rights(), any::<Option<bool>>()),
        0..3,
    );
    let types = types.prop_map(|types| {
        let types = types
            .into_iter()
            .map(|(type_, (rights, access))| json!({"type": type_, "permissions": rights, "grantAccess": access}));
        types.collect::<Vec<_>>()
    });
    let members = vec![
        "jane@example.com",
        "JANE@example.com",
        "new@example.com",
        "old@example.com",
        "nobody@example.com",
    ];
    let members = prop::sample::subsequence(members, 0..=4).prop_map(|emails| {
        emails
            .into_iter()
            .map(|email| json!({ "email": email }))
            .collect::<Vec<_>>()
    });
    (
        prop::option::of(rights()),
        prop::option::of(nodes),
        prop::option::of(types),
        prop::option::of(members),
        policy(),
        policy(),
        prop::option::of(select(vec!["", "d"])),
    )
        .prop_map(
            |(launchpad, nodes, types, members, exact_nodes, exact_members, description)| {
                json!({"launchpadPermissions": launchpad, "nodes": nodes, "nodeTypes": types, "members": members,
                "nodesPolicy": exact_nodes, "membersPolicy": exact_members, "description": description})
            },
        )
}

/// The same case once the document reads `after`, with what the plan recorded.
fn next(before: &Case, after: Value, grants: crate::crd::applied::Grants) -> Case {
    let mut case = found(after);
    case.record = before.record.clone();
    case.record.grants = grants;
    case
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_written_plan_leaves_nothing_to_write(spec in spec(), earlier in spec(), before in group()) {
        let mut case = found(before.clone());
        if let Ok(plan) = case.try_plan(earlier) {
            case.record.grants = plan.grants;
        }
        let Ok(plan) = case.try_plan(spec.clone()) else { return Ok(()) };
        let after = written(&plan, &before);
        prop_assert_eq!(&after["future"], &before["future"]);
        let grants = plan.grants.clone();
        let case = next(&case, after.clone(), grants);
        let rest = case.plan(spec);
        let edits = rest.changes.iter().filter(|change| change.starts_task()).flat_map(Change::steps).collect::<Vec<_>>();
        prop_assert!(edits.is_empty(), "{:?} after {:?}: {}", edits, plan.steps(), after);
    }

    #[test]
    fn a_created_group_needs_no_edit(spec in spec()) {
        let case = absent();
        let Ok(plan) = case.try_plan(spec.clone()) else { return Ok(()) };
        let after = written(&plan, &json!({"id": "g1", "name": "team"}));
        let rest = next(&case, after, plan.grants.clone()).plan(spec);
        let edits = rest.changes.iter().filter(|change| change.starts_task()).flat_map(Change::steps).collect::<Vec<_>>();
        prop_assert!(edits.is_empty(), "{:?} after {:?}", edits, plan.steps());
    }

    #[test]
    fn whatever_was_granted_is_withdrawn_with_its_declaration(spec in spec(), before in group()) {
        let mut case = found(before.clone());
        let Ok(plan) = case.try_plan(spec) else { return Ok(()) };
        let grants = plan.grants.clone();
        let after = written(&plan, &before);
        case = next(&case, after.clone(), grants.clone());
        let withdrawal = case.plan(json!({}));
        let last = written(&withdrawal, &after);
        for node in grants.list("nodes") {
            prop_assert!(last["dataikuPermissions"].get(node).is_none() && last["governPermissions"].get(node).is_none());
        }
        for right in grants.list("launchpadPermissions") {
            let mut at = &last["launchpadPermissions"];
            for part in right.split('/') {
                at = &at[part];
            }
            prop_assert_ne!(at, &json!(true), "{}", right);
        }
        let users = last["users"].to_string().to_lowercase();
        for email in grants.list("members") {
            prop_assert!(!users.contains(email));
        }
        prop_assert!(withdrawal.grants.is_empty());
    }
}
