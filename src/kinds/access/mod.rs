//! Who may do what on a remote side, and by which group or key. One derivation for everybody who reports it: the commands for
//! people and the task `accessReport`.

mod derive;
mod read;
mod sheet;
mod space;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use self::{
    read::{Assigned, Missing, Scope, of_node},
    sheet::{COLUMNS, sheet},
    space::of_space,
};

/// The right to everything.
pub const ADMIN: &str = "admin";

/// Who may do what. Lists are sorted by name.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Access {
    /// Name, id or address of the remote side.
    pub node: String,
    /// What was read, and when.
    pub read: Vec<Reading>,
    /// Days after which a user counts as dormant.
    pub dormant_days: i64,
    /// Users.
    pub users: Vec<User>,
    /// Groups.
    pub groups: Vec<Group>,
    /// API keys, without their values.
    pub keys: Vec<Key>,
    /// Every permission flag that the remote side shows, whether anybody has it or not.
    #[serde(skip)]
    pub flags: BTreeSet<String>,
}

/// One list that was asked for.
#[derive(Clone, Debug, Serialize)]
pub struct Reading {
    /// Its name.
    pub list: &'static str,
    /// When it was read.
    pub at: String,
    /// How many entries it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<usize>,
    /// Why it could not be read, or not completely.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
}

/// A right, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Right {
    /// Name of the permission flag, or of the role with its blueprint.
    pub right: String,
    /// Every source, in words.
    pub from: Vec<String>,
}

/// Rights on projects that are true, by the key of the project; on Dataiku Cloud by the name of the node.
pub type Projects = BTreeMap<String, BTreeSet<String>>;

/// A user. Absent: none, or the remote side does not tell.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Login; on Dataiku Cloud the email address.
    pub login: String,
    /// Display name.
    pub name: Option<String>,
    /// Email address.
    pub email: Option<String>,
    /// `LOCAL`, `LDAP` and others.
    pub source: Option<String>,
    /// Whether the user may log in.
    pub enabled: Option<bool>,
    /// User profile in force.
    pub profile: Option<String>,
    /// Groups.
    pub groups: Vec<String>,
    /// Rights, also those that a disabled user would have.
    pub rights: Vec<Right>,
    /// Rights on projects.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub projects: Projects,
    /// Last login.
    pub last_login: Option<String>,
    /// Last login that failed.
    pub last_failed_login: Option<String>,
    /// Last action.
    pub last_activity: Option<String>,
    /// The object that declares the user, as namespace and name.
    pub declared_by: Option<String>,
    /// What an auditor looks for, such as `administrator` or `dormant`.
    pub marks: Vec<&'static str>,
}

/// A group.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// Name.
    pub name: String,
    /// `LOCAL`, `LDAP` and others.
    pub source: Option<String>,
    /// Number of users in it.
    pub members: usize,
    /// What it gives.
    pub rights: Vec<Right>,
    /// Rights on projects.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub projects: Projects,
    /// What an auditor looks for.
    pub marks: Vec<&'static str>,
}

/// An API key, without its value.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    /// `global key` or `personal key`.
    pub kind: &'static str,
    /// Id; not secret.
    pub id: String,
    /// Label.
    pub label: Option<String>,
    /// The user as whom it acts.
    pub user: Option<String>,
    /// What it may do.
    pub rights: Vec<Right>,
    /// When it expires; absent: never.
    pub expires: Option<String>,
    /// What an auditor looks for.
    pub marks: Vec<&'static str>,
}

/// Where a right comes from; the right to everything includes every other. `None`: there is no such right.
pub fn source(rights: &[Right], wanted: &str) -> Option<String> {
    let own = rights.iter().find(|right| right.right == wanted);
    let all = rights.iter().find(|right| right.right == ADMIN && wanted != ADMIN);
    let own = own.map(|right| right.from.join(", "));
    own.or_else(|| all.map(|right| format!("the admin right from {}", right.from.join(", "))))
}

/// Names in one text.
pub fn joined(names: &BTreeSet<String>) -> String {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.join(", ")
}

impl Access {
    /// Every permission that anybody could have.
    pub fn permissions(&self) -> BTreeSet<String> {
        let users = self.users.iter().flat_map(|user| &user.rights);
        let groups = self.groups.iter().flat_map(|group| &group.rights);
        let keys = self.keys.iter().flat_map(|key| &key.rights);
        let rights = users.chain(groups).chain(keys).map(|right| right.right.clone());
        rights
            .chain(self.flags.iter().cloned())
            .chain([ADMIN.to_owned()])
            .collect()
    }

    /// Notes one more list.
    pub fn note(&mut self, list: &'static str, entries: Option<usize>, missing: Option<String>) {
        self.read.push(read::reading(list, entries, missing));
    }

    /// Takes in which users objects declare, by login with the name of the object, and marks those whom none declares.
    /// `folds`: the case of a login does not count.
    pub fn declare(&mut self, objects: Vec<(String, String)>, folds: bool) {
        let key = |login: &str| if folds { login.to_lowercase() } else { login.to_owned() };
        let objects: BTreeMap<String, String> = objects.into_iter().map(|(login, by)| (key(&login), by)).collect();
        for user in &mut self.users {
            match objects.get(&key(&user.login)) {
                Some(by) => user.declared_by = Some(by.clone()),
                None => user.marks.push("undeclared"),
            }
        }
    }

    /// Lists that could not be read, in words.
    pub fn missing(&self) -> Vec<String> {
        let lists = self.read.iter();
        lists
            .filter_map(|one| Some(format!("{}: {}", one.list, one.missing.as_ref()?)))
            .collect()
    }
}
