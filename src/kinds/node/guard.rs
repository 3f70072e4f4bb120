//! What no write may take from a node: its last administrator, and the account that the operator uses (`api.md` 8.4).

use std::collections::HashSet;

use super::{Known, NodeLists};
use crate::{dataiku::dip::users::UserRecord, engine::connect::Effect};

/// Why a write with these effects must not be made.
pub(super) fn guard(lists: &NodeLists, effects: &[Effect]) -> Option<String> {
    if effects.is_empty() {
        return None;
    }
    let own = lists.identity();
    let is_own = |login: &str| own.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(login));
    if let Some(why) = own.as_deref().and_then(|own| guard_key(lists, own, effects)) {
        return Some(why);
    }
    let changed = effects.iter().filter(|effect| !matches!(effect, Effect::Leaves { .. }));
    if let Some(login) = changed.filter_map(Effect::user).find(|login| is_own(login)) {
        return Some(format!("{login} is the account that the operator uses"));
    }
    if !effects
        .iter()
        .any(|effect| effect.takes() && may_end_administration(lists, effect))
    {
        return None;
    }
    let is_closed = |user: &UserRecord| {
        let source = user.source_type.as_deref();
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::ClosesLogin(closed) if Some(closed.as_str()) == source))
    };
    let own_user = lists.users.filter(|user| is_own(&user.login) && is_closed(user));
    if let Some(user) = own_user.first() {
        return Some(format!("{} is the account that the operator uses", user.login));
    }
    let losing: HashSet<&str> = effects.iter().filter_map(loses_account).collect();
    let before: HashSet<String> = {
        let groups = lists.groups.filter(|group| group.admin == Some(true));
        groups.iter().map(|group| group.name.clone()).collect()
    };
    let after = |group: &String| before.contains(group) && !effects.iter().any(|effect| revokes(effect, group));
    let stays = |user: &UserRecord| {
        let mut groups = user.groups.iter().flatten();
        !losing.contains(user.login.as_str())
            && !is_closed(user)
            && groups.any(|group| after(group) && !leaves(effects, &user.login, group))
    };
    let administrators = lists.users.filter(|user| {
        let mut groups = user.groups.iter().flatten();
        user.enabled != Some(false) && groups.any(|group| before.contains(group))
    });
    let (staying, leaving): (Vec<_>, Vec<_>) = administrators.iter().partition(|user| stays(user));
    if let Some(user) = leaving.iter().find(|user| is_own(&user.login)) {
        return Some(format!(
            "the operator's own account {} would lose the admin right",
            user.login
        ));
    }
    // Whoever may be disabled is not counted upon.
    let left = staying.iter().any(|user| user.enabled == Some(true));
    (!leaving.is_empty() && !left).then(|| {
        let mut names: Vec<&str> = leaving.iter().map(|user| user.login.as_str()).collect();
        names.sort_unstable();
        format!("no enabled administrator would be left without {}", names.join(", "))
    })
}

/// Whether the effect may take the admin right from anybody. Most do not, and then nobody reads the whole list of users.
fn may_end_administration(lists: &NodeLists, effect: &Effect) -> bool {
    let is_admin = |group: &str| match lists.groups.get(group) {
        Known::Found(group) => group.admin == Some(true),
        Known::Absent => false,
        Known::Unknown => true,
    };
    match effect {
        Effect::Disables(user) | Effect::Deletes(user) => match lists.users.get(user) {
            Known::Found(user) => user.groups.iter().flatten().any(|group| is_admin(group)),
            Known::Absent => false,
            Known::Unknown => true,
        },
        Effect::Leaves { group, .. } | Effect::DeletesGroup(group) | Effect::RevokesAdmin(group) => is_admin(group),
        _ => true,
    }
}

/// Why these effects would take from the operator the key that it uses. `own`: the id of that key, or the login of its user.
fn guard_key(lists: &NodeLists, own: &str, effects: &[Effect]) -> Option<String> {
    for effect in effects {
        match effect {
            Effect::NarrowsKey(id) if id == own => {
                return Some(format!(
                    "{own} is the API key that the operator uses: it must not lose rights"
                ));
            }
            Effect::DeletesKey { id, .. } if id == own => {
                return Some(format!("{own} is the API key that the operator uses"));
            }
            Effect::DeletesKey { id, user: Some(user) } if user.eq_ignore_ascii_case(own) => {
                return Some(format!(
                    "{id} is an API key of {user}, the account that the operator uses, and may be the one that it uses"
                ));
            }
            _ => {}
        }
    }
    // A key may have the rights of groups.
    let key = lists.keys.get(own).found()?;
    let admins = |group: &&String| {
        let found = lists.groups.get(group).found();
        found.is_some_and(|group| group.admin == Some(true))
    };
    let mut groups = key.groups.iter().flatten().filter(admins).peekable();
    groups.peek()?;
    let loses_all = groups.all(|group| effects.iter().any(|effect| revokes(effect, group)));
    loses_all.then(|| format!("the operator's own API key {own} would lose the admin right"))
}

fn loses_account(effect: &Effect) -> Option<&str> {
    match effect {
        Effect::Disables(user) | Effect::Deletes(user) => Some(user),
        _ => None,
    }
}

fn revokes(effect: &Effect, group: &str) -> bool {
    matches!(effect, Effect::DeletesGroup(name) | Effect::RevokesAdmin(name) if name == group)
}

fn leaves(effects: &[Effect], login: &str, left: &str) -> bool {
    effects
        .iter()
        .any(|effect| matches!(effect, Effect::Leaves { user, group } if user == login && group == left))
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
