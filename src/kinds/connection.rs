//! What all connection kinds share: one `impl Managed` for every [`ConnectionKind`].
//!
//! The "observation" of a connection is the look at its remote side that all its objects share.

use std::{convert::Infallible, fmt::Debug, future::Future, sync::Arc, time::Duration};

use futures::{StreamExt, stream::BoxStream};
use k8s_openapi::NamespaceResourceScope;
use kube::{Resource, ResourceExt, core};
use secrecy::ExposeSecret;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    crd::{
        common::Policies,
        connection::{self, CaBundleKind, drift_interval},
        status::{Nothing, Status},
    },
    dataiku::transport::{Credentials, Endpoint, Limits, Tls, Transport},
    engine::{
        Change, Error, Freshness, Inputs, Lane, Managed, Plan, Presence, Removal, SourceKind, SourceRef, Verdict,
        managed::{StatusOf, Trigger},
    },
    registry::{ConnectionKey, Connections, Dependent, Registry},
};

const CA_BUNDLE: &str = "caBundle";
const DEFAULT_CA_KEY: &str = "ca.crt";
const DEFAULT_CONCURRENCY: usize = 8;
const DEFAULT_REQUESTS_PER_SECOND: u32 = 50;
/// Holders named in the message of a deletion that waits; the rest is counted.
const NAMED_HOLDERS: usize = 5;

/// What every connection object says about how it is reached.
pub struct Terms<'a> {
    /// Base address.
    pub url: String,
    /// How it is secured.
    pub tls: Option<&'a connection::Tls>,
    /// What may be asked for at most.
    pub limits: Option<&'a connection::Limits>,
    /// How often it is looked at.
    pub drift_interval: Option<core::Duration>,
    /// Who may use it.
    pub allowed_namespaces: Option<&'a connection::AllowedNamespaces>,
}

/// A connection kind.
pub trait ConnectionKind:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Clone
    + Debug
    + Serialize
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
    /// The live connection.
    type Connection: Send + Sync + 'static;
    /// What one look at the remote side showed.
    type Sweep: Send + Sync;
    /// What the status shows.
    type Summary: Clone + Debug + Default + PartialEq + Serialize + DeserializeOwned + Send + Sync;

    /// Name of the kind.
    const NAME: &'static str;
    /// What `Ready` says where all is well.
    const READY: &'static str;

    /// The present status.
    fn present(&self) -> Option<&Status<Nothing, Self::Summary>>;
    /// How it is reached.
    fn terms(&self) -> Terms<'_>;
    /// Where its credentials are.
    fn credential_sources(&self) -> Vec<SourceRef>;
    /// Its credentials.
    fn credentials(&self, inputs: &Inputs) -> Result<Credentials, Error>;
    /// Where live connections of this kind are kept.
    fn connections(world: &Registry) -> &Connections<Self::Connection>;
    /// A connection that has seen nothing yet.
    fn open(&self, key: ConnectionKey, transport: Transport) -> Self::Connection;
    /// Looks at the whole remote side: a constant number of calls.
    fn sweep(
        connection: &Self::Connection,
        dependents: &[Dependent],
    ) -> impl Future<Output = Result<Self::Sweep, Error>> + Send;
    /// Whether the credentials suffice. Pure.
    fn judge(sweep: &Self::Sweep) -> Result<(), Error>;
    /// What the status shows. Pure.
    fn summary(sweep: &Self::Sweep, dependents: &[Dependent]) -> Self::Summary;
}

/// The remote side, and who uses the connection.
pub struct Client<K: ConnectionKind> {
    connection: Arc<K::Connection>,
    dependents: Arc<[Dependent]>,
}

/// What a look at the remote side showed.
pub struct Look<K: ConnectionKind> {
    sweep: K::Sweep,
    dependents: Arc<[Dependent]>,
}

/// A connection writes nothing.
#[derive(Debug)]
pub struct NoChange(Infallible);

impl Change for NoChange {
    fn steps(&self) -> Vec<String> {
        match self.0 {}
    }

    fn event(&self) -> &'static str {
        match self.0 {}
    }
}

impl<K: ConnectionKind> Managed for K {
    type World = Registry;
    type ConnectionKey = ConnectionKey;
    type Client = Client<K>;
    type Desired = ();
    type Observed = Look<K>;
    type Change = NoChange;
    type Seen = Nothing;
    type Shown = K::Summary;

    const KIND: &'static str = K::NAME;
    const REMOTE: &'static str = "connection";

    fn key(&self) -> String {
        self.name_any()
    }

    fn policies(&self) -> Policies {
        Policies::default()
    }

    fn status(&self) -> Option<&StatusOf<Self>> {
        self.present()
    }

    fn sources(&self) -> Vec<SourceRef> {
        let mut sources = self.credential_sources();
        let bundle = self.terms().tls.and_then(|tls| tls.ca_bundle_ref.as_ref());
        sources.extend(bundle.map(|bundle| SourceRef {
            slot: CA_BUNDLE,
            kind: match bundle.kind {
                CaBundleKind::ConfigMap => SourceKind::ConfigMap,
                CaBundleKind::Secret => SourceKind::Secret,
            },
            name: bundle.name.clone(),
            key: bundle.key.clone().unwrap_or_else(|| DEFAULT_CA_KEY.to_owned()),
        }));
        sources
    }

    fn connection(&self) -> Option<ConnectionKey> {
        None
    }

    fn admission(&self, _: &Registry) -> Result<(), Error> {
        Ok(())
    }

    async fn connect(&self, world: &Registry, inputs: &Inputs, _: Lane) -> Result<Client<K>, Error> {
        let key = key_of(self);
        let version = format!("{}/{}", self.meta().generation.unwrap_or_default(), inputs.version());
        let connection = K::connections(world).candidate(&key, &version, || {
            let endpoint = endpoint(self, inputs)?;
            let transport = Transport::new(endpoint, world.addresses.clone(), world.calls.clone())?;
            Ok(self.open(key.clone(), transport))
        })?;
        Ok(Client {
            connection,
            dependents: K::connections(world).known_dependents(&key).await.into(),
        })
    }

    fn desired(&self, _: &Inputs) -> Result<(), Error> {
        Ok(())
    }

    async fn observe(client: &Client<K>, _: &str, _: Freshness) -> Result<Look<K>, Error> {
        Ok(Look {
            sweep: K::sweep(&client.connection, &client.dependents).await?,
            dependents: client.dependents.clone(),
        })
    }

    fn diff((): &(), look: &Look<K>) -> Result<Plan<NoChange>, Error> {
        K::judge(&look.sweep).map(|()| Plan::default())
    }

    fn removal(_: &Removal, _: &Look<K>) -> Plan<NoChange> {
        Plan::default()
    }

    async fn apply(_: &Client<K>, _: &Look<K>, change: &NoChange) -> Result<(), Error> {
        match change.0 {}
    }

    fn presence(_: &Look<K>) -> Presence {
        Presence::None
    }

    fn show(look: &Look<K>) -> (Nothing, K::Summary) {
        (Nothing {}, K::summary(&look.sweep, &look.dependents))
    }

    fn in_sync(_: &str) -> String {
        K::READY.to_owned()
    }

    fn interval(&self) -> Option<Duration> {
        Some(drift_interval(self.terms().drift_interval))
    }

    fn holders(&self, world: &Registry) -> Result<Vec<String>, Error> {
        let all = K::connections(world)
            .dependents(&key_of(self))
            .ok_or_else(|| Error::NotYet("waiting to learn which objects use this connection".into()))?;
        let mut named: Vec<_> = all
            .iter()
            .take(NAMED_HOLDERS)
            .map(|one| format!("{} {}/{}", one.kind, one.namespace, one.name))
            .collect();
        if all.len() > NAMED_HOLDERS {
            named.push(format!("and {} more", all.len() - NAMED_HOLDERS));
        }
        Ok(named)
    }

    fn settled(&self, world: &Registry, verdict: &Verdict) {
        let (connections, key) = (K::connections(world), key_of(self));
        match verdict {
            Verdict::Ready => connections.settle_ready(&key),
            Verdict::NotReady(reason, message) => connections.settle_not_ready(&key, *reason, message),
            Verdict::Gone => connections.forget(&key),
        }
    }

    fn triggers(_: &Registry) -> BoxStream<'static, Trigger<ConnectionKey>> {
        futures::stream::pending().boxed()
    }
}

/// Calls in flight at once.
pub(super) fn concurrency(limits: Option<&connection::Limits>) -> usize {
    let declared = limits.and_then(|limits| limits.concurrency);
    declared.and_then(|n| n.try_into().ok()).unwrap_or(DEFAULT_CONCURRENCY)
}

fn key_of(object: &impl ResourceExt) -> ConnectionKey {
    ConnectionKey {
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
    }
}

fn endpoint<K: ConnectionKind>(object: &K, inputs: &Inputs) -> Result<Endpoint, Error> {
    let terms = object.terms();
    let tls = terms.tls.cloned().unwrap_or_default();
    let limits = terms.limits.cloned().unwrap_or_default();
    let ca_bundle = inputs
        .get(CA_BUNDLE)
        .map(|bundle| bundle.value.expose_secret().as_bytes().to_vec());
    Ok(Endpoint {
        url: terms.url,
        credentials: object.credentials(inputs)?,
        tls: Tls {
            ca_bundle_pem: ca_bundle,
            client_identity_pem: None,
            insecure_skip_verify: tls.insecure_skip_verify.unwrap_or_default(),
            allow_insecure_http: tls.allow_insecure_http.unwrap_or_default(),
        },
        limits: Limits {
            concurrency: concurrency(Some(&limits)),
            requests_per_second: limits
                .requests_per_second
                .and_then(|n| n.try_into().ok())
                .unwrap_or(DEFAULT_REQUESTS_PER_SECOND),
            ..Limits::default()
        },
    })
}
