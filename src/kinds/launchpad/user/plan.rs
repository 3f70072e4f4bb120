//! What to write for somebody. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;

use super::{
    GROUPS, RENEWAL, UserChange,
    change::Edited,
    seats::{self, Seat},
    shown, wanted,
};
use crate::{
    crd::{
        LaunchpadSpace, LaunchpadUser,
        common::ListPolicy,
        launchpad_user::{Phase, SeatProfile},
    },
    dataiku::{
        email::same_email,
        fields::Unreadable,
        json_value::is_same,
        launchpad::people::{self, ADMIN_PROPERTIES, GroupReference, PROFILE},
    },
    engine::{
        Error, Given, Plan, Reason,
        keep::{
            expiry::Expiry,
            fields::{Edit, FieldEdit, Fields},
        },
    },
    kinds::{launchpad::lists::Someone, node::Known},
};

type Context<'a> = Given<'a, LaunchpadSpace>;

pub(super) fn plan(
    object: &LaunchpadUser,
    given: &Context<'_>,
    seen: Option<&Someone>,
) -> Result<Plan<UserChange>, Error> {
    let mut access = Access::at(object, given.now);
    let mut plan = match seen {
        None => invite(object, given, &access)?,
        Some(someone) => edit(object, given, &access, someone)?,
    };
    std::mem::replace(&mut access.expiry, Expiry::at(given.now)).limit(&mut plan);
    Ok(plan)
}

/// The groups that a spec declares, at one time.
struct Access<'a> {
    /// Groups that the user is in; `None`: not declared.
    present: Option<BTreeSet<&'a str>>,
    /// Groups that the user must not be in.
    absent: BTreeSet<&'a str>,
    expiry: Expiry,
}

impl<'a> Access<'a> {
    fn at(object: &'a LaunchpadUser, now: Timestamp) -> Self {
        let mut expiry = Expiry::at(now);
        let mut absent = BTreeSet::new();
        let present = object.spec.groups.as_ref().map(|groups| {
            let mut present = BTreeSet::new();
            for group in groups {
                let name = group.name.as_str();
                let says = |limit| format!("the membership in group {name} ended at {limit}");
                if group.is_present() && !expiry.passed(group.valid_until.as_ref(), says) {
                    present.insert(name);
                } else {
                    absent.insert(name);
                }
            }
            present
        });
        Self {
            present,
            absent,
            expiry,
        }
    }

    fn present(&self) -> impl Iterator<Item = &'a str> {
        self.present.iter().flatten().copied()
    }
}

/// Invites somebody who is neither a user nor invited.
fn invite(object: &LaunchpadUser, given: &Context<'_>, access: &Access<'_>) -> Result<Plan<UserChange>, Error> {
    if let Some(plan) = renewal(object, given) {
        return Ok(plan);
    }
    let (profile, trial) = wanted(object);
    if !object.spec.policies.observes() {
        seats::check(object, given, Seat { name: &profile, trial })?;
    }
    let nothing = Unreadable::default();
    let mut fields = Fields::new(given.record, &nothing);
    let groups = groups(given, access, &mut fields);
    let mut plan = fields.into_plan(|_| unreachable!("nothing is compared"));
    plan.changes.push(UserChange::Invite {
        email: object.spec.email.clone(),
        profile,
        trial,
        groups: groups.into_values().collect(),
    });
    Ok(plan)
}

/// Waits, if the last invite is gone and younger than a day: it was declined, or has expired, or it was accepted and the user
/// does not show yet.
fn renewal(object: &LaunchpadUser, given: &Context<'_>) -> Option<Plan<UserChange>> {
    // Without an id on record, no invite was sent, or its answer was lost.
    given.record.id.as_ref()?;
    let before = shown(object)?;
    if before.phase == Some(Phase::Active) {
        return None;
    }
    let sent = before.invited_at.as_ref()?.0;
    let due = sent.checked_add(RENEWAL).ok()?;
    let left = Duration::try_from(due.duration_since(given.now)).ok()?;
    // An invite from the future was sent by a clock that is ahead.
    let left = left.min(Duration::try_from(RENEWAL).unwrap_or_default());
    if left.is_zero() {
        return None;
    }
    Some(Plan {
        waiting: vec![format!(
            "the invite of {sent} is gone: it was declined or withdrawn, or it expired; the operator renews it after {due}"
        )],
        grants: given.record.grants.clone(),
        due: Some(left),
        ..Plan::default()
    })
}

/// Edits the invite or the user.
fn edit(
    object: &LaunchpadUser,
    given: &Context<'_>,
    access: &Access<'_>,
    someone: &Someone,
) -> Result<Plan<UserChange>, Error> {
    let mut fields = Fields::new(given.record, someone.unreadable());
    let refused = match profile(object, given, someone) {
        Ok(Some(edit)) => {
            let found = someone
                .profile()
                .map(|profile| (profile.name.clone(), profile.is_trial));
            fields.differs(found, edit);
            None
        }
        Ok(None) => None,
        Err(refused) => Some(refused),
    };
    let leaves = memberships(object, given, access, someone, &mut fields)?;
    if let Someone::User(user) = someone {
        properties(object, user.record.admin_properties.as_ref(), &mut fields);
    }
    let plan = fields.into_plan(|edit: Edit| {
        let edited = Edited {
            email: someone.email().to_owned(),
            edit: Arc::new(edit),
            leaves,
        };
        match someone {
            Someone::User(_) => UserChange::EditUser(edited),
            Someone::Invite(_) => UserChange::EditInvite(edited),
        }
    });
    // Everything else is written before the seat holds the object up.
    match refused {
        Some(refused) if plan.changes.is_empty() => Err(refused),
        _ => Ok(plan),
    }
}

/// The edit that gives somebody the declared seat, if they have another one.
fn profile(object: &LaunchpadUser, given: &Context<'_>, someone: &Someone) -> Result<Option<FieldEdit>, Error> {
    let Some(declared) = &object.spec.profile else {
        return Ok(None);
    };
    let found = someone.profile();
    let same_name = found.is_some_and(|found| found.name == declared.name);
    let found_trial = match someone {
        Someone::User(_) => Some(found.is_some_and(people::Profile::is_trial)),
        // An invite may not show whether its seat is a trial.
        Someone::Invite(_) => found.and_then(|found| found.is_trial),
    };
    let same_trial = match (declared.trial, found_trial) {
        (Some(declared), Some(found)) => declared == found,
        _ => true,
    };
    if same_name && same_trial {
        return Ok(None);
    }
    let trial = declared
        .trial
        .unwrap_or_else(|| kept_trial(given, declared, found_trial.unwrap_or_default()));
    if !object.spec.policies.observes() {
        let name = &declared.name;
        seats::check(object, given, Seat { name, trial })?;
    }
    let name = declared.name.clone();
    let step = format!("set profile to {name}{}", if trial { " (trial)" } else { "" });
    let known = found_trial.is_some() || trial;
    Ok(Some(FieldEdit::new(step, move |document| {
        let mut seat = document.nested(PROFILE)?.unwrap_or_default();
        seat.set("name", &name);
        if known {
            seat.set("isTrial", &trial);
        }
        document.set(PROFILE, &seat);
        Ok(())
    })))
}

/// A trial stays one, where the space has trial seats of the other profile.
fn kept_trial(given: &Context<'_>, declared: &SeatProfile, trial: bool) -> bool {
    let profiles = given.lists.profiles();
    let rows = profiles.iter().flat_map(|profiles| &profiles.items);
    let flags: Vec<_> = rows
        .filter(|row| row.name == declared.name)
        .map(|row| row.is_trial)
        .collect();
    trial && (flags.is_empty() || flags.contains(&Some(true)))
}

/// Puts somebody into the declared groups, and takes them out of others; the names of the groups that are left.
fn memberships(
    object: &LaunchpadUser,
    given: &Context<'_>,
    access: &Access<'_>,
    someone: &Someone,
    fields: &mut Fields<'_>,
) -> Result<Vec<String>, Error> {
    let recorded = given.record.grants.list(GROUPS);
    if access.present.is_none() && recorded.is_empty() {
        return Ok(Vec::new());
    }
    if someone.unreadable().contains(people::GROUPS) {
        fields.cannot_merge(people::GROUPS);
        return Ok(Vec::new());
    }
    let current: &[GroupReference] = someone.groups().map(Vec::as_slice).unwrap_or_default();
    let declared = groups(given, access, fields);
    for (name, group) in &declared {
        if !current.iter().any(|one| one.id == group.id) {
            fields.differs((), joining(name, group.clone()));
        }
    }
    let exact = access.present.is_some() && object.spec.groups_policy == Some(ListPolicy::Exact);
    let present: BTreeSet<&str> = access.present().collect();
    let unwanted = |name: &str| {
        let ours = exact || access.absent.contains(name) || recorded.iter().any(|one| one == name);
        ours && !present.contains(name)
    };
    let leaving: Vec<&GroupReference> = current.iter().filter(|group| unwanted(&group.name)).collect();
    if leaving.is_empty() {
        return Ok(Vec::new());
    }
    let Some(elsewhere) = Elsewhere::of(object, given) else {
        fields.waits(
            "memberships are withdrawn once all objects of the space are known".into(),
            true,
        );
        return Ok(Vec::new());
    };
    let mut leaves = Vec::new();
    for group in leaving {
        match elsewhere.0.get(&group.name) {
            Some(other) if access.absent.contains(group.name.as_str()) => {
                let message = format!(
                    "{other} declares the membership in group {} that this object wants absent: change one of them",
                    group.name
                );
                return Err(Error::Blocked(Reason::Conflict, message));
            }
            Some(_) => {}
            None => {
                fields.differs((), leaving_edit(group));
                leaves.push(group.name.clone());
            }
        }
    }
    Ok(leaves)
}

/// Memberships of one person that other objects declare: the group, and the object.
struct Elsewhere(BTreeMap<String, String>);

impl Elsewhere {
    /// `None`: not all objects are known yet.
    fn of(object: &LaunchpadUser, given: &Context<'_>) -> Option<Self> {
        let email = &object.spec.email;
        let mut all = BTreeMap::new();
        for one in given.others.dependents()? {
            if one.kind == "LaunchpadUser" {
                continue;
            }
            let name = format!("{} {}/{}", one.kind, one.namespace, one.name);
            for (_, group) in one
                .shares
                .memberships
                .iter()
                .filter(|(user, _)| same_email(user, email))
            {
                all.entry(group.clone()).or_insert_with(|| name.clone());
            }
        }
        Some(Self(all))
    }
}

/// The declared groups that exist, by name. The object waits for the others.
fn groups<'a>(given: &Context<'_>, access: &Access<'a>, fields: &mut Fields<'_>) -> BTreeMap<&'a str, GroupReference> {
    fields.grants(GROUPS, access.present().map(str::to_owned));
    let mut found = BTreeMap::new();
    for name in access.present() {
        match given.lists.group_named(name) {
            Known::Found(group) => {
                let reference = GroupReference {
                    id: group.id.clone(),
                    name: group.name.clone(),
                };
                found.insert(name, reference);
            }
            Known::Absent => fields.waits(format!("group {name} does not exist yet"), false),
            Known::Unknown => fields.waits(format!("group {name} is not among the groups that can be read"), false),
        }
    }
    found
}

fn joining(name: &str, group: GroupReference) -> FieldEdit {
    FieldEdit::new(format!("add to group {name}"), move |document| {
        let is_it = |one: &GroupReference| one.id == group.id;
        let present: Option<Vec<GroupReference>> = document.get(people::GROUPS)?;
        if present.iter().flatten().any(is_it) {
            return Ok(());
        }
        let added = std::slice::from_ref(&group);
        document
            .edit_list(people::GROUPS, |_: &GroupReference| true, added)
            .map(|_| ())
    })
}

fn leaving_edit(group: &GroupReference) -> FieldEdit {
    let id = group.id.clone();
    let edit = FieldEdit::new(format!("remove from group {}", group.name), move |document| {
        let none: &[GroupReference] = &[];
        document
            .edit_list(people::GROUPS, |one: &GroupReference| one.id != id, none)
            .map(|_| ())
    });
    edit.withdrawing(true)
}

/// Sets the declared properties.
fn properties(object: &LaunchpadUser, found: Option<&BTreeMap<String, serde_json::Value>>, fields: &mut Fields<'_>) {
    let declared = object.spec.admin_properties.iter().flatten();
    let mut declared = declared.peekable();
    if declared.peek().is_none() {
        return;
    }
    let Some(found) = found else {
        return fields.cannot_merge(ADMIN_PROPERTIES);
    };
    for (name, value) in declared {
        let current = found.get(name);
        if current.is_some_and(|current| is_same(current, value)) {
            continue;
        }
        let path = vec![ADMIN_PROPERTIES.to_owned(), name.clone()];
        let edit = FieldEdit::at(format!("set admin property {name}"), path, Some(value.clone()));
        fields.differs((name, current.map(serde_json::Value::to_string)), edit);
    }
}
