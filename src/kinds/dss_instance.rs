//! `DssInstance`: the connection to a DSS node.

use std::collections::HashSet;

use crate::{
    crd::{
        DssInstance,
        connection::{ConnectionStatus, GroupCounts, IdentityStatus, LicenseStatus, NodeStatus, UserCounts},
        dss_instance::DssInstanceStatus,
    },
    dataiku::{
        dss::{Dss, users::UserRecord},
        transport::{Credentials, Transport},
    },
    engine::{Error, Inputs, Reason, SourceKind, SourceRef},
    kinds::connection::{ConnectionKind, Terms},
    registry::{ConnectionKey, Connections, Dependent, DssConnection, Registry, dss::Sweep},
};

const API_KEY: &str = "apiKey";

impl ConnectionKind for DssInstance {
    type Connection = DssConnection;
    type Sweep = Sweep;
    type Summary = ConnectionStatus;

    const NAME: &'static str = "DssInstance";
    const READY: &'static str = "reachable, with an admin key";

    fn present(&self) -> Option<&DssInstanceStatus> {
        self.status.as_ref()
    }

    fn terms(&self) -> Terms<'_> {
        let node = &self.spec.node;
        Terms {
            url: node.url.clone(),
            tls: node.tls.as_ref(),
            limits: node.limits.as_ref(),
            drift_interval: node.drift_interval,
        }
    }

    fn credential_sources(&self) -> Vec<SourceRef> {
        let secret = &self.spec.node.credentials.api_key_secret_ref;
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

    fn connections(world: &Registry) -> &Connections<DssConnection> {
        &world.dss
    }

    fn open(&self, key: ConnectionKey, transport: Transport) -> DssConnection {
        let node = &self.spec.node;
        DssConnection::new(
            key,
            Dss::new(transport),
            node.freeze.unwrap_or_default(),
            node.default_user_profile.clone(),
        )
    }

    async fn sweep(connection: &DssConnection, dependents: &[Dependent]) -> Result<Sweep, Error> {
        connection
            .sweep(dependents.iter().any(|dependent| dependent.needs_settings))
            .await
    }

    fn judge(sweep: &Sweep) -> Result<(), Error> {
        if sweep.admin {
            return Ok(());
        }
        let message = format!("the API key {} lacks the admin right", sweep.identity.auth_identifier);
        Err(Error::Blocked(Reason::Forbidden, message))
    }

    fn summary(sweep: &Sweep, dependents: &[Dependent]) -> ConnectionStatus {
        let node = sweep.node.as_ref();
        ConnectionStatus {
            node: node.map(|node| NodeStatus {
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
            users: sweep.admin.then(|| users(sweep, &declared(dependents, "DssUser"))),
            groups: sweep.admin.then(|| groups(sweep, &declared(dependents, "DssGroup"))),
            claims: Some(length(dependents.len())),
        }
    }
}

fn declared<'a>(dependents: &'a [Dependent], kind: &str) -> HashSet<&'a str> {
    let of_kind = dependents.iter().filter(|one| one.kind == kind);
    of_kind.map(|one| one.key.as_str()).collect()
}

fn users(sweep: &Sweep, declared: &HashSet<&str>) -> UserCounts {
    let count = |wanted: &dyn Fn(&UserRecord) -> bool| length(sweep.users.iter().filter(|user| wanted(user)).count());
    UserCounts {
        total: length(sweep.users.len()),
        enabled: count(&|user| user.enabled),
        connected: count(&|user| user.active_sessions > 0),
        sessions: sweep.users.iter().map(|user| user.active_sessions.max(0)).sum(),
        undeclared: count(&|user| !declared.contains(user.login.as_str())),
    }
}

fn groups(sweep: &Sweep, declared: &HashSet<&str>) -> GroupCounts {
    let undeclared = sweep
        .groups
        .keys()
        .filter(|name| !declared.contains(name.as_str()))
        .count();
    GroupCounts {
        total: length(sweep.groups.len()),
        undeclared: length(undeclared),
    }
}

fn length(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
