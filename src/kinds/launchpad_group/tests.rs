use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

use super::{DesiredGroup, LaunchpadGroup, ObservedGroup, edit, propagation::Following};
use crate::{
    crd::{
        common::{Applied, DeletionPolicy},
        launchpad_group::{Propagation, TaskPhase},
    },
    dataiku::{
        document::Document,
        launchpad::{
            groups::GroupRecord,
            people::{InviteRecord, UserRecord},
            space::NodeRecord,
            tasks::TaskState,
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
    let group: GroupRecord = serde_json::from_value(base).unwrap();
    ObservedGroup {
        group: Some(Arc::new(group)),
        ..absent()
    }
}

fn absent() -> ObservedGroup {
    let user = |value: Value| -> UserRecord { serde_json::from_value(value).unwrap() };
    let invite = |value: Value| -> InviteRecord { serde_json::from_value(value).unwrap() };
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

fn following(phase: TaskPhase, attempt: i32, since: i64) -> Following {
    let now = Timestamp::from_second(10_000).unwrap();
    let then = Time(Timestamp::from_second(10_000 - since).unwrap());
    Following {
        task: Some(Propagation {
            task_id: "t1".into(),
            phase,
            generation: 1,
            attempt,
            shown: false,
            submitted_at: then.clone(),
            ended_at: (phase != TaskPhase::Running).then_some(then),
        }),
        generation: 1,
        now,
        deadline: Duration::from_mins(15),
    }
}

fn condition(following: &Following) -> (bool, &'static str) {
    let aspect = following.aspect();
    (aspect.status, aspect.reason)
}

#[test]
fn propagated_follows_the_task() {
    assert_eq!(condition(&Following::default()), (true, "Propagated"));
    assert_eq!(condition(&following(TaskPhase::Running, 1, 10)), (false, "Propagating"));
    let late = following(TaskPhase::Running, 1, 901);
    assert_eq!(condition(&late), (false, "PropagationTimeout"));
    assert!(late.aspect().message.contains("may be stopped"));
    assert_eq!(condition(&following(TaskPhase::Succeeded, 1, 10)), (true, "Propagated"));
    for phase in [TaskPhase::Failed, TaskPhase::Unknown] {
        assert_eq!(condition(&following(phase, 1, 1)), (false, "PropagationFailed"));
    }
    assert_eq!(
        following(TaskPhase::Running, 1, 10).aspect().message,
        following(TaskPhase::Running, 1, 50).aspect().message,
        "no status is written for the time alone"
    );
}

#[test]
fn a_task_is_asked_for_ever_less_often() {
    let again = |since| {
        following(TaskPhase::Running, 1, since)
            .aspect()
            .again
            .unwrap()
            .as_secs()
    };
    assert_eq!((again(3), again(61), again(700)), (5, 15, 30));
    assert_eq!(following(TaskPhase::Running, 1, 1).due(), None);
    assert_eq!(following(TaskPhase::Running, 1, 2).due(), Some("t1"));
    assert_eq!(following(TaskPhase::Failed, 1, 20).due(), None);
}

#[test]
fn a_task_that_failed_is_submitted_again_three_times_ever_later() {
    let resubmission = |attempt, since| following(TaskPhase::Failed, attempt, since).resubmission();
    assert_eq!(resubmission(1, 4), None);
    assert_eq!(resubmission(1, 5), Some(("t1".into(), 2)));
    assert_eq!((resubmission(2, 14), resubmission(3, 44)), (None, None));
    assert_eq!(resubmission(3, 45), Some(("t1".into(), 4)));
    assert_eq!(resubmission(4, 9_000), None);
    assert_eq!(following(TaskPhase::Failed, 4, 1).aspect().again, None);
    let mut group = observed(json!({}));
    group.following = following(TaskPhase::Unknown, 1, 6);
    assert_eq!(
        plan(json!({}), &group).steps(),
        ["submit again, since task t1 did not succeed"]
    );
}

#[test]
fn what_was_written_and_is_not_shown_yet_is_not_written_again_while_its_task_runs() {
    let mut hidden = absent();
    hidden.following = following(TaskPhase::Running, 1, 30);
    let waiting = plan(json!({"description": "d"}), &hidden);
    assert!(waiting.is_empty());
    assert_eq!(
        waiting.under_way,
        ["task t1 is under way; not shown yet: create group; set description to d"]
    );
    hidden.following.generation = 2;
    assert!(!plan(json!({}), &hidden).is_empty(), "another spec was not written yet");
    hidden.following = following(TaskPhase::Running, 1, 901);
    assert!(plan(json!({}), &hidden).is_empty(), "a second group would be refused");
    let mut behind = observed(json!({"description": "old"}));
    behind.following = following(TaskPhase::Running, 1, 901);
    assert!(
        !plan(json!({"description": "new"}), &behind).is_empty(),
        "an edit is not waited for without end"
    );
    hidden.following = following(TaskPhase::Succeeded, 1, 0);
    assert!(
        plan(json!({}), &hidden).is_empty(),
        "the group was read before the task was over"
    );
    hidden.following = following(TaskPhase::Failed, 1, 4);
    assert!(plan(json!({}), &hidden).is_empty(), "a failed task has its pace");
    hidden.following = following(TaskPhase::Failed, 1, 5);
    assert!(!plan(json!({}), &hidden).is_empty());
    assert_eq!(hidden.following.next_attempt(), 2);
    hidden.following = following(TaskPhase::Failed, 4, 500);
    assert!(plan(json!({}), &hidden).is_empty(), "and an end");
}

#[test]
fn what_never_came_to_be_is_told_and_drift_after_it_came_to_be_is_repaired() {
    let spec = || json!({"description": "d"});
    let mut group = observed(json!({"description": "by hand"}));
    group.following = following(TaskPhase::Succeeded, 1, 30);
    assert!(
        !plan(spec(), &group).is_empty(),
        "a shared list may be older than the task"
    );
    group.document = Some(Document::new());
    let error = edit(&desired(spec()), &group).err().unwrap();
    assert_eq!(error.reason(), Some(Reason::AcceptedButNotStored));
    assert!(error.to_string().contains("task t1") && error.to_string().contains("set description to d"));
    group.following = following(TaskPhase::Succeeded, 1, 601);
    assert!(!plan(spec(), &group).is_empty(), "tried again after a while");
    for phase in [TaskPhase::Running, TaskPhase::Succeeded, TaskPhase::Failed] {
        group.following = following(phase, 1, 1);
        group.following.showed();
        assert!(!plan(spec(), &group).is_empty(), "shown before, so this is drift");
        assert_eq!(group.following.next_attempt(), 1);
    }
}

#[test]
fn what_a_task_says_is_noted_once() {
    let mut running = following(TaskPhase::Running, 1, 30);
    let state = |ready, successful| Some(TaskState { ready, successful });
    running.found(state(false, false));
    assert_eq!(running.task.as_ref().unwrap().phase, TaskPhase::Running);
    for (found, phase) in [
        (state(true, true), TaskPhase::Succeeded),
        (state(true, false), TaskPhase::Failed),
        (None, TaskPhase::Unknown),
    ] {
        let mut task = running.clone();
        task.found(found);
        let task = task.task.unwrap();
        assert_eq!((task.phase, task.ended_at), (phase, Some(Time(running.now))));
    }
}

#[test]
fn a_group_renamed_by_hand_is_named_back() {
    let found = observed(json!({"name": "other"}));
    assert_eq!(plan(json!({}), &found).steps(), ["rename it back to team"]);
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
    found.id = Some("g1".into());
    assert!(!LaunchpadGroup::removal(&removal, &found).is_empty());
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
