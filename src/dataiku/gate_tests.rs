//! The gate under a clock that tests move.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, advance};

use super::{Breaker, Closed, Gate, Health, Lane, Limits};

fn gate(concurrency: usize, requests_per_second: u32) -> Arc<Gate> {
    Arc::new(Gate::new(Limits {
        concurrency,
        requests_per_second,
        ..Limits::default()
    }))
}

async fn refused(gate: &Gate) -> Option<Closed> {
    gate.enter(Lane::Interactive).await.err()
}

#[tokio::test(start_paused = true)]
async fn repair_leaves_slots_in_which_an_edit_overtakes() {
    let gate = gate(4, 1000);
    let (_first, _second) = (gate.enter(Lane::Repair).await, gate.enter(Lane::Repair).await);
    let third = tokio::time::timeout(Duration::from_mins(1), gate.enter(Lane::Repair)).await;
    assert!(third.is_err(), "a third repair waits though two slots are free");
    let edit = tokio::time::timeout(Duration::from_secs(1), gate.enter(Lane::Interactive)).await;
    assert!(edit.is_ok_and(|pass| pass.is_ok()));
}

#[tokio::test(start_paused = true)]
async fn a_single_slot_serves_both_lanes_and_cancelled_waiters_leave_nothing_behind() {
    let gate = gate(0, 1000);
    let held = gate.enter(Lane::Repair).await.ok().unwrap();
    for lane in [Lane::Interactive, Lane::Repair] {
        assert!(
            tokio::time::timeout(Duration::from_secs(1), gate.enter(lane))
                .await
                .is_err()
        );
    }
    drop(held);
    for lane in [Lane::Interactive, Lane::Repair] {
        assert!(gate.enter(lane).await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_below_the_rate_waits_for_no_timer() {
    let gate = gate(8, 50);
    advance(Duration::from_micros(1500)).await;
    let start = Instant::now();
    for _ in 0..3 {
        let _ = gate.enter(Lane::Interactive).await.ok().unwrap();
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn calls_leave_at_the_rate_with_a_tenth_of_a_second_ahead() {
    let gate = gate(8, 50);
    let start = Instant::now();
    for _ in 0..105 {
        let _ = gate.enter(Lane::Interactive).await.ok().unwrap();
    }
    // Timers have a resolution of 1 ms and never fire early.
    let took = start.elapsed();
    assert!(
        took >= Duration::from_secs(2) && took < Duration::from_millis(2200),
        "{took:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn idle_time_is_not_saved_up() {
    let gate = gate(8, 10);
    advance(Duration::from_hours(1)).await;
    let start = Instant::now();
    for _ in 0..11 {
        let _ = gate.enter(Lane::Interactive).await.ok().unwrap();
    }
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_short_hold_is_waited_for_and_a_long_one_fails_at_once() {
    let gate = gate(8, 1000);
    gate.hold(Duration::from_secs(4));
    let start = Instant::now();
    assert_eq!(refused(&gate).await, None);
    assert!(start.elapsed() >= Duration::from_secs(4));

    gate.hold(Duration::from_mins(1));
    let start = Instant::now();
    assert_eq!(refused(&gate).await, Some(Closed::Held(Duration::from_mins(1))));
    assert!(start.elapsed().is_zero());
    advance(Duration::from_secs(56)).await;
    assert_eq!(refused(&gate).await, None, "what is left is short enough to wait");
}

#[tokio::test(start_paused = true)]
async fn a_shorter_hold_does_not_cut_a_longer_one_and_absurd_ones_are_bounded() {
    let gate = gate(8, 1000);
    gate.hold(Duration::MAX);
    gate.hold(Duration::ZERO);
    assert_eq!(refused(&gate).await, Some(Closed::Held(Duration::from_mins(5))));
}

#[tokio::test(start_paused = true)]
async fn a_hold_that_begins_while_a_call_waits_for_its_slot_applies_to_it() {
    let gate = gate(1, 1000);
    let held = gate.enter(Lane::Interactive).await.ok().unwrap();
    let waiting = tokio::spawn({
        let gate = gate.clone();
        async move { refused(&gate).await }
    });
    tokio::task::yield_now().await;
    gate.hold(Duration::from_secs(30));
    drop(held);
    assert_eq!(waiting.await.unwrap(), Some(Closed::Held(Duration::from_secs(30))));
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_refuses_at_once_until_the_sweep_gets_through() {
    let gate = gate(8, 1000);
    for _ in 0..5 {
        assert_eq!(refused(&gate).await, None);
        gate.record(Health::Failing);
    }
    assert_eq!(gate.breaker(), Breaker::Open);
    assert!(matches!(refused(&gate).await, Some(Closed::Open(_))));
    advance(Duration::from_mins(5)).await;
    assert!(
        matches!(refused(&gate).await, Some(Closed::Open(_))),
        "time alone closes nothing"
    );
    assert!(gate.enter(Lane::Sweep).await.is_ok());
    gate.record(Health::Alive);
    assert_eq!(gate.breaker(), Breaker::Closed);
    assert_eq!(refused(&gate).await, None);
}

#[tokio::test(start_paused = true)]
async fn the_sweep_waits_for_no_slot_and_no_rate_but_for_a_hold() {
    let gate = gate(1, 1);
    let _busy = gate.enter(Lane::Interactive).await.unwrap();
    let began = Instant::now();
    for _ in 0..5 {
        gate.enter(Lane::Sweep).await.unwrap();
    }
    assert_eq!(began.elapsed(), Duration::ZERO);
    gate.hold(Duration::from_secs(30));
    assert!(matches!(gate.enter(Lane::Sweep).await, Err(Closed::Held(_))));
}
