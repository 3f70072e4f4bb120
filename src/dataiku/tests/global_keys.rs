//! Global API keys: requests sent, answers decoded, and where their values are and are not.

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::any};

use super::{always, answering, dss, govern, json_text, only_request, permit};
use crate::dataiku::{
    document::Document,
    dss::global_keys::{KeyRecord, KeyRights, NewGlobalKey},
    error::{ApiError, ErrorKind},
};

const LIST: &str = "/admin/global-api-keys/";
const VALUE: &str = "canary-value-77aa";

/// A definition with the freedoms of a server: spaces, exponents, keys that nobody knows.
const DEFINITION: &str = r#"{ "id": "k1", "key": "canary-value-77aa", "label": "ci", "description": "", "groups": null,
  "globalPermissions": {"admin": false, "mayCreateProjects": true}, "dssUserForImpersonation": "svc-ci",
  "createdOn": 1.76e12, "createdBy": "admin", "expiresOn": 0, "expiry": "30", "projects": {"P" : {"admin":1.0}}}"#;

fn deployers() -> [String; 1] {
    ["deployers".to_owned()]
}

fn new_key(groups: &[String]) -> NewGlobalKey<'_> {
    NewGlobalKey {
        label: Some("ci"),
        description: Some("pipeline"),
        rights: KeyRights::Groups(groups),
        dss_user_for_impersonation: None,
    }
}

#[tokio::test]
async fn a_list_never_holds_a_value_whether_keys_are_hashed_or_not() {
    for key in [json!(VALUE), json!("************"), Value::Null, json!({"odd": VALUE})] {
        let body = json!([
            {"id": "k1", "key": key, "label": "ci", "groups": ["deployers"], "createdOn": 1_758_516_599_613_u64, "expiresOn": 7},
            {"id": "k2", "label": null, "globalPermissions": {"admin": true}},
            {"label": "no id", "key": VALUE},
        ]);
        let server = answering("GET", LIST, json_text(body)).await;
        let keys = dss(&server.uri()).global_keys().await.unwrap();
        assert_eq!((keys.items.len(), keys.unreadable), (2, 1));
        assert!(!format!("{keys:?}").contains("canary"));
        let first = &keys.items[0];
        assert_eq!((first.id.as_str(), first.label.as_deref()), ("k1", Some("ci")));
        assert_eq!(first.groups.as_deref(), Some(deployers().as_slice()));
        assert_eq!((first.created_on, first.expires_on), (Some(1_758_516_599_613), Some(7)));
        let second = &keys.items[1];
        assert_eq!((&second.label, &second.groups), (&None, &None));
        assert_eq!(second.global_permissions, Some([("admin".to_owned(), true)].into()));
    }
}

#[tokio::test]
async fn a_definition_goes_back_byte_for_byte_but_for_what_was_edited() {
    let at = "/admin/global-api-keys/k1";
    let server = answering("GET", at, ResponseTemplate::new(200).set_body_string(DEFINITION)).await;
    let client = dss(&server.uri());
    let mut definition = client.global_key("k1").await.unwrap().unwrap();
    let record = KeyRecord::from_document(&definition).unwrap();
    assert_eq!(record.created_on, Some(1_760_000_000_000));
    assert_eq!(record.dss_user_for_impersonation.as_deref(), Some("svc-ci"));
    assert_eq!((&record.description, record.groups.is_none()), (&None, true));
    assert!(record.unreadable.is_empty() && !format!("{record:?}").contains("canary"));

    definition.set_at("/globalPermissions/admin", &true).unwrap();
    let server = answering("PUT", at, ResponseTemplate::new(204)).await;
    dss(&server.uri())
        .put_global_key(permit(), "k1", &definition)
        .await
        .unwrap();
    let (_, path, body) = only_request(&server).await;
    assert_eq!(path, "/dip/publicapi/admin/global-api-keys/k1");
    let expected = concat!(
        r#"{"id":"k1","key":"canary-value-77aa","label":"ci","description":"","groups":null,"#,
        r#""globalPermissions":{"admin":true,"mayCreateProjects":true},"dssUserForImpersonation":"svc-ci","#,
        r#""createdOn":1.76e12,"createdBy":"admin","expiresOn":0,"expiry":"30","projects":{"P" : {"admin":1.0}}}"#,
    );
    assert_eq!(body, expected);
}

#[tokio::test]
async fn a_creation_sends_either_groups_or_permissions_and_takes_the_value_out_of_the_answer() {
    let permissions: Document = serde_json::from_str(r#"{"admin":false,"mayCreateProjects":true}"#).unwrap();
    let groups = deployers();
    for (key, sent) in [
        (
            new_key(&groups),
            json!({"label": "ci", "description": "pipeline", "groups": ["deployers"]}),
        ),
        (
            NewGlobalKey {
                label: None,
                description: None,
                rights: KeyRights::Permissions(&permissions),
                dss_user_for_impersonation: Some("svc-ci"),
            },
            json!({"label": null, "description": null, "dssUserForImpersonation": "svc-ci",
                "globalPermissions": {"admin": false, "mayCreateProjects": true}}),
        ),
    ] {
        let answer = format!(r#"{{"messages": {{"error": false}}, {}"#, &DEFINITION[1..]);
        let server = answering("POST", LIST, ResponseTemplate::new(200).set_body_string(answer)).await;
        for created in [
            dss(&server.uri()).create_global_key(permit(), &key).await.unwrap(),
            govern(&server.uri()).create_global_key(permit(), &key).await.unwrap(),
        ] {
            assert_eq!((created.id.as_str(), created.value.expose_secret()), ("k1", VALUE));
            assert!(!created.document.contains("key"));
            assert_eq!(created.document.str("createdBy").as_deref(), Some("admin"));
        }
        for request in server.received_requests().await.unwrap() {
            assert_eq!(request.url.path(), "/dip/publicapi/admin/global-api-keys/");
            assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap(), sent);
        }
    }
}

async fn refused(answer: Value) -> ApiError {
    let server = answering("POST", LIST, json_text(answer)).await;
    let groups = deployers();
    let error = dss(&server.uri()).create_global_key(permit(), &new_key(&groups)).await;
    error.err().unwrap()
}

#[tokio::test]
async fn an_answer_that_says_success_may_report_a_failure() {
    let messages = json!([{"severity": "ERROR", "code": "ERR_X", "title": "Not allowed", "message": "too\nmany keys"},
        {"title": "see the log", "message": ""}, {}]);
    let error = refused(json!({"id": "k1", "key": VALUE, "messages": {"error": true, "messages": messages}})).await;
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::Rejected, "too many keys; see the log")
    );
    let error = refused(json!({"messages": {"error": true}})).await;
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Rejected, ""));
    let told = json!({"error": true, "messages": [{"message": format!("could not store {VALUE}")}]});
    let error = refused(json!({"id": "k1", "key": VALUE, "messages": told})).await;
    assert!(
        error.kind == ErrorKind::Rejected && !error.to_string().contains("canary"),
        "{error}"
    );
}

#[tokio::test]
async fn an_answer_without_id_or_value_is_no_key() {
    for (answer, member) in [
        (json!({"key": VALUE}), "id"),
        (json!({"id": 7, "key": VALUE}), "id"),
        (json!({"id": "", "key": VALUE}), "id"),
        (json!({"id": "k1"}), "key"),
        (json!({"id": "k1", "key": null}), "key"),
        (json!({"id": "k1", "key": ""}), "key"),
        (json!({"id": "k1", "key": [VALUE]}), "key"),
    ] {
        let error = refused(answer).await;
        assert_eq!(error.kind, ErrorKind::Malformed);
        assert!(error.message.starts_with(&format!("at {member}: ")), "{error}");
        assert!(!error.to_string().contains("canary"));
    }
}

#[tokio::test]
async fn a_deletion_tells_whether_there_was_a_key_and_an_absent_key_is_none() {
    let server = answering("DELETE", "/admin/global-api-keys/k%2F1", ResponseTemplate::new(200)).await;
    let client = dss(&server.uri());
    assert!(client.delete_global_key(permit(), "k/1").await.unwrap());
    assert!(!client.delete_global_key(permit(), "k2").await.unwrap());
    let class = json!({"errorType": "com.dataiku.dip.server.controllers.NotFoundException", "message": "none"});
    let server = always(ResponseTemplate::new(404).set_body_json(class)).await;
    assert!(govern(&server.uri()).global_key("k1").await.unwrap().is_none());
}

#[tokio::test]
async fn a_server_that_gives_back_what_it_got_does_not_get_a_value_into_an_error() {
    let server = MockServer::start().await;
    let echo = |request: &Request| {
        let body = String::from_utf8_lossy(&request.body);
        ResponseTemplate::new(400).set_body_json(json!({"errorType": "X", "message": format!("bad: {body}")}))
    };
    Mock::given(any()).respond_with(echo).mount(&server).await;
    let definition = serde_json::from_str(DEFINITION).unwrap();
    let error = dss(&server.uri()).put_global_key(permit(), "k1", &definition).await;
    let error = error.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
}
