//! Many objects and a person write one document at once.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{ROLE, assignment, holders, in_sync, patch, rule};
use crate::bed::Bed;

/// Somebody saves the rules of another role. Govern has no conditional write: a save that falls between a read and the write
/// that follows it is lost. This hand keeps clear of that: it does not save while the last that was asked is a read.
async fn save_by_hand(bed: &Bed, rules: &[Value]) {
    let mut since = (0, Instant::now());
    loop {
        let log = bed.remote.requests().log;
        let last = log
            .iter()
            .rfind(|call| ["G49", "G50", "G51"].contains(&call.operation.as_str()));
        let seq = last.map_or(0, |last| last.seq);
        if since.0 != seq {
            since = (seq, Instant::now());
        }
        let written = last.is_none_or(|last| last.operation != "G50" && last.status != 0);
        if written || since.1.elapsed() > Duration::from_secs(2) {
            bed.remote.patch_state(patch("ro.reader", rules)).unwrap();
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_objects_and_a_person_write_one_document_and_nobody_loses_a_rule() {
    let bed = Bed::govern("hundred").await;
    bed.remote.patch_state(patch(ROLE, &[rule("theirs")])).unwrap();
    bed.sweeps(1).await;
    bed.remote.reset_requests();
    let names: Vec<_> = (0..100).map(|n| format!("person-{n:03}")).collect();
    let applying = async {
        let all: Vec<_> = names.iter().map(|name| assignment(name, json!({}))).collect();
        futures::future::join_all(all.iter().map(|object| bed.apply(object))).await;
    };
    let by_hand = async {
        let mut rules = Vec::new();
        for n in 0..20 {
            rules.push(rule(&format!("hand-{n:02}")));
            save_by_hand(&bed, &rules).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::join!(applying, by_hand);
    for name in &names {
        in_sync(&bed, name).await;
    }
    let mut everybody = names.clone();
    everybody.push("theirs".to_owned());
    assert_eq!(holders(&bed, ROLE), everybody);
    let hands: Vec<_> = (0..20).map(|n| format!("hand-{n:02}")).collect();
    assert_eq!(holders(&bed, "ro.reader"), hands);
    let counts = bed.remote.requests().counts;
    println!("writes and reads of the document for 100 objects: {counts:?}");
    assert!(bed.remote.writes() <= 30, "{counts:?}");
    bed.sweeps(1).await;
    bed.remote.reset_requests();
    bed.sweeps(1).await;
    assert_eq!(bed.remote.writes(), 0);
}
