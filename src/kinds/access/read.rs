//! Reads the lists of a node that a report on access needs.

use std::{collections::HashMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use super::{
    Access, Reading, User,
    derive::{Roles, Scene},
};
use crate::{
    crd::inventory::DEFAULT_DORMANT_AFTER,
    dataiku::{
        dip::{DipProduct, Node, groups::GroupRecord, keys::KeyRecord, users::UserRecord},
        error::{ApiError, ErrorKind},
        listed::Listed,
    },
    engine::Error,
};

/// What happens where a list cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The report names it, and shows the rest.
    Named,
    /// The report fails, unless the release has no such list.
    Fatal,
}

/// A list that was read now.
pub(super) fn reading(list: &'static str, entries: Option<usize>, missing: Option<String>) -> Reading {
    let now = Timestamp::now();
    Reading {
        list,
        at: Timestamp::from_second(now.as_second()).unwrap_or(now).to_string(),
        entries,
        missing,
    }
}

/// Notes what was read, and when.
pub(super) struct Log {
    pub(super) readings: Vec<Reading>,
    missing: Missing,
}

impl Log {
    pub(super) fn new(missing: Missing) -> Self {
        Self {
            readings: Vec::new(),
            missing,
        }
    }

    pub(super) fn note(&mut self, list: &'static str, entries: Option<usize>, missing: Option<String>) {
        self.readings.push(reading(list, entries, missing));
    }

    /// Notes a list of this length, with this number of elements that cannot be read.
    pub(super) fn counted(&mut self, list: &'static str, entries: usize, unreadable: usize) {
        let missing = (unreadable > 0).then(|| format!("{unreadable} entries cannot be read"));
        self.note(list, Some(entries), missing);
    }

    /// What was read; nothing where it cannot be read and need not be.
    pub(super) fn read<T>(
        &mut self,
        list: &'static str,
        answer: Result<T, ApiError>,
        count: impl FnOnce(&T) -> (usize, usize),
    ) -> Result<Option<T>, Error> {
        match answer {
            Ok(found) => {
                let (entries, unreadable) = count(&found);
                self.counted(list, entries, unreadable);
                Ok(Some(found))
            }
            Err(error) => {
                let absent = error.kind == ErrorKind::NotFound;
                if self.missing == Missing::Fatal && !absent {
                    return Err(error.into());
                }
                let why = if absent {
                    "this release has no such list".to_owned()
                } else {
                    Error::from(error).to_string()
                };
                self.note(list, None, Some(why));
                Ok(None)
            }
        }
    }

    fn listed<T>(&mut self, list: &'static str, answer: Result<Listed<T>, ApiError>) -> Result<Option<Vec<T>>, Error> {
        let found = self.read(list, answer, |found| (found.items.len(), found.unreadable))?;
        Ok(found.map(|found| found.items))
    }
}

/// What of a node is reported.
pub struct Scope<'a> {
    /// Name, id or address of the node.
    pub node: String,
    /// All users, with their properties.
    pub users: &'a Listed<Arc<UserRecord>>,
    /// All groups.
    pub groups: &'a Listed<Arc<GroupRecord>>,
    /// Personal keys of all users, as the node answered; `None`: the product has none.
    pub personal_keys: Option<Result<Listed<KeyRecord>, ApiError>>,
    /// Roles on blueprints with the rules that assign them: blueprint, role, and the rule.
    pub roles: Option<Result<Vec<Assigned>, ApiError>>,
    /// Time without a login or an action after which a user counts as dormant; `None`: the default.
    pub dormant_after: Option<SignedDuration>,
    /// What happens where a list cannot be read.
    pub missing: Missing,
}

/// A role that a rule assigns.
pub struct Assigned {
    /// The role and its blueprint, in words.
    pub role: String,
    /// Whether the rule has criteria, so that it does not always hold.
    pub conditional: bool,
    /// Logins of users whom the rule names.
    pub users: Vec<String>,
    /// Groups that the rule names.
    pub groups: Vec<String>,
}

/// Who may do what on a node.
///
/// # Errors
/// A list that has to be complete cannot be read.
pub async fn of_node<P: DipProduct>(api: &Node<P>, scope: Scope<'_>) -> Result<Access, Error> {
    let Scope {
        node,
        users,
        groups,
        personal_keys,
        roles,
        dormant_after,
        missing,
    } = scope;
    let mut log = Log::new(missing);
    log.counted("users", users.items.len(), users.unreadable);
    log.counted("groups", groups.items.len(), groups.unreadable);
    let activity = log.listed("activity of users", api.users_activity().await)?;
    let global = log.listed("global API keys", api.global_keys().await)?;
    let personal = match personal_keys {
        Some(answer) => log.listed("personal API keys", answer)?,
        None => None,
    };
    let assigned = match roles {
        Some(answer) => log.read("role assignments", answer, |all| (all.len(), 0))?,
        None => None,
    };
    let matrix = api.authorization_matrix().await;
    let matrix = log.read("authorization matrix", matrix, |matrix| (matrix.users.len(), 0))?;
    let dormant_after = dormant_after.unwrap_or(DEFAULT_DORMANT_AFTER);
    let roles = roles_of(assigned.unwrap_or_default());
    let scene = Scene::new(
        groups.items.iter().map(|group| &**group),
        activity.as_deref(),
        matrix.as_ref(),
        &roles,
        Timestamp::now().checked_sub(dormant_after).unwrap_or(Timestamp::MIN),
    );
    let mut listed: Vec<User> = users.items.iter().map(|user| scene.user(user)).collect();
    listed.sort_by(|one, other| one.login.cmp(&other.login));
    let mut members: HashMap<&str, usize> = HashMap::new();
    for group in listed.iter().flat_map(|user| &user.groups) {
        *members.entry(group).or_default() += 1;
    }
    let count = |name: &str| members.get(name).copied().unwrap_or_default();
    let mut found: Vec<_> = groups
        .items
        .iter()
        .map(|group| scene.group(group, count(&group.name)))
        .collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    let by_login: HashMap<&str, &User> = listed.iter().map(|user| (user.login.as_str(), user)).collect();
    let global = global.iter().flatten().map(|key| scene.key("global key", key, None));
    let personal = personal.iter().flatten().map(|key| {
        let user = key.user.as_ref().and_then(|login| by_login.get(login.as_str()));
        scene.key("personal key", key, user.copied())
    });
    let keys = global.chain(personal).collect();
    drop(scene);
    let rows = matrix
        .iter()
        .flat_map(|matrix| matrix.users.iter().chain(&matrix.groups));
    let flags = groups.items.iter().flat_map(|group| group.permissions.keys());
    let flags = flags.chain(rows.flat_map(|row| &row.permissions)).cloned();
    Ok(Access {
        node,
        read: log.readings,
        dormant_days: dormant_after.as_hours() / 24,
        flags: flags.collect(),
        users: listed,
        groups: found,
        keys,
    })
}

fn roles_of(assigned: Vec<Assigned>) -> Roles {
    let mut roles = Roles::default();
    for one in assigned {
        let by = if one.conditional {
            "a rule of the blueprint, where its criteria hold"
        } else {
            "a rule of the blueprint"
        };
        let entry = || (one.role.clone(), by.to_owned());
        for login in &one.users {
            roles.users.entry(login.clone()).or_default().push(entry());
        }
        for group in &one.groups {
            roles.groups.entry(group.clone()).or_default().push(entry());
        }
    }
    roles
}
