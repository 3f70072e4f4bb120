//! Who may do what in a space of Dataiku Cloud.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    ADMIN, Access, Group, Projects, Right, User,
    read::{Log, Missing},
};
use crate::{
    dataiku::{
        email::folded,
        launchpad::{
            Launchpad,
            groups::{GroupRecord, Rights},
            people::{GroupReference, Profile},
        },
    },
    engine::Error,
    kinds::launchpad::ADMINISTRATORS,
};

/// Who may do what in a space: users and invites, and groups with what they give in the Launchpad and on each node. `node`:
/// name, id or address of the space.
///
/// # Errors
/// A list that has to be complete cannot be read.
pub async fn of_space(api: &Launchpad, node: String, missing: Missing) -> Result<Access, Error> {
    let mut log = Log::new(missing);
    let groups = log.read("groups", api.groups().await, |all| (all.items.len(), all.unreadable))?;
    let invites = log.read("invites", api.invites().await, |all| (all.items.len(), all.unreadable))?;
    let users = log.read("users", api.users().await, |all| (all.items.len(), all.unreadable))?;
    let groups = groups.map(|groups| groups.items).unwrap_or_default();
    let mut listed = Vec::new();
    for user in users.iter().flat_map(|users| &users.items) {
        let mut one = person(&user.email, user.profile.as_ref(), user.groups.as_deref(), &groups);
        if user.is_owner == Some(true) {
            one.marks.push("owner");
            one.rights.push(Right {
                right: ADMIN.to_owned(),
                from: vec!["the owner of the space".to_owned()],
            });
        }
        one.enabled = Some(true);
        listed.push(one);
    }
    for invite in invites.iter().flat_map(|invites| &invites.items) {
        let mut one = person(
            &invite.email,
            invite.profile.as_ref(),
            invite.groups.as_deref(),
            &groups,
        );
        one.marks.push("invited");
        one.enabled = Some(false);
        listed.push(one);
    }
    for one in &mut listed {
        let is_admin = one.rights.iter().any(|right| right.right == ADMIN);
        if is_admin {
            one.marks.insert(0, "administrator");
        }
        one.rights.sort_by(|a, b| a.right.cmp(&b.right));
        one.rights.dedup_by(|later, first| {
            let same = later.right == first.right;
            if same {
                first.from.append(&mut later.from);
            }
            same
        });
    }
    listed.sort_by(|one, other| one.login.cmp(&other.login));
    let mut found: Vec<Group> = groups.iter().map(group).collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(Access {
        node,
        read: log.readings,
        users: listed,
        groups: found,
        ..Access::default()
    })
}

/// Somebody, by the groups in the own record and by those that list the address as a member.
fn person(email: &str, profile: Option<&Profile>, own: Option<&[GroupReference]>, groups: &[GroupRecord]) -> User {
    let key = folded(email);
    let joined = |group: &&GroupRecord| {
        let named = own.into_iter().flatten().any(|one| one.id == group.id);
        named || group.users.iter().flatten().any(|member| folded(&member.email) == key)
    };
    let mut user = User {
        login: email.to_owned(),
        email: Some(email.to_owned()),
        profile: profile.map(|profile| {
            let trial = if profile.is_trial() { " (trial)" } else { "" };
            format!("{}{trial}", profile.name)
        }),
        ..User::default()
    };
    let mut rights: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for group in groups.iter().filter(joined) {
        let from = format!("group {}", group.name);
        for right in given(group) {
            rights.entry(right).or_default().push(from.clone());
        }
        for (node, given) in nodes(group) {
            user.projects.entry(node).or_default().extend(given);
        }
        user.groups.push(group.name.clone());
    }
    user.groups.sort_unstable();
    if own.is_none() {
        user.marks.push("groups unreadable");
    }
    user.rights = rights.into_iter().map(|(right, from)| Right { right, from }).collect();
    user
}

fn group(group: &GroupRecord) -> Group {
    let mut marks = Vec::new();
    if group.name.eq_ignore_ascii_case(ADMINISTRATORS) {
        marks.push("administrators");
    }
    if !group.unreadable.is_empty() {
        marks.push("rights unreadable");
    }
    let rights = given(group).into_iter().map(|right| Right {
        right,
        from: vec!["the group itself".to_owned()],
    });
    Group {
        name: group.name.clone(),
        source: None,
        members: group.users.as_ref().map_or(0, Vec::len),
        rights: rights.collect(),
        projects: nodes(group),
        marks,
    }
}

/// Rights in the Launchpad itself.
fn given(group: &GroupRecord) -> BTreeSet<String> {
    let mut rights = group.launchpad_permissions.as_ref().map(truths).unwrap_or_default();
    if group.name.eq_ignore_ascii_case(ADMINISTRATORS) {
        rights.insert(ADMIN.to_owned());
    }
    rights
}

/// Rights on each node that the group can access.
fn nodes(group: &GroupRecord) -> Projects {
    let all = [&group.dataiku_permissions, &group.govern_permissions];
    let all = all.into_iter().flatten().flatten();
    all.map(|(node, rights)| (node.clone(), truths(rights))).collect()
}

/// Rights that are true; one below another is `parent/child`.
fn truths(rights: &Rights) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (name, value) in rights {
        match value {
            Value::Bool(true) => _ = found.insert(name.clone()),
            Value::Object(members) => {
                let below = members.iter().filter(|(_, given)| **given == Value::Bool(true));
                found.extend(below.map(|(child, _)| format!("{name}/{child}")));
            }
            _ => {}
        }
    }
    found
}
