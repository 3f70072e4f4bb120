//! Variables of a DSS node: requests sent, answers decoded.

use serde_json::json;
use wiremock::ResponseTemplate;

use super::{always, dss, permit};
use crate::dataiku::{document::Document, dss::settings, error::ErrorKind};

#[tokio::test]
async fn variables_go_back_byte_for_byte_but_for_what_was_edited() {
    let text = r#"{ "region": "eu-west-1", "limits": {"rows" : 1.0e3, "days":[ 1 , 2]}, "other": null }"#;
    let server = always(ResponseTemplate::new(200).set_body_string(text)).await;
    let client = dss(&server.uri());
    let mut variables = client.variables().await.unwrap();
    variables.set_at("/limits/more", &json!({"a": 1})).unwrap();
    client.put_variables(permit(), &variables).await.unwrap();

    let received = server.received_requests().await.unwrap();
    for (request, verb) in received.iter().zip(["GET", "PUT"]) {
        assert_eq!(
            (request.method.as_str(), request.url.path()),
            (verb, "/dip/publicapi/admin/variables/")
        );
    }
    assert_eq!(
        received[1].body,
        br#"{"region":"eu-west-1","limits":{"rows":1.0e3,"days":[ 1 , 2],"more":{"a":1}},"other":null}"#
    );
}

#[tokio::test]
async fn variables_are_one_object() {
    for body in ["[]", "7", "null", r#"{"a": 1"#] {
        let server = always(ResponseTemplate::new(200).set_body_string(body)).await;
        let error = dss(&server.uri()).variables().await.err().unwrap();
        assert!(
            matches!(error.kind, ErrorKind::Malformed | ErrorKind::NotJson),
            "{body} {error}"
        );
    }
    let server = always(ResponseTemplate::new(200)).await;
    assert!(
        dss(&server.uri())
            .put_variables(permit(), &Document::new())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn general_settings_go_back_byte_for_byte_but_for_what_was_edited() {
    let text = r#"{ "security": {"hideErrorStacks" : false, "x":1.0e3}, "ldapSettings": {"bindPassword":"e:AES:\u0041=","groups":[ 1 , 2]}, "impersonation": {"enabled":true,"userRules":[ {"type" : "IDENTITY"} ]}, "later": null }"#;
    let server = always(ResponseTemplate::new(200).set_body_string(text)).await;
    let client = dss(&server.uri());
    let mut settings = client.general_settings().await.unwrap();
    settings.set_at("/security/hideErrorStacks", &true).unwrap();
    let mut rules = settings::rules(&settings, "userRules").unwrap();
    rules.push(serde_json::value::to_raw_value(&json!({"type": "SINGLE_MAPPING"})).unwrap());
    settings::set_rules(&mut settings, "userRules", &rules).unwrap();
    client.put_general_settings(permit(), &settings).await.unwrap();

    let received = server.received_requests().await.unwrap();
    for (request, verb) in received.iter().zip(["GET", "PUT"]) {
        assert_eq!(
            (request.method.as_str(), request.url.path()),
            (verb, "/dip/publicapi/admin/general-settings")
        );
    }
    let expected = r#"{"security":{"hideErrorStacks":true,"x":1.0e3},"ldapSettings":{"bindPassword":"e:AES:\u0041=","groups":[ 1 , 2]},"impersonation":{"enabled":true,"userRules":[{"type" : "IDENTITY"},{"type":"SINGLE_MAPPING"}]},"later":null}"#;
    assert_eq!(String::from_utf8(received[1].body.clone()).unwrap(), expected);
    assert!(settings::rules(&Document::new(), "userRules").unwrap().is_empty());
}
