//! Tests over HTTP: what is sent, and what is made of what comes back.

mod address_forms;
mod addresses;
mod assignments;
mod errors;
mod global_keys;
mod groups;
mod instance;
mod launchpad;
mod launchpad_errors;
mod launchpad_groups;
mod lists;
mod memory;
mod paths;
mod patience;
mod permits;
mod personal_keys;
mod proxy;
mod roles;
mod secrets;
mod shapes;
mod tasks;
mod tls;
mod users;
mod variables;
mod wire;

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{method, path},
};

use super::{
    address::AddressPolicy,
    dss::Dss,
    error::ApiError,
    govern::Govern,
    http::Timing,
    launchpad::Launchpad,
    permit::WritePermit,
    transport::{CallObserver, CallRecord, Credentials, Endpoint, Limits, Tls, Transport},
};

/// The API key in all tests. It must come back nowhere.
const KEY: &str = "canary-key-5f1e";

/// Remembers what it was told.
#[derive(Default)]
struct Calls(Mutex<Vec<CallRecord>>);

impl Calls {
    fn seen(&self) -> MutexGuard<'_, Vec<CallRecord>> {
        self.0.lock().unwrap()
    }
}

impl CallObserver for Calls {
    fn called(&self, call: &CallRecord) {
        self.seen().push(call.clone());
    }
}

/// A permit that holds.
pub(crate) fn permit() -> WritePermit {
    WritePermit::new(|| true)
}

fn loopback() -> Arc<AddressPolicy> {
    Arc::new(AddressPolicy {
        allowed: vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()],
    })
}

fn endpoint(url: &str) -> Endpoint {
    Endpoint {
        url: url.to_owned(),
        credentials: Credentials::ApiKey(KEY.into()),
        tls: Tls {
            allow_insecure_http: true,
            ..Tls::default()
        },
        proxy: None,
        limits: Limits {
            concurrency: 8,
            requests_per_second: 1000,
            ..Limits::default()
        },
    }
}

fn dss(url: &str) -> Dss {
    Dss::new(Transport::new(endpoint(url), loopback(), Arc::new(Calls::default())).unwrap())
}

/// A client of the Govern node at this address.
pub(crate) fn govern(url: &str) -> Govern {
    Govern::new(Transport::new(endpoint(url), loopback(), Arc::<Calls>::default()).unwrap())
}

/// A space with a name that would leave its place in the path.
fn launchpad(url: &str) -> Launchpad {
    let mut endpoint = endpoint(&format!("{url}/v1"));
    endpoint.credentials = Credentials::KeyPair {
        id: "canary-id".into(),
        secret: KEY.into(),
    };
    Launchpad::new(
        Transport::new(endpoint, loopback(), Arc::<Calls>::default()).unwrap(),
        "space/1",
    )
}

fn observed(url: &str) -> (Dss, Arc<Calls>) {
    let calls = Arc::new(Calls::default());
    (
        Dss::new(Transport::new(endpoint(url), loopback(), calls.clone()).unwrap()),
        calls,
    )
}

/// A client that loses its patience soon.
fn hasty(url: &str) -> Dss {
    hasty_with(url, Limits::default())
}

fn hasty_with(url: &str, limits: Limits) -> Dss {
    let timing = Timing {
        connect: Duration::from_millis(500),
        total: Duration::from_millis(500),
    };
    let endpoint = Endpoint {
        limits,
        ..endpoint(url)
    };
    Dss::new(Transport::with_timing(endpoint, loopback(), Arc::new(Calls::default()), timing).unwrap())
}

/// A node that gives one answer to one operation, and 404 without a body to all others.
async fn answering(verb: &str, below_base: &str, answer: ResponseTemplate) -> MockServer {
    answering_at(verb, &format!("/dip/publicapi{below_base}"), answer).await
}

async fn answering_at(verb: &str, at: &str, answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method(verb))
        .and(path(at))
        .respond_with(answer)
        .mount(&server)
        .await;
    server
}

/// A node that gives one answer to everything.
async fn always(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(wiremock::matchers::any())
        .respond_with(answer)
        .mount(&server)
        .await;
    server
}

/// What `GET /admin/users/jdoe` fails with.
async fn failure(dss: &Dss) -> ApiError {
    match dss.user("jdoe").await {
        Err(error) => error,
        Ok(found) => panic!("no failure, found: {}", found.is_some()),
    }
}

fn json_text(value: impl serde::Serialize) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(serde_json::to_string(&value).unwrap(), "application/json")
}

/// The only request there was: method, path with query, body.
async fn only_request(server: &MockServer) -> (String, String, String) {
    let mut received = server.received_requests().await.unwrap();
    assert_eq!(received.len(), 1);
    let request = received.remove(0);
    let query = request.url.query().map(|query| format!("?{query}")).unwrap_or_default();
    (
        request.method.to_string(),
        format!("{}{query}", request.url.path()),
        String::from_utf8(request.body).unwrap(),
    )
}

/// A server where `at` is a 404 in words that may be a gateway's, and `list` gives `listed`.
async fn doubtful(at: &str, verb: &str, list: &str, listed: impl serde::Serialize) -> MockServer {
    let server = answering_at(verb, list, json_text(listed)).await;
    let answer = ResponseTemplate::new(404).set_body_string(r#"{"message":"no Route matched"}"#);
    Mock::given(method("GET"))
        .and(path(at))
        .respond_with(answer)
        .mount(&server)
        .await;
    server
}

async fn requests(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}
