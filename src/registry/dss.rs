//! A live connection to a DSS node, with what its last look at the node showed.

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
    time::Instant,
};

use crate::{
    dataiku::{
        dss::{Dss, groups::GroupRecord, users::UserRecord},
        gate::Lane,
    },
    engine::error::Error,
};

use super::{
    lists::{Shared, read, write},
    live::Live,
    node::{self, Groups, NodeSweep},
};

/// A user, and when it was seen.
struct Seen {
    user: Arc<UserRecord>,
    at: Instant,
}

/// Whether absence from a list proves anything: not where the list had elements that could not be identified.
#[derive(Clone, Copy, Debug, Default)]
pub struct Complete {
    /// The list of users.
    pub users: bool,
    /// The list of groups.
    pub groups: bool,
}

/// What the objects of a DSS node share.
#[derive(Default)]
pub struct DssLists {
    /// Profile of new users that name none.
    pub default_user_profile: Option<String>,
    users: RwLock<HashMap<String, Seen>>,
    groups: Shared<Groups>,
    complete: Shared<Complete>,
    members: Shared<HashMap<String, i64>>,
    profiles: Shared<Option<Arc<Vec<String>>>>,
}

/// A live connection to a DSS node.
pub type DssConnection = Live<Dss, DssLists>;

impl DssConnection {
    /// Looks at the whole node: a constant number of calls, whatever the number of objects. With `settings`, users come
    /// with their properties.
    ///
    /// # Errors
    /// The node cannot be read. A key without the admin right is no error here: it is told in the result.
    pub async fn sweep(&self, settings: bool) -> Result<NodeSweep, Error> {
        // A dead node costs little here, and is not kept from being tried by the calls of its objects.
        let api = self.api.with_lane(Lane::Sweep);
        let sweep = node::look(&api, settings, |user| self.lists.as_kept(user)).await?;
        if sweep.admin {
            self.lists.keep(&sweep);
        }
        Ok(sweep)
    }
}

impl DssLists {
    /// Before the first look; new users that name no profile have this one.
    pub fn new(default_user_profile: Option<String>) -> Self {
        Self {
            default_user_profile,
            ..Self::default()
        }
    }

    /// Keeps the lists, but for users that were read one by one after this list began: that read knows better.
    fn keep(&self, sweep: &NodeSweep) {
        let mut members: HashMap<String, i64> = HashMap::new();
        for group in sweep.users.items.iter().flat_map(|user| &user.groups).flatten() {
            *members.entry(group.clone()).or_default() += 1;
        }
        let mut kept = write(&self.users);
        for user in &sweep.users.items {
            let listed = || Seen {
                user: user.clone(),
                at: sweep.began,
            };
            match kept.get_mut(&user.login) {
                Some(seen) if seen.at > sweep.began => {}
                Some(seen) => *seen = listed(),
                None => {
                    kept.insert(user.login.clone(), listed());
                }
            }
        }
        kept.retain(|_, seen| seen.at >= sweep.began);
        drop(kept);
        self.groups.set(sweep.groups.clone());
        self.complete.set(Complete {
            users: sweep.users.is_complete(),
            groups: sweep.unreadable_groups == 0,
        });
        self.members.set(members);
        self.profiles.set(sweep.profiles.clone());
    }

    /// The user as it is kept already, where the list shows nothing else: so a list of many is held once.
    fn as_kept(&self, user: UserRecord) -> Arc<UserRecord> {
        let kept = read(&self.users).get(&user.login).map(|seen| seen.user.clone());
        kept.filter(|kept| **kept == user).unwrap_or_else(|| Arc::new(user))
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

    /// Whether the lists are complete, as last seen.
    pub fn complete(&self) -> Complete {
        *self.complete.get()
    }

    /// All groups, as last seen.
    pub fn groups(&self) -> Arc<Groups> {
        self.groups.get()
    }

    /// Keeps what a read of one group showed.
    pub fn saw_group(&self, name: &str, group: Option<Arc<GroupRecord>>) {
        self.groups.edit(|groups| match group {
            Some(group) => groups.insert(name.to_owned(), group),
            None => groups.remove(name),
        });
    }

    /// How many users were in the group at the last look.
    pub fn members(&self, group: &str) -> i64 {
        self.members.get().get(group).copied().unwrap_or_default()
    }

    /// Licensed profiles at the last look, where the node tells.
    pub fn profiles(&self) -> Option<Arc<Vec<String>>> {
        (*self.profiles.get()).clone()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::dataiku::{dip::instance::AuthInfo, listed::Listed};

    fn user(login: &str, groups: &[&str]) -> UserRecord {
        let document = serde_json::from_value(json!({ "login": login, "groups": groups })).unwrap();
        UserRecord::from_document(&document).unwrap()
    }

    fn listed(lists: &DssLists, began: Instant, users: &[UserRecord]) {
        lists.keep(&NodeSweep {
            began,
            identity: AuthInfo {
                auth_identifier: "operator".into(),
                groups: None,
            },
            admin: true,
            architect: None,
            node: None,
            profiles: None,
            users: Listed {
                items: users.iter().map(|user| lists.as_kept(user.clone())).collect(),
                unreadable: 0,
            },
            groups: Arc::default(),
            unreadable_groups: 0,
        });
    }

    #[test]
    fn a_user_in_whom_nothing_changed_is_kept_once() {
        let lists = DssLists::new(None);
        listed(&lists, Instant::now(), &[user("jane", &["a"]), user("joe", &["a"])]);
        let (jane, joe) = (lists.user("jane").unwrap(), lists.user("joe").unwrap());
        listed(&lists, Instant::now(), &[user("jane", &["a"]), user("joe", &["b"])]);
        assert!(Arc::ptr_eq(&jane, &lists.user("jane").unwrap()));
        assert_eq!(*joe, user("joe", &["a"]));
        assert_eq!(*lists.user("joe").unwrap(), user("joe", &["b"]));
        assert_eq!((lists.members("a"), lists.members("b")), (1, 1));
    }

    #[test]
    fn a_user_who_is_listed_no_more_is_gone() {
        let lists = DssLists::new(None);
        listed(&lists, Instant::now(), &[user("jane", &[]), user("joe", &[])]);
        listed(&lists, Instant::now(), &[user("joe", &[])]);
        assert!(lists.user("jane").is_none());
        assert!(lists.user("joe").is_some());
    }

    #[test]
    fn a_read_that_came_after_the_list_began_knows_better() {
        let lists = DssLists::new(None);
        let began = Instant::now();
        std::thread::sleep(Duration::from_millis(1));
        lists.saw_user("jane", Some(Arc::new(user("jane", &["new"]))));
        lists.saw_user("ann", Some(Arc::new(user("ann", &[]))));
        listed(&lists, began, &[user("jane", &["old"])]);
        assert_eq!(*lists.user("jane").unwrap(), user("jane", &["new"]));
        assert!(lists.user("ann").is_some());
        listed(&lists, Instant::now(), &[user("jane", &["old"])]);
        assert_eq!(*lists.user("jane").unwrap(), user("jane", &["old"]));
        assert!(lists.user("ann").is_none());
    }
}
