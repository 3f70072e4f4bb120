//! Lists have time and size of their own.

use std::time::Duration;

use serde_json::json;
use wiremock::ResponseTemplate;

use super::{always, dss, endpoint, failure, hasty_with, loopback};
use crate::dataiku::{
    error::ErrorKind,
    launchpad::Launchpad,
    transport::{Endpoint, Limits, Transport},
};

fn slow(delay: Duration) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!([])).set_delay(delay)
}

#[tokio::test]
async fn a_list_may_take_longer_than_an_object() {
    let server = always(slow(Duration::from_millis(800))).await;
    let dss = hasty_with(&server.uri(), Limits::default());
    assert!(dss.groups().await.unwrap().items.is_empty());
    assert_eq!(failure(&dss).await.kind, ErrorKind::Timeout);
}

#[tokio::test]
async fn a_list_beyond_its_own_time_is_a_timeout() {
    let server = always(slow(Duration::from_secs(30))).await;
    let limits = Limits {
        list_timeout: Duration::ZERO,
        ..Limits::default()
    };
    let started = std::time::Instant::now();
    let error = hasty_with(&server.uri(), limits).groups().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    let took = started.elapsed();
    assert!(
        took >= Duration::from_secs(1) && took < Duration::from_secs(20),
        "{took:?}"
    );
}

#[tokio::test]
async fn a_list_beyond_its_own_size_is_too_large() {
    let list = |length: usize| ResponseTemplate::new(200).set_body_string(format!("[{}]", " ".repeat(length)));
    let limits = Limits {
        list_bytes: 100 << 10,
        ..Limits::default()
    };
    let server = always(list(200 << 10)).await;
    let endpoint = || Endpoint {
        limits,
        ..endpoint(&server.uri())
    };
    let transport = || Transport::new(endpoint(), loopback(), std::sync::Arc::<super::Calls>::default()).unwrap();
    let error = crate::dataiku::dss::Dss::new(transport()).groups().await.unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::TooLarge, "more than 100 KiB")
    );
    let error = Launchpad::new(transport(), "space").groups().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::TooLarge);
    assert!(dss(&server.uri()).groups().await.unwrap().items.is_empty());
}
