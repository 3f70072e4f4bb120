//! What `DssInstance` and `GovernInstance` share: one `impl ConnectionKind` for every [`NodeKind`].

use std::{collections::HashSet, fmt::Debug, future::Future};

use k8s_openapi::NamespaceResourceScope;
use kube::Resource;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    crd::{
        connection::{ConnectionStatus, GroupCounts, IdentityStatus, LicenseStatus, NodeSpec, NodeStatus, UserCounts},
        status::{Nothing, Status},
    },
    dataiku::{
        dip::{DipProduct, Node, users::UserRecord},
        transport::{Credentials, Transport},
    },
    engine::{Error, Inputs, SourceKind, SourceRef},
    kinds::connection::{ConnectionKind, Terms, concurrency},
    registry::{ConnectionKey, Connections, Dependent, Registry, live::Live, node::NodeSweep, slots::Slots},
};

const API_KEY: &str = "apiKey";

/// A connection to a node: spec and status are those of every node.
pub trait NodeKind:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Clone
    + Debug
    + Serialize
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
    /// The product at the other end.
    type Product: DipProduct;
    /// What the objects of the node share.
    type Lists: Send + Sync + 'static;

    /// Name of the kind.
    const NAME: &'static str;
    /// What `Ready` says where all is well.
    const READY: &'static str;
    /// Kinds of the objects that declare its users and groups.
    const DECLARING: (&'static str, &'static str);

    /// The present status.
    fn present(&self) -> Option<&Status<Nothing, ConnectionStatus>>;
    /// The spec.
    fn node(&self) -> &NodeSpec;
    /// Where live connections of this kind are kept.
    fn connections(world: &Registry) -> &Connections<Live<Node<Self::Product>, Self::Lists>>;
    /// Lists before the first look.
    fn lists(&self) -> Self::Lists;
    /// Looks at the whole node: a constant number of calls.
    fn sweep(
        connection: &Live<Node<Self::Product>, Self::Lists>,
        dependents: &[Dependent],
    ) -> impl Future<Output = Result<NodeSweep, Error>> + Send;
    /// Whether the credentials suffice. Pure.
    fn judge(sweep: &NodeSweep) -> Result<(), Error>;
}

impl<K: NodeKind> ConnectionKind for K {
    type Connection = Live<Node<K::Product>, K::Lists>;
    type Sweep = NodeSweep;
    type Summary = ConnectionStatus;

    const NAME: &'static str = K::NAME;
    const READY: &'static str = K::READY;

    fn present(&self) -> Option<&Status<Nothing, ConnectionStatus>> {
        NodeKind::present(self)
    }

    fn terms(&self) -> Terms<'_> {
        let node = self.node();
        Terms {
            url: node.url.clone(),
            tls: node.tls.as_ref(),
            limits: node.limits.as_ref(),
            drift_interval: node.drift_interval,
            allowed_namespaces: node.allowed_namespaces.as_ref(),
        }
    }

    fn credential_sources(&self) -> Vec<SourceRef> {
        let secret = &self.node().credentials.api_key_secret_ref;
        vec![SourceRef {
            slot: API_KEY,
            kind: SourceKind::Secret,
            name: secret.name.clone(),
            key: secret.key.clone().unwrap_or_else(|| API_KEY.to_owned()),
        }]
    }

    fn credentials(&self, inputs: &Inputs) -> Result<Credentials, Error> {
        let api_key = inputs
            .get(API_KEY)
            .ok_or_else(|| Error::Internal("the API key was not resolved".into()))?;
        Ok(Credentials::ApiKey(api_key.value.clone()))
    }

    fn connections(world: &Registry) -> &Connections<Self::Connection> {
        <K as NodeKind>::connections(world)
    }

    fn open(&self, key: ConnectionKey, transport: Transport) -> Self::Connection {
        let node = self.node();
        Live {
            key,
            api: Node::new(transport),
            frozen: node.freeze.unwrap_or_default(),
            slots: Slots::new(concurrency(node.limits.as_ref())),
            lists: self.lists(),
        }
    }

    async fn sweep(connection: &Self::Connection, dependents: &[Dependent]) -> Result<NodeSweep, Error> {
        <K as NodeKind>::sweep(connection, dependents).await
    }

    fn judge(sweep: &NodeSweep) -> Result<(), Error> {
        <K as NodeKind>::judge(sweep)
    }

    fn summary(sweep: &NodeSweep, dependents: &[Dependent]) -> ConnectionStatus {
        let (user_kind, group_kind) = K::DECLARING;
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
                architect: sweep.architect,
            }),
            license: sweep.profiles.as_ref().map(|profiles| LicenseStatus {
                user_profiles: profiles.as_ref().clone(),
            }),
            users: sweep.admin.then(|| users(sweep, &declared(dependents, user_kind))),
            groups: sweep
                .admin
                .then(|| groups(sweep.groups.keys(), &declared(dependents, group_kind))),
            claims: Some(length(dependents.len())),
        }
    }
}

/// Keys that objects of this kind declare.
pub(super) fn declared<'a>(dependents: &'a [Dependent], kind: &str) -> HashSet<&'a str> {
    let of_kind = dependents.iter().filter(|one| one.kind == kind);
    of_kind.map(|one| one.key.as_str()).collect()
}

fn users(sweep: &NodeSweep, declared: &HashSet<&str>) -> UserCounts {
    let count =
        |wanted: &dyn Fn(&UserRecord) -> bool| length(sweep.users.items.iter().filter(|user| wanted(user)).count());
    UserCounts {
        total: length(sweep.users.items.len() + sweep.users.unreadable),
        enabled: count(&|user| user.enabled != Some(false)),
        connected: count(&|user| sessions(user) > 0),
        sessions: sweep.users.items.iter().map(|user| sessions(user)).sum(),
        undeclared: count(&|user| !declared.contains(user.login.as_str())),
    }
}

/// Open sessions; where they are unknown, none is counted.
fn sessions(user: &UserRecord) -> i64 {
    user.active_sessions.unwrap_or_default().max(0)
}

/// Counts of groups with these names.
pub(super) fn groups<'a>(names: impl Iterator<Item = &'a String>, declared: &HashSet<&str>) -> GroupCounts {
    let (mut total, mut undeclared) = (0, 0);
    for name in names {
        total += 1;
        undeclared += usize::from(!declared.contains(name.as_str()));
    }
    GroupCounts {
        total: length(total),
        undeclared: length(undeclared),
    }
}

/// A count as the status has it.
pub(super) fn length(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
