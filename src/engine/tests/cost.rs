//! Measurements, not tests: what idle objects cost. Run them with
//! `cargo test --release cost:: -- --ignored --nocapture --test-threads 1`.

use std::time::Duration;

use serde_json::json;

use super::rig::Rig;

/// Processor time of this process since then.
pub fn since(began: Duration) -> Duration {
    processor().saturating_sub(began)
}

/// Processor time of this process so far.
pub fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<u64>().unwrap())
        .sum();
    Duration::from_millis(ticks * 10)
}

#[tokio::test(start_paused = true)]
#[ignore = "measures processor time and asserts nothing: run it with --ignored --nocapture on an idle machine"]
async fn an_event_of_a_secret_among_ten_thousand_objects() {
    let rig = Rig::ready().await;
    for number in 0..10_000 {
        rig.widget(&format!("widget-{number}"), json!({}));
    }
    rig.until("all widgets", || rig.world.widgets.lock().unwrap().len() == 10_000)
        .await;
    rig.pass(30).await;
    let (began, calls) = (processor(), rig.world.calls());
    for number in 0..1_000 {
        rig.secret(&format!("stranger-{number}"), "key", "value");
        if number % 50 == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    println!(
        "1,000 events of Secrets that no object reads, 10,000 objects: {:?} of processor time, {} calls",
        since(began),
        rig.world.calls() - calls
    );
}

#[tokio::test(start_paused = true)]
#[ignore = "measures processor time and asserts nothing: run it with --ignored --nocapture on an idle machine"]
async fn a_hundred_deletions_that_wait_for_an_unreachable_side() {
    let rig = Rig::ready().await;
    for number in 0..100 {
        rig.widget(&format!("widget-{number}"), json!({}));
    }
    rig.until("all widgets", || rig.world.widgets.lock().unwrap().len() == 100)
        .await;
    rig.pass(5).await;
    *rig.world.reachable.lock().unwrap() = false;
    for number in 0..100 {
        rig.server.delete("widgets", "team", &format!("widget-{number}"));
    }
    rig.pass(5).await;
    rig.counts.reconciles.lock().unwrap().clear();
    let began = processor();
    rig.pass(20).await;
    println!(
        "100 waiting deletions, 20 s: {} reconciles, {:?} of processor time",
        rig.counts.reconciles.lock().unwrap().len(),
        since(began)
    );
}
