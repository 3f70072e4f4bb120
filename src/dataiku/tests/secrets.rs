//! No secret comes back: not in errors, not in records, not in logs.

use std::{
    io,
    sync::{Arc, Mutex},
};

use secrecy::SecretString;
use serde_json::{Value, json};
use tracing::subscriber::NoSubscriber;
use tracing_subscriber::fmt::MakeWriter;
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::any};

use super::{Calls, KEY, endpoint, loopback, observed, permit};
use crate::dataiku::{
    dss::{Dss, users::NewUser},
    transport::{Credentials, Transport},
};

const PASSWORD: &str = "canary-p\"w d/1";

/// Gives back all it got: header, body, and what is in them.
async fn parrot(status: u16, as_json: bool) -> MockServer {
    let server = MockServer::start().await;
    let echo = move |request: &Request| {
        let authorization = request.headers["authorization"].to_str().unwrap();
        let body = String::from_utf8_lossy(&request.body);
        let sent: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let password = sent["password"].as_str().unwrap_or("none");
        let text = format!("header {authorization}, key {KEY}, password {password}, body {body}");
        let answer = ResponseTemplate::new(status);
        if as_json {
            answer.set_body_json(json!({"errorType": "X", "message": text, "detailedMessage": text}))
        } else {
            answer.set_body_string(text)
        }
    };
    Mock::given(any()).respond_with(echo).mount(&server).await;
    server
}

fn new_user(password: &SecretString) -> NewUser<'_> {
    NewUser {
        login: "jdoe",
        password: Some(password),
        display_name: "Jane",
        source_type: "LOCAL",
        groups: &[],
        user_profile: "READER",
        email: None,
    }
}

fn assert_clean(text: &str) {
    for secret in [KEY, "canary", PASSWORD, "Y2FuYXJ5", r#"p\"w"#] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[tokio::test]
async fn a_server_that_gives_back_what_it_got_does_not_get_it_into_an_error() {
    let password = SecretString::from(PASSWORD);
    let mut document = crate::dataiku::document::Document::new();
    document.set("password", PASSWORD);
    for status in [400, 401, 403, 404, 409, 422, 429, 500, 503] {
        for as_json in [true, false] {
            let server = parrot(status, as_json).await;
            let (dss, calls) = observed(&server.uri());
            let mut errors = vec![
                dss.users(false, std::convert::identity).await.unwrap_err(),
                dss.create_user(permit(), &new_user(&password)).await.unwrap_err(),
                dss.put_user(permit(), "jdoe", &document).await.unwrap_err(),
            ];
            errors.extend(dss.auth_info().await.err());
            for error in errors {
                assert_clean(&format!("{error} {error:?}"));
                let expected = if as_json {
                    "[message withheld: it contains a secret value]"
                } else {
                    "the answer is not an error of DSS (content type text/plain, "
                };
                assert!(error.message.starts_with(expected) || status == 404, "{error}");
            }
            assert_clean(&format!("{:?}", calls.seen()));
        }
    }
}

#[tokio::test]
async fn the_content_of_a_notebook_does_not_get_into_an_error() {
    let content = json!({ "cells": [{ "source": ["canary"] }] });
    for status in [400, 403, 404, 409, 500] {
        let server = parrot(status, true).await;
        let (dss, calls) = observed(&server.uri());
        let create = dss.create_jupyter_notebook(permit(), "RISK", "explore", &content);
        let mut errors = vec![create.await.unwrap_err()];
        errors.extend(
            dss.put_jupyter_notebook(permit(), "RISK", "explore", &content)
                .await
                .err(),
        );
        errors.extend(dss.jupyter_notebook("RISK", "explore").await.err());
        for error in errors {
            assert_clean(&format!("{error} {error:?}"));
            assert_eq!(error.message, "[message withheld: it may quote the content]");
            assert!(error.own_words, "{error}");
        }
        assert_clean(&format!("{:?}", calls.seen()));
    }
}

#[tokio::test]
async fn both_halves_of_a_key_pair_are_sent_and_neither_comes_back() {
    let server = parrot(403, true).await;
    let mut pair = endpoint(&server.uri());
    pair.credentials = Credentials::KeyPair {
        id: "canary-id".into(),
        secret: KEY.into(),
    };
    let dss = Dss::new(Transport::new(pair, loopback(), Arc::<Calls>::default()).unwrap());
    let error = dss.auth_info().await.unwrap_err();
    assert_clean(&format!("{error} {error:?}"));
    let received = server.received_requests().await.unwrap();
    assert_eq!(
        received[0].headers["authorization"],
        "Basic Y2FuYXJ5LWlkOmNhbmFyeS1rZXktNWYxZQ=="
    );
}

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_call_leaves_one_record_at_debug_and_no_secret_even_at_trace() {
    // With one subscriber alone, a place in the code that is first reached by the thread of another test is taken to
    // interest nobody. With two, all are asked.
    let _second = tracing::Dispatch::new(NoSubscriber::new());
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let server = parrot(500, true).await;
    let (dss, _) = observed(&server.uri());
    dss.create_user(permit(), &new_user(&PASSWORD.into()))
        .await
        .unwrap_err();
    drop(guard);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let ours: Vec<&str> = text.lines().filter(|line| line.contains("remote call")).collect();
    assert_eq!(ours.len(), 1, "{text}");
    assert!(
        ours[0].contains(r#"operation="POST /admin/users/""#) && ours[0].contains("status=500"),
        "{text}"
    );
    // The server runs in this process and logs what it receives; it is not ours to judge.
    let client = text
        .lines()
        .filter(|line| !line.contains("wiremock"))
        .collect::<Vec<_>>()
        .join("\n");
    assert_clean(&client);
}
