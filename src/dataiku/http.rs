//! Builds the HTTP client of a connection: checks its address, sets up TLS, and turns off everything that could carry
//! the key elsewhere.

use std::{sync::Arc, time::Duration};

use percent_encoding::percent_decode_str;
use reqwest::{Certificate, Client, ClientBuilder, Identity, redirect};
use secrecy::ExposeSecret;
use url::{Host, Url};

use super::{
    address::{AddressPolicy, GuardedResolver, Unresolved},
    answer::Fault,
    error::ErrorKind,
    transport::{Proxy, Tls},
};

/// How long things may take, lists left out.
#[derive(Clone, Copy)]
pub(super) struct Timing {
    /// Name resolution, connection and TLS handshake.
    pub(super) connect: Duration,
    /// The whole call, from the connection to the last byte of the answer.
    pub(super) total: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            total: Duration::from_secs(10),
        }
    }
}

/// Shorter than the idle time after which servers hang up (Jetty 30 s, nginx 75 s): a request on a connection that is
/// just being closed may or may not have been handled, and nobody could tell.
const KEEP_IDLE: Duration = Duration::from_secs(20);

/// The address below which the API is called, checked; an error says what is wrong with it.
pub(super) fn base(url: &str, allow_insecure_http: bool, addresses: &AddressPolicy) -> Result<Url, String> {
    let url = Url::parse(url.trim()).map_err(|error| format!("the URL is not valid: {error}"))?;
    match url.scheme() {
        "https" => {}
        "http" if allow_insecure_http => {}
        "http" => return Err("http is not allowed, the key would travel in clear text".to_owned()),
        _ => return Err("the URL is neither https nor http".to_owned()),
    }
    plain(&url)?;
    if names_api_path(&url) {
        return Err(
            "the URL has the path of the API, /dip/publicapi; url is the address of the node, such as https://dss.example.com"
                .to_owned(),
        );
    }
    check_literal(&url, addresses)?;
    Ok(url)
}

/// The address of a proxy, checked; an error says what is wrong with it.
pub(super) fn proxy_base(url: &str, addresses: &AddressPolicy) -> Result<Url, String> {
    let of_proxy = |what: String| format!("proxyUrl: {what}");
    let url = Url::parse(url.trim()).map_err(|error| of_proxy(format!("the URL is not valid: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(of_proxy("the URL is neither https nor http".to_owned()));
    }
    plain(&url).map_err(of_proxy)?;
    if url.path() != "/" {
        return Err(of_proxy("the URL has a path".to_owned()));
    }
    check_literal(&url, addresses).map_err(of_proxy)?;
    Ok(url)
}

/// Fails where a URL has more than an address and a path.
fn plain(url: &Url) -> Result<(), String> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the URL holds credentials; they belong in a Secret".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("the URL has a query or a fragment".to_owned());
    }
    Ok(())
}

/// Literal addresses are never resolved, so they are judged here.
fn check_literal(url: &Url, addresses: &AddressPolicy) -> Result<(), String> {
    let literal = match url.host() {
        None => return Err("the URL has no host".to_owned()),
        Some(Host::Domain(_)) => None,
        Some(Host::Ipv4(address)) => Some(address.into()),
        Some(Host::Ipv6(address)) => Some(address.into()),
    };
    literal
        .map_or(Ok(()), |address| addresses.check(address))
        .map_err(|refused| refused.to_string())
}

/// Judges what the name behind a proxy resolves to here. A proxy resolves it by itself, so a name that is unknown here, or one of
/// whose addresses is not allowed, is not asked for: a proxy must open nothing that the operator would not call.
pub(super) async fn check_proxied(base: &Url, addresses: &AddressPolicy, within: Duration) -> Result<(), Fault> {
    let Some(Host::Domain(name)) = base.host() else {
        return Ok(());
    };
    match tokio::time::timeout(within, addresses.check_name(name)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(Unresolved::Refused(refused))) => Err(Fault::new(ErrorKind::BadAddress, refused.to_string())),
        Ok(Err(Unresolved::Unknown)) | Err(_) => Err(Fault::new(
            ErrorKind::Unreachable,
            "the host of url does not resolve in the cluster, which it has to behind a proxy too",
        )),
    }
}

/// Whether the path goes down to the API of a node, which is added to every call.
fn names_api_path(url: &Url) -> bool {
    let path = percent_decode_str(url.path()).decode_utf8_lossy().to_ascii_lowercase();
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    segments.windows(2).any(|pair| pair == ["dip", "publicapi"])
}

/// The client for `base`; an error says what is wrong with the TLS material.
pub(super) fn client(
    base: &Url,
    tls: &Tls,
    proxy: Option<&Proxy>,
    addresses: Arc<AddressPolicy>,
    timing: &Timing,
) -> Result<Client, String> {
    let proxy = proxy.map(|proxy| through(proxy, &addresses)).transpose()?;
    let builder = Client::builder()
        .user_agent(concat!("dataiku-operator/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .no_proxy()
        .dns_resolver(GuardedResolver(addresses))
        .connect_timeout(timing.connect)
        .pool_idle_timeout(KEEP_IDLE);
    let builder = match proxy {
        Some(proxy) => builder.proxy(proxy),
        None => builder,
    };
    let builder = if base.scheme() == "http" {
        // Without TLS no certificate matters, and a machine without any CA certificates has to do.
        builder.tls_certs_only([])
    } else {
        secured(builder, tls)?
    };
    builder
        .build()
        .map_err(|error| format!("TLS cannot be set up: {}", cause(&error)))
}

fn through(proxy: &Proxy, addresses: &AddressPolicy) -> Result<reqwest::Proxy, String> {
    let url = proxy_base(&proxy.url, addresses)?;
    let made = reqwest::Proxy::all(url).map_err(|_| "proxyUrl: the URL is not valid".to_owned())?;
    Ok(match &proxy.credentials {
        Some((user, password)) => made.basic_auth(user.expose_secret(), password.expose_secret()),
        None => made,
    })
}

fn secured(mut builder: ClientBuilder, tls: &Tls) -> Result<ClientBuilder, String> {
    if let Some(pem) = &tls.ca_bundle_pem {
        let certificates = Certificate::from_pem_bundle(pem).unwrap_or_default();
        if certificates.is_empty() {
            return Err("the CA bundle holds no PEM certificate".to_owned());
        }
        builder = builder.tls_certs_merge(certificates);
    }
    if let Some(pem) = &tls.client_identity_pem {
        let identity = Identity::from_pem(pem.expose_secret());
        let identity = identity.map_err(|_| "the client certificate or its key is not valid PEM".to_owned())?;
        builder = builder.identity(identity);
    }
    Ok(builder.tls_danger_accept_invalid_certs(tls.insecure_skip_verify))
}

/// The innermost cause. The outer ones repeat it, and the outermost holds the URL.
pub(super) fn cause(error: &reqwest::Error) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

/// What is below the error.
pub(super) fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(std::error::Error::source(error), |error| error.source())
}
