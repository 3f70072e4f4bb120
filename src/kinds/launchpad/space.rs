//! `LaunchpadSpace`: the connection to a space of Dataiku Cloud.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Instant,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    group::delegated::{ADMINISTRATORS, held},
    lists::SpaceLists,
};
use crate::{
    crd::{
        LaunchpadSpace,
        connection::{BrakeStatus, BreakerStatus, GroupCounts, Orphans},
        launchpad_space::{DEFAULT_URL, SeatStatus, SpaceNodeStatus, SpaceStatus, SpaceUserCounts},
    },
    dataiku::{
        error::ApiError,
        gate::{Breaker, Lane},
        launchpad::{Launchpad, groups::GroupRecord, people::InviteRecord, space::ProfileRecord},
        listed::Listed,
        transport::{Credentials, Transport},
    },
    engine::{
        Error, Reason, SecretUse, Secrets,
        connect::{Api, ConnectionKind, Dependent, Effect, Live, Terms, delegation::Held, guard},
        meters::{Gauge, Series},
        remote_error::permitted,
    },
};

const KEY_ID: &str = "apiKeyId";
const KEY_SECRET: &str = "apiKeySecret";
/// Longest state of a node that the status shows, in bytes.
const LONGEST_STATE: usize = 64;

/// Scopes of an API key (contract sheet, section 4). The list of nodes needs none.
const READ_USERS: &str = "read_users";
const READ_GROUPS: &str = "read_groups";
/// Kind of the objects that declare groups.
const DECLARES_GROUPS: &str = "LaunchpadGroup";

/// What one sweep of a space showed.
#[derive(Default)]
pub struct Sweep {
    /// Scopes that the key lacks.
    missing: BTreeSet<&'static str>,
    profiles: Listed<ProfileRecord>,
    nodes: Vec<SpaceNodeStatus>,
    users: usize,
    invites: usize,
    owner: Option<String>,
    /// Seats of the invites; `None` where one of them cannot be read.
    reserved: Option<HashMap<(String, bool), usize>>,
    groups: Listed<Arc<GroupRecord>>,
}

impl Sweep {
    /// The list, or an empty one where the key lacks the scope.
    fn scoped<T>(&mut self, scope: &'static str, answer: Result<Listed<T>, ApiError>) -> Result<Listed<T>, Error> {
        let answer = permitted(answer)?;
        if answer.is_none() {
            self.missing.insert(scope);
        }
        Ok(answer.unwrap_or_default())
    }
}

impl Api for Launchpad {
    fn in_lane(&self, lane: Lane) -> Self {
        self.with_lane(lane)
    }

    fn breaker(&self) -> Breaker {
        Launchpad::breaker(self)
    }
}

impl ConnectionKind for LaunchpadSpace {
    type Api = Launchpad;
    type Lists = SpaceLists;
    type Sweep = Sweep;

    const READY: &'static str = "reachable, with a key that may read users and groups";

    fn terms(&self) -> Terms<'_> {
        let spec = &self.spec;
        Terms {
            url: spec.url.as_deref().unwrap_or(DEFAULT_URL),
            tls: spec.tls.as_ref(),
            limits: spec.limits.as_ref(),
            drift_interval: spec.drift_interval,
            allowed_namespaces: spec.allowed_namespaces.as_ref(),
            tenancy: &spec.tenancy,
            freeze: spec.freeze.unwrap_or_default(),
            change_windows: &spec.change_windows,
            proxy: spec.proxy_url.as_deref(),
            proxy_secret: spec.proxy_secret_ref.as_ref(),
        }
    }

    /// One server has many spaces.
    fn address(&self) -> String {
        let url = self.terms().url.trim_end_matches('/');
        format!("{url}/spaces/{}", self.spec.space_id)
    }

    fn credential_uses(&self) -> Vec<SecretUse> {
        let secret = &self.spec.credentials.secret_ref;
        let one = |slot: &str, key: &Option<String>| SecretUse::new(slot, &secret.name, key.as_deref().unwrap_or(slot));
        vec![
            one(KEY_ID, &secret.api_key_id_key),
            one(KEY_SECRET, &secret.api_key_secret_key),
        ]
    }

    fn credentials(&self, secrets: &Secrets) -> Result<Credentials, Error> {
        match (secrets.value(KEY_ID), secrets.value(KEY_SECRET)) {
            (Some(id), Some(secret)) => Ok(Credentials::KeyPair {
                id: id.clone(),
                secret: secret.clone(),
            }),
            _ => Err(Error::Internal("the API key was not resolved".into())),
        }
    }

    fn api(&self, transport: Transport) -> Launchpad {
        Launchpad::new(transport, &self.spec.space_id)
    }

    async fn sweep(&self, live: &Live<Self>, _: &[Dependent]) -> Result<Sweep, Error> {
        sweep(&live.sweeping(), &live.lists).await
    }

    fn judge(&self, sweep: &Sweep) -> Result<(), Error> {
        if sweep.missing.is_empty() {
            return Ok(());
        }
        let missing: Vec<_> = sweep.missing.iter().copied().collect();
        let message = format!(
            "the API key lacks the scope {}; a space administrator grants it in the Launchpad",
            missing.join(" and ")
        );
        Err(Error::Blocked(Reason::Forbidden, message))
    }

    fn held(lists: &SpaceLists, group: &str) -> Option<Held> {
        let found = lists.groups_like(group)?;
        let all: Option<Vec<Held>> = found.iter().map(|group| held(group)).collect();
        all.map(|all| all.into_iter().collect())
    }

    /// The owner administers the space, in whichever groups.
    fn memberships(lists: &SpaceLists, user: &str) -> Option<Vec<String>> {
        let mut groups = lists.groups_of(user)?;
        if may_own(lists, user) {
            groups.push(ADMINISTRATORS.to_owned());
        }
        Some(groups)
    }

    fn guard(&self, lists: &SpaceLists, effects: &[Effect]) -> Option<String> {
        effects.iter().find_map(|effect| match effect {
            Effect::Deletes(user) | Effect::Disables(user) if may_own(lists, user) => {
                Some(format!("{user} is the owner of the space, and cannot be deleted"))
            }
            Effect::Leaves { user, group } if group.eq_ignore_ascii_case(ADMINISTRATORS) && may_own(lists, user) => {
                Some(format!("{user} is the owner of the space, and stays in group {group}"))
            }
            Effect::DeletesGroup(group) if group.eq_ignore_ascii_case(ADMINISTRATORS) => {
                Some(format!("group {group} administers the space, and cannot be deleted"))
            }
            _ => None,
        })
    }

    fn users(lists: &SpaceLists) -> usize {
        lists.users_len()
    }

    fn show_brake(shown: &mut SpaceStatus, held: Option<guard::Held>) {
        shown.brake = held.map(|held| BrakeStatus {
            token: held.token,
            pending: i64::try_from(held.pending).unwrap_or(i64::MAX),
            since: Time(held.since),
        });
    }

    fn show_breaker(shown: &mut SpaceStatus, breaker: BreakerStatus) {
        shown.breaker = Some(breaker);
    }

    fn show_orphans(shown: &mut SpaceStatus, orphans: Option<Orphans>) {
        shown.orphans = orphans;
    }

    fn orphans(shown: &SpaceStatus) -> Option<&Orphans> {
        shown.orphans.as_ref()
    }

    /// Everybody in a space may log in.
    fn gauges(shown: &SpaceStatus) -> Vec<Series> {
        let users = shown.users.iter();
        let users = users.flat_map(|users| [("enabled", users.total), ("invited", users.invited)]);
        let mut all: Vec<Series> = users
            .map(|(state, count)| Series::new(Gauge::Users, &[state], count))
            .collect();
        for seats in &shown.profiles {
            let profile = if seats.trial {
                &format!("{} trial", seats.name)
            } else {
                &seats.name
            };
            let mut states = vec![("total", seats.total_seats), ("used", seats.used_seats)];
            states.extend(seats.reserved_seats.map(|count| ("reserved", count)));
            let series = states.into_iter();
            all.extend(series.map(|(state, count)| Series::new(Gauge::Seats, &[profile, state], count)));
        }
        all
    }

    fn summary(&self, sweep: &Sweep, dependents: &[Dependent]) -> SpaceStatus {
        let readable = sweep.missing.is_empty();
        SpaceStatus {
            nodes: sweep.nodes.clone(),
            profiles: seats(&sweep.profiles, sweep.reserved.as_ref()),
            owner: sweep.owner.clone(),
            users: readable.then(|| SpaceUserCounts {
                total: length(sweep.users),
                invited: length(sweep.invites),
            }),
            groups: readable.then(|| groups(&sweep.groups, dependents)),
            claims: Some(length(dependents.len())),
            brake: None,
            breaker: None,
            orphans: None,
        }
    }
}

/// Whether this is the owner of the space, as far as the list tells.
fn may_own(lists: &SpaceLists, email: &str) -> bool {
    lists
        .user(email)
        .is_some_and(|user| user.record.is_owner != Some(false))
}

/// Reads the whole space: five calls, whatever the number of objects.
pub(super) async fn sweep(api: &Launchpad, lists: &SpaceLists) -> Result<Sweep, Error> {
    let mut sweep = Sweep::default();
    let nodes_began = Instant::now();
    let nodes = api.nodes().await?;
    sweep.profiles = sweep.scoped(READ_USERS, api.profiles().await)?;
    let people_began = Instant::now();
    // Invites first: somebody who accepts in between is in one of the lists at least.
    let invites = sweep.scoped(READ_USERS, api.invites().await)?;
    let users = sweep.scoped(READ_USERS, api.users().await)?;
    let groups_began = Instant::now();
    let groups = sweep.scoped(READ_GROUPS, api.groups().await)?;
    sweep.groups = groups.map(|group| lists.groups.held(group));
    let owner = users.items.iter().find(|user| user.is_owner == Some(true));
    sweep.owner = owner.map(|user| user.email.clone());
    sweep.reserved = reserved(&invites);
    sweep.users = users.items.len() + users.unreadable;
    sweep.invites = invites.items.len() + invites.unreadable;
    sweep.nodes = nodes
        .items
        .iter()
        .map(|node| SpaceNodeStatus {
            name: node.name.clone(),
            type_: node.type_.clone(),
            state: node.state.clone().filter(|state| state.len() <= LONGEST_STATE),
        })
        .collect();
    sweep.nodes.sort_by(|one, other| one.name.cmp(&other.name));
    if sweep.missing.is_empty() {
        lists.replace_nodes(nodes_began, nodes);
        lists.replace_profiles(sweep.profiles.clone());
        lists.replace_people(people_began, users, invites);
        lists.replace_groups(groups_began, &sweep.groups);
    }
    Ok(sweep)
}

/// Seats that invites reserve, by profile and whether it is a trial. A number that may be too small is none.
fn reserved(invites: &Listed<InviteRecord>) -> Option<HashMap<(String, bool), usize>> {
    let mut reserved = HashMap::new();
    for invite in &invites.items {
        let profile = invite.profile.as_ref()?;
        *reserved.entry((profile.name.clone(), profile.is_trial())).or_default() += 1;
    }
    (invites.unreadable == 0).then_some(reserved)
}

fn seats(profiles: &Listed<ProfileRecord>, reserved: Option<&HashMap<(String, bool), usize>>) -> Vec<SeatStatus> {
    let readable = profiles.items.iter().filter_map(|profile| {
        let trial = profile.is_trial?;
        Some(SeatStatus {
            name: profile.name.clone(),
            trial,
            reserved_seats: reserved.map(|reserved| {
                let seats = reserved.get(&(profile.name.clone(), trial));
                length(seats.copied().unwrap_or_default())
            }),
            total_seats: profile.total_seats?,
            used_seats: profile.used_seats?,
        })
    });
    let mut seats: Vec<_> = readable.collect();
    seats.sort_by(|one, other| (&one.name, one.trial).cmp(&(&other.name, other.trial)));
    seats
}

fn groups(groups: &Listed<Arc<GroupRecord>>, dependents: &[Dependent]) -> GroupCounts {
    let declaring = dependents.iter().filter(|one| one.kind == DECLARES_GROUPS);
    let declared: HashSet<&str> = declaring.map(|one| one.key.as_str()).collect();
    let names = groups.items.iter().map(|group| group.name.as_str());
    GroupCounts {
        total: length(groups.items.len() + groups.unreadable),
        undeclared: length(names.filter(|name| !declared.contains(name)).count()),
        ..GroupCounts::default()
    }
}

fn length(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
