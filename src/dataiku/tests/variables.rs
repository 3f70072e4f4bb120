//! Variables of a DSS node: requests sent, answers decoded.

use serde_json::json;
use wiremock::ResponseTemplate;

use super::{always, dss, permit};
use crate::dataiku::{document::Document, error::ErrorKind};

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
