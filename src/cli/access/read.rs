//! Reads what a report on access needs: the lists of the node.

use std::{collections::BTreeMap, collections::HashMap, io::Read};

use jiff::{SignedDuration, Timestamp};

use super::model::{self, Access, Group, Key, Reading, User};
use crate::{
    cli::{args::NodeArgs, connect, lists, progress::Progress},
    crd::{DssUser, inventory::DEFAULT_DORMANT_AFTER},
    dataiku::{
        dip::{activity::ActivityRecord, groups::GroupRecord, keys::KeyRecord, matrix::Matrix, users::UserRecord},
        error::ApiError,
        listed::Listed,
    },
    engine::{Error, Managed, mark::Marked},
    kinds::node::{self, NodeLists, Presence, Seen, survey},
};

/// Notes what was read, and when.
#[derive(Default)]
struct Log(Vec<Reading>);

impl Log {
    fn note(&mut self, list: &'static str, entries: Option<usize>, missing: Option<String>) {
        self.0.push(Reading {
            list,
            at: Timestamp::now().to_string(),
            entries,
            missing,
        });
    }

    /// The list; nothing where it cannot be read.
    fn listed<T>(&mut self, list: &'static str, answer: Result<Listed<T>, ApiError>) -> Option<Vec<T>> {
        match answer {
            Ok(found) => {
                let unreadable = (found.unreadable > 0).then(|| format!("{} entries are unreadable", found.unreadable));
                self.note(list, Some(found.items.len()), unreadable);
                Some(found.items)
            }
            Err(error) => {
                self.note(list, None, Some(Error::from(error).to_string()));
                None
            }
        }
    }
}

/// Who may do what on the node of these arguments.
///
/// # Errors
/// Users or groups cannot be read. Any other list may be missing: the report names it under `read`.
pub(super) async fn access(
    args: &NodeArgs,
    dormant_after: Option<SignedDuration>,
    input: &mut dyn Read,
) -> anyhow::Result<Access> {
    let (connection, api) = connect::any_node(args, input)?;
    let _progress = Progress::of("reading the node");
    let mut log = Log::default();
    let lists = NodeLists::default();
    let sweep = survey(&connection, &api, &lists).await?;
    let unreadable = |count: usize| (count > 0).then(|| format!("{count} entries are unreadable"));
    log.note(
        "users",
        Some(sweep.users.items.len()),
        unreadable(sweep.users.unreadable),
    );
    log.note(
        "groups",
        Some(sweep.groups.items.len()),
        unreadable(sweep.groups.unreadable),
    );
    let activity = log.listed("activity of users", api.users_activity().await);
    let global = log.listed("global API keys", api.global_keys().await);
    let personal = log.listed("personal API keys", api.personal_keys().await);
    let matrix = match api.authorization_matrix().await {
        Ok(matrix) => {
            log.note("authorization matrix", Some(matrix.users.len()), None);
            Some(matrix)
        }
        Err(error) => {
            log.note("authorization matrix", None, Some(Error::from(error).to_string()));
            None
        }
    };
    let dormant_after = dormant_after.unwrap_or(DEFAULT_DORMANT_AFTER);
    let name = sweep.node.as_ref();
    let name = name.and_then(|node| node.node_name.clone().or_else(|| node.node_id.clone()));
    let scene = Scene {
        groups: sweep
            .groups
            .items
            .iter()
            .map(|group| (group.name.as_str(), &**group))
            .collect(),
        activity: activity.map(|all| all.into_iter().map(|one| (one.login.clone(), one)).collect()),
        matrix: matrix.as_ref(),
        dormant_since: Timestamp::now().checked_sub(dormant_after).unwrap_or(Timestamp::MIN),
    };
    let mut users: Vec<User> = sweep.users.items.iter().map(|user| scene.user(user)).collect();
    users.sort_by(|one, other| one.login.cmp(&other.login));
    let mut groups: Vec<Group> = sweep
        .groups
        .items
        .iter()
        .map(|group| scene.group(group, &users))
        .collect();
    groups.sort_by(|one, other| one.name.cmp(&other.name));
    let by_login: HashMap<&str, &User> = users.iter().map(|user| (user.login.as_str(), user)).collect();
    let global = global.iter().flatten().map(|key| scene.key("global key", key, None));
    let personal = personal.iter().flatten().map(|key| {
        let user = key.user.as_ref().and_then(|login| by_login.get(login.as_str()));
        scene.key("personal key", key, user.copied())
    });
    let keys = global.chain(personal).collect();
    drop(scene);
    Ok(Access {
        node: name.unwrap_or_else(|| args.url.clone()),
        read: log.0,
        dormant_days: dormant_after.as_hours() / 24,
        users,
        groups,
        keys,
        matrix,
    })
}

struct Scene<'a> {
    groups: BTreeMap<&'a str, &'a GroupRecord>,
    activity: Option<HashMap<String, ActivityRecord>>,
    matrix: Option<&'a Matrix>,
    dormant_since: Timestamp,
}

impl Scene<'_> {
    fn user(&self, user: &std::sync::Arc<UserRecord>) -> User {
        let listed = self.matrix.and_then(|matrix| matrix.user(&user.login));
        let listed = listed.map(|row| &row.permissions);
        let rights = model::of_user(user, &self.groups, listed);
        let mut marks = Vec::new();
        if rights.iter().any(|right| right.right == model::ADMIN) {
            marks.push("administrator");
        }
        if user.enabled == Some(false) {
            marks.push("disabled");
        }
        let seen = self.activity.as_ref().map(|all| all.get(&user.login));
        match seen.map(|seen| Presence::of(seen, self.dormant_since)) {
            Some(Presence::Never) => marks.push("never logged in"),
            Some(Presence::Dormant) => marks.push("dormant"),
            Some(Presence::Seen) | None => {}
        }
        let seen = seen.flatten();
        let time = |time: Option<i64>| time.map(|time| lists::time(Some(time)));
        let declared_by = match node::User::<DssUser>::marked(&Seen::listed(user.clone())) {
            Marked::By(mark) => Some(mark.object.to_string()),
            Marked::No | Marked::Unread => None,
        };
        User {
            login: user.login.clone(),
            name: user.display_name.clone(),
            source: user.source_type.clone(),
            profile: user.user_profile.clone(),
            groups: user.groups.clone().unwrap_or_default(),
            rights,
            last_login: seen.and_then(|seen| time(seen.last_login)),
            last_activity: seen.and_then(|seen| time(seen.last_activity)),
            declared_by,
            marks,
        }
    }

    fn group(&self, group: &GroupRecord, users: &[User]) -> Group {
        let members = users.iter().filter(|user| user.groups.contains(&group.name));
        let listed = self.matrix.and_then(|matrix| matrix.group(&group.name));
        let projects = listed.into_iter().flat_map(|row| &row.projects);
        let projects = projects.map(|(key, rights)| format!("{key}: {}", model::joined(rights)));
        let mut marks = Vec::new();
        if group.admin == Some(true) {
            marks.push("administrators");
        }
        if group.admin.is_none() || group.hides_flags() {
            marks.push("rights unreadable");
        }
        Group {
            name: group.name.clone(),
            source: group.source_type.clone(),
            members: members.count(),
            rights: model::of_group(group),
            projects: projects.collect(),
            marks,
        }
    }

    fn key(&self, kind: &'static str, key: &KeyRecord, user: Option<&User>) -> Key {
        let rights = model::of_key(key, &self.groups, user);
        let mut marks = Vec::new();
        if rights.iter().any(|right| right.right == model::ADMIN) {
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
            rights,
            expires: expires.map(|time| lists::time(Some(time))),
            marks,
        }
    }
}
