//! Members of a group: users by the group's document, those who are only invited by their invite.

use std::collections::{BTreeMap, BTreeSet};

use super::{MEMBERS, is_exact};
use crate::{
    crd::{applied::Applied, launchpad_group::LaunchpadGroupSpec},
    dataiku::{
        email::folded,
        launchpad::{
            groups::{GroupRecord, Member, USERS},
            people::InviteRecord,
        },
    },
    engine::keep::fields::{FieldEdit, Fields},
    kinds::launchpad::{invites::InviteEdit, lists::SpaceLists},
};

/// Declared members by their address without case, so that nobody is a member twice.
fn declared(spec: &LaunchpadGroupSpec) -> BTreeMap<String, &str> {
    let members = spec.members.iter().flatten();
    members
        .map(|member| (folded(&member.email), member.email.as_str()))
        .collect()
}

/// Sentences about declared members that the lists lack.
pub(super) fn missing(spec: &LaunchpadGroupSpec, lists: &SpaceLists) -> Vec<String> {
    let hidden = match lists.unreadable_people() {
        0 => String::new(),
        number => format!(" ({number} users and invites cannot be read)"),
    };
    let emails = declared(spec).into_values();
    emails
        .filter(|email| lists.user(email).is_none() && lists.invite(email).is_none())
        .map(|email| format!("{email} is neither a user nor invited yet{hidden}"))
        .collect()
}

/// Makes the declared people members; what to write to invites.
pub(super) fn plan(
    spec: &LaunchpadGroupSpec,
    record: &Applied,
    lists: &SpaceLists,
    group: &GroupRecord,
    fields: &mut Fields<'_>,
) -> Vec<InviteEdit> {
    let declared = declared(spec);
    let recorded = record.grants.list(MEMBERS);
    let mut invites = Vec::new();
    if spec.members.is_none() && recorded.is_empty() {
        return invites;
    }
    if group.unreadable.contains(USERS) {
        fields.cannot_merge(USERS);
        return invites;
    }
    let exact = spec.members.is_some() && is_exact(spec.members_policy);
    let leaves = |email: &String| !declared.contains_key(email) && (exact || recorded.binary_search(email).is_ok());
    let members: Vec<&Member> = group.users.iter().flatten().collect();
    let ids: BTreeSet<&str> = members.iter().map(|member| member.id.as_str()).collect();
    let joining = declared.values().filter_map(|email| lists.user(email));
    for user in joining.filter(|user| !ids.contains(user.record.id.as_str())) {
        fields.differs((), adding(&user.record.id, &user.record.email));
    }
    for member in members.into_iter().filter(|member| leaves(&folded(&member.email))) {
        fields.differs((), removing(member));
    }
    let all: Vec<_> = if exact {
        lists.invites(|_| true)
    } else {
        let concerned = declared.keys().chain(recorded);
        concerned.filter_map(|email| lists.invite(email)).collect()
    };
    for invite in all.iter().map(|invite| &invite.record) {
        let email = folded(&invite.email);
        let joins = declared.contains_key(&email);
        // Somebody who accepted is a member by the group's document.
        if lists.user(&invite.email).is_some() || !(joins || leaves(&email)) {
            continue;
        }
        match has_group(invite, group) {
            Some(has) if has == joins => {}
            Some(_) => invites.push(InviteEdit {
                email: invite.email.clone(),
                joins,
            }),
            None => fields.waits(format!("the groups of the invite of {email} cannot be read"), true),
        }
    }
    invites.sort_by(|one, other| (!one.joins, &one.email).cmp(&(!other.joins, &other.email)));
    invites.dedup();
    for missing in missing(spec, lists) {
        fields.waits(missing, false);
    }
    // Somebody who could not be identified may be one of those that are to leave.
    let leaving = recorded.iter().filter(|email| !declared.contains_key(*email));
    let kept = if lists.unreadable_people() > 0 {
        leaving.cloned().collect()
    } else {
        Vec::new()
    };
    fields.grants(MEMBERS, declared.into_keys().chain(kept));
    invites
}

fn adding(id: &str, email: &str) -> FieldEdit {
    let (id, email) = (id.to_owned(), email.to_owned());
    let step = format!("add member {email}");
    let member = Member { id, email };
    FieldEdit::new(step, move |document| {
        let added = std::slice::from_ref(&member);
        document.edit_list(USERS, |_: &Member| true, added).map(|_| ())
    })
}

fn removing(member: &Member) -> FieldEdit {
    let id = member.id.clone();
    let edit = FieldEdit::new(format!("remove member {}", member.email), move |document| {
        let none: &[Member] = &[];
        document
            .edit_list(USERS, |found: &Member| found.id != id, none)
            .map(|_| ())
    });
    edit.withdrawing(true)
}

/// `None`: unreadable.
fn has_group(invite: &InviteRecord, group: &GroupRecord) -> Option<bool> {
    let groups = invite.groups.as_ref()?;
    Some(groups.iter().any(|one| one.id == group.id))
}
