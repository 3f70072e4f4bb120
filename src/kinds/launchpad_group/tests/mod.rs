mod access;
mod propagation;

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};

use super::{DesiredGroup, LaunchpadGroup, ObservedGroup, edit};
use crate::{
    crd::{applied::Applied, common::DeletionPolicy},
    dataiku::{
        document::Document,
        launchpad::{
            groups::GroupRecord,
            people::{InviteRecord, UserRecord},
            space::NodeRecord,
        },
    },
    engine::{Change, Error, Inputs, Managed, Plan, Reason, Removal},
};

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

fn desired(spec: Value) -> DesiredGroup {
    object(spec).desired(&Inputs::default()).unwrap()
}

fn nodes() -> Arc<Vec<NodeRecord>> {
    let of = |name: &str, type_: &str| NodeRecord {
        name: name.into(),
        type_: type_.into(),
    };
    Arc::new(vec![
        of("design-0", "design"),
        of("design-1", "design"),
        of("automation-0", "automation"),
        of("govern-0", "govern"),
    ])
}

#[allow(clippy::needless_pass_by_value, reason = "every caller makes the group on the spot")]
fn observed(group: Value) -> ObservedGroup {
    let mut base = json!({"id": "g1", "name": "team"});
    base.as_object_mut().unwrap().extend(group.as_object().unwrap().clone());
    let group = GroupRecord::from_document(&serde_json::from_value(base).unwrap()).unwrap();
    ObservedGroup {
        group: Some(Arc::new(group)),
        ..absent()
    }
}

fn absent() -> ObservedGroup {
    let user = |value| UserRecord::from_document(&serde_json::from_value(value).unwrap()).unwrap();
    let invite = |value| InviteRecord::from_document(&serde_json::from_value(value).unwrap()).unwrap();
    ObservedGroup {
        nodes: nodes(),
        users: Arc::new(vec![user(json!({"id": "u1", "email": "Jane@example.com"}))]),
        invites: Arc::new(vec![
            invite(json!({"id": "i1", "email": "new@example.com", "groups": []})),
            invite(json!({"id": "i2", "email": "old@example.com", "groups": [{"id": "g1", "name": "team"}]})),
        ]),
        ..ObservedGroup::default()
    }
}

fn plan(spec: Value, observed: &ObservedGroup) -> Plan<super::GroupChange> {
    edit(&desired(spec), observed).unwrap()
}

fn refusal(spec: Value, observed: &ObservedGroup) -> String {
    let error = object(spec)
        .desired(&Inputs::default())
        .and_then(|desired| edit(&desired, observed));
    let error: Error = error.err().unwrap();
    assert_eq!(error.reason(), Some(Reason::Invalid));
    error.to_string()
}

fn written(plan: &Plan<super::GroupChange>, document: &Value) -> Value {
    let mut document: Document = serde_json::from_value(document.clone()).unwrap();
    for change in &plan.changes {
        if let super::GroupChange::Edit(_, fields) | super::GroupChange::Create { fields, .. } = change {
            for field in fields {
                field.write(&mut document).unwrap();
            }
        }
    }
    serde_json::to_value(&document).unwrap()
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
    let found = observed(json!({
        "description": "by hand", "launchpadPermissions": {"mayTurnOnSpace": true},
        "dataikuPermissions": {"design-0": {"mayCreateProjects": true}}, "users": [{"id": "u9", "email": "x@y.z"}],
    }));
    assert!(plan(json!({}), &found).outstanding().is_empty());
}

#[test]
fn rights_are_written_one_by_one_and_unknown_ones_stay() {
    let document = json!({"id": "g1", "name": "team", "future": [1],
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
    let plan = plan(spec.clone(), &observed(document.clone()));
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
    let after = written(&plan, &document);
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
    assert!(super::edit(&desired(spec), &observed(after)).unwrap().is_empty());
}

#[test]
fn a_group_is_created_as_a_whole_and_its_invites_follow() {
    let spec = json!({
        "description": "Analytics",
        "nodeTypes": [{"type": "design", "permissions": {"mayX": true}}],
        "members": [{"email": "jane@example.com"}, {"email": "new@example.com"}, {"email": "nobody@example.com"}],
    });
    let plan = plan(spec, &absent());
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
            "add the invited new@example.com",
            "nobody@example.com is neither a user nor invited yet",
        ]
    );
    assert!(plan.changes[0].creates());
    let after = written(&plan, &json!({"id": null, "name": "team"}));
    assert_eq!(after["users"], json!([{"id": "u1", "email": "Jane@example.com"}]));
}

#[test]
fn exact_takes_access_and_members_away() {
    let found = observed(json!({
        "dataikuPermissions": {"design-0": {}, "automation-0": {}}, "governPermissions": {"govern-0": {}},
        "users": [{"id": "u1", "email": "Jane@example.com"}, {"id": "u2", "email": "max@example.com"}],
    }));
    let spec = json!({
        "nodes": [{"name": "design-0"}], "nodesPolicy": "Exact",
        "members": [{"email": "JANE@example.com"}], "membersPolicy": "Exact",
    });
    assert_eq!(
        plan(spec, &found).steps(),
        [
            "withdraw access to automation-0",
            "withdraw access to govern-0",
            "remove member max@example.com",
            "remove the invited old@example.com",
        ]
    );
    let unset = json!({"nodesPolicy": "Exact", "membersPolicy": "Exact"});
    assert!(plan(unset, &found).is_empty(), "unset is unmanaged");
}

#[test]
fn what_was_given_and_is_declared_no_more_is_withdrawn() {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let mut declared = desired(json!({"nodes": [{"name": "design-0"}]}));
    declared.granted_launchpad = set(&["mayTurnOnSpace"]);
    declared.granted_nodes = set(&["design-0", "automation-0"]);
    declared.granted_rights = set(&["design-0/mayX", "automation-0/mayX"]);
    declared.granted_members = set(&["jane@example.com", "old@example.com"]);
    let found = observed(json!({
        "launchpadPermissions": {"mayTurnOnSpace": true, "other": true},
        "dataikuPermissions": {"design-0": {"mayX": true, "mayY": true}, "automation-0": {"mayX": true}},
        "users": [{"id": "u1", "email": "Jane@example.com"}, {"id": "u2", "email": "max@example.com"}],
    }));
    assert_eq!(
        edit(&declared, &found).unwrap().steps(),
        [
            "set mayTurnOnSpace to false",
            "withdraw access to automation-0",
            "on design-0 set mayX to false",
            "remove member Jane@example.com",
            "remove the invited old@example.com",
        ]
    );
}

#[test]
fn a_group_renamed_by_hand_is_named_back() {
    let found = observed(json!({"name": "other"}));
    assert_eq!(plan(json!({}), &found).steps(), ["rename it back to team"]);
}

#[test]
fn another_group_of_the_same_name_is_neither_written_nor_deleted() {
    let mut found = observed(json!({}));
    found.id = Some("g0".into());
    let error = edit(&desired(json!({"description": "d"})), &found).err().unwrap();
    assert_eq!(error.reason(), Some(Reason::AlreadyExists));
    let removal = Removal {
        policy: DeletionPolicy::Delete,
        applied: Applied::default(),
    };
    assert!(LaunchpadGroup::removal(&removal, &found).is_empty());
    let shown = LaunchpadGroup::show(&found).0;
    assert_eq!(shown.id.as_deref(), Some("g0"), "nor is it ours at the next pass");
    found.id = Some("g1".into());
    assert!(!LaunchpadGroup::removal(&removal, &found).is_empty());
}
