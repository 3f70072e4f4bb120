//! `LaunchpadSpace`: the connection to a space of Dataiku Cloud.

use crate::{
    crd::{
        LaunchpadSpace,
        launchpad_space::{
            DEFAULT_URL, LaunchpadSpaceStatus, SeatStatus, SpaceNodeStatus, SpaceStatus, SpaceUserCounts,
        },
    },
    dataiku::{
        launchpad::Launchpad,
        transport::{Credentials, Transport},
    },
    engine::{Error, Inputs, Reason, SourceKind, SourceRef},
    kinds::{
        connection::{ConnectionKind, Terms, concurrency},
        node::{declared, groups, length},
    },
    registry::{
        ConnectionKey, Connections, Dependent, LaunchpadConnection, Registry,
        launchpad::{LaunchpadLists, SpaceSweep},
        live::Live,
        slots::Slots,
    },
};

const KEY_ID: &str = "apiKeyId";
const KEY_SECRET: &str = "apiKeySecret";

impl ConnectionKind for LaunchpadSpace {
    type Connection = LaunchpadConnection;
    type Sweep = SpaceSweep;
    type Summary = SpaceStatus;

    const NAME: &'static str = "LaunchpadSpace";
    const READY: &'static str = "reachable, with a key that may read users and groups";

    fn present(&self) -> Option<&LaunchpadSpaceStatus> {
        self.status.as_ref()
    }

    fn terms(&self) -> Terms<'_> {
        let spec = &self.spec;
        Terms {
            url: spec.url.clone().unwrap_or_else(|| DEFAULT_URL.to_owned()),
            tls: spec.tls.as_ref(),
            limits: spec.limits.as_ref(),
            drift_interval: spec.drift_interval,
            allowed_namespaces: spec.allowed_namespaces.as_ref(),
        }
    }

    fn credential_sources(&self) -> Vec<SourceRef> {
        let secret = &self.spec.credentials.secret_ref;
        let source = |slot: &'static str, key: &Option<String>| SourceRef {
            slot,
            kind: SourceKind::Secret,
            name: secret.name.clone(),
            key: key.clone().unwrap_or_else(|| slot.to_owned()),
        };
        vec![
            source(KEY_ID, &secret.api_key_id_key),
            source(KEY_SECRET, &secret.api_key_secret_key),
        ]
    }

    fn credentials(&self, inputs: &Inputs) -> Result<Credentials, Error> {
        let (Some(id), Some(secret)) = (inputs.get(KEY_ID), inputs.get(KEY_SECRET)) else {
            return Err(Error::Internal("the API key was not resolved".into()));
        };
        Ok(Credentials::KeyPair {
            id: id.value.clone(),
            secret: secret.value.clone(),
        })
    }

    fn connections(world: &Registry) -> &Connections<LaunchpadConnection> {
        &world.launchpad
    }

    fn open(&self, key: ConnectionKey, transport: Transport) -> LaunchpadConnection {
        Live {
            key,
            api: Launchpad::new(transport, &self.spec.space_id),
            frozen: self.spec.freeze.unwrap_or_default(),
            slots: Slots::new(concurrency(self.spec.limits.as_ref())),
            lists: LaunchpadLists::default(),
        }
    }

    async fn sweep(connection: &LaunchpadConnection, _: &[Dependent]) -> Result<SpaceSweep, Error> {
        connection.sweep().await
    }

    fn judge(sweep: &SpaceSweep) -> Result<(), Error> {
        if sweep.missing.is_empty() {
            return Ok(());
        }
        let missing: Vec<_> = sweep.missing.iter().copied().collect();
        let message = format!(
            "the API key lacks the scope {}; a space administrator gives it in the Launchpad",
            missing.join(" and ")
        );
        Err(Error::Blocked(Reason::Forbidden, message))
    }

    fn summary(sweep: &SpaceSweep, dependents: &[Dependent]) -> SpaceStatus {
        let names = sweep.groups.values().map(|group| &group.name);
        let seen = sweep.missing.is_empty();
        SpaceStatus {
            nodes: nodes(sweep),
            profiles: seats(sweep),
            users: seen.then(|| SpaceUserCounts {
                total: length(sweep.users.len()),
                invited: length(sweep.invites.len()),
            }),
            groups: seen.then(|| groups(names, &declared(dependents, "LaunchpadGroup"))),
            claims: Some(length(dependents.len())),
        }
    }
}

fn nodes(sweep: &SpaceSweep) -> Vec<SpaceNodeStatus> {
    let mut nodes: Vec<_> = sweep
        .nodes
        .iter()
        .map(|node| SpaceNodeStatus {
            name: node.name.clone(),
            type_: node.type_.clone(),
        })
        .collect();
    nodes.sort_by(|one, other| one.name.cmp(&other.name));
    nodes
}

fn seats(sweep: &SpaceSweep) -> Vec<SeatStatus> {
    let readable = sweep.profiles.iter().filter_map(|profile| {
        Some(SeatStatus {
            name: profile.name.clone(),
            trial: profile.is_trial?,
            total_seats: profile.total_seats?,
            used_seats: profile.used_seats?,
        })
    });
    let mut seats: Vec<_> = readable.collect();
    seats.sort_by(|one, other| (&one.name, one.trial).cmp(&(&other.name, other.trial)));
    seats
}
