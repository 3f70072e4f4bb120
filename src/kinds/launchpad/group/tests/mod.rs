mod absent;
mod access;
mod members;
mod properties;

use std::{sync::Arc, time::Instant};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{GroupChange, Seen, plan};
use crate::{
    crd::{LaunchpadGroup, applied::Applied},
    dataiku::{document::Document, launchpad::groups::GroupRecord},
    engine::{Change, Error, Given, Managed, ObjectName, Plan, Reason, Secrets, index::Claims},
    kinds::launchpad::{Group, lists::SpaceLists, tests::connection as space},
};

/// The present time of every plan.
const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// What a plan depends on.
struct Case {
    lists: SpaceLists,
    record: Applied,
    seen: Option<Seen>,
}

#[allow(clippy::needless_pass_by_value, reason = "every caller makes the spec on the spot")]
fn object(spec: Value) -> LaunchpadGroup {
    let mut object = json!({
        "apiVersion": "dataiku-operator.io/v1alpha1", "kind": "LaunchpadGroup",
        "metadata": {"name": "team", "namespace": "ns", "generation": 1},
        "spec": {"spaceRef": {"name": "prod"}},
    });
    object["spec"]
        .as_object_mut()
        .unwrap()
        .extend(spec.as_object().unwrap().clone());
    serde_json::from_value(object).unwrap()
}

fn document(value: &Value) -> Document {
    serde_json::from_str(&value.to_string()).unwrap()
}

fn listed<T: serde::de::DeserializeOwned>(items: &Value) -> T {
    serde_json::from_str(&items.to_string()).unwrap()
}

/// No group yet, in a space with four nodes, one user and two invites, one of which has the group `g1`.
fn absent() -> Case {
    let lists = SpaceLists::default();
    let now = Instant::now();
    lists.replace_nodes(
        now,
        listed(&json!([
            {"name": "design-0", "type": "design"}, {"name": "design-1", "type": "design"},
            {"name": "automation-0", "type": "automation"}, {"name": "govern-0", "type": "govern"},
        ])),
    );
    lists.replace_people(
        now,
        listed(&json!([{"id": "u1", "email": "Jane@example.com"}])),
        listed(&json!([
            {"id": "i1", "email": "new@example.com", "groups": []},
            {"id": "i2", "email": "old@example.com", "groups": [{"id": "g1", "name": "team"}]},
        ])),
    );
    Case {
        lists,
        record: Applied::default(),
        seen: None,
    }
}

/// The group `g1` with these members.
#[allow(clippy::needless_pass_by_value, reason = "every caller makes the group on the spot")]
fn found(group: Value) -> Case {
    let mut base = json!({"id": "g1", "name": "team"});
    base.as_object_mut().unwrap().extend(group.as_object().unwrap().clone());
    Case {
        seen: Some(Seen {
            group: Arc::new(GroupRecord::from_document(&document(&base)).unwrap()),
            document: None,
            another: false,
            writes: 0,
        }),
        ..absent()
    }
}

impl Case {
    fn recorded(mut self, grants: &[(&str, &[&str])]) -> Self {
        let lists = grants.iter().map(|(list, names)| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            ((*list).to_owned(), names)
        });
        self.record.grants = lists.collect();
        self
    }

    fn try_plan(&self, spec: Value) -> Result<Plan<GroupChange>, Error> {
        let name = ObjectName {
            namespace: "team".into(),
            name: "team".into(),
        };
        let given = Given {
            others: Claims::none(name.clone()),
            name,
            mark: None,
            cluster: None,
            now: NOW,
            record: &self.record,
            secrets: &Secrets::default(),
            connection: &space(),
            lists: &self.lists,
        };
        plan(&object(spec), &given, self.seen.as_ref())
    }

    fn plan(&self, spec: Value) -> Plan<GroupChange> {
        self.try_plan(spec).unwrap()
    }

    fn refusal(&self, spec: Value) -> String {
        let error = self.try_plan(spec).err().unwrap();
        assert_eq!(error.reason(), Some(Reason::Invalid));
        error.to_string()
    }
}

/// The document after the changes of a plan.
fn written(plan: &Plan<GroupChange>, before: &Value) -> Value {
    let mut document = document(before);
    for change in &plan.changes {
        if let GroupChange::Edit { edit, .. } | GroupChange::Create { edit: Some(edit), .. } = change {
            edit.write(&mut document).unwrap();
        }
    }
    serde_json::to_value(&document).unwrap()
}

fn grants(plan: &Plan<GroupChange>, list: &str) -> Vec<String> {
    plan.grants.list(list).to_vec()
}

#[test]
fn a_permission_of_another_shape_is_refused_in_words_for_people() {
    let object = json!({
        "apiVersion": "dataiku-operator.io/v1alpha1", "kind": "LaunchpadGroup", "metadata": {"name": "team"},
        "spec": {"spaceRef": {"name": "prod"}, "launchpadPermissions": {"mayX": "yes-please"}},
    });
    let error = serde_json::from_value::<LaunchpadGroup>(object).unwrap_err();
    assert_eq!(error.to_string(), "a permission is true or false, or a map of these");
}

#[test]
fn what_is_left_out_is_not_managed() {
    let case = found(json!({
        "description": "by hand", "launchpadPermissions": {"mayTurnOnSpace": true},
        "dataikuPermissions": {"design-0": {"mayCreateProjects": true}}, "users": [{"id": "u9", "email": "x@y.z"}],
    }));
    assert!(case.plan(json!({})).outstanding().is_empty());
}

#[test]
fn rights_are_written_one_by_one_and_unknown_ones_stay() {
    let before = json!({"id": "g1", "name": "team", "future": [1],
        "launchpadPermissions": {"other": true},
        "dataikuPermissions": {"design-0": {"mayX": true, "nested": {"a": true, "b": false}}, "design-1": {"mayX": true}}});
    let spec = json!({
        "launchpadPermissions": {"mayTurnOnSpace": true},
        "nodes": [
            {"name": "design-0", "permissions": {"nested": {"a": false, "b": true}}},
            {"name": "design-1", "permissionsFrom": "design-0"},
            {"name": "govern-0", "permissions": {"isGovernArchitect": true}},
        ],
    });
    let plan = found(before.clone()).plan(spec.clone());
    assert_eq!(
        plan.steps(),
        [
            "set mayTurnOnSpace to true",
            "on design-0 set nested/a to false",
            "on design-0 set nested/b to true",
            "on design-1 set nested/b to true",
            "give access to govern-0",
            "on govern-0 set isGovernArchitect to true",
        ]
    );
    assert!(plan.changes[0].withdraws(), "a right is withdrawn");
    let after = written(&plan, &before);
    assert_eq!(
        after,
        json!({"id": "g1", "name": "team", "future": [1],
            "launchpadPermissions": {"other": true, "mayTurnOnSpace": true},
            "dataikuPermissions": {
                "design-0": {"mayX": true, "nested": {"a": false, "b": true}},
                "design-1": {"mayX": true, "nested": {"b": true}},
            },
            "governPermissions": {"govern-0": {"isGovernArchitect": true}}})
    );
    assert!(found(after).plan(spec).is_empty());
}

#[test]
fn a_group_is_created_as_a_whole_and_its_invites_follow() {
    let spec = json!({
        "description": "Analytics",
        "nodeTypes": [{"type": "design", "permissions": {"mayX": true}}],
        "members": [{"email": "jane@example.com"}, {"email": "new@example.com"}, {"email": "nobody@example.com"}],
    });
    let plan = absent().plan(spec);
    assert_eq!(
        plan.outstanding(),
        [
            "create group",
            "set description to Analytics",
            "give access to design-0",
            "on design-0 set mayX to true",
            "give access to design-1",
            "on design-1 set mayX to true",
            "add member Jane@example.com",
            "add member new@example.com (invited)",
            "nobody@example.com is neither a user nor invited yet",
        ]
    );
    assert!(plan.changes[0].creates() && plan.changes[0].starts_task());
    let after = written(&plan, &json!({"id": null, "name": "team"}));
    assert_eq!(after["users"], json!([{"id": "u1", "email": "Jane@example.com"}]));
    let bare = absent().plan(json!({}));
    assert_eq!(bare.steps(), ["create group"]);
}

#[test]
fn what_was_granted_and_is_not_declared_any_more_is_withdrawn() {
    let case = found(json!({
        "launchpadPermissions": {"mayTurnOnSpace": true, "other": true},
        "dataikuPermissions": {"design-0": {"mayX": true, "mayY": true}, "automation-0": {"mayX": true}},
        "users": [{"id": "u1", "email": "Jane@example.com"}, {"id": "u2", "email": "max@example.com"}],
    }))
    .recorded(&[
        ("launchpadPermissions", &["mayTurnOnSpace"]),
        ("nodes", &["design-0", "automation-0"]),
        ("permissions", &["design-0/mayX", "automation-0/mayX"]),
        ("members", &["jane@example.com", "old@example.com"]),
    ]);
    let plan = case.plan(json!({"nodes": [{"name": "design-0"}]}));
    assert_eq!(
        plan.steps(),
        [
            "set mayTurnOnSpace to false",
            "withdraw access to automation-0",
            "on design-0 set mayX to false",
            "remove member Jane@example.com",
            "remove member old@example.com (invited)",
        ]
    );
    assert!(plan.changes.iter().all(Change::withdraws));
    assert_eq!(grants(&plan, "nodes"), ["design-0"]);
    assert!(grants(&plan, "members").is_empty() && !plan.deferred);
}

#[test]
fn what_a_change_replaces_is_part_of_the_attempt() {
    let attempt = |name: &str| found(json!({"name": name})).plan(json!({})).attempt();
    assert_eq!(attempt("by-hand"), attempt("by-hand"));
    assert_ne!(attempt("by-hand"), attempt("by-somebody-else"));
}

#[test]
fn an_unreadable_member_blocks_what_would_be_merged_into_it_and_nothing_else() {
    let case = found(json!({"launchpadPermissions": 7, "dataikuPermissions": [], "users": "many", "description": 1}))
        .recorded(&[("members", &["max@example.com"])]);
    let plan = case.plan(json!({
        "description": "d", "launchpadPermissions": {"mayX": true}, "nodes": [{"name": "design-0"}],
        "members": [{"email": "jane@example.com"}],
    }));
    assert_eq!(plan.steps(), ["set description to d"]);
    assert_eq!(plan.waiting.len(), 3);
    assert!(plan.deferred, "the withdrawal of max waits");
    assert!(case.plan(json!({})).changes.is_empty());
}

#[test]
fn the_status_shows_who_may_do_what_within_bounds() {
    let case = found(json!({
        "dataikuPermissions": {"design-0": {"mayX": true, "mayY": false, "nested": {"a": true}}, "automation-0": {}},
        "governPermissions": {"govern-0": {"isGovernArchitect": true}}, "users": [{"id": "u1", "email": "j@x.org"}],
    }));
    let shown = |case: &Case| Group::show(&object(json!({})), case.seen.as_ref(), &case.record, &case.lists);
    let status = serde_json::to_value(shown(&case)).unwrap();
    assert_eq!(
        status,
        json!({"id": "g1", "members": 1, "nodes": [
            {"name": "automation-0"}, {"name": "design-0", "rights": ["mayX", "nested/a"]},
            {"name": "govern-0", "rights": ["isGovernArchitect"]},
        ]})
    );
    let rights: serde_json::Map<String, Value> =
        (0..1000).map(|n| (format!("mayDoThing{n:04}"), json!(true))).collect();
    let nodes: serde_json::Map<String, Value> = (0..300).map(|n| (format!("node-{n:03}"), json!(rights))).collect();
    let many = shown(&found(json!({"dataikuPermissions": nodes})));
    assert_eq!(many.nodes.len(), 200);
    let bytes: usize = many.nodes.iter().flat_map(|node| &node.rights).map(String::len).sum();
    assert!((15 << 10..=16 << 10).contains(&bytes), "{bytes}");
}
