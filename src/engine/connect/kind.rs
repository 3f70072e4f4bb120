//! [`ConnectionKind`]: what a kind of connection supplies.

use std::{
    future::Future,
    hash::{DefaultHasher, Hash, Hasher},
};

use kube::core;
use secrecy::{ExposeSecret, SecretSlice};

use super::{Dependent, Effect, Live, audit::Batch, consent::Destination, delegation::Held, guard};
use crate::{
    crd::{
        common::SecretRef,
        connection::{self, AllowedNamespaces, BreakerStatus, CaBundleKind, ChangeWindow, Orphans},
        delegation::Tenancy,
        status::Nothing,
    },
    dataiku::{
        address::AddressPolicy,
        error::{ApiError, ErrorKind},
        gate::{Breaker, Lane},
        permit::WritePermit,
        transport::{Credentials, Endpoint, Limits, Proxy, Tls, Transport},
    },
    engine::{
        error::{Error, Reason},
        meters::Series,
        object::Object,
        secrets::{SecretUse, Secrets, SourceKind},
        status::{ExtraCondition, INSECURE, Truth},
    },
};

const CA_BUNDLE: &str = "caBundle";
const DEFAULT_CA_KEY: &str = "ca.crt";
const CLIENT_CERTIFICATE: &str = "clientCertificate";
const CLIENT_KEY: &str = "clientKey";
const PROXY_USER: &str = "proxyUsername";
const PROXY_PASSWORD: &str = "proxyPassword";
const DEFAULT_CONCURRENCY: usize = 8;
const DEFAULT_REQUESTS_PER_SECOND: u32 = 50;

/// The API of a product.
pub trait Api: Clone + Send + Sync + 'static {
    /// The same API for calls of another urgency.
    #[must_use]
    fn in_lane(&self, lane: Lane) -> Self;

    /// Whether its calls go out.
    fn breaker(&self) -> Breaker {
        Breaker::Closed
    }

    /// Writes these writes to the remote side's own audit trail. `NotFound`: it takes no entries.
    fn report(&self, _permit: WritePermit, _batch: &Batch) -> impl Future<Output = Result<(), ApiError>> + Send {
        async { Err(ApiError::new("audit trail", ErrorKind::NotFound, "")) }
    }
}

/// What every connection object says.
pub struct Terms<'a> {
    /// Base address.
    pub url: &'a str,
    /// How it is secured.
    pub tls: Option<&'a connection::Tls>,
    /// How much the operator may ask for.
    pub limits: Option<&'a connection::Limits>,
    /// Time between two sweeps.
    pub drift_interval: Option<core::Duration>,
    /// Which namespaces may use it.
    pub allowed_namespaces: Option<&'a AllowedNamespaces>,
    /// What those namespaces may do, and what nobody may do.
    pub tenancy: &'a Tenancy,
    /// Whether all writes are stopped.
    pub freeze: bool,
    /// When changes may be written; empty: at any time.
    pub change_windows: &'a [ChangeWindow],
    /// The proxy that calls go through.
    pub proxy: Option<&'a str>,
    /// User name and password for it.
    pub proxy_secret: Option<&'a SecretRef>,
}

/// A kind of connection. It writes nothing: it lists the remote side for all its objects.
pub trait ConnectionKind: Object<Seen = Nothing> {
    /// The API at the other end.
    type Api: Api;
    /// What its objects share: what the last sweep showed.
    type Lists: Default + Send + Sync + 'static;
    /// What one sweep showed.
    type Sweep: Send + Sync;

    /// Message of `Ready` where all is well.
    const READY: &'static str;

    /// What the object says about how it is reached and who may use it.
    fn terms(&self) -> Terms<'_>;
    /// Whether what the operator writes is also reported to the remote side's own audit trail.
    fn reports(&self) -> bool {
        false
    }
    /// Where the remote side is: two connections of one address lead to the same one. The base address, unless one server
    /// has several remote sides.
    fn address(&self) -> String {
        self.terms().url.to_owned()
    }
    /// Where its credentials are.
    fn credential_uses(&self) -> Vec<SecretUse>;
    /// Its credentials, from values that all exist.
    fn credentials(&self, secrets: &Secrets) -> Result<Credentials, Error>;
    /// The API over a transport.
    fn api(&self, transport: Transport) -> Self::Api;
    /// Reads the whole remote side, in a constant number of calls, and stores what it found in the connection's lists.
    fn sweep(
        &self,
        live: &Live<Self>,
        dependents: &[Dependent],
    ) -> impl Future<Output = Result<Self::Sweep, Error>> + Send;
    /// Reads the remote side once, for a command that is over soon: as much as plans need, and nothing that is read beside the
    /// sweep.
    ///
    /// # Errors
    /// A call fails, the remote side is of another product, or the credentials do not suffice.
    fn survey(&self, live: &Live<Self>, dependents: &[Dependent]) -> impl Future<Output = Result<(), Error>> + Send {
        async {
            let sweep = self.sweep(live, dependents).await?;
            self.judge(&sweep)
        }
    }
    /// Why a write with these effects must not be made: it would remove the last administrator, the operator's own identity
    /// or the space owner. Pure.
    fn guard(&self, _lists: &Self::Lists, _effects: &[Effect]) -> Option<String> {
        None
    }
    /// What a group gives to its members now, compared without case; nothing for a group that does not exist. `None`: nobody
    /// can tell, so that a namespace whose rights depend on it writes nothing. Pure.
    fn held(_lists: &Self::Lists, _group: &str) -> Option<Held> {
        None
    }
    /// Groups of a user now, compared without case; none for a user who does not exist. `None`: nobody can tell. Pure.
    fn memberships(_lists: &Self::Lists, _user: &str) -> Option<Vec<String>> {
        None
    }
    /// How many users the remote side had at the last sweep.
    fn users(_lists: &Self::Lists) -> usize {
        0
    }
    /// Shows whether calls go out.
    fn show_breaker(_shown: &mut Self::Shown, _breaker: BreakerStatus) {}
    /// Shows what the mass-change brake holds.
    fn show_brake(_shown: &mut Self::Shown, _held: Option<guard::Held>) {}
    /// Shows what is left on the remote side and no object manages.
    fn show_orphans(_shown: &mut Self::Shown, _orphans: Option<Orphans>) {}
    /// What the status of the object shows of that.
    fn orphans(_shown: &Self::Shown) -> Option<&Orphans> {
        None
    }
    /// The numbers among what a sweep shows, for metrics. Pure.
    fn gauges(_shown: &Self::Shown) -> Vec<Series> {
        Vec::new()
    }
    /// Id of the node or space at the other end, where it has one.
    fn node_id(&self, _sweep: &Self::Sweep) -> Option<String> {
        None
    }
    /// The id that the status of the object shows.
    fn pinned_id(_shown: &Self::Shown) -> Option<&str> {
        None
    }
    /// Fails if objects of this kind cannot be managed through the connection, whatever they declare. Pure.
    ///
    /// # Errors
    /// They cannot.
    fn accepts(&self, _kind: &'static str) -> Result<(), Error> {
        Ok(())
    }
    /// Whether the other end is the right product and the credentials suffice. Pure.
    fn judge(&self, sweep: &Self::Sweep) -> Result<(), Error>;
    /// Conditions beside `Ready`; `None`: the remote side could not be read. Pure.
    fn conditions(&self, _sweep: Option<&Self::Sweep>) -> Vec<ExtraCondition> {
        Vec::new()
    }
    /// Message of `Ready` where all is well. Pure.
    fn ready(&self, _sweep: &Self::Sweep) -> String {
        Self::READY.to_owned()
    }
    /// What the status shows. Pure.
    fn summary(&self, sweep: &Self::Sweep, dependents: &[Dependent]) -> Self::Shown;
}

/// Everything that a connection object reads: credentials, certificates, and who it is to its proxy.
pub(super) fn uses<C: ConnectionKind>(object: &C) -> Vec<SecretUse> {
    let mut uses = object.credential_uses();
    let terms = object.terms();
    let bundle = terms.tls.and_then(|tls| tls.ca_bundle_ref.as_ref());
    uses.extend(bundle.map(|bundle| SecretUse {
        slot: CA_BUNDLE.to_owned(),
        kind: match bundle.kind {
            CaBundleKind::ConfigMap => SourceKind::ConfigMap,
            CaBundleKind::Secret => SourceKind::Secret,
        },
        name: bundle.name.clone(),
        key: bundle.key.clone().unwrap_or_else(|| DEFAULT_CA_KEY.to_owned()),
        multiline: true,
        published: false,
    }));
    if let Some(SecretRef { name }) = client_certificate(&terms) {
        for (slot, key) in [(CLIENT_CERTIFICATE, "tls.crt"), (CLIENT_KEY, "tls.key")] {
            uses.push(SecretUse {
                multiline: true,
                ..SecretUse::new(slot, name, key)
            });
        }
    }
    if let Some(SecretRef { name }) = terms.proxy_secret {
        uses.push(SecretUse::new(PROXY_USER, name, "username"));
        uses.push(SecretUse::new(PROXY_PASSWORD, name, "password"));
    }
    uses
}

fn client_certificate<'a>(terms: &Terms<'a>) -> Option<&'a SecretRef> {
    terms.tls?.client_certificate_secret_ref.as_ref()
}

/// Every Secret whose value leaves the cluster, with its destination.
///
/// # Errors
/// The address is refused.
pub(super) fn destinations<C: ConnectionKind>(
    object: &C,
    addresses: &AddressPolicy,
) -> Result<Vec<Destination>, Error> {
    let terms = object.terms();
    let plain = terms.tls.and_then(|tls| tls.allow_insecure_http).unwrap_or_default();
    let url = Transport::base(terms.url, plain, addresses)?;
    let proxy = terms.proxy.map(|proxy| Proxy::base(proxy, addresses)).transpose()?;
    let mut secrets: Vec<String> = object.credential_uses().into_iter().map(|one| one.name).collect();
    secrets.extend(client_certificate(&terms).map(|secret| secret.name.clone()));
    secrets.sort_unstable();
    secrets.dedup();
    let mut destinations = Vec::new();
    for secret in secrets {
        // What goes through a proxy may be seen by it.
        for url in [&url].into_iter().chain(&proxy) {
            destinations.push(Destination {
                secret: secret.clone(),
                url: url.clone(),
            });
        }
    }
    if let (Some(secret), Some(url)) = (terms.proxy_secret, proxy) {
        let secret = secret.name.clone();
        destinations.push(Destination { secret, url });
    }
    Ok(destinations)
}

/// What makes the connection insecure, as a condition; none where nothing does.
///
/// # Errors
/// Whoever runs the operator does not allow it.
pub(super) fn insecurity<C: ConnectionKind>(object: &C, allowed: bool) -> Result<Vec<ExtraCondition>, Error> {
    let tls = object.terms().tls.cloned().unwrap_or_default();
    let skips = tls.insecure_skip_verify.unwrap_or_default();
    let plain = tls.allow_insecure_http.unwrap_or_default();
    let (field, reason, message) = match (skips, plain) {
        (false, false) => return Ok(Vec::new()),
        (true, _) => (
            "tls.insecureSkipVerify",
            "InsecureSkipVerify",
            "the server's certificate is not verified: anyone between the operator and the server can read the credentials",
        ),
        (false, true) => (
            "tls.allowInsecureHttp",
            "InsecureHttp",
            "http is allowed: with it, the credentials are sent in clear text",
        ),
    };
    if !allowed {
        let message = format!("{field} works only where the operator runs with --allow-insecure-tls");
        return Err(Error::Blocked(Reason::NotAllowed, message));
    }
    Ok(vec![ExtraCondition {
        type_: INSECURE,
        status: Truth::True,
        reason,
        message: message.to_owned(),
    }])
}

/// Hash of everything that decides how the remote side is reached: a connection with another one needs a new transport.
/// The values of its Secrets are not part of it.
pub(super) fn reach<C: ConnectionKind>(object: &C) -> u64 {
    let terms = object.terms();
    let mut hasher = DefaultHasher::new();
    object.address().hash(&mut hasher);
    let tls = terms.tls.cloned().unwrap_or_default();
    (tls.insecure_skip_verify, tls.allow_insecure_http).hash(&mut hasher);
    format!("{:?}", terms.limits).hash(&mut hasher);
    terms.proxy.hash(&mut hasher);
    for one in uses(object) {
        (one.slot, one.kind, one.name, one.key).hash(&mut hasher);
    }
    hasher.finish()
}

/// How many calls may be in flight.
pub(super) fn concurrency<C: ConnectionKind>(object: &C) -> usize {
    let declared = object.terms().limits.and_then(|limits| limits.concurrency);
    declared.and_then(|n| n.try_into().ok()).unwrap_or(DEFAULT_CONCURRENCY)
}

/// How the remote side is reached.
pub(super) fn endpoint<C: ConnectionKind>(object: &C, secrets: &Secrets) -> Result<Endpoint, Error> {
    let terms = object.terms();
    let tls = terms.tls.cloned().unwrap_or_default();
    let limits = terms.limits.cloned().unwrap_or_default();
    let ca_bundle = secrets.value(CA_BUNDLE);
    Ok(Endpoint {
        url: terms.url.to_owned(),
        credentials: object.credentials(secrets)?,
        tls: Tls {
            ca_bundle_pem: ca_bundle.map(|bundle| bundle.expose_secret().as_bytes().to_vec()),
            client_identity_pem: client_identity(secrets),
            insecure_skip_verify: tls.insecure_skip_verify.unwrap_or_default(),
            allow_insecure_http: tls.allow_insecure_http.unwrap_or_default(),
        },
        proxy: terms.proxy.map(|url| Proxy {
            url: url.to_owned(),
            credentials: match (secrets.value(PROXY_USER), secrets.value(PROXY_PASSWORD)) {
                (Some(user), Some(password)) => Some((user.clone(), password.clone())),
                _ => None,
            },
        }),
        limits: Limits {
            concurrency: concurrency(object),
            list_timeout: limits.list_timeout(),
            list_bytes: limits.list_bytes(),
            requests_per_second: limits
                .requests_per_second
                .and_then(|n| n.try_into().ok())
                .unwrap_or(DEFAULT_REQUESTS_PER_SECOND),
        },
    })
}

/// Certificate and private key, one after the other.
fn client_identity(secrets: &Secrets) -> Option<SecretSlice<u8>> {
    let (certificate, key) = (secrets.value(CLIENT_CERTIFICATE)?, secrets.value(CLIENT_KEY)?);
    let parts = [certificate, key].map(|part| part.expose_secret().as_bytes());
    Some(parts.join(&b'\n').into())
}

/// What the status shows of a breaker.
pub(super) fn breaker_status(breaker: Breaker) -> BreakerStatus {
    match breaker {
        Breaker::Closed => BreakerStatus::Closed,
        Breaker::Open => BreakerStatus::Open,
    }
}
