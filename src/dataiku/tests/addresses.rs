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
const HOSTILE: [&str; 85] = [
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
    "http://[64:ff9b:1:7f00:0:100::]",
    "http://[64:ff9b:1:7f:0:1::]",
    "http://[64:ff9b:1:0:7f:0:100:0]",
    "http://[2001:0:808:808:0:0:80ff:fffe]",
    "http://[2001:0:7f00:1:0:0:f7f7:f7f7]",
    "http://[2606:4700::5efe:127.0.0.1]",
    "http://[2606:4700::200:5efe:7f00:1]",
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
    "http://[fd00:ec2::23]",
    "http://[64:ff9b:1:a9fe:a9:fe00::]",
    "http://[64:ff9b:1:0:a9:fea9:fe00:0]",
    "http://[2001:0:808:808:0:0:5601:5601]",
    "http://[2001:0:a9fe:a9fe:0:0:f7f7:f7f7]",
    "http://[2606:4700::5efe:169.254.169.254]",
    "http://[fd12::5efe:a9fe:a9fe]",
    "http://[64:ff9b:1::100.100.100.200]",
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
    "http://[64:ff9b:1::]",
    "http://[64:ff9b::e000:1]",
    "http://[2001:0:0:0:0:0:f7f7:f7f7]",
    "http://[100::1]",
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
const LOOPBACK: usize = 30;

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
        "https://172.15.0.1",
        "https://172.32.0.1",
        "https://100.128.0.1",
        "https://[2001:db8::1]",
        "https://[2606:4700::1]:11200",
        "https://[64:ff9b:1:808:8:800::]",
        "https://[2002:808:808::1]",
        " https://dss.dataiku.svc.cluster.local\n",
        "HTTPS://DSS.EXAMPLE.COM",
    ] {
        assert!(construct(endpoint(url), Arc::default()).is_ok(), "{url}");
    }
}

/// Refused unless their network is open.
const PRIVATE: [&str; 18] = [
    "10.0.0.7",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.10",
    "100.64.0.1",
    "100.127.255.254",
    "198.18.0.1",
    "198.19.255.255",
    "192.0.0.8",
    "::ffff:10.0.0.7",
    "64:ff9b::a00:7",
    "2002:a00:7::1",
    "2001:0:808:808::f5ff:fff8",
    "2606:4700::5efe:10.0.0.7",
    "fc00::1",
    "fd12:3456::1",
    "2001:2::1",
    "5f00::1",
];

#[test]
fn private_addresses_are_refused_unless_their_network_is_open() {
    let verdict = |policy: &AddressPolicy, address: &str| policy.check(address.parse().unwrap()).is_ok();
    let open = |networks: &[&str]| AddressPolicy {
        allowed: networks.iter().map(|network| network.parse().unwrap()).collect(),
    };
    let everything = open(&["0.0.0.0/0", "::/0"]);
    for address in PRIVATE {
        assert!(!verdict(&AddressPolicy::default(), address), "{address}");
        assert!(!verdict(&loopback(), address), "{address}");
        assert!(verdict(&everything, address), "{address}");
    }
    let ten = open(&["10.0.0.0/8"]);
    for (address, expected) in [
        ("10.1.2.3", true),
        ("::ffff:10.1.2.3", true),
        ("192.168.1.1", false),
        ("fd12::1", false),
        ("fd12::5efe:10.1.2.3", false),
        ("2001:0:7f00:1:0:0:f5fe:fdfc", false),
    ] {
        assert_eq!(verdict(&ten, address), expected, "{address}");
    }
    assert!(
        !verdict(&open(&["100.64.0.0/10"]), "100.100.100.200"),
        "a metadata service"
    );
    assert!(!verdict(&open(&["fd00::/8"]), "fd00:ec2::254"), "a metadata service");
}

#[test]
fn the_refusal_of_a_private_address_names_the_option() {
    assert_eq!(
        refusal("https://10.0.0.7:11200", Arc::default()),
        "the host is a private address, and such addresses are not called unless the operator runs with \
         --allow-address for their network"
    );
    assert_eq!(
        refusal("https://169.254.169.254", Arc::default()),
        "the host is a cloud metadata address, and such addresses are not called"
    );
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
        "the host is a loopback address, and such addresses are not called unless the operator runs with \
         --allow-address for their network"
    );
    assert_eq!(requests(&server).await, 0);

    assert!(
        dss(&url).user("jdoe").await.unwrap().is_some(),
        "the same name, with loopback open"
    );
}
