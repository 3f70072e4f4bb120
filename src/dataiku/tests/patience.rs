//! Retry-After and the circuit breaker, over HTTP.

use std::time::{Duration, Instant, SystemTime};

use serde_json::json;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use super::{always, dss, failure, permit, requests};
use crate::dataiku::{
    error::ErrorKind,
    gate::{Breaker, Lane},
};

async fn asking_to_wait(status: u16, retry_after: &str) -> MockServer {
    always(ResponseTemplate::new(status).insert_header("Retry-After", retry_after)).await
}

#[tokio::test]
async fn retry_after_is_told_and_holds_the_whole_connection() {
    for (status, kind) in [(429, ErrorKind::RateLimited), (503, ErrorKind::Unavailable)] {
        let server = asking_to_wait(status, "7").await;
        let dss = dss(&server.uri());
        let error = failure(&dss).await;
        assert_eq!((error.kind, error.retry_after), (kind, Some(Duration::from_secs(7))));

        let held = dss.with_lane(Lane::Repair).groups().await.unwrap_err();
        assert_eq!((held.kind, held.status), (ErrorKind::RateLimited, None));
        let left = held.retry_after.unwrap();
        assert!(
            left > Duration::from_secs(5) && left <= Duration::from_secs(7),
            "{left:?}"
        );
        assert_eq!(
            requests(&server).await,
            1,
            "nothing is sent while the connection is held"
        );
    }
}

#[tokio::test]
async fn a_date_and_an_absurd_retry_after_are_bounded() {
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(90));
    let error = failure(&dss(&asking_to_wait(429, &date).await.uri())).await;
    let wait = error.retry_after.unwrap();
    assert!(
        wait > Duration::from_secs(80) && wait <= Duration::from_secs(90),
        "{wait:?}"
    );
    let error = failure(&dss(&asking_to_wait(429, "99999999999999999999").await.uri())).await;
    assert_eq!(error.retry_after, Some(Duration::from_mins(5)));
    let error = failure(&dss(&asking_to_wait(429, "whenever").await.uri())).await;
    assert_eq!((error.kind, error.retry_after), (ErrorKind::RateLimited, None));
}

#[tokio::test]
async fn a_short_hold_is_waited_for() {
    let server = MockServer::start().await;
    let busy = ResponseTemplate::new(429).insert_header("Retry-After", "1");
    Mock::given(any())
        .respond_with(busy)
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200).set_body_string("[]"))
        .mount(&server)
        .await;
    let dss = dss(&server.uri());
    let started = Instant::now();
    assert_eq!(dss.groups().await.unwrap_err().kind, ErrorKind::RateLimited);
    assert!(dss.groups().await.unwrap().items.is_empty());
    assert!(
        started.elapsed() >= Duration::from_millis(950),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn retry_after_on_another_status_is_told_and_holds_nothing() {
    let server = asking_to_wait(500, "60").await;
    let dss = dss(&server.uri());
    assert_eq!(failure(&dss).await.retry_after, Some(Duration::from_mins(1)));
    assert_eq!(failure(&dss).await.kind, ErrorKind::Unavailable);
    assert_eq!(requests(&server).await, 2);
}

#[tokio::test]
async fn five_failures_in_a_row_stop_all_calls_of_the_connection() {
    let server = always(ResponseTemplate::new(502)).await;
    let dss = dss(&server.uri());
    for _ in 0..5 {
        assert_eq!(dss.breaker(), Breaker::Closed);
        assert_eq!(failure(&dss).await.kind, ErrorKind::Unavailable);
    }
    assert_eq!(dss.breaker(), Breaker::Open);
    let error = dss.with_lane(Lane::Repair).groups().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::CircuitOpen);
    assert!(error.retry_after.is_some());
    assert_eq!(requests(&server).await, 5);
}

#[tokio::test]
async fn an_unreachable_node_opens_the_circuit_too() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let dss = dss(&format!("http://{address}"));
    for _ in 0..5 {
        assert_eq!(failure(&dss).await.kind, ErrorKind::Unreachable);
    }
    assert_eq!(failure(&dss).await.kind, ErrorKind::CircuitOpen);
}

#[tokio::test]
async fn writes_that_the_node_itself_answers_with_500_do_not_cut_off_the_others() {
    let body = json!({"errorType": "java.lang.IllegalArgumentException", "message": "bad profile"});
    let server = always(ResponseTemplate::new(500).set_body_json(body)).await;
    let dss = dss(&server.uri());
    let document = serde_json::from_str("{}").unwrap();
    for _ in 0..10 {
        let error = dss.put_user(permit(), "jdoe", &document).await.unwrap_err();
        assert_eq!(
            (error.kind, error.message.as_str()),
            (ErrorKind::Unavailable, "bad profile")
        );
    }
    assert_eq!(dss.breaker(), Breaker::Closed);
    for _ in 0..5 {
        failure(&dss).await;
    }
    assert_eq!(
        dss.breaker(),
        Breaker::Open,
        "reads that fail so say that the node is sick"
    );
}

#[tokio::test]
async fn answers_that_refuse_keep_the_circuit_closed() {
    let server = always(ResponseTemplate::new(403)).await;
    let dss = dss(&server.uri());
    for _ in 0..10 {
        assert_eq!(failure(&dss).await.kind, ErrorKind::Forbidden);
    }
    assert_eq!(dss.breaker(), Breaker::Closed);
}
