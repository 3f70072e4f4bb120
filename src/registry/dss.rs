//! A live connection to a DSS node, with what its last look at the node showed.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError, RwLock},
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
    },
    engine::error::Error,
};

use super::ConnectionKey;

/// Groups by name.
pub type Groups = BTreeMap<String, Arc<GroupRecord>>;

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
    users: RwLock<HashMap<String, Arc<UserRecord>>>,
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
    pub fn new(key: ConnectionKey, dss: Dss, frozen: bool, default_user_profile: Option<String>) -> Self {
        Self {
            key,
            dss,
            frozen,
            default_user_profile,
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
        let identity = self.dss.auth_info().await?;
        let node = permitted(self.dss.instance_info().await)?;
        let Some(users) = permitted(self.dss.users(settings).await)? else {
            return Ok(Sweep {
                identity,
                admin: false,
                node,
                profiles: None,
                users: Vec::new(),
                groups: Arc::default(),
            });
        };
        let groups = self.dss.groups().await?;
        let profiles = permitted(self.dss.licensed_profiles().await)?.flatten().map(Arc::new);
        let users: Vec<_> = users.into_iter().map(Arc::new).collect();
        let groups: Groups = groups
            .into_iter()
            .map(|group| (group.name.clone(), Arc::new(group)))
            .collect();
        let groups = Arc::new(groups);
        self.keep(&users, groups.clone(), profiles.clone());
        Ok(Sweep {
            identity,
            admin: true,
            node,
            profiles,
            users,
            groups,
        })
    }

    fn keep(&self, users: &[Arc<UserRecord>], groups: Arc<Groups>, profiles: Option<Arc<Vec<String>>>) {
        let mut members: HashMap<String, i64> = HashMap::new();
        for group in users.iter().flat_map(|user| &user.groups) {
            *members.entry(group.clone()).or_default() += 1;
        }
        *write(&self.users) = users.iter().map(|user| (user.login.clone(), user.clone())).collect();
        *write(&self.groups) = groups;
        *write(&self.members) = Arc::new(members);
        *write(&self.profiles) = profiles;
    }

    /// The user, as last seen.
    pub fn user(&self, login: &str) -> Option<Arc<UserRecord>> {
        read(&self.users).get(login).cloned()
    }

    /// Keeps what a read of one user showed.
    pub fn saw_user(&self, login: &str, user: Option<Arc<UserRecord>>) {
        let mut users = write(&self.users);
        match user {
            Some(user) => users.insert(login.to_owned(), user),
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

/// `None` where the node does not let us see this.
fn permitted<T>(answer: Result<T, ApiError>) -> Result<Option<T>, Error> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if matches!(error.kind, ErrorKind::Forbidden | ErrorKind::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
