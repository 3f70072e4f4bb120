//! The node itself: requests sent, answers decoded.

use serde_json::json;
use wiremock::ResponseTemplate;

use super::{answering, dss};
use crate::dataiku::{dss::instance::AuthInfo, error::ErrorKind};

#[tokio::test]
async fn a_key_and_a_user_both_say_who_they_are() {
    for (body, groups) in [
        (json!({"authIdentifier": "key-1", "authSource": "API_KEY"}), None),
        (
            json!({"authIdentifier": "key-1", "groups": ["administrators"]}),
            Some(vec!["administrators".to_owned()]),
        ),
        (json!({"authIdentifier": "key-1", "groups": null}), None),
    ] {
        let server = answering("GET", "/auth/info", ResponseTemplate::new(200).set_body_json(body)).await;
        let identity = dss(&server.uri()).auth_info().await.unwrap();
        assert_eq!(
            identity,
            AuthInfo {
                auth_identifier: "key-1".into(),
                groups
            }
        );
        let received = server.received_requests().await.unwrap();
        assert_eq!(received[0].url.query(), Some("withSecrets=false"));
    }
}

#[tokio::test]
async fn the_node_says_what_it_is() {
    let body =
        json!({"nodeId": "design", "nodeName": "Design", "nodeType": "DESIGN", "dssVersion": "15.2.0", "more": 1});
    let server = answering("GET", "/instance-info", ResponseTemplate::new(200).set_body_json(body)).await;
    let node = dss(&server.uri()).instance_info().await.unwrap();
    assert_eq!(
        (node.node_type.as_deref(), node.dss_version.as_deref()),
        (Some("DESIGN"), Some("15.2.0"))
    );
    let server = answering(
        "GET",
        "/instance-info",
        ResponseTemplate::new(200).set_body_string("{}"),
    )
    .await;
    assert_eq!(dss(&server.uri()).instance_info().await.unwrap().node_id, None);
}

#[tokio::test]
async fn profiles_come_from_the_licence_where_it_can_be_read() {
    let at = "/admin/licensing/status";
    let body = json!({"base": {"userProfiles": ["READER", "FULL_DESIGNER"], "x": 1}, "limits": {}});
    let server = answering("GET", at, ResponseTemplate::new(200).set_body_json(body)).await;
    assert_eq!(
        dss(&server.uri()).licensed_profiles().await.unwrap().unwrap(),
        ["FULL_DESIGNER", "READER"]
    );
    let server = answering(
        "GET",
        at,
        ResponseTemplate::new(200).set_body_json(json!({"community": true})),
    )
    .await;
    assert_eq!(dss(&server.uri()).licensed_profiles().await.unwrap(), None);
    let server = answering("GET", at, ResponseTemplate::new(403)).await;
    assert_eq!(
        dss(&server.uri()).licensed_profiles().await.unwrap_err().kind,
        ErrorKind::Forbidden
    );
}
