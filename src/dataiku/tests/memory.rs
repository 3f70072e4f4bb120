//! What answers may take of memory.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{method, path},
};

use super::{Calls, always, dss, endpoint, failure, loopback, permit};
use crate::dataiku::{
    dss::Dss,
    error::ErrorKind,
    gate::Breaker,
    http::Timing,
    memory::Budget,
    transport::{Endpoint, Limits, Transport},
};

const KIB: usize = 1 << 10;

fn blank_list(bytes: usize) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_string(format!("[{}]", " ".repeat(bytes)))
}

fn with_budget(url: &str, budget: &Arc<Budget>, list_timeout: Duration) -> Dss {
    let endpoint = Endpoint {
        limits: Limits {
            concurrency: 64,
            list_timeout,
            ..endpoint(url).limits
        },
        ..endpoint(url)
    };
    let calls = Arc::<Calls>::default();
    let transport = Transport::with_memory(endpoint, loopback(), calls, Timing::default(), budget.clone());
    Dss::new(transport.unwrap())
}

#[tokio::test]
async fn lists_that_need_more_than_the_budget_together_are_read_one_after_the_other() {
    let budget = Arc::new(Budget::new(24 * 64 * KIB));
    let server = always(blank_list(900 * KIB)).await;
    let dss = with_budget(&server.uri(), &budget, Duration::from_mins(1));
    let lists = join_all((0..12).map(|_| dss.groups())).await;
    assert!(lists.iter().all(Result::is_ok), "{lists:?}");
}

#[tokio::test]
async fn a_list_beyond_what_there_is_memory_for_is_too_large() {
    let budget = Arc::new(Budget::new(24 * 64 * KIB));
    let server = always(blank_list(1100 * KIB)).await;
    let error = with_budget(&server.uri(), &budget, Duration::from_mins(1))
        .groups()
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::TooLarge, "more than 1 MiB")
    );
}

#[tokio::test]
async fn waiting_for_memory_ends_with_the_time_of_the_call_and_is_not_held_against_the_node() {
    let budget = Arc::new(Budget::new(12 * 64 * KIB));
    let (mut shared, mut large) = (budget.lease().await, budget.lease().await);
    shared.cover(3 * 64 * KIB).await;
    large.cover(8 * 64 * KIB).await;
    let server = always(blank_list(300 * KIB)).await;
    let dss = with_budget(&server.uri(), &budget, Duration::from_secs(1));
    for _ in 0..2 {
        let error = dss.groups().await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Timeout, "no first unit is left");
        assert!(error.message.contains("no memory"), "{error}");
    }
    drop(shared);
    let error = dss.groups().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout, "the shared units do not suffice");
    drop(large);
    for _ in 0..3 {
        assert!(dss.groups().await.is_ok(), "all memory is returned");
    }
    assert_eq!(dss.breaker(), Breaker::Closed);
}

#[tokio::test]
async fn a_list_of_too_many_entries_is_too_large() {
    for (entry, message) in [
        (r#"{"login":"abc"}"#, "more than 200000 entries"),
        ("{}", "more than 200000 entries"),
    ] {
        let list = format!("[{}{entry}]", format!("{entry},").repeat(200_000));
        let server = always(ResponseTemplate::new(200).set_body_string(list)).await;
        let dss = dss(&server.uri());
        for error in [
            dss.users(false, std::convert::identity).await.unwrap_err(),
            dss.groups().await.unwrap_err(),
        ] {
            assert_eq!((error.kind, error.message.as_str()), (ErrorKind::TooLarge, message));
            assert_eq!(error.status, Some(200));
        }
    }
}

#[tokio::test]
async fn an_entry_or_an_object_that_is_made_of_too_many_values_is_too_large() {
    let crowd = format!("[{}1]", "1,".repeat(300_000));
    let server = MockServer::start().await;
    for (at, body) in [
        (
            "/dip/publicapi/admin/users/jdoe",
            format!(r#"{{"login":"jdoe","groups":{crowd}}}"#),
        ),
        (
            "/dip/publicapi/admin/users/",
            format!(r#"[{{"login":"jdoe","x":"{}"}}]"#, "x".repeat(5 << 20)),
        ),
    ] {
        Mock::given(method("GET"))
            .and(path(at))
            .respond_with(ResponseTemplate::new(200).set_body_string(body))
            .mount(&server)
            .await;
    }
    let dss = dss(&server.uri());
    let error = failure(&dss).await;
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::TooLarge, "more than 250000 values")
    );
    let error = dss.users(false, std::convert::identity).await.unwrap_err();
    assert_eq!(error.message, "an entry of more than 4 MiB");
}

#[tokio::test]
async fn a_write_does_not_mind_what_shape_its_answer_has() {
    let crowd = format!("[{}1]", "1,".repeat(300_000));
    let server = always(ResponseTemplate::new(200).set_body_string(crowd)).await;
    assert!(dss(&server.uri()).delete_user(permit(), "jdoe").await.unwrap());
}
