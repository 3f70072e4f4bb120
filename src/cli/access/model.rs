//! What a report on access holds. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::dataiku::dip::{groups::GroupRecord, keys::KeyRecord, matrix::Matrix, users::UserRecord};

/// The right to everything.
pub(super) const ADMIN: &str = "admin";

/// Who may do what on a node.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Access {
    /// Name, id or address of the node.
    pub(super) node: String,
    /// What was read, and when.
    pub(super) read: Vec<Reading>,
    /// Days after which a user counts as dormant.
    pub(super) dormant_days: i64,
    pub(super) users: Vec<User>,
    pub(super) groups: Vec<Group>,
    pub(super) keys: Vec<Key>,
    #[serde(skip)]
    pub(super) matrix: Option<Matrix>,
}

/// One list that was asked for.
#[derive(Serialize)]
pub(super) struct Reading {
    pub(super) list: &'static str,
    /// When it was read.
    pub(super) at: String,
    /// How many entries it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) entries: Option<usize>,
    /// Why it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) missing: Option<String>,
}

/// A right, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Right {
    pub(super) right: String,
    pub(super) from: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct User {
    pub(super) login: String,
    pub(super) name: Option<String>,
    pub(super) source: Option<String>,
    pub(super) profile: Option<String>,
    pub(super) groups: Vec<String>,
    pub(super) rights: Vec<Right>,
    pub(super) last_login: Option<String>,
    pub(super) last_activity: Option<String>,
    /// The object in the mark of the user, as namespace and name.
    pub(super) declared_by: Option<String>,
    pub(super) marks: Vec<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) source: Option<String>,
    pub(super) members: usize,
    pub(super) rights: Vec<Right>,
    pub(super) projects: Vec<String>,
    pub(super) marks: Vec<&'static str>,
}

/// An API key, without its value.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Key {
    pub(super) kind: &'static str,
    pub(super) id: String,
    pub(super) label: Option<String>,
    pub(super) user: Option<String>,
    pub(super) rights: Vec<Right>,
    pub(super) expires: Option<String>,
    pub(super) marks: Vec<&'static str>,
}

/// Where a right comes from; the right to everything includes every other. `None`: there is no such right.
pub(super) fn source(rights: &[Right], wanted: &str) -> Option<String> {
    let own = rights.iter().find(|right| right.right == wanted);
    let all = rights.iter().find(|right| right.right == ADMIN && wanted != ADMIN);
    let own = own.map(|right| right.from.join(", "));
    own.or_else(|| all.map(|right| format!("the admin right from {}", right.from.join(", "))))
}

/// Permission flags that a group gives, the right to everything among them.
fn given(group: &GroupRecord) -> impl Iterator<Item = &str> {
    let flags = group.permissions.iter().filter(|(_, given)| **given);
    let admin = (group.admin == Some(true)).then_some(ADMIN);
    admin.into_iter().chain(flags.map(|(flag, _)| flag.as_str()))
}

fn sorted(rights: BTreeMap<String, Vec<String>>) -> Vec<Right> {
    rights.into_iter().map(|(right, from)| Right { right, from }).collect()
}

/// The rights of somebody in these groups.
fn by_groups<'a>(
    groups: impl Iterator<Item = &'a String>,
    known: &BTreeMap<&str, &GroupRecord>,
) -> BTreeMap<String, Vec<String>> {
    let mut rights: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in groups {
        for flag in known.get(name.as_str()).into_iter().flat_map(|group| given(group)) {
            rights.entry(flag.to_owned()).or_default().push(format!("group {name}"));
        }
    }
    rights
}

/// The rights of a user: by groups, and what the node itself says beside or against that. `listed`: what it says.
pub(super) fn of_user(
    user: &UserRecord,
    known: &BTreeMap<&str, &GroupRecord>,
    listed: Option<&BTreeSet<String>>,
) -> Vec<Right> {
    let mut rights = by_groups(user.groups.iter().flatten(), known);
    let admin = rights.contains_key(ADMIN);
    if let Some(listed) = listed.filter(|_| !admin) {
        for (flag, from) in &mut rights {
            if !listed.contains(flag) {
                from.push("but the node does not list it".to_owned());
            }
        }
        for flag in listed.iter().filter(|flag| !by_group(known, user, flag)) {
            rights.insert(flag.clone(), vec!["the node lists it; no group gives it".to_owned()]);
        }
    }
    sorted(rights)
}

fn by_group(known: &BTreeMap<&str, &GroupRecord>, user: &UserRecord, flag: &str) -> bool {
    let groups = user.groups.iter().flatten();
    let mut groups = groups.filter_map(|name| known.get(name.as_str()));
    groups.any(|group| given(group).any(|given| given == flag))
}

/// The rights that a group gives.
pub(super) fn of_group(group: &GroupRecord) -> Vec<Right> {
    let own = vec!["the group itself".to_owned()];
    sorted(given(group).map(|flag| (flag.to_owned(), own.clone())).collect())
}

/// The rights of an API key. `user`: those of the user as whom it acts.
pub(super) fn of_key(key: &KeyRecord, known: &BTreeMap<&str, &GroupRecord>, user: Option<&User>) -> Vec<Right> {
    let mut rights = by_groups(key.groups.iter().flatten(), known);
    let own = key.global_permissions.iter().flatten().filter(|(_, given)| **given);
    for (flag, _) in own {
        rights
            .entry(flag.clone())
            .or_default()
            .push("the key itself".to_owned());
    }
    for name in key.scoped.keys() {
        rights
            .entry(name.clone())
            .or_default()
            .push("single objects that the key names".to_owned());
    }
    for right in user.into_iter().flat_map(|user| &user.rights) {
        let from = right.from.iter().map(|from| format!("its user, {from}"));
        rights.entry(right.right.clone()).or_default().extend(from);
    }
    sorted(rights)
}

impl Access {
    /// Every permission flag that anybody could have.
    pub(super) fn permissions(&self) -> BTreeSet<String> {
        let users = self.users.iter().flat_map(|user| &user.rights);
        let groups = self.groups.iter().flat_map(|group| &group.rights);
        let rights = users.chain(groups).map(|right| right.right.clone());
        let rows = self
            .matrix
            .iter()
            .flat_map(|matrix| matrix.users.iter().chain(&matrix.groups));
        let listed = rows.flat_map(|row| &row.permissions).cloned();
        rights.chain(listed).chain([ADMIN.to_owned()]).collect()
    }

    /// Lists that could not be read, in words.
    pub(super) fn missing(&self) -> Vec<String> {
        let lists = self.read.iter();
        lists
            .filter_map(|one| Some(format!("{}: {}", one.list, one.missing.as_ref()?)))
            .collect()
    }

    /// Rights of a user in projects.
    pub(super) fn projects_of(&self, login: &str) -> Vec<(String, String)> {
        let listed = self.matrix.as_ref().and_then(|matrix| matrix.user(login));
        let projects = listed.into_iter().flat_map(|row| &row.projects);
        projects.map(|(key, rights)| (key.clone(), joined(rights))).collect()
    }
}

/// Rights in one text.
pub(super) fn joined(rights: &BTreeSet<String>) -> String {
    let rights: Vec<&str> = rights.iter().map(String::as_str).collect();
    rights.join(", ")
}
