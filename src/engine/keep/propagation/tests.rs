use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::Following;
use crate::{
    crd::propagation::{Propagation, TaskPhase},
    engine::{keep::managed::TaskState, status::Truth},
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
    let condition = following.condition();
    (condition.status == Truth::True, condition.reason)
}

#[test]
fn the_condition_follows_the_task() {
    assert_eq!(condition(&Following::default()), (true, "Propagated"));
    assert_eq!(condition(&following(TaskPhase::Running, 1, 10)), (false, "Propagating"));
    let late = following(TaskPhase::Running, 1, 901);
    assert_eq!(condition(&late), (false, "PropagationTimeout"));
    assert!(late.condition().message.contains("may be stopped"));
    assert_eq!(condition(&following(TaskPhase::Succeeded, 1, 10)), (true, "Propagated"));
    for phase in [TaskPhase::Failed, TaskPhase::Unknown] {
        assert_eq!(condition(&following(phase, 1, 1)), (false, "PropagationFailed"));
    }
}

#[test]
fn the_condition_does_not_change_by_the_passage_of_time() {
    let message = |phase, since| following(phase, 1, since).condition().message;
    assert_eq!(message(TaskPhase::Running, 10), message(TaskPhase::Running, 50));
    assert_eq!(message(TaskPhase::Running, 901), message(TaskPhase::Running, 9_000));
    assert_eq!(message(TaskPhase::Failed, 0), message(TaskPhase::Failed, 4));
}

#[test]
fn a_task_is_asked_for_its_state_less_and_less_often() {
    let again = |since| following(TaskPhase::Running, 1, since).again().unwrap().as_secs();
    assert_eq!((again(3), again(61), again(700)), (5, 15, 30));
    assert_eq!((again(890), again(899), again(901)), (10, 2, 30));
    assert_eq!(following(TaskPhase::Running, 1, 1).due(), None);
    assert_eq!(following(TaskPhase::Running, 1, 2).due(), Some("t1"));
    assert_eq!(following(TaskPhase::Failed, 1, 20).due(), None);
}

#[test]
fn a_failed_task_is_submitted_again_three_times_with_growing_waits() {
    let resubmission = |attempt, since| following(TaskPhase::Failed, attempt, since).resubmission();
    assert_eq!(resubmission(1, 4), None);
    assert_eq!(resubmission(1, 5), Some(("t1".into(), 2)));
    assert_eq!((resubmission(2, 14), resubmission(3, 44)), (None, None));
    assert_eq!(resubmission(3, 45), Some(("t1".into(), 4)));
    assert_eq!(resubmission(4, 9_000), None);
    assert_eq!(following(TaskPhase::Failed, 4, 1).again(), None);
    assert_eq!(
        following(TaskPhase::Unknown, 2, 5).again(),
        Some(Duration::from_secs(10))
    );
    assert_eq!(following(TaskPhase::Succeeded, 1, 5).resubmission(), None);
}

#[test]
fn an_edit_is_not_repeated_while_its_task_runs_and_a_create_never() {
    let running = following(TaskPhase::Running, 1, 30);
    assert_eq!(running.pending(false).unwrap(), "task t1 is running");
    let late = following(TaskPhase::Running, 1, 901);
    assert_eq!(late.pending(false), None);
    assert!(late.pending(true).is_some(), "a second object would be refused");
    assert_eq!((late.unfinished(), late.unstored()), (Some("t1"), None));
    let edited = Following {
        generation: 2,
        ..running
    };
    assert_eq!(edited.pending(false), None, "the present spec was not written yet");
    assert!(
        edited.pending(true).is_some(),
        "an edit does not undo a create under way"
    );
}

#[test]
fn a_read_from_before_the_end_of_the_task_proves_nothing() {
    let ended = following(TaskPhase::Succeeded, 1, 0);
    assert!(ended.pending(false).is_some());
    assert_eq!(ended.unstored(), None);
    assert_eq!(ended.again(), Some(Duration::from_secs(2)), "the read after it counts");
    let later = following(TaskPhase::Succeeded, 1, 2);
    assert_eq!((later.pending(false), later.again()), (None, None));
}

#[test]
fn a_failed_write_is_repeated_at_the_pace_of_resubmissions() {
    assert!(following(TaskPhase::Failed, 1, 4).pending(true).is_some());
    let due = following(TaskPhase::Failed, 1, 5);
    assert_eq!((due.pending(true), due.next_attempt()), (None, 2));
    let submitted = due.submitted(Some("t2".into()), due.next_attempt()).unwrap();
    assert_eq!(
        (submitted.attempt, submitted.phase, submitted.shown),
        (2, TaskPhase::Running, false)
    );
    assert_eq!(due.submitted(None, 2), None);
}

#[test]
fn a_write_that_never_took_effect_is_reported() {
    assert_eq!(following(TaskPhase::Succeeded, 1, 30).unstored(), Some("t1"));
    assert_eq!(following(TaskPhase::Failed, 4, 500).unstored(), Some("t1"));
    assert_eq!(
        following(TaskPhase::Failed, 1, 500).unstored(),
        None,
        "it is submitted again first"
    );
}

#[test]
fn a_difference_after_the_write_was_shown_is_drift() {
    for phase in [TaskPhase::Running, TaskPhase::Succeeded, TaskPhase::Failed] {
        let mut shown = following(phase, 1, 1);
        shown.showed();
        assert_eq!(
            (shown.pending(true), shown.unstored(), shown.unfinished()),
            (None, None, None)
        );
        assert_eq!(shown.next_attempt(), 1);
    }
}

#[test]
fn the_end_of_a_task_is_recorded_once() {
    let running = following(TaskPhase::Running, 1, 30);
    let found = |state| {
        let mut following = running.clone();
        following.found(state);
        following.task.unwrap()
    };
    let state = |ready, successful| Some(TaskState { ready, successful });
    assert_eq!(Some(found(state(false, false))), running.task);
    for (state, phase) in [
        (state(true, true), TaskPhase::Succeeded),
        (state(true, false), TaskPhase::Failed),
        (None, TaskPhase::Unknown),
    ] {
        let task = found(state);
        assert_eq!((task.phase, task.ended_at), (phase, Some(Time(running.now))));
    }
    let mut nothing = Following::default();
    nothing.found(None);
    assert_eq!(nothing.task, None);
}
