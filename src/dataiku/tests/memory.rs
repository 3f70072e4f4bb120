//! What answers may take of memory.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;
use serde_json::json;
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
    list_memory::ListBudget,
    memory::{Budget, Budgets, UNIT},
    transport::{Endpoint, Limits, Transport},
};

const KIB: usize = 1 << 10;

fn blank_list(bytes: usize) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_string(format!("[{}]", " ".repeat(bytes)))
}

fn with_budget(url: &str, budget: &Arc<Budget>, list_timeout: Duration) -> Dss {
    let budgets = Budgets {
        bodies: budget.clone(),
        lists: Arc::new(ListBudget::new(1 << 30)),
    };
    with_budgets(url, budgets, list_timeout)
}

fn with_budgets(url: &str, budgets: Budgets, list_timeout: Duration) -> Dss {
    let endpoint = Endpoint {
        limits: Limits {
            concurrency: 64,
            list_timeout,
            ..endpoint(url).limits
        },
        ..endpoint(url)
    };
    let calls = Arc::<Calls>::default();
    let transport = Transport::with_memory(endpoint, loopback(), calls, Timing::default(), budgets);
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
    let budget = Arc::new(Budget::new(12 * UNIT));
    let (mut shared, mut large) = (budget.lease().await, budget.lease().await);
    shared.cover(3 * UNIT).await;
    large.cover(8 * UNIT).await;
    let server = always(blank_list(60 * KIB)).await;
    let dss = with_budget(&server.uri(), &budget, Duration::from_secs(1));
    for _ in 0..2 {
        let error = dss.groups().await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::NoMemory, "no first unit is left");
        assert!(error.to_string().contains("no memory for the answer"), "{error}");
    }
    drop(shared);
    let error = dss.groups().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NoMemory, "the shared units do not suffice");
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

const MIB: usize = 1 << 20;

fn user(n: usize) -> String {
    let user = json!({
        "login": format!("user-{n:05}"), "displayName": format!("Somebody {n}"), "email": format!("user-{n}@example.com"),
        "sourceType": "LDAP", "userProfile": "FULL_DESIGNER", "enabled": true, "groups": ["analysts", "readers"],
        "adminProperties": { "costCenter": "4711" }, "userProperties": {}, "creationDate": 1_700_000_000_000_i64,
    });
    user.to_string()
}

/// Lists of about 2 MiB that are decoded to several times as much.
fn growing() -> Vec<(&'static str, String)> {
    let list = |element: &str| {
        let count = 2 * MIB / (element.len() + 1);
        format!("[{}{element}]", format!("{element},").repeat(count.min(199_000)))
    };
    let nested = format!("{}0{}", "{\"a\":".repeat(50), "}".repeat(50));
    let objects = vec!["{\"a\":0}"; 2000].join(",");
    let real: Vec<String> = (0..1500).map(user).collect();
    vec![
        ("real users", format!("[{}]", real.join(","))),
        ("tiny elements", list(r#"{"login":"a"}"#)),
        ("elements without a key", list("{}")),
        ("no objects", list("0")),
        (
            "nested maps",
            list(&format!(r#"{{"login":"a","adminProperties":{nested}}}"#)),
        ),
        (
            "lists of maps",
            list(&format!(r#"{{"login":"a","adminProperties":{{"b":[{objects}]}}}}"#)),
        ),
        (
            "empty texts",
            list(&format!(r#"{{"login":"a","groups":[{}""]}}"#, r#""","#.repeat(500))),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_nodes_whose_lists_grow_when_they_are_decoded_stay_within_one_budget() {
    const TOTAL: usize = 16 * MIB;
    for (what, body) in growing() {
        let server = always(ResponseTemplate::new(200).set_body_string(body)).await;
        let lists = Arc::new(ListBudget::new(TOTAL));
        let budgets = Budgets {
            bodies: Arc::new(Budget::new(48 * MIB)),
            lists: lists.clone(),
        };
        let nodes: Vec<Dss> = (0..50)
            .map(|_| with_budgets(&server.uri(), budgets.clone(), Duration::from_secs(15)))
            .collect();
        let most = AtomicUsize::new(0);
        // Each node holds what it listed, as the sweep does.
        let keep = |user| {
            most.fetch_max(lists.drawn(), Ordering::Relaxed);
            Arc::new(user)
        };
        let read = join_all(nodes.iter().map(|node| node.users(true, keep))).await;
        let kinds: BTreeMap<&str, usize> = read.iter().fold(BTreeMap::new(), |mut kinds, read| {
            let kind = read.as_ref().map_or_else(|error| error.kind.label(), |_| "read");
            *kinds.entry(kind).or_default() += 1;
            kinds
        });
        println!("{what}: {kinds:?}, at most {} KiB", most.load(Ordering::Relaxed) >> 10);
        assert!(most.load(Ordering::Relaxed) <= TOTAL, "{what}");
        // A machine under load may be too slow for some.
        let named = ["read", "no_memory", "too_large", "timeout"];
        assert!(kinds.keys().all(|kind| named.contains(kind)), "{what}: {kinds:?}");
        for node in &nodes {
            assert_eq!(node.breaker(), Breaker::Closed, "{what}: not the node's fault");
        }
        drop((read, nodes));
        assert_eq!(lists.drawn(), 0, "{what}");
    }
}

#[tokio::test]
async fn a_list_that_takes_too_much_of_the_budget_says_so_before_it_is_decoded() {
    let server = always(ResponseTemplate::new(200).set_body_string(growing().remove(5).1)).await;
    let budgets = Budgets {
        bodies: Arc::new(Budget::new(48 * MIB)),
        lists: Arc::new(ListBudget::new(4 * MIB)),
    };
    let node = with_budgets(&server.uri(), budgets, Duration::from_mins(1));
    let error = node.users(true, std::convert::identity).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::TooLarge);
    assert_eq!(error.message, "it takes more than 3 MiB of memory once it is decoded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_changes_little_is_charged_once_however_often_it_is_read() {
    let body = format!("[{}]", (0..3000).map(user).collect::<Vec<_>>().join(","));
    let server = always(ResponseTemplate::new(200).set_body_string(body)).await;
    let lists = Arc::new(ListBudget::new(16 * MIB));
    let budgets = Budgets {
        bodies: Arc::new(Budget::new(48 * MIB)),
        lists: lists.clone(),
    };
    let node = with_budgets(&server.uri(), budgets, Duration::from_mins(1));
    let first = node.users(true, Arc::new).await.unwrap();
    let charged = lists.drawn();
    println!("a user is charged with {} bytes", charged / 3000);
    let mut held = first.items.iter();
    let again = node
        .users(true, |user| {
            held.next().filter(|held| ***held == user).cloned().unwrap()
        })
        .await;
    assert_eq!(again.unwrap().items.len(), 3000);
    assert_eq!(lists.drawn(), charged);
    assert!(node.users(true, |_| false).await.is_ok(), "a search holds nothing");
    assert_eq!(lists.drawn(), charged);
}

#[tokio::test]
async fn an_answer_that_is_no_list_is_not_read_to_its_end() {
    let body = format!(r#"{{"login":"{}"}}"#, "x".repeat(40 * MIB));
    let server = always(ResponseTemplate::new(200).set_body_string(body)).await;
    let error = dss(&server.uri()).groups().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Malformed, "{error}");
}
