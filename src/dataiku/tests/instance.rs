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
async fn members_of_an_unexpected_shape_are_unknown_except_who_we_are() {
    let odd = |body: &'static str| ResponseTemplate::new(200).set_body_raw(body, "application/json");
    let server = answering(
        "GET",
        "/auth/info",
        odd(r#"{"authIdentifier": "key-1", "groups": [7], "x": 1e999}"#),
    )
    .await;
    let identity = dss(&server.uri()).auth_info().await.unwrap();
    assert_eq!((identity.auth_identifier.as_str(), identity.groups), ("key-1", None));
    for body in ["{}", r#"{"authIdentifier": null}"#, r#"{"authIdentifier": 7}"#, "[]"] {
        let server = answering("GET", "/auth/info", odd(body)).await;
        let error = dss(&server.uri()).auth_info().await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Malformed, "{body}");
    }
    let server = answering(
        "GET",
        "/instance-info",
        odd(r#"{"nodeId": 7, "nodeType": "DESIGN", "dssVersion": {}}"#),
    )
    .await;
    let node = dss(&server.uri()).instance_info().await.unwrap();
    assert_eq!(
        (node.node_id, node.node_type.as_deref(), node.dss_version),
        (None, Some("DESIGN"), None)
    );
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
    for odd in ["null", "[]", "7", r#"["READER"]"#, r#"{"base": 1e999}"#] {
        let server = answering(
            "GET",
            at,
            ResponseTemplate::new(200).set_body_raw(odd, "application/json"),
        )
        .await;
        assert_eq!(dss(&server.uri()).licensed_profiles().await.unwrap(), None, "{odd}");
    }
    let server = answering("GET", at, ResponseTemplate::new(403)).await;
    assert_eq!(
        dss(&server.uri()).licensed_profiles().await.unwrap_err().kind,
        ErrorKind::Forbidden
    );
}
