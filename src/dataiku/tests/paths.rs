//! Names that try to leave their place in the path.

use percent_encoding::percent_decode_str;
use wiremock::ResponseTemplate;

use super::{always, dss, endpoint, failure, loopback, permit, requests};
use crate::dataiku::{dss::Dss, error::ErrorKind, transport::Transport};

const PIECES: [&str; 25] = [
    "../groups/admin",
    "..%2fgroups",
    "%2e%2e",
    "%2e%2e%2f",
    "..;",
    "..;/groups",
    "a/b",
    "/",
    "//",
    "\\..\\groups",
    "a?b=c",
    "?includeSettings=true",
    "a#b",
    "#",
    "a;b=c",
    ";jsessionid=1",
    "a%b",
    "%",
    "%00",
    "%2F",
    "a b",
    "a&b",
    "é",
    "😀",
    "a:b@c",
];

/// Each piece alone, and with something before, after and around it.
fn names() -> impl Iterator<Item = String> {
    PIECES.iter().flat_map(|piece| {
        ["", "x", ".", "..."].into_iter().flat_map(move |before| {
            ["", "x", "/.."]
                .into_iter()
                .map(move |after| format!("{before}{piece}{after}"))
        })
    })
}

#[tokio::test]
async fn a_name_is_one_segment_whatever_is_in_it() {
    let server = always(ResponseTemplate::new(200).set_body_string("{}")).await;
    let dss = dss(&server.uri());
    let names: Vec<String> = names().collect();
    assert!(names.len() >= 200, "{}", names.len());
    for name in &names {
        dss.user(name).await.unwrap();
    }
    let received = server.received_requests().await.unwrap();
    assert_eq!(received.len(), names.len());
    for (name, request) in names.iter().zip(&received) {
        let segments: Vec<&str> = request.url.path().split('/').collect();
        assert_eq!(segments[..5], ["", "dip", "publicapi", "admin", "users"], "{name}");
        assert_eq!(segments.len(), 6, "{name}");
        assert_eq!(percent_decode_str(segments[5]).decode_utf8().unwrap(), name.as_str());
        assert!(!segments[5].contains([';', '?', '#', '\\', '@', '&', '=']), "{name}");
        assert_eq!((request.url.query(), request.url.fragment()), (None, None), "{name}");
    }
}

#[tokio::test]
async fn a_name_that_cannot_be_a_segment_is_refused_before_sending() {
    let server = always(ResponseTemplate::new(200).set_body_string("{}")).await;
    let dss = dss(&server.uri());
    let long = "x".repeat(10_000);
    for name in [
        "",
        ".",
        "..",
        "a\0b",
        "a\nb",
        "a\r\nHost: b",
        "a\tb",
        "\u{7f}",
        "\u{85}",
        &long,
    ] {
        let document = serde_json::from_str("{}").unwrap();
        for error in [
            dss.user(name).await.err().unwrap(),
            dss.put_user(permit(), name, &document).await.err().unwrap(),
            dss.delete_user(permit(), name).await.err().unwrap(),
            dss.group(name).await.err().unwrap(),
            dss.put_group(permit(), name, &document).await.err().unwrap(),
            dss.delete_group(permit(), name).await.err().unwrap(),
        ] {
            assert_eq!(error.kind, ErrorKind::BadAddress, "{name:?}");
        }
    }
    assert_eq!(requests(&server).await, 0);
}

#[tokio::test]
async fn the_base_keeps_its_prefix_and_loses_its_slashes() {
    let server = always(ResponseTemplate::new(200).set_body_string("[]")).await;
    for (given, path) in [
        ("", "/dip/publicapi/admin/groups/"),
        ("/", "/dip/publicapi/admin/groups/"),
        ("/node/one", "/node/one/dip/publicapi/admin/groups/"),
        ("/node//", "/node/dip/publicapi/admin/groups/"),
        ("/no%20de/", "/no%20de/dip/publicapi/admin/groups/"),
    ] {
        dss(&format!("{}{given}", server.uri())).groups().await.unwrap();
        assert_eq!(
            server.received_requests().await.unwrap().last().unwrap().url.path(),
            path
        );
    }
}

#[tokio::test]
async fn a_repair_lane_of_a_connection_is_the_same_connection() {
    let server = always(ResponseTemplate::new(502)).await;
    let transport = Transport::new(
        endpoint(&server.uri()),
        loopback(),
        std::sync::Arc::<super::Calls>::default(),
    );
    let transport = transport.unwrap();
    let repair = Dss::new(transport.with_lane(crate::dataiku::gate::Lane::Repair));
    for _ in 0..5 {
        failure(&repair).await;
    }
    assert_eq!(transport.breaker(), crate::dataiku::gate::Breaker::Open);
}
