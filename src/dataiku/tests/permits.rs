//! No write is sent without a permit that holds at that moment.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use wiremock::{MockServer, ResponseTemplate};

use super::{Calls, always, endpoint, loopback, permit, requests};
use crate::dataiku::{
    document::Document,
    dss::Dss,
    error::ErrorKind,
    gate::Breaker,
    permit::WritePermit,
    transport::{Limits, Transport},
};

/// A node with one slot, which takes 300 ms per call.
async fn slow_node_with_one_slot() -> (MockServer, Dss, Arc<Calls>) {
    let answer = ResponseTemplate::new(200).set_body_json(json!([]));
    let server = always(answer.set_delay(Duration::from_millis(300))).await;
    let mut endpoint = endpoint(&server.uri());
    endpoint.limits = Limits {
        concurrency: 1,
        ..endpoint.limits
    };
    let calls = Arc::new(Calls::default());
    let dss = Dss::new(Transport::new(endpoint, loopback(), calls.clone()).unwrap());
    (server, dss, calls)
}

#[tokio::test]
async fn a_write_whose_permit_is_withdrawn_while_it_waits_in_the_gate_is_not_sent() {
    let (server, dss, calls) = slow_node_with_one_slot().await;
    let valid = Arc::new(AtomicBool::new(true));
    let seen = valid.clone();
    let revocable = WritePermit::new(move || seen.load(Ordering::SeqCst));
    let document = Document::new();
    let withdraw = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        valid.store(false, Ordering::SeqCst);
    };
    let (first, second, ()) = tokio::join!(dss.groups(), dss.put_user(revocable, "jdoe", &document), withdraw);
    first.unwrap();
    let error = second.unwrap_err();
    assert_eq!((error.kind, error.status), (ErrorKind::Withdrawn, None));
    assert_eq!(
        error.to_string(),
        "PUT /admin/users/{login}: not sent, since the permit for this write was withdrawn while it waited"
    );
    assert!(!error.is_ambiguous());
    assert_eq!(requests(&server).await, 1);
    let outcomes: Vec<_> = calls.seen().iter().map(|call| (call.outcome, call.write)).collect();
    assert_eq!(outcomes, [("2xx", false), ("withdrawn", true)]);
}

#[tokio::test]
async fn a_withdrawn_permit_neither_opens_the_circuit_nor_holds_the_slot() {
    let (server, dss, _) = slow_node_with_one_slot().await;
    for _ in 0..10 {
        let error = dss.delete_user(WritePermit::new(|| false), "jdoe").await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Withdrawn);
    }
    assert_eq!(dss.breaker(), Breaker::Closed);
    assert!(dss.delete_user(permit(), "jdoe").await.unwrap());
    assert_eq!(requests(&server).await, 1);
}

#[tokio::test]
async fn the_permit_is_asked_after_the_wait_and_not_before() {
    let (_server, dss, _) = slow_node_with_one_slot().await;
    let (asked, read_done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (asked_at, done) = (asked.clone(), read_done.clone());
    let observing = WritePermit::new(move || {
        assert!(done.load(Ordering::SeqCst), "asked while another call held the slot");
        asked_at.store(true, Ordering::SeqCst);
        true
    });
    let read = async {
        dss.groups().await.unwrap();
        read_done.store(true, Ordering::SeqCst);
    };
    let ((), deleted) = tokio::join!(read, dss.delete_group(observing, "analysts"));
    assert!(deleted.unwrap() && asked.load(Ordering::SeqCst));
}
