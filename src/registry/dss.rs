//! A live connection to a DSS node, with what its last look at the node showed.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError, RwLock},
    time::Instant,
};

use crate::{
    dataiku::{
        dss::{
            Dss,
            groups::GroupRecord,
            instance::{AuthInfo, InstanceDetails},
            users::UserRecord,
        },
        error::{ApiError, ErrorKind},
        gate::Lane,
    },
    engine::error::Error,
};

use super::{ConnectionKey, slots::Slots};

/// Groups by name.
pub type Groups = BTreeMap<String, Arc<GroupRecord>>;

/// A user, and when it was seen.
struct Seen {
    user: Arc<UserRecord>,
    at: Instant,
}

/// A live connection to a DSS node.
pub struct DssConnection {
    /// The object that it comes from.
    pub key: ConnectionKey,
    /// The node's API.
    pub dss: Dss,
    /// Whether writes are stopped.
    pub frozen: bool,
    /// Profile of new users that name none.
    pub default_user_profile: Option<String>,
    /// Passes at work on it.
    pub slots: Slots,
    users: RwLock<HashMap<String, Seen>>,
    groups: RwLock<Arc<Groups>>,
    members: RwLock<Arc<HashMap<String, i64>>>,
    profiles: RwLock<Option<Arc<Vec<String>>>>,
}

/// What one look at the node showed.
pub struct Sweep {
    /// Whom the node takes us for.
    pub identity: AuthInfo,
    /// Whether the key has the admin right.
    pub admin: bool,
    /// The node.
    pub node: Option<InstanceDetails>,
    /// Licensed profiles, where the node tells.
    pub profiles: Option<Arc<Vec<String>>>,
    /// All users.
    pub users: Vec<Arc<UserRecord>>,
    /// All groups.
    pub groups: Arc<Groups>,
}

impl DssConnection {
    /// A connection that has seen nothing yet.
    pub fn new(key: ConnectionKey, dss: Dss, slots: Slots, frozen: bool, default_user_profile: Option<String>) -> Self {
        Self {
            key,
            dss,
            frozen,
            default_user_profile,
            slots,
            users: RwLock::default(),
            groups: RwLock::default(),
            members: RwLock::default(),
            profiles: RwLock::default(),
        }
    }

    /// Looks at the whole node: a constant number of calls, whatever the number of objects. With `settings`, users come
    /// with their properties.
    ///
    /// # Errors
    /// The node cannot be read. A key without the admin right is no error here: it is told in the result.
    pub async fn sweep(&self, settings: bool) -> Result<Sweep, Error> {
        // A dead node costs little here, and is not kept from being tried by the calls of its objects.
        let dss = self.dss.with_lane(Lane::Sweep);
        let identity = dss.auth_info().await?;
        let node = optional(dss.instance_info().await)?;
        let began = Instant::now();
        let Some(users) = permitted(dss.users(settings).await)? else {
            return Ok(Sweep {
                identity,
                admin: false,
                node,
                profiles: None,
                users: Vec::new(),
                groups: Arc::default(),
            });
        };
        let groups = dss.groups().await?;
        let profiles = optional(dss.licensed_profiles().await)?.flatten().map(Arc::new);
        let users: Vec<_> = users.into_iter().map(Arc::new).collect();
        let groups: Groups = groups
            .into_iter()
            .map(|group| (group.name.clone(), Arc::new(group)))
            .collect();
        let groups = Arc::new(groups);
        self.keep(began, &users, groups.clone(), profiles.clone());
        Ok(Sweep {
            identity,
            admin: true,
            node,
            profiles,
            users,
            groups,
        })
    }

    /// Keeps the lists, but for users that were read one by one after this list began: that read knows better.
    fn keep(&self, began: Instant, users: &[Arc<UserRecord>], groups: Arc<Groups>, profiles: Option<Arc<Vec<String>>>) {
        let mut members: HashMap<String, i64> = HashMap::new();
        for group in users.iter().flat_map(|user| &user.groups) {
            *members.entry(group.clone()).or_default() += 1;
        }
        let mut kept = write(&self.users);
        let newer: Vec<_> = std::mem::take(&mut *kept)
            .into_iter()
            .filter(|(_, seen)| seen.at > began)
            .collect();
        let listed = users.iter().map(|user| {
            let seen = Seen {
                user: user.clone(),
                at: began,
            };
            (user.login.clone(), seen)
        });
        *kept = listed.chain(newer).collect();
        drop(kept);
        *write(&self.groups) = groups;
        *write(&self.members) = Arc::new(members);
        *write(&self.profiles) = profiles;
    }

    /// The user, as last seen.
    pub fn user(&self, login: &str) -> Option<Arc<UserRecord>> {
        read(&self.users).get(login).map(|seen| seen.user.clone())
    }

    /// Keeps what a read of one user showed.
    pub fn saw_user(&self, login: &str, user: Option<Arc<UserRecord>>) {
        let mut users = write(&self.users);
        match user {
            Some(user) => users.insert(
                login.to_owned(),
                Seen {
                    user,
                    at: Instant::now(),
                },
            ),
            None => users.remove(login),
        };
    }

    /// All groups, as last seen.
    pub fn groups(&self) -> Arc<Groups> {
        read(&self.groups).clone()
    }

    /// Keeps what a read of one group showed.
    pub fn saw_group(&self, name: &str, group: Option<Arc<GroupRecord>>) {
        let mut groups = write(&self.groups);
        let groups = Arc::make_mut(&mut groups);
        match group {
            Some(group) => groups.insert(name.to_owned(), group),
            None => groups.remove(name),
        };
    }

    /// How many users were in the group at the last look.
    pub fn members(&self, group: &str) -> i64 {
        read(&self.members).get(group).copied().unwrap_or_default()
    }

    /// Licensed profiles at the last look, where the node tells.
    pub fn profiles(&self) -> Option<Arc<Vec<String>>> {
        read(&self.profiles).clone()
    }
}

/// `None` where the key may not see this.
fn permitted<T>(answer: Result<T, ApiError>) -> Result<Option<T>, Error> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.kind == ErrorKind::Forbidden => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// `None` where the node does not tell this, to us or at all.
fn optional<T>(answer: Result<T, ApiError>) -> Result<Option<T>, Error> {
    match answer {
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        answer => permitted(answer),
    }
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
