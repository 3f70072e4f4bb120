//! Members of a group: users by the group's document, those who are only invited by their invite.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
};

use jiff::Timestamp;

use super::{MEMBERS, is_exact};
use crate::{
    crd::{applied::Applied, common::Ensure, launchpad_group::LaunchpadGroupSpec},
    dataiku::{
        email::folded,
        launchpad::{
            groups::{GroupRecord, Member, USERS},
            people::InviteRecord,
        },
    },
    engine::{
        Error, Reason,
        index::Claims,
        keep::{
            expiry::Expiry,
            fields::{FieldEdit, Fields},
        },
    },
    kinds::launchpad::{invites::InviteEdit, lists::SpaceLists},
};

/// Who is to be a member at one time. By addresses without case, so that nobody is a member twice.
pub(super) struct People<'a> {
    /// Members.
    present: BTreeMap<String, &'a str>,
    /// Addresses that must not be members, whoever added them.
    absent: BTreeSet<String>,
    /// The time limits of memberships.
    pub(super) expiry: Expiry,
}

impl<'a> People<'a> {
    /// Who is to be a member at this time. Of one address in two spellings the one that takes access away counts.
    pub(super) fn at(spec: &'a LaunchpadGroupSpec, now: Timestamp) -> Self {
        let mut expiry = Expiry::at(now);
        let (mut present, mut absent) = (BTreeMap::new(), BTreeSet::new());
        for member in spec.members.iter().flatten() {
            let email = member.email.as_str();
            let says = |limit| format!("the membership of {email} ended at {limit}");
            let there = member.ensure.unwrap_or_default() == Ensure::Present;
            if there && !expiry.passed(member.valid_until.as_ref(), says) {
                present.insert(folded(email), email);
            } else {
                absent.insert(folded(email));
            }
        }
        present.retain(|email, _| !absent.contains(email));
        Self {
            present,
            absent,
            expiry,
        }
    }
}

/// Sentences about declared members that the lists lack.
pub(super) fn missing(people: &People<'_>, lists: &SpaceLists) -> Vec<String> {
    let hidden = match lists.unreadable_people() {
        0 => String::new(),
        number => format!(" ({number} users and invites cannot be read)"),
    };
    let emails = people.present.values();
    emails
        .filter(|email| lists.user(email).is_none() && lists.invite(email).is_none())
        .map(|email| format!("{email} is neither a user nor invited yet{hidden}"))
        .collect()
}

/// Makes the declared people members; what to write to invites.
pub(super) fn plan(
    spec: &LaunchpadGroupSpec,
    people: &People<'_>,
    record: &Applied,
    lists: &SpaceLists,
    group: &GroupRecord,
    elsewhere: &Elsewhere<'_>,
    fields: &mut Fields<'_>,
) -> Result<Vec<InviteEdit>, Error> {
    let declared = &people.present;
    let recorded = record.grants.list(MEMBERS);
    let mut invites = Vec::new();
    if spec.members.is_none() && recorded.is_empty() {
        return Ok(invites);
    }
    if group.unreadable.contains(USERS) {
        fields.cannot_merge(USERS);
        return Ok(invites);
    }
    let exact = spec.members.is_some() && is_exact(spec.members_policy);
    let leaves = |email: &String| {
        let ours = exact || people.absent.contains(email) || recorded.binary_search(email).is_ok();
        !declared.contains_key(email) && ours
    };
    let members: Vec<&Member> = group.users.iter().flatten().collect();
    let ids: BTreeSet<&str> = members.iter().map(|member| member.id.as_str()).collect();
    let joining = declared.values().filter_map(|email| lists.user(email));
    for user in joining.filter(|user| !ids.contains(user.record.id.as_str())) {
        fields.differs((), adding(&user.record.id, &user.record.email));
    }
    for member in members.into_iter().filter(|member| leaves(&folded(&member.email))) {
        if elsewhere.lets_go(&folded(&member.email), people, fields)? {
            let edit = removing(member).removing(MEMBERS, vec![member.email.clone()]);
            fields.differs((), edit);
        }
    }
    let all: Vec<_> = if exact {
        lists.invites(|_| true)
    } else {
        let concerned = declared.keys().chain(&people.absent).chain(recorded);
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
            Some(_) if joins || elsewhere.lets_go(&email, people, fields)? => invites.push(InviteEdit {
                email: invite.email.clone(),
                joins,
            }),
            Some(_) => {}
            None => fields.waits(format!("the groups of the invite of {email} cannot be read"), true),
        }
    }
    invites.sort_by(|one, other| (!one.joins, &one.email).cmp(&(!other.joins, &other.email)));
    invites.dedup();
    for missing in missing(people, lists) {
        fields.waits(missing, false);
    }
    // Somebody who could not be identified may be one of those that are to leave.
    let leaving = recorded.iter().filter(|email| !declared.contains_key(*email));
    let kept = if lists.unreadable_people() > 0 {
        leaving.cloned().collect()
    } else {
        Vec::new()
    };
    fields.grants(MEMBERS, declared.keys().cloned().chain(kept));
    Ok(invites)
}

/// Memberships in one group that objects of other kinds declare. They are searched for once, and only if somebody is to leave.
pub(super) struct Elsewhere<'a> {
    group: &'a str,
    others: &'a Claims<'a>,
    /// The object that declares it, by the address; `None`: not all objects are known.
    found: OnceCell<Option<BTreeMap<String, String>>>,
}

impl<'a> Elsewhere<'a> {
    pub(super) fn new(group: &'a str, others: &'a Claims<'a>) -> Self {
        Self {
            group,
            others,
            found: OnceCell::new(),
        }
    }

    fn search(&self) -> Option<BTreeMap<String, String>> {
        let mut found = BTreeMap::new();
        for one in self.others.dependents()? {
            let object = format!("{} {}/{}", one.kind, one.namespace, one.name);
            // Another group of the same name is a conflict of its own.
            let own = one.kind == "LaunchpadGroup";
            let here = one.shares.memberships.iter();
            for (email, _) in here.filter(|(_, group)| !own && group == self.group) {
                found.entry(folded(email)).or_insert_with(|| object.clone());
            }
        }
        Some(found)
    }

    /// Whether nobody else wants this member to stay; an error where this object wants it absent, and another one present.
    fn lets_go(&self, email: &str, people: &People<'_>, fields: &mut Fields<'_>) -> Result<bool, Error> {
        let Some(found) = self.found.get_or_init(|| self.search()) else {
            fields.waits("members leave once all objects of the space are known".to_owned(), true);
            return Ok(false);
        };
        match found.get(email) {
            None => Ok(true),
            Some(other) if people.absent.contains(email) => Err(Error::Blocked(
                Reason::Conflict,
                format!("{other} declares the membership of {email} that this object wants absent: change one of them"),
            )),
            Some(_) => Ok(false),
        }
    }
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
