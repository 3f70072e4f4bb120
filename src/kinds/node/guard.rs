//! What no write may take from a node: its last administrator, and the account that the operator uses (`api.md` 8.4).

use std::collections::HashSet;

use super::NodeLists;
use crate::{dataiku::dip::users::UserRecord, engine::connect::Effect};

/// Why a write with these effects must not be made.
pub(super) fn guard(lists: &NodeLists, effects: &[Effect]) -> Option<String> {
    if effects.is_empty() {
        return None;
    }
    let own = lists.identity();
    let is_own = |login: &str| own.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(login));
    let losing: HashSet<&str> = effects.iter().filter_map(loses_account).collect();
    if let Some(login) = losing.iter().find(|login| is_own(login)) {
        return Some(format!("{login} is the account that the operator uses"));
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

fn loses_account(effect: &Effect) -> Option<&str> {
    match effect {
        Effect::Disables(user) | Effect::Deletes(user) => Some(user),
        Effect::Leaves { .. } | Effect::DeletesGroup(_) | Effect::RevokesAdmin(_) | Effect::ClosesLogin(_) => None,
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
