//! Users: requests sent, answers decoded.

use secrecy::SecretString;
use serde_json::{Value, json};
use wiremock::{MockServer, ResponseTemplate};

use super::{always, answering, dss, permit};
use crate::dataiku::{
    document::Document,
    dss::users::{NewUser, UserRecord},
    error::ErrorKind,
    fields::Unreadable,
};

/// A user document with the freedoms of a server: spaces, escapes, exponents, keys that nobody knows.
const DOCUMENT: &str = r#"{ "login": "jdoe", "sourceType": "LOCAL", "displayName": "Jane D\u006fe", "email": "jane@example.com",
  "groups": ["data_scientists"], "userProfile": "FULL_DESIGNER", "resultingUserProfile": "FULL_DESIGNER",
  "enabled": false, "creationDate": 1.76e12, "codeAllowed": true, "activeWebSocketSesssions": 2,
  "userProperties": {"team": "x"}, "adminProperties": {"cost": 1.50},
  "secrets": [ {"name": "s1", "value": "e:AES:abc=", "secret": true} ],
  "credentials": { "\"PLUGIN\", \"p\"": {"type":"BASIC","user":"u","password":"e:AES:def="} },
  "trialStatus": {"exists": false, "expiresOn": 0}, "newInNextRelease": {"a" : [1 , 2]} }"#;

async fn one_request(server: &MockServer) -> wiremock::Request {
    let mut received = server.received_requests().await.unwrap();
    assert_eq!(received.len(), 1);
    received.remove(0)
}

#[tokio::test]
async fn the_list_is_asked_for_with_or_without_settings() {
    for (settings, query) in [(true, "includeSettings=true"), (false, "includeSettings=false")] {
        let server = answering("GET", "/admin/users/", ResponseTemplate::new(200).set_body_string("[]")).await;
        assert!(
            dss(&server.uri())
                .users(settings, std::convert::identity)
                .await
                .unwrap()
                .items
                .is_empty()
        );
        assert_eq!(one_request(&server).await.url.query(), Some(query));
    }
}

#[tokio::test]
async fn a_short_list_says_nothing_about_properties() {
    let body = json!([
        {"login": "jdoe", "displayName": "Jane", "email": "", "groups": null, "sourceType": "LDAP", "somethingNew": [1]},
        {"login": "bob", "email": "b@x.org", "groups": ["a", "b"], "enabled": true, "activeWebSocketSessions": 3,
         "secrets": [{"name": "s", "value": "canary"}]},
    ]);
    let server = answering("GET", "/admin/users/", ResponseTemplate::new(200).set_body_json(body)).await;
    let users = dss(&server.uri())
        .users(false, std::convert::identity)
        .await
        .unwrap()
        .items;
    let jdoe = UserRecord {
        login: "jdoe".into(),
        source_type: Some("LDAP".into()),
        display_name: Some("Jane".into()),
        email: None,
        groups: Some(Vec::new()),
        user_profile: None,
        resulting_user_profile: None,
        enabled: None,
        active_sessions: None,
        creation_date: None,
        code_allowed: None,
        trial: None,
        user_properties: None,
        admin_properties: None,
        secrets: None,
        credentials: None,
        preferences: None,
        unreadable: Unreadable::default(),
    };
    assert_eq!(users[0], jdoe);
    assert_eq!(
        (users[1].email.as_deref(), users[1].active_sessions),
        (Some("b@x.org"), Some(3))
    );
    assert!(!format!("{users:?}").contains("canary"));
}

#[tokio::test]
async fn a_list_with_settings_holds_properties_and_null_is_an_empty_map() {
    let body = json!([
        {"login": "a", "userProperties": {"team": "x"}, "adminProperties": null},
        {"login": "b", "activeWebSocketSesssions": 1, "activeWebSocketSessions": 1, "userProperties": {"n": 1, "o": {}}},
    ]);
    let server = answering("GET", "/admin/users/", ResponseTemplate::new(200).set_body_json(body)).await;
    let users = dss(&server.uri())
        .users(true, std::convert::identity)
        .await
        .unwrap()
        .items;
    assert_eq!(users[0].user_properties.as_ref().unwrap()["team"], "x");
    assert!(users[0].admin_properties.as_ref().unwrap().is_empty());
    assert_eq!(users[1].active_sessions, Some(1));
    assert_eq!(users[1].user_properties.as_ref().unwrap().len(), 2);
    assert_eq!(users[1].admin_properties, None);
}

#[tokio::test]
async fn a_record_is_read_from_a_document() {
    let server = answering(
        "GET",
        "/admin/users/jdoe",
        ResponseTemplate::new(200).set_body_string(DOCUMENT),
    )
    .await;
    let document = dss(&server.uri()).user("jdoe").await.unwrap().unwrap();
    let record = UserRecord::from_document(&document).unwrap();
    assert_eq!(
        (record.login.as_str(), record.display_name.as_deref()),
        ("jdoe", Some("Jane Doe"))
    );
    assert_eq!((record.enabled, record.active_sessions), (Some(false), Some(2)));
    assert_eq!(
        (record.creation_date, record.code_allowed),
        (Some(1_760_000_000_000), Some(true))
    );
    let trial = record.trial.unwrap();
    assert_eq!(
        (trial.exists, trial.valid, trial.expires_on),
        (Some(false), None, Some(0))
    );
    assert_eq!(record.admin_properties.unwrap()["cost"], 1.5);
}

#[test]
fn a_document_that_does_not_say_is_of_an_enabled_user_without_groups_and_an_unreadable_member_is_unknown() {
    let record = |value: Value| UserRecord::from_document(&serde_json::from_value(value).unwrap());
    let silent = record(json!({"login": "a"})).unwrap();
    assert_eq!((silent.enabled, silent.groups), (Some(true), Some(vec![])));
    assert!(silent.unreadable.is_empty());

    let odd = record(json!({"login": "a", "enabled": "yes", "groups": ["a", 7], "email": {}})).unwrap();
    assert_eq!((odd.enabled, odd.groups, odd.email), (None, None, None));
    let error = odd.unreadable.check(&["displayName", "groups"]).unwrap_err();
    assert_eq!(error.to_string(), "groups: not of the expected shape");
    assert!(odd.unreadable.check(&["displayName", "userProperties"]).is_ok());

    for value in [
        json!({}),
        json!({"login": null}),
        json!({"login": ["a"]}),
        json!({"login": ""}),
    ] {
        assert_eq!(
            record(value).unwrap_err().to_string(),
            "login: missing, or not of the expected shape"
        );
    }
}

#[tokio::test]
async fn a_document_goes_back_byte_for_byte_but_for_what_was_edited() {
    let server = always(ResponseTemplate::new(200).set_body_string(DOCUMENT)).await;
    let dss = dss(&server.uri());
    let mut document = dss.user("jdoe").await.unwrap().unwrap();
    document.set("enabled", &true);
    document.set("password", "new-password");
    dss.put_user(permit(), "jdoe", &document).await.unwrap();

    let received = server.received_requests().await.unwrap();
    let put = &received[1];
    assert_eq!(
        (put.method.as_str(), put.url.path()),
        ("PUT", "/dip/publicapi/admin/users/jdoe")
    );
    assert_eq!(put.headers["content-type"], "application/json");
    let sent: Document = serde_json::from_slice(&put.body).unwrap();
    let read: Document = serde_json::from_str(DOCUMENT).unwrap();
    for key in read.keys().filter(|key| *key != "enabled") {
        assert_eq!(sent.raw(key), read.raw(key), "{key}");
    }
    assert_eq!(
        (sent.raw("enabled"), sent.raw("password")),
        (Some("true"), Some(r#""new-password""#))
    );
    let order: Vec<&str> = read.keys().chain(["password"]).collect();
    assert_eq!(sent.keys().collect::<Vec<_>>(), order);
}

#[tokio::test]
async fn a_creation_sends_every_key() {
    let server = answering(
        "POST",
        "/admin/users/",
        ResponseTemplate::new(200).set_body_string("Created"),
    )
    .await;
    let password = SecretString::from("s3cret");
    let groups = ["readers".to_owned()];
    let user = NewUser {
        login: "jdoe",
        password: Some(&password),
        display_name: "Jane Doe",
        source_type: "LOCAL",
        groups: &groups,
        user_profile: "READER",
        email: Some("jane@example.com"),
    };
    dss(&server.uri()).create_user(permit(), &user).await.unwrap();
    let request = one_request(&server).await;
    let expected = json!({"login": "jdoe", "password": "s3cret", "displayName": "Jane Doe", "sourceType": "LOCAL",
        "groups": ["readers"], "userProfile": "READER", "email": "jane@example.com"});
    assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap(), expected);
    assert_eq!(request.headers["content-type"], "application/json");
}

#[tokio::test]
async fn a_creation_without_password_and_email_sends_null() {
    let server = answering("POST", "/admin/users/", ResponseTemplate::new(200)).await;
    let user = NewUser {
        login: "jdoe",
        password: None,
        display_name: "jdoe",
        source_type: "LDAP",
        groups: &[],
        user_profile: "READER",
        email: None,
    };
    dss(&server.uri()).create_user(permit(), &user).await.unwrap();
    let body: Value = serde_json::from_slice(&one_request(&server).await.body).unwrap();
    assert_eq!(
        (&body["password"], &body["email"], &body["groups"]),
        (&Value::Null, &Value::Null, &json!([]))
    );
    assert_eq!(body.as_object().unwrap().len(), 7);
}

#[tokio::test]
async fn a_deletion_never_permits_self_deletion_and_tells_whether_there_was_a_user() {
    let server = answering("DELETE", "/admin/users/jdoe", ResponseTemplate::new(200)).await;
    let dss = dss(&server.uri());
    assert!(dss.delete_user(permit(), "jdoe").await.unwrap());
    let request = one_request(&server).await;
    assert_eq!(request.url.query(), Some("allowSelfDeletion=false"));
    assert!(request.body.is_empty());
    assert!(!dss.delete_user(permit(), "nobody").await.unwrap());
}

#[tokio::test]
async fn a_refused_creation_gives_the_reason() {
    let body = json!({"errorType": "com.dataiku.dip.exceptions.CodedException", "code": "ERR_SECURITY_USER_EXISTS",
        "message": "User already exists: jdoe"});
    let server = answering("POST", "/admin/users/", ResponseTemplate::new(400).set_body_json(body)).await;
    let user = NewUser {
        login: "jdoe",
        password: None,
        display_name: "jdoe",
        source_type: "LDAP",
        groups: &[],
        user_profile: "READER",
        email: None,
    };
    let error = dss(&server.uri()).create_user(permit(), &user).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::AlreadyExists);
    assert_eq!(
        error.to_string(),
        "POST /admin/users/: HTTP 400: User already exists: jdoe"
    );
}
