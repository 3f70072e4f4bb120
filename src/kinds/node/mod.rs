//! What the kinds of DSS and Govern nodes share: one [`ConnectionKind`] for every [`NodeKind`].

mod activity;
mod bulk;
mod change;
mod gauges;
mod group;
mod guard;
mod inventory;
mod key;
mod lists;
mod own;
mod spelling;
mod survey;
mod sweep;
pub mod task;
#[cfg(test)]
pub(super) mod tests;
mod user;

use std::{collections::HashSet, future::Future, sync::Arc};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

pub use self::{
    activity::{Activity, Presence},
    change::{DocumentChange, Seen, edited},
    group::{Group, NodeGroup},
    inventory::{Census, Inventory, Reading, Rules, Running, entries},
    key::{Global, Key, KeyClass, NodeKey, Personal, owner as key_owner, sweep as sweep_keys},
    lists::{Documents, Known, NodeLists, Snapshot},
    survey::survey,
    sweep::{DeclaredParts, Own, Sweep},
    user::{NodeUser, User, owner},
};
use crate::{
    crd::{
        common::SecretKeyRef,
        connection::{
            BrakeStatus, BreakerStatus, ConnectionStatus, GroupCounts, IdentityStatus, LicenseStatus, NodeSpec,
            NodeStatus, Orphans, UserCounts, drift_interval,
        },
        inventory::InventoryStatus,
        status::Nothing,
    },
    dataiku::{
        dip::{DipProduct, Node, groups::GroupRecord, users::UserRecord},
        error::ApiError,
        gate::{Breaker, Lane},
        listed::Listed,
        permit::WritePermit,
        transport::{Credentials, Transport},
    },
    engine::{
        Error, Object, Reason, SecretUse, Secrets,
        connect::{Api, ConnectionKind, Dependent, Effect, Held, Live, Terms, audit::Batch, delegation},
        meters::Series,
        object,
        status::{ExtraCondition, IN_USE, Truth},
    },
};

const API_KEY: &str = "apiKey";
const BEARER_TOKEN: &str = "bearerToken";

/// Type of the operator's entries in the audit trail of a node.
const AUDIT_TYPE: &str = "dataiku-operator";

/// Type by which a Govern node is told from every DSS node.
const GOVERN_TYPE: &str = "GOVERN";

/// A connection to a node. Spec and status are those of every node.
pub trait NodeKind: Object<Seen = Nothing, Shown = ConnectionStatus> {
    /// The product at the other end.
    type Product: DipProduct;
    /// What its objects share.
    type Lists: Default + AsRef<NodeLists> + Send + Sync + 'static;

    /// Message of `Ready` where all is well.
    const READY: &'static str;
    /// Name of the product, in messages.
    const PRODUCT: &'static str;
    /// Whether its nodes are of the type `GOVERN`.
    const GOVERN: bool = false;
    /// Whether the short list of users lacks members that objects declare, as that of a Govern node (contract sheet 3.1).
    const DETAILS: bool = Self::GOVERN;
    /// Kinds of the objects that declare its users and groups.
    const DECLARING: (&'static str, &'static str);
    /// Kind of the objects that declare its global keys, if there is one.
    const KEYS: Option<&'static str> = None;
    /// Kind of the objects that declare its personal keys; `None`: the product has no such keys.
    const PERSONAL_KEYS: Option<&'static str> = None;

    /// The spec.
    fn node(&self) -> &NodeSpec;
    /// Reads what the product has beside users and groups, and stores it in the lists. `known`: the node's type showed
    /// that it is the right product.
    fn sweep_own(
        api: &Node<Self::Product>,
        lists: &Self::Lists,
        known: bool,
    ) -> impl Future<Output = Result<Own, Error>> + Send;
    /// Reads the documents that these objects own entries of, and stores them in the lists. A document that cannot be read is
    /// no failure of the connection: the objects that need it read it themselves, and say why they cannot.
    fn sweep_documents(
        _api: &Node<Self::Product>,
        _lists: &Self::Lists,
        _dependents: &[Dependent],
    ) -> impl Future<Output = ()> + Send {
        async {}
    }
    /// Reads the slower lists that only this product has, one after the other.
    fn read_inventory(_api: &Node<Self::Product>, _reading: Reading<'_>) -> impl Future<Output = ()> + Send {
        async {}
    }
    /// Reads what runs on nodes of this product alone.
    fn read_running(
        _api: &Node<Self::Product>,
        _reading: Reading<'_>,
        _running: &mut Running,
    ) -> impl Future<Output = ()> + Send {
        async {}
    }
    /// Counts of what the product has beside users and groups. Pure.
    fn declared(_lists: &Self::Lists, _dependents: &[Dependent]) -> DeclaredParts {
        DeclaredParts::default()
    }
    /// The right that the key lacks, such as `admin right`; `None`: the credentials suffice. Pure.
    fn lacks(sweep: &Sweep) -> Option<&'static str>;
}

impl<P: DipProduct> Api for Node<P> {
    fn in_lane(&self, lane: Lane) -> Self {
        self.with_lane(lane)
    }

    fn breaker(&self) -> Breaker {
        Node::breaker(self)
    }

    async fn report(&self, permit: WritePermit, batch: &Batch) -> Result<(), ApiError> {
        self.log_audit(permit, AUDIT_TYPE, batch).await
    }
}

impl<K: NodeKind> ConnectionKind for K {
    type Api = Node<K::Product>;
    type Lists = <K as NodeKind>::Lists;
    type Sweep = Sweep;

    const READY: &'static str = <K as NodeKind>::READY;

    fn terms(&self) -> Terms<'_> {
        let node = self.node();
        Terms {
            url: &node.url,
            tls: node.tls.as_ref(),
            limits: node.limits.as_ref(),
            drift_interval: node.drift_interval,
            allowed_namespaces: node.allowed_namespaces.as_ref(),
            tenancy: &node.tenancy,
            freeze: node.freeze.unwrap_or_default(),
            change_windows: &node.change_windows,
            proxy: node.proxy_url.as_deref(),
            proxy_secret: node.proxy_secret_ref.as_ref(),
        }
    }

    fn reports(&self) -> bool {
        // Only an administrator may write to the trail.
        self.node().audit_trail.unwrap_or(true) && !own::is_own(self.node())
    }

    fn credential_uses(&self) -> Vec<SecretUse> {
        let credentials = &self.node().credentials;
        let one = |slot: &str, default: &str, secret: &SecretKeyRef| {
            SecretUse::new(slot, &secret.name, secret.key.as_deref().unwrap_or(default))
        };
        let key = credentials.api_key_secret_ref.iter();
        let token = credentials.bearer_token_secret_ref.iter();
        key.map(|secret| one(API_KEY, API_KEY, secret))
            .chain(token.map(|secret| one(BEARER_TOKEN, "token", secret)))
            .collect()
    }

    fn credentials(&self, secrets: &Secrets) -> Result<Credentials, Error> {
        let key = secrets.value(API_KEY).cloned().map(Credentials::ApiKey);
        let token = || secrets.value(BEARER_TOKEN).cloned().map(Credentials::Bearer);
        key.or_else(token)
            .ok_or_else(|| Error::Internal("the API key was not resolved".into()))
    }

    fn api(&self, transport: Transport) -> Node<K::Product> {
        Node::new(transport)
    }

    async fn sweep(&self, live: &Live<Self>, dependents: &[Dependent]) -> Result<Sweep, Error> {
        let api = live.sweeping();
        let mut sweep = Sweep::begin(&api).await?;
        let known = match sweep.node_type() {
            Some(found) if is_govern(found) != K::GOVERN => return Ok(sweep),
            found => found.is_some(),
        };
        if own::is_own(self.node()) {
            own::read(&api, (*live.lists).as_ref(), &mut sweep).await?;
            return Ok(sweep);
        }
        let details = K::DETAILS || dependents.iter().any(|one| one.needs_details);
        sweep.read(&api, (*live.lists).as_ref(), details).await?;
        if sweep.admin {
            let keys = K::KEYS.is_some_and(|kind| dependents.iter().any(|one| one.kind == kind));
            key::sweep::<Global<K::Product>>(&api, (*live.lists).as_ref(), keys).await;
            K::sweep_documents(&api, &live.lists, dependents).await;
        }
        sweep.own = K::sweep_own(&api, &live.lists, known).await?;
        if sweep.admin {
            take_census(self.node(), live, &mut sweep, dependents);
        }
        Ok(sweep)
    }

    async fn survey(&self, live: &Live<Self>, dependents: &[Dependent]) -> Result<(), Error> {
        let api = live.sweeping();
        survey(self, &api, &live.lists).await?;
        let keys = K::KEYS.is_some_and(|kind| dependents.iter().any(|one| one.kind == kind));
        key::sweep::<Global<K::Product>>(&api, (*live.lists).as_ref(), keys).await;
        K::sweep_documents(&api, &live.lists, dependents).await;
        Ok(())
    }

    fn conditions(&self, sweep: Option<&Sweep>) -> Vec<ExtraCondition> {
        // A user does not see who else is there.
        if own::is_own(self.node()) {
            return Vec::new();
        }
        let census = sweep.and_then(|sweep| sweep.census.as_ref());
        let known = census.and_then(|census| census.in_use.clone());
        let is_used = known.as_ref().is_some_and(|known| known.status == Truth::True);
        if census.is_some_and(|census| census.running_is_read)
            && !is_used
            && let Some(before) = shown_in_use(self)
        {
            return vec![before];
        }
        vec![known.unwrap_or_else(inventory::unreadable)]
    }

    fn ready(&self, sweep: &Sweep) -> String {
        if let Some(login) = &sweep.own_user {
            return format!("reachable, with the key of {login}, which manages that user alone");
        }
        let ready = self.status().and_then(|status| status.condition("Ready"));
        if sweep.census.as_ref().is_some_and(|census| !census.complete)
            && let Some(before) = ready.filter(|ready| ready.message.starts_with(<K as NodeKind>::READY))
        {
            return before.message.clone();
        }
        let missing = sweep.census.as_ref().map(|census| census.missing.join(", "));
        let missing = missing.filter(|missing| !missing.is_empty());
        missing.map_or_else(
            || <K as NodeKind>::READY.to_owned(),
            |missing| format!("{}; not in the inventory: {missing}", <K as NodeKind>::READY),
        )
    }

    fn accepts(&self, kind: &'static str) -> Result<(), Error> {
        if own::is_own(self.node()) {
            return own::accepts(kind, K::DECLARING.0);
        }
        Ok(())
    }

    fn guard(&self, lists: &<K as NodeKind>::Lists, effects: &[Effect]) -> Option<String> {
        let lists: &NodeLists = lists.as_ref();
        if own::is_own(self.node()) {
            return own::guard(lists.identity().as_deref(), effects);
        }
        guard::guard(lists, effects)
    }

    fn users(lists: &<K as NodeKind>::Lists) -> usize {
        lists.as_ref().users.len()
    }

    fn held(lists: &<K as NodeKind>::Lists, group: &str) -> Option<delegation::Held> {
        lists.as_ref().held(group)
    }

    fn memberships(lists: &<K as NodeKind>::Lists, user: &str) -> Option<Vec<String>> {
        lists.as_ref().memberships(user)
    }

    fn show_breaker(shown: &mut ConnectionStatus, breaker: BreakerStatus) {
        shown.breaker = Some(breaker);
    }

    fn show_brake(shown: &mut ConnectionStatus, held: Option<Held>) {
        shown.brake = held.map(|held| BrakeStatus {
            token: held.token,
            pending: i64::try_from(held.pending).unwrap_or(i64::MAX),
            since: Time(held.since),
        });
    }

    fn show_orphans(shown: &mut ConnectionStatus, orphans: Option<Orphans>) {
        shown.orphans = orphans;
    }

    fn orphans(shown: &ConnectionStatus) -> Option<&Orphans> {
        shown.orphans.as_ref()
    }

    fn gauges(shown: &ConnectionStatus) -> Vec<Series> {
        gauges::gauges(shown)
    }

    fn node_id(&self, sweep: &Sweep) -> Option<String> {
        sweep.node.as_ref()?.node_id.clone()
    }

    fn pinned_id(shown: &ConnectionStatus) -> Option<&str> {
        shown.node.as_ref()?.id.as_deref()
    }

    fn judge(&self, sweep: &Sweep) -> Result<(), Error> {
        fits::<K>(sweep)?;
        if own::is_own(self.node()) {
            return own::judge(sweep);
        }
        match K::lacks(sweep) {
            None => Ok(()),
            Some(right) => {
                let message = format!("the API key {} lacks the {right}", sweep.identity.auth_identifier);
                Err(Error::Blocked(Reason::Forbidden, message))
            }
        }
    }

    fn summary(&self, sweep: &Sweep, dependents: &[Dependent]) -> ConnectionStatus {
        let (user_kind, group_kind) = K::DECLARING;
        // A restart changes nothing in the status until the slower lists are read again.
        let unread = sweep.census.as_ref().is_some_and(|census| !census.complete);
        let before = self.status().map(|status| &status.shown).filter(|_| unread);
        let counted = before.and_then(|before| before.users.as_ref());
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
                architect: sweep.own.architect,
            }),
            license: sweep.profiles.as_ref().map(|profiles| LicenseStatus {
                user_profiles: profiles.as_ref().clone(),
            }),
            users: sweep.admin.then(|| {
                let seen = sweep.census.as_ref();
                UserCounts {
                    never_logged_in: counted.map_or_else(
                        || seen.and_then(|census| census.never_logged_in),
                        |before| before.never_logged_in,
                    ),
                    dormant: counted.map_or_else(|| seen.and_then(|census| census.dormant), |before| before.dormant),
                    ..users(&sweep.users, &declared(dependents, user_kind))
                }
            }),
            groups: sweep
                .admin
                .then(|| groups(&sweep.groups, &declared(dependents, group_kind))),
            claims: Some(length(dependents.len())),
            brake: None,
            breaker: None,
            orphans: None,
            inventory: InventoryStatus {
                roles: sweep.declared.roles.clone(),
                assignments: sweep.declared.assignments.clone(),
                ..before
                    .map(|before| before.inventory.clone())
                    .or_else(|| sweep.census.as_ref().map(|census| census.status.clone()))
                    .unwrap_or_default()
            },
        }
    }
}

/// The condition `InUse` as the status shows it.
fn shown_in_use<K: NodeKind>(object: &K) -> Option<ExtraCondition> {
    inventory::shown(object.status()?.condition(IN_USE)?)
}

/// Starts the readings of the slower lists that are due, and counts what is known so far. Waits for nothing.
fn take_census<K: NodeKind>(node: &NodeSpec, live: &Live<K>, sweep: &mut Sweep, dependents: &[Dependent]) {
    let declared = node.inventory.clone().unwrap_or_default();
    let slow = declared.interval();
    // While nobody has a session, what runs decides whether the node is in use.
    let is_connected = sweep.users.items.iter().any(|user| sessions(user) > 0);
    let running = if is_connected {
        slow
    } else {
        drift_interval(node.drift_interval).min(slow)
    };
    let api = live.api.in_lane(Lane::Inventory);
    inventory::refresh::<K>(&api, &live.lists, inventory::Intervals { slow, running });
    let key_kinds: Vec<_> = [K::KEYS, K::PERSONAL_KEYS].into_iter().flatten().collect();
    let scene = inventory::Scene {
        users: &sweep.users,
        groups: &sweep.groups,
        dependents,
        user_kind: K::DECLARING.0,
        key_kinds: &key_kinds,
        personal_keys: K::PERSONAL_KEYS.is_some(),
        own: &sweep.identity.auth_identifier,
        dormant_after: declared.dormant_after(),
        running_interval: running,
        now: live.place.clock.now(),
        cluster: live.place.cluster.as_deref(),
    };
    let census = Census::take((*live.lists).as_ref(), &scene);
    sweep.census = Some(census);
    sweep.declared = K::declared(&live.lists, dependents);
}

fn is_govern(node_type: &str) -> bool {
    node_type.eq_ignore_ascii_case(GOVERN_TYPE)
}

/// A connection of the wrong kind would create people's accounts on a node that nobody named.
fn fits<K: NodeKind>(sweep: &Sweep) -> Result<(), Error> {
    let kind = object::kind::<K>();
    let other = if K::GOVERN { "DSS" } else { "Govern" };
    let found = match sweep.node_type() {
        Some(found) if is_govern(found) != K::GOVERN => format!("{other} node (type {found})"),
        None if sweep.own.fits == Some(false) => format!("{other} node, by the calls that it answers"),
        _ => return Ok(()),
    };
    Err(Error::invalid(format!(
        "url leads to a {found}, and {kind} expects a {} node: use {other}Instance or correct url",
        K::PRODUCT
    )))
}

/// Keys that objects of this kind declare.
pub fn declared<'a>(dependents: &'a [Dependent], kind: &str) -> HashSet<&'a str> {
    let of_kind = dependents.iter().filter(|one| one.kind == kind);
    of_kind.map(|one| one.key.as_str()).collect()
}

fn users(users: &Listed<Arc<UserRecord>>, declared: &HashSet<&str>) -> UserCounts {
    let count = |wanted: &dyn Fn(&UserRecord) -> bool| length(users.items.iter().filter(|user| wanted(user)).count());
    UserCounts {
        total: length(users.items.len() + users.unreadable),
        enabled: count(&|user| user.enabled != Some(false)),
        connected: count(&|user| sessions(user) > 0),
        sessions: users.items.iter().map(|user| sessions(user)).sum(),
        undeclared: count(&|user| !declared.contains(user.login.as_str())),
        undeclared_sample: sample(users.items.iter().map(|user| user.login.as_str()), declared),
        ..UserCounts::default()
    }
}

/// Names of undeclared objects that the status shows.
const SAMPLE: usize = 20;

/// The first names that no object declares.
fn sample<'a>(names: impl Iterator<Item = &'a str>, declared: &HashSet<&str>) -> Vec<String> {
    let mut names: Vec<&str> = names.filter(|name| !declared.contains(name)).collect();
    names.sort_unstable();
    names.truncate(SAMPLE);
    names.into_iter().map(str::to_owned).collect()
}

/// Open sessions; none where the number is unknown.
fn sessions(user: &UserRecord) -> i64 {
    user.active_sessions.unwrap_or_default().max(0)
}

fn groups(groups: &Listed<Arc<GroupRecord>>, declared: &HashSet<&str>) -> GroupCounts {
    let undeclared = groups
        .items
        .iter()
        .filter(|group| !declared.contains(group.name.as_str()));
    GroupCounts {
        total: length(groups.items.len() + groups.unreadable),
        undeclared: length(undeclared.count()),
        undeclared_sample: sample(groups.items.iter().map(|group| group.name.as_str()), declared),
    }
}

/// A number of objects, as the status has it.
pub fn length(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
