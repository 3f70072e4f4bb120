//! What answers mean.

use serde_json::json;
use wiremock::ResponseTemplate;

use super::{KEY, always, answering, dss, failure, govern, observed, permit, requests};
use crate::dataiku::error::ErrorKind;

const NOT_FOUND: &str = "com.dataiku.dip.server.controllers.NotFoundException";

fn html(status: u16) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw("<html><body>Sign in</body></html>", "text/html; charset=utf-8")
}

#[tokio::test]
async fn each_status_has_its_kind() {
    for (status, kind) in [
        (400, ErrorKind::Rejected),
        (401, ErrorKind::Unauthorized),
        (403, ErrorKind::Forbidden),
        (409, ErrorKind::Rejected),
        (422, ErrorKind::Rejected),
        (429, ErrorKind::RateLimited),
        (500, ErrorKind::Unavailable),
        (502, ErrorKind::Unavailable),
        (503, ErrorKind::Unavailable),
        (504, ErrorKind::Unavailable),
    ] {
        let body = json!({"errorType": "java.lang.Exception", "message": "short", "detailedMessage": "the reason"});
        let server = always(ResponseTemplate::new(status).set_body_json(body)).await;
        let error = failure(&dss(&server.uri())).await;
        assert_eq!((error.kind, error.status), (kind, Some(status)));
        assert_eq!(
            error.to_string(),
            format!("GET /admin/users/{{login}}: HTTP {status}: the reason")
        );
        assert!(!error.is_not_found() && !error.is_ambiguous());
        assert_eq!(error.retry_after, None);
    }
}

#[tokio::test]
async fn absence_is_a_404_or_the_class_name_with_any_status() {
    for (status, body) in [
        (
            404,
            json!({"errorType": NOT_FOUND, "message": "no such user"}).to_string(),
        ),
        (
            500,
            json!({"errorType": NOT_FOUND, "message": "no such user"}).to_string(),
        ),
        (400, json!({"errorType": NOT_FOUND}).to_string()),
    ] {
        let server = always(ResponseTemplate::new(status).set_body_string(&body)).await;
        let dss = dss(&server.uri());
        assert!(dss.user("jdoe").await.unwrap().is_none(), "{status} {body}");
        assert!(dss.group("analysts").await.unwrap().is_none());
        assert!(!dss.delete_user(permit(), "jdoe").await.unwrap());
        assert!(!dss.delete_group(permit(), "analysts").await.unwrap());
        let put = dss
            .put_user(permit(), "jdoe", &serde_json::from_str("{}").unwrap())
            .await;
        assert!(put.unwrap_err().is_not_found());
    }
}

#[tokio::test]
async fn a_404_in_other_words_is_believed_only_if_the_list_bears_it_out() {
    for body in [json!({"message": "no Route matched"}).to_string(), String::new()] {
        let gateway = always(ResponseTemplate::new(404).set_body_string(&body)).await;
        let dss = dss(&gateway.uri());
        assert!(dss.user("jdoe").await.is_err(), "the list is not there either: {body}");
        assert!(dss.group("analysts").await.is_err());

        for (listed, absent) in [(json!([{"login": "jdoe"}]), false), (json!([{"login": "other"}]), true)] {
            let node = answering("GET", "/admin/users/", ResponseTemplate::new(200).set_body_json(listed)).await;
            let found = super::dss(&node.uri()).user("jdoe").await;
            assert_eq!(found.is_ok_and(|found| found.is_none()), absent);
        }
    }
}

#[tokio::test]
async fn a_404_that_the_node_did_not_write_is_not_absence() {
    for answer in [
        html(404),
        ResponseTemplate::new(404).set_body_string("404 page not found"),
        ResponseTemplate::new(404).set_body_string("default backend - 404"),
    ] {
        let server = always(answer).await;
        let dss = dss(&server.uri());
        let error = failure(&dss).await;
        assert_eq!((error.kind, error.status), (ErrorKind::NotJson, Some(404)));
        assert_eq!(
            dss.delete_user(permit(), "jdoe").await.unwrap_err().kind,
            ErrorKind::NotJson
        );
    }
}

#[tokio::test]
async fn only_the_own_error_format_of_the_product_is_quoted() {
    let long = "x".repeat(100_000);
    for (body, content_type, told) in [
        ("root:x:0:0:", "text/plain", "content type text/plain, 11 bytes"),
        (
            r#"{"kind":"Status","message":"secrets is forbidden"}"#,
            "application/json; charset=utf-8",
            "content type application/json, 50 bytes",
        ),
        ("[\"a\"]", "", "no content type, 5 bytes"),
        ("a,b", "te xt/<csv>", "unreadable content type, 3 bytes"),
        (&long, "text/plain", "content type text/plain, at least 64 KiB"),
    ] {
        for status in [400, 403, 500] {
            let mut answer = ResponseTemplate::new(status).set_body_bytes(body.as_bytes());
            if !content_type.is_empty() {
                answer = answer.insert_header("Content-Type", content_type);
            }
            let server = always(answer).await;
            let error = failure(&dss(&server.uri())).await;
            assert_eq!(error.status, Some(status));
            assert_eq!(error.message, format!("the answer is not an error of DSS ({told})"));
            let error = govern(&server.uri()).roles().await.unwrap_err();
            assert_eq!(error.message, format!("the answer is not an error of Govern ({told})"));
        }
    }
}

#[tokio::test]
async fn a_key_in_the_content_type_is_not_quoted_either() {
    let answer = ResponseTemplate::new(500).set_body_raw("x", KEY);
    let error = failure(&dss(&always(answer).await.uri())).await;
    assert_eq!(error.message, "[message withheld: it contains a secret value]");
}

#[tokio::test]
async fn a_taken_name_is_told_apart_whatever_the_status() {
    for (status, code) in [
        (400, "ERR_SECURITY_USER_EXISTS"),
        (500, "ERR_SECURITY_GROUP_EXISTS"),
        (409, "ERR_SECURITY_GROUP_EXISTS"),
    ] {
        let body = json!({"errorType": "com.dataiku.dip.exceptions.CodedException", "message": "taken", "code": code});
        let server = always(ResponseTemplate::new(status).set_body_json(body)).await;
        let error = dss(&server.uri())
            .create_group(permit(), "analysts", None, "LOCAL")
            .await
            .unwrap_err();
        assert_eq!((error.kind, error.status), (ErrorKind::AlreadyExists, Some(status)));
        assert_eq!(error.message, "taken");
    }
}

#[tokio::test]
async fn an_html_page_is_never_taken_for_an_answer() {
    let login_page = always(html(200)).await;
    let dss = dss(&login_page.uri());
    let document = serde_json::from_str("{}").unwrap();
    for error in [
        failure(&dss).await,
        dss.users(false, std::convert::identity).await.unwrap_err(),
        dss.create_group(permit(), "analysts", None, "LOCAL").await.unwrap_err(),
        dss.put_group(permit(), "analysts", &document).await.unwrap_err(),
        dss.delete_user(permit(), "jdoe").await.unwrap_err(),
    ] {
        assert_eq!((error.kind, error.status), (ErrorKind::NotJson, Some(200)));
        assert_eq!(error.message, "the answer is an HTML page");
    }
}

#[tokio::test]
async fn an_html_page_without_content_type_is_recognised_by_its_first_character() {
    let server = always(ResponseTemplate::new(200).set_body_string("\n <!DOCTYPE html><html></html>")).await;
    let error = dss(&server.uri()).delete_group(permit(), "analysts").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotJson);
}

#[tokio::test]
async fn an_html_502_stays_a_502_and_shows_nothing_of_the_page() {
    let server = always(html(502)).await;
    let error = failure(&dss(&server.uri())).await;
    assert_eq!((error.kind, error.status), (ErrorKind::Unavailable, Some(502)));
    assert_eq!(error.message, "the answer is an HTML page");
}

#[tokio::test]
async fn an_empty_or_textual_answer_where_json_is_due_is_not_json() {
    for (body, message) in [
        ("", "the answer is empty"),
        ("  \n", "the answer is empty"),
        ("OK", "the answer is not JSON"),
    ] {
        let server = always(ResponseTemplate::new(200).set_body_string(body)).await;
        let error = failure(&dss(&server.uri())).await;
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::NotJson, message));
    }
}

#[tokio::test]
async fn writes_accept_any_text_the_node_answers() {
    for body in ["", "Created user jdoe", "{}", "null"] {
        let server = always(ResponseTemplate::new(200).set_body_string(body)).await;
        let dss = dss(&server.uri());
        dss.create_group(permit(), "analysts", None, "LOCAL").await.unwrap();
        dss.put_group(permit(), "analysts", &serde_json::from_str("{}").unwrap())
            .await
            .unwrap();
        assert!(dss.delete_group(permit(), "analysts").await.unwrap());
    }
    let server = always(ResponseTemplate::new(204)).await;
    assert!(dss(&server.uri()).delete_user(permit(), "jdoe").await.unwrap());
}

#[tokio::test]
async fn a_body_that_is_not_a_list_is_an_error_with_its_path_and_without_its_value() {
    for (body, message) in [
        (r#"{"login":"hunter2"}"#, "at .: expected a sequence"),
        (
            r#"[{"login":"a"},{"login":"hunt"#,
            "at [1]: not valid JSON, or cut short",
        ),
        (
            r#"[{"login":"a"},{"login":hunter2}]"#,
            "at [1]: not valid JSON, or cut short",
        ),
        (r#"[{"login":"a"}] []"#, "more than one JSON value"),
    ] {
        let server = always(ResponseTemplate::new(200).set_body_raw(body, "application/json")).await;
        let error = dss(&server.uri())
            .users(false, std::convert::identity)
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind, error.message.as_str()),
            (ErrorKind::Malformed, message),
            "{body}"
        );
        assert_eq!(error.status, Some(200));
    }
}

#[tokio::test]
async fn deeply_nested_json_is_unknown_and_not_a_crash() {
    let deep = format!(
        r#"[{{"login":"a","userProperties":{{"x":{}{}}}}}]"#,
        "[".repeat(1_000_000),
        "]".repeat(1_000_000)
    );
    let server = always(ResponseTemplate::new(200).set_body_raw(deep, "application/json")).await;
    let users = dss(&server.uri()).users(true, std::convert::identity).await.unwrap();
    assert!(users.items[0].unreadable.contains("userProperties"));
}

#[tokio::test]
async fn every_call_is_told_to_the_observer_once() {
    let server = answering("GET", "/admin/users/", ResponseTemplate::new(200).set_body_string("[]")).await;
    let (dss, calls) = observed(&server.uri());
    dss.users(false, std::convert::identity).await.unwrap();
    dss.delete_user(permit(), "jdoe").await.unwrap();
    dss.user("..").await.err().unwrap();
    let seen: Vec<_> = calls
        .seen()
        .iter()
        .map(|call| (call.operation, call.product, call.outcome, call.status, call.write))
        .collect();
    let expected = [
        ("GET /admin/users/", "dss", "2xx", Some(200), false),
        ("DELETE /admin/users/{login}", "dss", "not_found", Some(404), true),
        ("GET /admin/users/{login}", "dss", "bad_address", None, false),
    ];
    assert_eq!(seen, expected);
    assert_eq!(requests(&server).await, 2);
}
