//! What the Launchpad's refusals mean, and that no secret comes back in them.

use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::any};

use super::{KEY, always, json_text, launchpad, permit, requests};
use crate::dataiku::{
    document::Document,
    error::ErrorKind,
    gate::{Breaker, Lane},
    launchpad::groups::new_group,
};

#[tokio::test]
async fn each_refusal_has_its_kind_and_the_launchpads_words() {
    let invalid = json!({"code": 422, "status": "Unprocessable Entity",
        "errors": {"json": {"0": {"email": ["Not a valid email address."]}}}});
    for (status, body, kind, message) in [
        (401, json!({"message": "bad key"}), ErrorKind::Unauthorized, "bad key"),
        (
            403,
            json!({"message": "read_groups is missing"}),
            ErrorKind::Forbidden,
            "read_groups is missing",
        ),
        (
            404,
            json!({"message": "no such space"}),
            ErrorKind::NotFound,
            "no such space",
        ),
        (
            422,
            invalid,
            ErrorKind::Rejected,
            r#"{"0":{"email":["Not a valid email address."]}}"#,
        ),
        (503, json!({"message": "later"}), ErrorKind::Unavailable, "later"),
    ] {
        let server = always(ResponseTemplate::new(status).set_body_json(body)).await;
        let client = launchpad(&server.uri());
        for error in [
            client.groups().await.unwrap_err(),
            client.users().await.unwrap_err(),
            client.put_invites(permit(), &[]).await.unwrap_err(),
        ] {
            assert_eq!((error.kind, error.status), (kind, Some(status)));
            // A 404 is followed by advice about the url.
            assert_eq!(error.message.split(';').next(), Some(message), "{error}");
        }
    }
}

#[tokio::test]
async fn pages_and_texts_are_not_the_launchpad() {
    let page = |status| ResponseTemplate::new(status).set_body_raw("<html>Sign in</html>", "text/html");
    for (answer, kind) in [
        (page(200), ErrorKind::NotJson),
        (page(404), ErrorKind::NotJson),
        (
            ResponseTemplate::new(404).set_body_string("404 page not found"),
            ErrorKind::NotJson,
        ),
        (page(502), ErrorKind::Unavailable),
    ] {
        let server = always(answer).await;
        let client = launchpad(&server.uri());
        for error in [
            client.groups().await.unwrap_err(),
            client.group("g1").await.err().unwrap(),
            client.delete_group(permit(), "g1").await.unwrap_err(),
            client
                .create_group(permit(), &new_group("team", None))
                .await
                .err()
                .unwrap(),
            client.task("t1").await.unwrap_err(),
        ] {
            assert_eq!(error.kind, kind, "{error}");
        }
    }
}

#[tokio::test]
async fn failures_open_the_breaker_whatever_the_lane_and_an_invalid_body_does_not() {
    let server = always(ResponseTemplate::new(502).set_body_json(json!({"message": "bad gateway"}))).await;
    let client = launchpad(&server.uri());
    let repair = client.with_lane(Lane::Repair);
    for _ in 0..5 {
        repair.put_invites(permit(), &[]).await.unwrap_err();
    }
    assert_eq!(client.breaker(), Breaker::Open);
    assert_eq!(client.groups().await.unwrap_err().kind, ErrorKind::CircuitOpen);
    assert_eq!(requests(&server).await, 5);

    let server = always(ResponseTemplate::new(422).set_body_json(json!({"errors": {"json": {}}}))).await;
    let client = launchpad(&server.uri());
    for _ in 0..5 {
        client.put_invites(permit(), &[]).await.unwrap_err();
    }
    assert_eq!(client.breaker(), Breaker::Closed);
}

#[tokio::test]
async fn an_id_is_one_segment_whatever_is_in_it() {
    let server = always(json_text(json!({"ready": true, "group": {}}))).await;
    let client = launchpad(&server.uri());
    for (id, segment) in [
        ("../users", "..%2Fusers"),
        ("a?b#c", "a%3Fb%23c"),
        ("é;x", "%C3%A9%3Bx"),
    ] {
        client.task(id).await.unwrap();
        client.group(id).await.unwrap();
        client.delete_group(permit(), id).await.unwrap();
        for request in server.received_requests().await.unwrap().iter().rev().take(3) {
            let last = request.url.path().rsplit('/').next();
            assert_eq!((last, request.url.path().split('/').count()), (Some(segment), 6));
        }
    }
    let sent = requests(&server).await;
    for id in ["", ".", "..", "a\nb"] {
        assert_eq!(client.task(id).await.unwrap_err().kind, ErrorKind::BadAddress);
        assert_eq!(client.group(id).await.err().unwrap().kind, ErrorKind::BadAddress);
    }
    assert_eq!(requests(&server).await, sent);
}

/// Gives back the key in all its forms, in every place where the Launchpad puts words.
async fn parrot(status: u16) -> MockServer {
    let server = MockServer::start().await;
    let echo = move |request: &Request| {
        let authorization = request.headers["authorization"].to_str().unwrap();
        let text = format!("header {authorization}, id canary-id, secret {KEY}");
        let body = json!({"message": text, "errors": {"json": {"0": [text]}}});
        let bulk = json!({"errors": [{"message": text}, text, {"reason": text}]});
        ResponseTemplate::new(status).set_body_json(if status == 200 { bulk } else { body })
    };
    Mock::given(any()).respond_with(echo).mount(&server).await;
    server
}

fn assert_clean(text: &str) {
    assert!(
        text.contains("[message withheld: it contains a secret value]"),
        "{text}"
    );
    for secret in ["canary", KEY, "Y2FuYXJ5"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[tokio::test]
async fn a_launchpad_that_gives_back_the_key_does_not_get_it_into_an_error() {
    for status in [400, 401, 403, 422, 429, 500] {
        let server = parrot(status).await;
        let client = launchpad(&server.uri());
        let document: Document = new_group("team", None);
        for error in [
            client.create_group(permit(), &document).await.err().unwrap(),
            client.put_group(permit(), "g1", &document).await.err().unwrap(),
            client.put_invites(permit(), &[]).await.unwrap_err(),
        ] {
            // After a 429 the connection holds, and what says so quotes nobody.
            assert!(error.status.is_some() || error.kind == ErrorKind::RateLimited);
            if error.status.is_some() {
                assert_clean(&format!("{error} {error:?}"));
            }
        }
    }
}

#[tokio::test]
async fn words_in_an_answer_of_success_are_withheld_too() {
    let server = parrot(200).await;
    let answer = launchpad(&server.uri()).put_invites(permit(), &[]).await.unwrap();
    assert_eq!(answer.errors.len(), 3);
    for error in &answer.errors {
        assert_clean(&format!("{error:?}"));
    }
    let received = server.received_requests().await.unwrap();
    assert_eq!(
        received[0].headers["authorization"],
        "Basic Y2FuYXJ5LWlkOmNhbmFyeS1rZXktNWYxZQ=="
    );
    assert_eq!(serde_json::from_slice::<Value>(&received[0].body).unwrap(), json!([]));
}
