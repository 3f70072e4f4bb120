use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;

use super::{absent, desired, observed, plan};
use crate::{
    crd::launchpad_group::{Propagation, TaskPhase},
    dataiku::launchpad::tasks::TaskState,
    engine::Reason,
    kinds::launchpad_group::{edit, propagation::Following},
};

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
    hidden.fresh = true;
    let error = edit(&desired(json!({})), &hidden).err().unwrap();
    assert_eq!(error.reason(), Some(Reason::AcceptedButNotStored), "and an end");
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
    group.fresh = true;
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
