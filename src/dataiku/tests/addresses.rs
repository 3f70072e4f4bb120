//! Addresses that are refused, before and after name resolution.

use std::{net::IpAddr, sync::Arc};

use wiremock::ResponseTemplate;

use super::{Calls, KEY, always, dss, endpoint, failure, loopback, requests};
use crate::dataiku::{
    address::AddressPolicy,
    dss::Dss,
    error::{ApiError, ErrorKind},
    transport::{Endpoint, Transport},
};

/// Refused by default. All but the loopback ones are refused too when loopback is open.
const HOSTILE: [&str; 66] = [
    // Loopback in every spelling.
    "http://127.0.0.1",
    "http://127.0.0.1.",
    "http://127.1",
    "http://127.0.1",
    "http://127.255.255.254",
    "http://2130706433",
    "http://0x7f000001",
    "http://0x7f.0.0.1",
    "http://0177.0.0.1",
    "http://017700000001",
    "http://%31%32%37.0.0.1",
    "http://127。0。0。1",
    "http://127.0.0.1",
    "http://①②⑦.⓪.⓪.①",
    "http://[::1]",
    "http://[0:0:0:0:0:0:0:1]",
    "http://[::ffff:127.0.0.1]",
    "http://[::ffff:7f00:1]",
    "http://[::127.0.0.1]",
    "http://[::ffff:0:127.0.0.1]",
    "http://[64:ff9b::127.0.0.1]",
    "http://[64:ff9b:1::127.0.0.1]",
    "http://[2002:7f00:1::]",
    // Link-local and metadata.
    "http://169.254.169.254",
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166",
    "http://0xa9fea9fe",
    "http://0251.0376.0251.0376",
    "http://169.254.0.1",
    "http://169.254.170.2",
    "http://[::ffff:169.254.169.254]",
    "http://[::a9fe:a9fe]",
    "http://[64:ff9b::169.254.169.254]",
    "http://[2002:a9fe:a9fe::]",
    "http://[fe80::1]",
    "http://[febf::1]",
    "http://[fec0::1]",
    "http://[fd00:ec2::254]",
    "http://[fd20:ce::254]",
    "http://100.100.100.200",
    "http://192.0.0.192",
    "http://168.63.129.16",
    // Unspecified, multicast, broadcast, reserved.
    "http://0.0.0.0",
    "http://0",
    "http://0.1.2.3",
    "http://[::]",
    "http://[::ffff:0.0.0.0]",
    "http://224.0.0.1",
    "http://239.255.255.250",
    "http://[ff02::1]",
    "http://255.255.255.255",
    "http://240.0.0.1",
    // Not an address of a node at all.
    "",
    "dss.example.com",
    "//dss.example.com",
    "ftp://dss.example.com",
    "file:///etc/passwd",
    "unix:///run/docker.sock",
    "javascript:alert(1)",
    "http://",
    "http://user@dss.example.com",
    "http://user:pass@dss.example.com",
    "https://dss.example.com@169.254.169.254/",
    "https://dss.example.com/?next=x",
    "https://dss.example.com/#x",
    "http://dss.example.com:99999",
];
/// How many of them are loopback.
const LOOPBACK: usize = 23;

fn construct(endpoint: Endpoint, addresses: Arc<AddressPolicy>) -> Result<Dss, ApiError> {
    Transport::new(endpoint, addresses, Arc::new(Calls::default())).map(Dss::new)
}

fn refusal(url: &str, addresses: Arc<AddressPolicy>) -> String {
    let error = construct(endpoint(url), addresses)
        .err()
        .unwrap_or_else(|| panic!("{url} is accepted"));
    assert_eq!(error.kind, ErrorKind::BadAddress, "{url}");
    assert!(!error.to_string().contains(KEY) && !error.to_string().contains("pass@"));
    error.message
}

#[test]
fn hostile_urls_are_refused_before_anything_is_sent() {
    for url in HOSTILE {
        let message = refusal(url, Arc::default());
        assert!(!message.is_empty(), "{url}");
    }
}

#[test]
fn opening_loopback_opens_nothing_else() {
    for url in &HOSTILE[..LOOPBACK] {
        assert!(construct(endpoint(url), loopback()).is_ok(), "{url}");
    }
    for url in &HOSTILE[LOOPBACK..] {
        refusal(url, loopback());
    }
    let everything = AddressPolicy {
        allowed: vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()],
    };
    for url in &HOSTILE[LOOPBACK..] {
        refusal(url, Arc::new(everything.clone()));
    }
}

#[test]
fn opening_one_loopback_network_leaves_the_others_closed() {
    let one = AddressPolicy {
        allowed: vec!["127.0.0.2/32".parse().unwrap()],
    };
    let verdict = |address: &str| one.check(address.parse::<IpAddr>().unwrap()).is_ok();
    assert!(verdict("127.0.0.2") && verdict("::ffff:127.0.0.2"));
    assert!(!verdict("127.0.0.1") && !verdict("::1"));
}

#[test]
fn addresses_of_real_nodes_are_accepted() {
    for url in [
        "https://dss.example.com",
        "https://dss.example.com:11200/base/",
        "https://10.0.0.7:11200",
        "https://172.16.0.1",
        "https://192.168.1.10",
        "https://100.64.0.1",
        "https://[fd12:3456::1]:11200",
        "https://[2001:db8::1]",
        " https://dss.dataiku.svc.cluster.local\n",
        "HTTPS://DSS.EXAMPLE.COM",
    ] {
        assert!(construct(endpoint(url), Arc::default()).is_ok(), "{url}");
    }
}

#[test]
fn http_needs_permission() {
    let mut plain = endpoint("http://dss.example.com");
    plain.tls.allow_insecure_http = false;
    let error = construct(plain, Arc::default()).err().unwrap();
    assert_eq!(
        error.to_string(),
        "connection: address refused: http is not allowed, the key would travel in clear text"
    );
}

#[test]
fn useless_tls_material_is_refused_without_quoting_it() {
    let mut broken = endpoint("https://dss.example.com");
    broken.tls.ca_bundle_pem = Some(b"canary".to_vec());
    let error = construct(broken, Arc::default()).err().unwrap();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::BadAddress, "the CA bundle holds no PEM certificate")
    );
    let mut broken = endpoint("https://dss.example.com");
    broken.tls.client_identity_pem = Some(b"canary".to_vec().into());
    let error = construct(broken, Arc::default()).err().unwrap();
    assert_eq!(error.message, "the client certificate or its key is not valid PEM");
}

#[tokio::test]
async fn a_name_that_resolves_to_a_refused_address_is_refused_after_resolution() {
    let server = always(ResponseTemplate::new(200).set_body_string("{}")).await;
    let url = format!("http://localhost:{}", server.address().port());
    let error = failure(&construct(endpoint(&url), Arc::default()).unwrap()).await;
    assert_eq!(error.kind, ErrorKind::BadAddress);
    assert_eq!(
        error.message,
        "the host is a loopback address, and such addresses are not called"
    );
    assert_eq!(requests(&server).await, 0);

    assert!(
        dss(&url).user("jdoe").await.unwrap().is_some(),
        "the same name, with loopback open"
    );
}
