//! A live connection to a space, with what its last look at it showed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    dataiku::{
        error::ApiError,
        gate::Lane,
        launchpad::{
            Launchpad,
            groups::GroupRecord,
            people::{InviteRecord, UserRecord},
            space::{NodeRecord, ProfileRecord},
        },
        listed::Listed,
    },
    engine::error::Error,
};

use super::{lists::Shared, live::Live, remote_error::permitted};

/// Scopes of an API key (contract sheet, section 4). The list of nodes needs none.
const READ_USERS: &str = "read_users";
const READ_GROUPS: &str = "read_groups";

/// What the objects of a space share.
#[derive(Default)]
pub struct LaunchpadLists {
    nodes: Shared<Vec<NodeRecord>>,
    users: Shared<Vec<UserRecord>>,
    invites: Shared<Vec<InviteRecord>>,
    groups: Shared<BTreeMap<String, Arc<GroupRecord>>>,
    all_groups: Shared<bool>,
}

/// A live connection to a space.
pub type LaunchpadConnection = Live<Launchpad, LaunchpadLists>;

/// What one look at a space showed.
pub struct SpaceSweep {
    /// Scopes that the key lacks.
    pub missing: BTreeSet<&'static str>,
    /// Seats by profile.
    pub profiles: Vec<ProfileRecord>,
    /// All nodes.
    pub nodes: Arc<Vec<NodeRecord>>,
    /// All users.
    pub users: Arc<Vec<UserRecord>>,
    /// All invites.
    pub invites: Arc<Vec<InviteRecord>>,
    /// All groups, by id.
    pub groups: Arc<BTreeMap<String, Arc<GroupRecord>>>,
    /// Number of groups whose id or name is unreadable.
    pub unreadable_groups: usize,
}

impl SpaceSweep {
    /// Notes a scope that the key turned out to lack.
    fn readable<T>(&mut self, scope: &'static str, answer: Result<Listed<T>, ApiError>) -> Result<Listed<T>, Error> {
        let answer = permitted(answer)?;
        if answer.is_none() {
            self.missing.insert(scope);
        }
        Ok(answer.unwrap_or_default())
    }
}

impl LaunchpadConnection {
    /// Looks at the whole space: a constant number of calls, whatever the number of objects.
    ///
    /// # Errors
    /// The space cannot be read. A key that lacks a scope is no error here: it is told in the result.
    pub async fn sweep(&self) -> Result<SpaceSweep, Error> {
        // A space that is away costs little here, and is not kept from being tried by the calls of its objects.
        let api = self.api.with_lane(Lane::Sweep);
        let mut sweep = SpaceSweep {
            missing: BTreeSet::new(),
            profiles: Vec::new(),
            nodes: Arc::new(api.nodes().await?.items),
            users: Arc::default(),
            invites: Arc::default(),
            groups: Arc::default(),
            unreadable_groups: 0,
        };
        sweep.profiles = sweep.readable(READ_USERS, api.profiles().await)?.items;
        sweep.users = Arc::new(sweep.readable(READ_USERS, api.users().await)?.items);
        sweep.invites = Arc::new(sweep.readable(READ_USERS, api.invites().await)?.items);
        let groups = sweep.readable(READ_GROUPS, api.groups().await)?;
        sweep.unreadable_groups = groups.unreadable;
        let groups = groups.items.into_iter();
        sweep.groups = Arc::new(groups.map(|group| (group.id.clone(), Arc::new(group))).collect());
        if sweep.missing.is_empty() {
            self.lists.keep(&sweep);
        }
        Ok(sweep)
    }
}

impl LaunchpadLists {
    fn keep(&self, sweep: &SpaceSweep) {
        self.nodes.set(sweep.nodes.clone());
        self.users.set(sweep.users.clone());
        self.invites.set(sweep.invites.clone());
        self.groups.set(sweep.groups.clone());
        self.all_groups.set(sweep.unreadable_groups == 0);
    }

    /// All nodes, as last seen.
    pub fn nodes(&self) -> Arc<Vec<NodeRecord>> {
        self.nodes.get()
    }

    /// Keeps what a read of all nodes showed.
    pub fn saw_nodes(&self, nodes: Vec<NodeRecord>) {
        self.nodes.set(nodes);
    }

    /// All users, as last seen.
    pub fn users(&self) -> Arc<Vec<UserRecord>> {
        self.users.get()
    }

    /// All invites, as last seen.
    pub fn invites(&self) -> Arc<Vec<InviteRecord>> {
        self.invites.get()
    }

    /// Keeps what a read of all users and invites showed.
    pub fn saw_people(&self, users: Vec<UserRecord>, invites: Vec<InviteRecord>) {
        self.users.set(users);
        self.invites.set(invites);
    }

    /// All groups by id, as last seen.
    pub fn groups(&self) -> Arc<BTreeMap<String, Arc<GroupRecord>>> {
        self.groups.get()
    }

    /// Whether a group that is not listed does not exist, as far as the last list shows.
    pub fn has_all_groups(&self) -> bool {
        *self.all_groups.get()
    }

    /// Keeps what a read of all groups showed.
    pub fn saw_groups(&self, groups: Listed<GroupRecord>) {
        self.all_groups.set(groups.is_complete());
        let groups = groups.items.into_iter();
        self.groups.set(
            groups
                .map(|group| (group.id.clone(), Arc::new(group)))
                .collect::<BTreeMap<_, _>>(),
        );
    }

    /// Keeps what a read of one group showed.
    pub fn saw_group(&self, id: &str, group: Option<Arc<GroupRecord>>) {
        self.groups.edit(|groups| match group {
            Some(group) => groups.insert(id.to_owned(), group),
            None => groups.remove(id),
        });
    }
}
