//! Personal API keys: requests sent, answers decoded, and where their values are not.

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use super::{answering, dss, json_text, permit};
use crate::dataiku::{document::Document, dss::personal_keys::NewPersonalKey, error::ErrorKind};

const VALUE: &str = "canary-value-31bd";
const ALL: &str = "/admin/personal-api-keys/";
const ONE: &str = "/personal-api-keys/p1";

#[tokio::test]
async fn the_keys_of_all_users_are_listed_without_their_values() {
    for key in [json!(VALUE), Value::Null, json!("************")] {
        let body = json!([{ "id": "p1", "user": "jane", "key": key, "label": "", "expiresOn": 0 }, { "user": "joe" }]);
        let server = answering("GET", ALL, json_text(body)).await;
        let keys = dss(&server.uri()).personal_keys().await.unwrap();
        assert_eq!((keys.items.len(), keys.unreadable), (1, 1));
        assert_eq!(keys.items[0].user.as_deref(), Some("jane"));
        assert!(!format!("{keys:?}").contains("canary"));
    }
}

#[tokio::test]
async fn a_key_is_created_for_its_user_and_its_value_leaves_the_answer() {
    let answer = json!({ "id": "p1", "user": "jane", "key": VALUE });
    let server = answering("POST", ALL, json_text(answer)).await;
    let new = NewPersonalKey {
        user: "jane",
        label: "ci",
        description: "why",
    };
    let created = dss(&server.uri()).create_personal_key(permit(), &new).await.unwrap();
    assert_eq!((created.id.as_str(), created.value.expose_secret()), ("p1", VALUE));
    assert!(!created.document.contains("key"));
    let requests = server.received_requests().await.unwrap();
    let sent: Value = serde_json::from_slice(&requests[0].body).unwrap();
    assert_eq!(sent, json!({ "user": "jane", "label": "ci", "description": "why" }));
    let server = answering("POST", ALL, json_text(json!({ "id": "p1" }))).await;
    let error = dss(&server.uri())
        .create_personal_key(permit(), &new)
        .await
        .err()
        .unwrap();
    assert_eq!(error.kind, ErrorKind::Malformed);
}

#[tokio::test]
async fn a_key_is_read_edited_and_deleted_by_the_path_of_everybody() {
    let definition = r#"{ "id": "p1",  "key": "canary-value-31bd", "label": "x", "odd": 1.50 }"#;
    let server = answering("GET", ONE, ResponseTemplate::new(200).set_body_string(definition)).await;
    let mut document: Document = dss(&server.uri()).personal_key("p1").await.unwrap().unwrap();
    document.set("label", "y");
    let server = answering("PUT", ONE, ResponseTemplate::new(200)).await;
    dss(&server.uri())
        .put_personal_key(permit(), "p1", &document)
        .await
        .unwrap();
    let requests = server.received_requests().await.unwrap();
    assert!(String::from_utf8_lossy(&requests[0].body).contains(r#""odd":1.50"#));
    let server = answering("PUT", ONE, ResponseTemplate::new(400).set_body_string(VALUE)).await;
    let error = dss(&server.uri())
        .put_personal_key(permit(), "p1", &document)
        .await
        .unwrap_err();
    assert!(!format!("{error:?}").contains("canary"));
    let server = answering("DELETE", ONE, ResponseTemplate::new(200)).await;
    assert!(dss(&server.uri()).delete_personal_key(permit(), "p1").await.unwrap());
}
