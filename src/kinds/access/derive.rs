//! From what a node lists to who may do what. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use super::{ADMIN, Group, Key, Projects, Right, User};
use crate::{
    dataiku::dip::{
        activity::ActivityRecord,
        groups::GroupRecord,
        keys::KeyRecord,
        matrix::{Access as Row, Matrix},
        users::UserRecord,
    },
    engine::mark::Marked,
    kinds::node::{Presence, owner},
};

/// Rights with their sources.
type Rights = BTreeMap<String, Vec<String>>;

/// What everything is derived from.
pub(super) struct Scene<'a> {
    groups: BTreeMap<&'a str, &'a GroupRecord>,
    activity: Option<HashMap<&'a str, &'a ActivityRecord>>,
    matrix: Option<&'a Matrix>,
    /// Rights that only some products have, by user and by group.
    roles: &'a Roles,
    dormant_since: Timestamp,
}

/// Rights that are no permission flags: roles on blueprints.
#[derive(Default)]
pub(super) struct Roles {
    pub(super) users: BTreeMap<String, Vec<(String, String)>>,
    pub(super) groups: BTreeMap<String, Vec<(String, String)>>,
}

/// A time in milliseconds since the epoch, in whole seconds.
pub(super) fn time(milliseconds: i64) -> Option<String> {
    let time = Timestamp::from_second(milliseconds.div_euclid(1000)).ok()?;
    Some(time.to_string())
}

/// Permission flags that a group gives, the right to everything among them.
fn given(group: &GroupRecord) -> impl Iterator<Item = &str> {
    let flags = group.permissions.iter().filter(|(_, given)| **given);
    let admin = (group.admin == Some(true)).then_some(ADMIN);
    admin.into_iter().chain(flags.map(|(flag, _)| flag.as_str()))
}

fn sorted(rights: Rights) -> Vec<Right> {
    rights.into_iter().map(|(right, from)| Right { right, from }).collect()
}

impl<'a> Scene<'a> {
    pub(super) fn new(
        groups: impl Iterator<Item = &'a GroupRecord>,
        activity: Option<&'a [ActivityRecord]>,
        matrix: Option<&'a Matrix>,
        roles: &'a Roles,
        dormant_since: Timestamp,
    ) -> Self {
        let by_login = |all: &'a [ActivityRecord]| all.iter().map(|one| (one.login.as_str(), one)).collect();
        Self {
            groups: groups.map(|group| (group.name.as_str(), group)).collect(),
            activity: activity.map(by_login),
            matrix,
            roles,
            dormant_since,
        }
    }

    /// Permission flags of somebody in these groups.
    fn flags<'b>(&self, groups: impl Iterator<Item = &'b String>) -> Rights {
        let mut rights = Rights::new();
        for name in groups {
            for flag in self
                .groups
                .get(name.as_str())
                .into_iter()
                .flat_map(|group| given(group))
            {
                rights.entry(flag.to_owned()).or_default().push(format!("group {name}"));
            }
        }
        rights
    }

    /// Roles of somebody in these groups, who may be named by rules of their own.
    fn roles<'b>(&self, login: Option<&str>, groups: impl Iterator<Item = &'b String>) -> Rights {
        let mut rights = Rights::new();
        let own = login.and_then(|login| self.roles.users.get(login));
        for (role, by) in own.into_iter().flatten() {
            rights.entry(role.clone()).or_default().push(by.clone());
        }
        for name in groups {
            for (role, by) in self.roles.groups.get(name).into_iter().flatten() {
                rights
                    .entry(role.clone())
                    .or_default()
                    .push(format!("group {name}, {by}"));
            }
        }
        rights
    }

    /// The rights of a user: by groups, and what the node itself says beside or against that. `listed`: what it says, which is
    /// nothing of roles.
    fn rights(&self, user: &UserRecord, listed: Option<&BTreeSet<String>>) -> Vec<Right> {
        let groups = || user.groups.iter().flatten();
        let mut rights = self.flags(groups());
        let is_admin = rights.contains_key(ADMIN);
        if let Some(listed) = listed.filter(|_| !is_admin) {
            for (flag, from) in &mut rights {
                if !listed.contains(flag) {
                    from.push("but the node does not list it".to_owned());
                }
            }
            for flag in listed {
                let unexplained = || vec!["the node lists it; no group gives it".to_owned()];
                rights.entry(flag.clone()).or_insert_with(unexplained);
            }
        }
        rights.extend(self.roles(Some(&user.login), groups()));
        sorted(rights)
    }

    pub(super) fn user(&self, user: &UserRecord) -> User {
        let row = self.matrix.and_then(|matrix| matrix.user(&user.login));
        let rights = self.rights(user, row.map(|row| &row.permissions));
        let mut marks = Vec::new();
        if rights.iter().any(|right| right.right == ADMIN) {
            marks.push("administrator");
        }
        if user.enabled == Some(false) {
            marks.push("disabled");
        }
        if user.groups.is_none() {
            marks.push("groups unreadable");
        }
        let seen = self.activity.as_ref().map(|all| all.get(user.login.as_str()).copied());
        match seen.map(|seen| Presence::of(seen, self.dormant_since)) {
            Some(Presence::Never) => marks.push("never logged in"),
            Some(Presence::Dormant) => marks.push("dormant"),
            Some(Presence::Seen) | None => {}
        }
        let seen = seen.flatten();
        let at = |read: fn(&ActivityRecord) -> Option<i64>| seen.and_then(read).and_then(time);
        let declared_by = match owner(user) {
            Marked::By(mark) => Some(mark.object.to_string()),
            Marked::No | Marked::Unread => None,
        };
        User {
            login: user.login.clone(),
            name: user.display_name.clone(),
            email: user.email.clone(),
            source: user.source_type.clone(),
            enabled: user.enabled,
            profile: user
                .resulting_user_profile
                .clone()
                .or_else(|| user.user_profile.clone()),
            groups: user.groups.clone().unwrap_or_default(),
            rights,
            projects: projects(row),
            last_login: at(|seen| seen.last_login),
            last_failed_login: at(|seen| seen.last_failed_login),
            last_activity: at(|seen| seen.last_activity),
            declared_by,
            marks,
        }
    }

    /// `members`: the number of its users.
    pub(super) fn group(&self, group: &GroupRecord, members: usize) -> Group {
        let mut marks = Vec::new();
        if group.admin == Some(true) {
            marks.push("administrators");
        }
        if group.admin.is_none() || group.hides_flags() {
            marks.push("rights unreadable");
        }
        let own = || vec!["the group itself".to_owned()];
        let mut rights: Rights = given(group).map(|flag| (flag.to_owned(), own())).collect();
        for (role, by) in self.roles.groups.get(&group.name).into_iter().flatten() {
            rights.entry(role.clone()).or_default().push(by.clone());
        }
        Group {
            name: group.name.clone(),
            source: group.source_type.clone(),
            members,
            rights: sorted(rights),
            projects: projects(self.matrix.and_then(|matrix| matrix.group(&group.name))),
            marks,
        }
    }

    /// `user`: the user as whom it acts.
    pub(super) fn key(&self, kind: &'static str, key: &KeyRecord, user: Option<&User>) -> Key {
        let groups = || key.groups.iter().flatten();
        let mut rights = self.flags(groups());
        rights.extend(self.roles(None, groups()));
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
        let mut marks = Vec::new();
        if rights.contains_key(ADMIN) {
            marks.push("administrator");
        }
        let expires = key.expires_on.filter(|time| *time > 0);
        if expires.is_none() {
            marks.push("never expires");
        }
        Key {
            kind,
            id: key.id.clone(),
            label: key.label.clone(),
            user: key.user.clone(),
            rights: sorted(rights),
            expires: expires.and_then(time),
            marks,
        }
    }
}

fn projects(row: Option<&Row>) -> Projects {
    row.map(|row| row.projects.clone()).unwrap_or_default()
}
