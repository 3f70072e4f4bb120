//! Certificates: who is trusted, and what is refused.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig, crypto::aws_lc_rs::default_provider, pki_types::PrivateKeyDer,
        server::WebPkiClientVerifier,
    },
};

use super::{Calls, endpoint, loopback};
use crate::dataiku::{
    dss::Dss,
    error::{ApiError, ErrorKind},
    transport::{Tls, Transport},
};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new([]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn valid_for(host: &str) -> CertificateParams {
    CertificateParams::new([host.to_owned()]).unwrap()
}

/// A node behind TLS that ends with its test.
struct Node {
    port: u16,
    /// Requests that came through the handshake.
    requests: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// With `clients`, only a client with a certificate of that authority is let in.
async fn node(authority: &Authority, certificate: &CertificateParams, clients: Option<&Authority>) -> Node {
    let key = KeyPair::generate().unwrap();
    let certificate = certificate.signed_by(&key, authority).unwrap();
    let provider = Arc::new(default_provider());
    let config = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap();
    let config = match clients {
        None => config.with_no_client_auth(),
        Some(clients) => {
            let mut roots = RootCertStore::empty();
            roots.add(clients.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider)
                .build()
                .unwrap();
            config.with_client_cert_verifier(verifier)
        }
    };
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = config.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = requests.clone();
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut request = [0; 4096];
            if stream.read(&mut request).await.is_ok_and(|length| length > 0) {
                counted.fetch_add(1, Ordering::SeqCst);
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
                // A client that does not wait for the answer is none of ours.
                let _ = stream.write_all(answer).await;
                let _ = stream.shutdown().await;
            }
        }
    });
    Node { port, requests, task }
}

impl Node {
    async fn call(&self, host: &str, tls: Tls) -> Result<(), ApiError> {
        let mut endpoint = endpoint(&format!("https://{host}:{}", self.port));
        endpoint.tls = tls;
        let transport = Transport::new(endpoint, loopback(), Arc::<Calls>::default())?;
        Dss::new(transport).instance_info().await.map(|_| ())
    }

    /// What a call fails with; the request itself never arrived.
    async fn refusal(&self, host: &str, tls: Tls) -> ApiError {
        let error = self.call(host, tls).await.unwrap_err();
        assert_eq!(self.requests.load(Ordering::SeqCst), 0, "the key was sent");
        error
    }
}

fn trusting(authority: &Authority) -> Tls {
    Tls {
        ca_bundle_pem: Some(authority.pem().into_bytes()),
        ..Tls::default()
    }
}

#[tokio::test]
async fn a_certificate_of_the_given_authority_is_trusted() {
    let authority = authority("ours");
    let node = node(&authority, &valid_for("localhost"), None).await;
    node.call("localhost", trusting(&authority)).await.unwrap();
}

#[tokio::test]
async fn a_bundle_may_hold_several_authorities_and_text_between_them() {
    let (old, new) = (authority("old"), authority("new"));
    let node = node(&new, &valid_for("localhost"), None).await;
    let bundle = format!("# old\n{}\n# new\n{}", old.pem(), new.pem());
    let tls = Tls {
        ca_bundle_pem: Some(bundle.into_bytes()),
        ..Tls::default()
    };
    node.call("localhost", tls).await.unwrap();
}

#[tokio::test]
async fn certificates_that_prove_nothing_are_refused_before_the_key_is_sent() {
    let authority = authority("ours");
    let mut expired = valid_for("localhost");
    (expired.not_before, expired.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    for (certificate, tls, cause) in [
        (
            valid_for("localhost"),
            trusting(&self::authority("another")),
            "UnknownIssuer",
        ),
        (valid_for("dss.example.com"), trusting(&authority), "not valid for name"),
        (expired, trusting(&authority), "expired"),
    ] {
        let node = node(&authority, &certificate, None).await;
        let error = node.refusal("localhost", tls).await;
        assert_eq!(error.kind, ErrorKind::Unreachable);
        assert!(
            error.message.contains("certificate") && error.message.contains(cause),
            "{error}"
        );
    }
}

#[tokio::test]
async fn verification_can_be_switched_off() {
    let node = node(&authority("unknown"), &valid_for("dss.example.com"), None).await;
    let tls = Tls {
        insecure_skip_verify: true,
        ..Tls::default()
    };
    node.call("127.0.0.1", tls).await.unwrap();
}

#[tokio::test]
async fn a_client_certificate_is_presented_where_one_is_given() {
    let (servers, clients) = (authority("servers"), authority("clients"));
    let node = node(&servers, &valid_for("localhost"), Some(&clients)).await;
    let error = node.refusal("localhost", trusting(&servers)).await;
    // In TLS 1.3 the client is done before the server judges it, so this may show only after the handshake.
    assert!(
        matches!(error.kind, ErrorKind::Unreachable | ErrorKind::Lost),
        "{error}"
    );

    let key = KeyPair::generate().unwrap();
    let certificate = valid_for("operator").signed_by(&key, &clients).unwrap();
    let identity = format!("{}{}", key.serialize_pem(), certificate.pem());
    let tls = Tls {
        client_identity_pem: Some(identity.into_bytes().into()),
        ..trusting(&servers)
    };
    node.call("localhost", tls).await.unwrap();
}
