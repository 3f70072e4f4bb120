//! Connections by https: whom the operator believes.

use std::sync::Arc;

use rcgen::{CertificateParams, CertifiedKey, KeyPair};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, pki_types::PrivateKeyDer},
};

use crate::bed::Bed;

/// A server that ends TLS in front of the node, with a certificate for 127.0.0.1 that no system trusts.
async fn https(dss: &str) -> (String, String) {
    let upstream = dss.trim_start_matches("http://").to_owned();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let made = CertifiedKey {
        cert: certificate,
        signing_key: key,
    };
    let private = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], private)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((inbound, _)) = listener.accept().await {
            let (acceptor, upstream) = (acceptor.clone(), upstream.clone());
            tokio::spawn(async move {
                let Ok(mut inbound) = acceptor.accept(inbound).await else {
                    return;
                };
                let mut outbound = TcpStream::connect(upstream).await.unwrap();
                // Either side may close first; that is the end of it.
                let _ = tokio::io::copy_bidirectional(&mut inbound, &mut outbound).await;
            });
        }
    });
    (format!("https://{address}"), made.cert.pem())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_believed_only_with_its_ca_or_when_told_so() {
    let bed = Bed::start("tls", &[]).await;
    let (url, ca) = https(bed.remote.url()).await;
    bed.give_credentials().await;
    bed.apply(&bed.connection_with(json!({ "url": url, "tls": null })))
        .await;
    bed.wait("DssInstance", "design", "Ready=False/Unavailable").await;
    let message = bed.message("DssInstance", "design").await;
    assert!(message.contains("certificate"), "{message}");
    assert_eq!(bed.remote.requests().total, 0, "the key was not sent");

    let config_map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "corp-ca" }, "data": { "ca.crt": ca },
    });
    let bundle = json!({ "caBundleRef": { "kind": "ConfigMap", "name": "corp-ca" } });
    bed.apply(&bed.connection_with(json!({ "url": url, "tls": bundle })))
        .await;
    bed.wait("DssInstance", "design", "Ready=False/DependencyNotReady")
        .await;
    bed.apply(&config_map).await;
    bed.wait("DssInstance", "design", "Ready=True/InSync").await;

    bed.apply(&bed.connection_with(json!({ "url": url, "tls": { "insecureSkipVerify": true } })))
        .await;
    bed.wait("DssInstance", "design", "Ready=True/InSync").await;
}
