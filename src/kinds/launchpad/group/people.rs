//! Members of a group: users by the group's document, those who are only invited by their invite.

use std::collections::{BTreeMap, BTreeSet};

use super::{MEMBERS, edit::Draft, is_exact};
use crate::{
    crd::{applied::Applied, launchpad_group::LaunchpadGroupSpec},
    dataiku::{
        email::folded,
        launchpad::{
            groups::{GroupRecord, Member},
            people::InviteRecord,
        },
    },
    kinds::launchpad::{invites::InviteEdit, lists::SpaceLists},
};

/// Declared members by their address without case, so that nobody is a member twice.
fn declared(spec: &LaunchpadGroupSpec) -> BTreeMap<String, &str> {
    let members = spec.members.iter().flatten();
    members.map(|member| (folded(&member.email), member.email.as_str())).collect()
}

/// Whether the lists lack a declared member.
pub(super) fn lacks(spec: &LaunchpadGroupSpec, lists: &SpaceLists) -> bool {
    let members = spec.members.iter().flatten();
    let mut emails = members.map(|member| member.email.as_str());
    emails.any(|email| lists.user(email).is_none() && lists.invite(email).is_none())
}

/// Adds what makes the declared people members.
pub(super) fn plan(
    spec: &LaunchpadGroupSpec,
    record: &Applied,
    lists: &SpaceLists,
    group: &GroupRecord,
    draft: &mut Draft,
) {
    let declared = declared(spec);
    let users = || group.users.iter().flatten();
    let ids: BTreeSet<&str> = users().map(|user| user.id.as_str()).collect();
    for email in declared.values() {
        if let Some(user) = lists.user(email) {
            let member = Member {
                id: user.record.id.clone(),
                email: user.record.email.clone(),
            };
            if !ids.contains(member.id.as_str()) {
                draft.member(member, true);
            }
        } else if let Some(invite) = lists.invite(email) {
            match has_group(&invite.record, group) {
                Some(true) => {}
                Some(false) => draft.invites.push(edit(&invite.record, true)),
                None => draft.waiting.push(format!("the groups of the invite of {email} cannot be read")),
            }
        } else {
            let hidden = match lists.unreadable_people() {
                0 => String::new(),
                number => format!(", as far as they can be read; {number} cannot"),
            };
            draft.waiting.push(format!("{email} is neither a user nor invited yet{hidden}"));
        }
    }
    let exact = spec.members.is_some() && is_exact(spec.members_policy);
    let granted = record.grants.list(MEMBERS);
    let is_granted = |email: &String| granted.binary_search(email).is_ok();
    for user in users() {
        let email = folded(&user.email);
        if !declared.contains_key(&email) && (exact || is_granted(&email)) {
            draft.member(user.clone(), false);
        }
    }
    let invites = if exact {
        lists.invites(|invite| has_group(invite, group) != Some(false))
    } else {
        granted.iter().filter_map(|email| lists.invite(email)).collect()
    };
    for invite in invites {
        let email = folded(&invite.record.email);
        if declared.contains_key(&email) || lists.user(&email).is_some() {
            continue;
        }
        match has_group(&invite.record, group) {
            Some(true) => draft.invites.push(edit(&invite.record, false)),
            Some(false) => {}
            None => {
                draft.deferred |= is_granted(&email);
                draft.waiting.push(format!("the groups of the invite of {email} cannot be read"));
            }
        }
    }
    // Somebody who cannot be identified may be one of those that are to leave.
    draft.deferred |= lists.unreadable_people() > 0 && granted.iter().any(|email| !declared.contains_key(email));
    draft.grant(MEMBERS, declared.into_keys());
}

/// `None`: unreadable.
fn has_group(invite: &InviteRecord, group: &GroupRecord) -> Option<bool> {
    let groups = invite.groups.as_ref()?;
    Some(groups.iter().any(|one| one.id == group.id))
}

fn edit(invite: &InviteRecord, joins: bool) -> InviteEdit {
    InviteEdit {
        email: invite.email.clone(),
        joins,
    }
}
