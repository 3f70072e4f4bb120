//! [`ConnectionKind`]: what a kind of connection supplies.

use std::{
    future::Future,
    hash::{DefaultHasher, Hash, Hasher},
};

use kube::core;
use secrecy::ExposeSecret;

use super::{Dependent, Effect, Held, Live};
use crate::{
    crd::{
        connection::{self, AllowedNamespaces, CaBundleKind},
        status::Nothing,
    },
    dataiku::{
        gate::Lane,
        transport::{Credentials, Endpoint, Limits, Tls, Transport},
    },
    engine::{
        error::Error,
        object::Object,
        secrets::{SecretUse, Secrets, SourceKind},
    },
};

const CA_BUNDLE: &str = "caBundle";
const DEFAULT_CA_KEY: &str = "ca.crt";
const DEFAULT_CONCURRENCY: usize = 8;
const DEFAULT_REQUESTS_PER_SECOND: u32 = 50;

/// The API of a product.
pub trait Api: Clone + Send + Sync + 'static {
    /// The same API for calls of another urgency.
    #[must_use]
    fn in_lane(&self, lane: Lane) -> Self;
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
    /// Whether all writes are stopped.
    pub freeze: bool,
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
    /// Why a write with these effects must not be made: it would remove the last administrator, the operator's own identity
    /// or the space owner. Pure.
    fn guard(&self, _lists: &Self::Lists, _effects: &[Effect]) -> Option<String> {
        None
    }
    /// How many users the remote side had at the last sweep.
    fn users(_lists: &Self::Lists) -> usize {
        0
    }
    /// Shows what the mass-change brake holds.
    fn show_brake(_shown: &mut Self::Shown, _held: Option<Held>) {}
    /// Id of the node or space at the other end, where it has one.
    fn node_id(&self, _sweep: &Self::Sweep) -> Option<String> {
        None
    }
    /// The id that the status of the object shows.
    fn pinned_id(_shown: &Self::Shown) -> Option<&str> {
        None
    }
    /// Whether the other end is the right product and the credentials suffice. Pure.
    fn judge(&self, sweep: &Self::Sweep) -> Result<(), Error>;
    /// What the status shows. Pure.
    fn summary(&self, sweep: &Self::Sweep, dependents: &[Dependent]) -> Self::Shown;
}

/// Everything that a connection object reads: its credentials and its CA bundle.
pub(super) fn uses<C: ConnectionKind>(object: &C) -> Vec<SecretUse> {
    let mut uses = object.credential_uses();
    let bundle = object.terms().tls.and_then(|tls| tls.ca_bundle_ref.as_ref());
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
    uses
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
            client_identity_pem: None,
            insecure_skip_verify: tls.insecure_skip_verify.unwrap_or_default(),
            allow_insecure_http: tls.allow_insecure_http.unwrap_or_default(),
        },
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
