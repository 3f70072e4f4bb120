//! `DssInstance`: the connection to a DSS node. Its "observation" is the look at the node that all its objects share.

use std::{collections::HashSet, convert::Infallible, sync::Arc, time::Duration};

use futures::{StreamExt, stream::BoxStream};
use kube::{Resource, ResourceExt};

use crate::{
    crd::{
        DssInstance,
        common::Policies,
        connection::{
            CaBundleKind, ConnectionStatus, GroupCounts, IdentityStatus, LicenseStatus, NodeStatus, UserCounts,
            drift_interval,
        },
        status::Nothing,
    },
    dataiku::{
        dss::Dss,
        transport::{Credentials, Endpoint, Limits, Tls, Transport},
    },
    engine::{
        Change, Error, Freshness, Inputs, Lane, Managed, Plan, Presence, Reason, Removal, SourceKind, SourceRef,
        Verdict, managed::StatusOf, managed::Trigger,
    },
    registry::{ConnectionKey, Dependent, DssConnection, Registry, dss::Sweep},
};

const API_KEY: &str = "apiKey";
const CA_BUNDLE: &str = "caBundle";
const DEFAULT_CA_KEY: &str = "ca.crt";
const DEFAULT_CONCURRENCY: usize = 8;
const DEFAULT_REQUESTS_PER_SECOND: u32 = 50;
/// Holders named in the message of a deletion that waits; the rest is counted.
const NAMED_HOLDERS: usize = 5;

/// The node, and who uses the connection.
pub struct InstanceClient {
    connection: Arc<DssConnection>,
    dependents: Vec<Dependent>,
}

/// What a look at the node showed.
pub struct Look {
    sweep: Sweep,
    dependents: Vec<Dependent>,
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

impl Managed for DssInstance {
    type World = Registry;
    type ConnectionKey = ConnectionKey;
    type Client = InstanceClient;
    type Desired = ();
    type Observed = Look;
    type Change = NoChange;
    type Seen = Nothing;
    type Shown = ConnectionStatus;

    const KIND: &'static str = "DssInstance";
    const REMOTE: &'static str = "instance";

    fn key(&self) -> String {
        self.name_any()
    }

    fn policies(&self) -> Policies {
        Policies::default()
    }

    fn status(&self) -> Option<&StatusOf<Self>> {
        self.status.as_ref()
    }

    fn sources(&self) -> Vec<SourceRef> {
        let secret = &self.spec.credentials.api_key_secret_ref;
        let mut sources = vec![SourceRef {
            slot: API_KEY,
            kind: SourceKind::Secret,
            name: secret.name.clone(),
            key: secret.key.clone().unwrap_or_else(|| API_KEY.to_owned()),
        }];
        let bundle = self.spec.tls.as_ref().and_then(|tls| tls.ca_bundle_ref.as_ref());
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

    async fn connect(&self, world: &Registry, inputs: &Inputs, _: Lane) -> Result<InstanceClient, Error> {
        let key = self.connection_key();
        let version = format!("{}/{}", self.meta().generation.unwrap_or_default(), inputs.version());
        let connection = world.dss.candidate(&key, &version, || {
            let transport = Transport::new(self.endpoint(inputs)?, world.addresses.clone(), world.calls.clone())?;
            Ok(DssConnection::new(
                key.clone(),
                Dss::new(transport),
                self.spec.freeze.unwrap_or_default(),
                self.spec.default_user_profile.clone(),
            ))
        })?;
        Ok(InstanceClient {
            connection,
            dependents: world.dss.dependents(&key).unwrap_or_default(),
        })
    }

    fn desired(&self, _: &Inputs) -> Result<(), Error> {
        Ok(())
    }

    async fn observe(client: &InstanceClient, _: &str, _: Freshness) -> Result<Look, Error> {
        let settings = client.dependents.iter().any(|dependent| dependent.needs_settings);
        Ok(Look {
            sweep: client.connection.sweep(settings).await?,
            dependents: client.dependents.clone(),
        })
    }

    fn diff((): &(), look: &Look) -> Result<Plan<NoChange>, Error> {
        if look.sweep.admin {
            return Ok(Plan::default());
        }
        let message = format!(
            "the API key {} lacks the admin right",
            look.sweep.identity.auth_identifier
        );
        Err(Error::Blocked(Reason::Forbidden, message))
    }

    fn removal(_: &Removal, _: &Look) -> Plan<NoChange> {
        Plan::default()
    }

    async fn apply(_: &InstanceClient, _: &Look, change: &NoChange) -> Result<(), Error> {
        match change.0 {}
    }

    fn presence(_: &Look) -> Presence {
        Presence::None
    }

    fn show(look: &Look) -> (Nothing, ConnectionStatus) {
        (Nothing {}, connection_status(look))
    }

    fn in_sync(_: &str) -> String {
        "reachable, with an admin key".to_owned()
    }

    fn interval(&self) -> Option<Duration> {
        Some(drift_interval(self.spec.drift_interval))
    }

    fn holders(&self, world: &Registry) -> Result<Vec<String>, Error> {
        let all = world
            .dss
            .dependents(&self.connection_key())
            .ok_or_else(|| Error::NotYet("waiting to learn which objects use this connection".into()))?;
        let mut named: Vec<_> = all
            .iter()
            .take(NAMED_HOLDERS)
            .map(|one| format!("{} {}", one.kind, one.object))
            .collect();
        if all.len() > NAMED_HOLDERS {
            named.push(format!("and {} more", all.len() - NAMED_HOLDERS));
        }
        Ok(named)
    }

    fn settled(&self, world: &Registry, verdict: &Verdict) {
        let key = self.connection_key();
        match verdict {
            Verdict::Ready => world.dss.settle_ready(&key),
            Verdict::NotReady(reason, message) => world.dss.settle_not_ready(&key, *reason, message),
            Verdict::Gone => world.dss.forget(&key),
        }
    }

    fn triggers(_: &Registry) -> BoxStream<'static, Trigger<ConnectionKey>> {
        futures::stream::pending().boxed()
    }
}

impl DssInstance {
    fn connection_key(&self) -> ConnectionKey {
        ConnectionKey {
            namespace: self.namespace().unwrap_or_default(),
            name: self.name_any(),
        }
    }

    fn endpoint(&self, inputs: &Inputs) -> Result<Endpoint, Error> {
        let api_key = inputs
            .get(API_KEY)
            .ok_or_else(|| Error::Internal("the API key was not resolved".into()))?;
        let tls = self.spec.tls.clone().unwrap_or_default();
        let limits = self.spec.limits.clone().unwrap_or_default();
        Ok(Endpoint {
            url: self.spec.url.clone(),
            credentials: Credentials::ApiKey(api_key.value.clone()),
            tls: Tls {
                ca_bundle_pem: inputs
                    .get(CA_BUNDLE)
                    .map(|bundle| secrecy::ExposeSecret::expose_secret(&bundle.value).as_bytes().to_vec()),
                client_identity_pem: None,
                insecure_skip_verify: tls.insecure_skip_verify.unwrap_or_default(),
                allow_insecure_http: tls.allow_insecure_http.unwrap_or_default(),
            },
            limits: Limits {
                concurrency: limits
                    .concurrency
                    .and_then(|n| n.try_into().ok())
                    .unwrap_or(DEFAULT_CONCURRENCY),
                requests_per_second: limits
                    .requests_per_second
                    .and_then(|n| n.try_into().ok())
                    .unwrap_or(DEFAULT_REQUESTS_PER_SECOND),
            },
        })
    }
}

fn connection_status(look: &Look) -> ConnectionStatus {
    let sweep = &look.sweep;
    let declared = |kind: &str| -> HashSet<&str> {
        let of_kind = look.dependents.iter().filter(|one| one.kind == kind);
        of_kind.map(|one| one.key.as_str()).collect()
    };
    let (users, groups) = (declared("DssUser"), declared("DssGroup"));
    let count = |wanted: &dyn Fn(&crate::dataiku::dss::users::UserRecord) -> bool| {
        length(sweep.users.iter().filter(|user| wanted(user)).count())
    };
    ConnectionStatus {
        node: sweep.node.as_ref().map(|node| NodeStatus {
            id: node.node_id.clone(),
            name: node.node_name.clone(),
            type_: node.node_type.clone(),
            version: node.dss_version.clone(),
        }),
        identity: Some(IdentityStatus {
            id: Some(sweep.identity.auth_identifier.clone()),
            admin: sweep.admin,
        }),
        license: sweep.profiles.as_ref().map(|profiles| LicenseStatus {
            user_profiles: profiles.as_ref().clone(),
        }),
        users: sweep.admin.then(|| UserCounts {
            total: length(sweep.users.len()),
            enabled: count(&|user| user.enabled),
            connected: count(&|user| user.active_sessions > 0),
            sessions: sweep.users.iter().map(|user| user.active_sessions.max(0)).sum(),
            undeclared: count(&|user| !users.contains(user.login.as_str())),
        }),
        groups: sweep.admin.then(|| GroupCounts {
            total: length(sweep.groups.len()),
            undeclared: length(
                sweep
                    .groups
                    .keys()
                    .filter(|name| !groups.contains(name.as_str()))
                    .count(),
            ),
        }),
        claims: Some(length(look.dependents.len())),
    }
}

fn length(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
