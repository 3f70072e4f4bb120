//! Calls through a proxy, and calls with a token.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};
use wiremock::ResponseTemplate;

use super::{Calls, KEY, always, endpoint, failure, loopback, requests};
use crate::dataiku::{
    address::{AddressPolicy, Unresolved},
    credentials::Credentials,
    dss::Dss,
    error::ErrorKind,
    transport::{Endpoint, Proxy, Transport},
};

const PASSWORD: &str = "canary-proxy-7b2d";

/// A proxy that notes the head of every request and answers it by itself.
struct Fake {
    url: String,
    heads: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Fake {
    async fn answering(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = heads.clone();
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") && stream.read_buf(&mut head).await.is_ok_and(|length| length > 0) {}
                noted.lock().unwrap().push(String::from_utf8_lossy(&head).into_owned());
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { url, heads, task }
    }

    fn head(&self) -> String {
        self.heads.lock().unwrap().first().cloned().unwrap_or_default()
    }

    /// A client of the node at `url` that calls through this proxy.
    fn client(&self, url: &str) -> Dss {
        let endpoint = Endpoint {
            proxy: Some(Proxy {
                url: self.url.clone(),
                credentials: Some(("operator".into(), PASSWORD.into())),
            }),
            ..endpoint(url)
        };
        Dss::new(Transport::new(endpoint, loopback(), Arc::<Calls>::default()).unwrap())
    }
}

#[tokio::test]
async fn a_call_goes_to_the_proxy_with_the_password_for_it() {
    let node = always(ResponseTemplate::new(200)).await;
    let proxy = Fake::answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
    let error = failure(&proxy.client(&node.uri())).await;
    assert_ne!(error.kind, ErrorKind::BadAddress, "{error}");
    let head = proxy.head();
    assert!(
        head.starts_with(&format!("GET {}/dip/publicapi/admin/users/jdoe", node.uri())),
        "{head}"
    );
    // operator:canary-proxy-7b2d
    let expected = "proxy-authorization: basic b3blcmf0b3i6y2fuyxj5lxbyb3h5ltdimmq=";
    assert!(head.to_ascii_lowercase().contains(expected), "{head}");
    assert_eq!(requests(&node).await, 0, "nothing goes past the proxy");
}

#[tokio::test]
async fn a_secured_call_asks_the_proxy_for_a_tunnel_and_shows_it_no_key() {
    let proxy = Fake::answering("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
    let error = failure(&proxy.client("https://127.0.0.1:9")).await;
    assert_eq!(error.kind, ErrorKind::Unreachable, "{error}");
    let head = proxy.head();
    assert!(head.starts_with("CONNECT 127.0.0.1:9 "), "{head}");
    assert!(!head.to_ascii_lowercase().contains("\r\nauthorization"), "{head}");
    for secret in [KEY, PASSWORD] {
        assert!(!error.to_string().contains(secret));
    }
}

#[tokio::test]
async fn a_proxy_is_judged_like_a_node_and_opens_no_other_address() {
    let refused = |proxy: &str| {
        Proxy::base(proxy, &AddressPolicy::default())
            .map(|_| ())
            .map_err(|error| error.message)
    };
    assert_eq!(refused("http://proxy.example.com:3128"), Ok(()));
    for (proxy, part) in [
        ("http://127.0.0.1:3128", "loopback"),
        ("http://169.254.169.254", "metadata"),
        ("socks5://proxy.example.com", "neither"),
        ("http://user:password@proxy.example.com", "Secret"),
        ("http://proxy.example.com/path", "path"),
    ] {
        assert!(
            refused(proxy).unwrap_err().contains(part),
            "{proxy}: {:?}",
            refused(proxy)
        );
    }
    // What the proxy would resolve is resolved here first.
    let closed = AddressPolicy::default();
    assert!(matches!(
        closed.check_name("localhost").await,
        Err(Unresolved::Refused(_))
    ));
    assert_eq!(loopback().check_name("localhost").await, Ok(()));
}

#[tokio::test]
async fn a_token_is_sent_as_bearer_and_comes_back_nowhere() {
    let node = always(ResponseTemplate::new(401).set_body_string(format!(r#"{{"message":"bad {KEY}"}}"#))).await;
    let mut endpoint = endpoint(&node.uri());
    endpoint.credentials = Credentials::Bearer(KEY.into());
    let client = Dss::new(Transport::new(endpoint, loopback(), Arc::<Calls>::default()).unwrap());
    let error = failure(&client).await;
    assert!(!error.to_string().contains(KEY), "{error}");
    let request = node.received_requests().await.unwrap().remove(0);
    assert_eq!(request.headers["authorization"], format!("Bearer {KEY}"));
}
