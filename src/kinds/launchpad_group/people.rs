//! Who is to be in a group: users by the group's document, those who are only invited by their invite.

use std::collections::BTreeSet;

use super::{
    change::{Field, InviteEdit},
    plan::{DesiredGroup, ObservedGroup},
};
use crate::dataiku::{
    email::{folded, same_email},
    launchpad::{
        groups::Member,
        people::{InviteRecord, UserRecord},
    },
};

/// What is to be written so that the declared people are in the group.
#[derive(Default)]
pub(super) struct PeopleEdit {
    /// Fields of the group.
    pub fields: Vec<Field>,
    /// Invites.
    pub invites: Vec<InviteEdit>,
    /// What has to wait.
    pub waiting: Vec<String>,
}

pub(super) fn edit(desired: &DesiredGroup, observed: &ObservedGroup) -> PeopleEdit {
    let mut edit = PeopleEdit::default();
    let members = observed.group.iter().flat_map(|group| &group.users).flatten();
    let members: Vec<&Member> = members.collect();
    for email in desired.members.iter().flatten() {
        match (user(observed, email), invite(observed, email)) {
            (Some(user), _) => {
                if !members.iter().any(|member| member.id == user.id) {
                    edit.fields.push(Field::AddMember(Member {
                        id: user.id.clone(),
                        email: user.email.clone(),
                    }));
                }
            }
            (None, Some(invite)) => {
                if !has_group(invite, observed) {
                    edit.invites.push(of(invite, true));
                }
            }
            (None, None) => edit.waiting.push(format!("{email} is neither a user nor invited yet")),
        }
    }
    let unwanted = |email: &str| is_unwanted(desired, email);
    let leaving = members.iter().filter(|member| unwanted(&member.email));
    edit.fields
        .extend(leaving.map(|member| Field::RemoveMember((*member).clone())));
    let uninvited = observed.invites.iter();
    let uninvited = uninvited.filter(|invite| has_group(invite, observed) && unwanted(&invite.email));
    edit.invites.extend(uninvited.map(|invite| of(invite, false)));
    edit
}

fn is_unwanted(desired: &DesiredGroup, email: &str) -> bool {
    let declared = |members: &BTreeSet<String>| members.iter().any(|member| same_email(member, email));
    match &desired.members {
        Some(members) if declared(members) => false,
        Some(_) if desired.exact_members => true,
        _ => desired.granted_members.contains(&folded(email)),
    }
}

/// The user of this address; one in the very same spelling comes first.
fn user<'a>(observed: &'a ObservedGroup, email: &str) -> Option<&'a UserRecord> {
    let users = || observed.users.iter();
    users()
        .find(|user| user.email == email)
        .or_else(|| users().find(|user| same_email(&user.email, email)))
}

fn invite<'a>(observed: &'a ObservedGroup, email: &str) -> Option<&'a InviteRecord> {
    let invites = || observed.invites.iter();
    invites()
        .find(|invite| invite.email == email)
        .or_else(|| invites().find(|invite| same_email(&invite.email, email)))
}

fn has_group(invite: &InviteRecord, observed: &ObservedGroup) -> bool {
    let id = observed.group.as_ref().map(|group| &group.id);
    invite.groups.iter().flatten().any(|group| Some(&group.id) == id)
}

fn of(invite: &InviteRecord, joins: bool) -> InviteEdit {
    InviteEdit {
        id: invite.id.clone(),
        email: invite.email.clone(),
        joins,
    }
}
