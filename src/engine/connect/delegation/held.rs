//! What a write may do to users and groups, given what the remote side holds at the moment. Pure.

use std::collections::BTreeSet;

use super::{Declared, Judge, Rights, Statement};
use crate::{
    crd::applied::Grants,
    engine::{connect::Effect, error::Refused},
};

/// What a group gives to its members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Permission flags that are true.
    pub flags: BTreeSet<String>,
    /// What is privileged on every remote side, by the name that a delegation uses.
    pub privileges: BTreeSet<String>,
}

impl FromIterator<Self> for Held {
    /// All that any of them gives.
    fn from_iter<I: IntoIterator<Item = Self>>(all: I) -> Self {
        let mut together = Self::default();
        for one in all {
            together.flags.extend(one.flags);
            together.privileges.extend(one.privileges);
        }
        together
    }
}

/// What the remote side holds, as far as it is known. `None` is unknown: nothing is written then.
pub trait Holdings {
    /// What a group gives to its members, whatever the case of its name; nothing for a group that does not exist.
    fn held(&self, group: &str) -> Option<Held>;
    /// Groups of a user, whatever the case of the login or email; none for a user who does not exist.
    fn memberships(&self, user: &str) -> Option<Vec<String>>;
}

const UNDECIDED: &str =
    "what this namespace may do cannot be decided: the remote side's users and groups are not known, or not readable";

const UNKNOWN: &str =
    "what this namespace may do cannot be decided: it is not known which entry of `delegations` applies to it";

impl Judge<'_> {
    /// Whether the object may be kept in line at all, given what the groups that it joins or fills hold now. `granted`: names
    /// that the object gave earlier.
    ///
    /// # Errors
    /// It may not, or nobody can tell.
    pub fn standing(&self, statement: &Statement, held: &dyn Holdings) -> Result<(), Refused> {
        if matches!(self.rights, Rights::Unknown) {
            return Err(Refused::Undecided(UNKNOWN.to_owned()));
        }
        if self.is_home() || statement.observes {
            return Ok(());
        }
        let declared = &statement.declared;
        for group in &declared.joins {
            self.membership(group, held)?;
        }
        if let Some(group) = declared.group.as_ref().filter(|_| declared.fills_group) {
            self.membership(group, held)?;
        }
        for user in &declared.acts_as {
            self.control(user, &|_| false, "give keys that act as", held)?;
        }
        Ok(())
    }

    /// Whether the object may take its remote object over, which it found.
    ///
    /// # Errors
    /// It may not, or nobody can tell.
    pub fn adoption(&self, declared: &Declared, held: &dyn Holdings) -> Result<(), Refused> {
        if self.is_home() {
            return Ok(());
        }
        if let Some(group) = &declared.group {
            self.membership(group, held)?;
        }
        match &declared.user {
            Some(user) => self.control(user, &|_| false, "adopt", held),
            None => Ok(()),
        }
    }

    /// Whether a write with these effects is allowed. `granted`: names that the object gave before the write; it may always
    /// withdraw them.
    ///
    /// # Errors
    /// It is not, or nobody can tell.
    pub fn effects(&self, effects: &[Effect], granted: &Grants, held: &dyn Holdings) -> Result<(), Refused> {
        if let Some(why) = self.protects(effects, granted) {
            return Err(Refused::NotAllowed(why));
        }
        if self.is_home() {
            return Ok(());
        }
        if matches!(self.rights, Rights::Unknown) {
            return Err(Refused::Undecided(UNKNOWN.to_owned()));
        }
        let ours = |group: &str| granted.names().any(|name| name == group);
        let gave = |user: &str| granted.names().any(|name| name.eq_ignore_ascii_case(user));
        let left = |group: &str| {
            let mut all = effects.iter();
            ours(group) && all.any(|one| matches!(one, Effect::Leaves { group: left, .. } if left == group))
        };
        for effect in effects {
            match effect {
                Effect::Leaves { user, group } if !ours(group) && !gave(user) => {
                    self.reaches(user, group).map_err(Refused::NotAllowed)?;
                    self.membership(group, held)?;
                }
                Effect::Edits(user) => self.control(user, &ours, "change", held)?,
                Effect::Disables(user) => self.control(user, &ours, "disable", held)?,
                Effect::Deletes(user) => self.control(user, &ours, "delete", held)?,
                Effect::SetsPassword(user) => self.control(user, &left, "set the password of", held)?,
                Effect::Grants { flag, privileged } => self.flag(flag, *privileged).map_err(Refused::NotAllowed)?,
                Effect::Leaves { .. }
                | Effect::DeletesGroup(_)
                | Effect::RevokesAdmin(_)
                | Effect::NarrowsKey(_)
                | Effect::DeletesKey { .. }
                | Effect::ClosesLogin(_) => {}
            }
        }
        Ok(())
    }

    /// Whether this namespace may give and take memberships of the group.
    fn membership(&self, group: &str, held: &dyn Holdings) -> Result<(), Refused> {
        if self.covers(group, held)? {
            return Ok(());
        }
        let what = format!("manage who is in group {group}");
        Err(self.not_allowed(&what, &format!("`privileges: [{group}]`")))
    }

    /// Whether this namespace may do something to the account of a user who may be in privileged groups; `own`: those that do
    /// not count.
    fn control(&self, user: &str, own: &dyn Fn(&str) -> bool, act: &str, held: &dyn Holdings) -> Result<(), Refused> {
        let groups = held.memberships(user).ok_or_else(undecided)?;
        for group in groups.iter().filter(|group| !own(group)) {
            if !self.covers(group, held)? {
                // Which group it is would tell what the user may do.
                let setting = "`privileges` that cover every privileged group of the user";
                return Err(self.not_allowed(&format!("{act} user {user}"), setting));
            }
        }
        Ok(())
    }

    /// Whether the group holds nothing privileged, or this namespace may give what it holds.
    fn covers(&self, group: &str, held: &dyn Holdings) -> Result<bool, Refused> {
        if self.may_give(group) {
            return Ok(true);
        }
        let held = held.held(group).ok_or_else(undecided)?;
        let flags = held.flags.iter().filter(|flag| self.is_privileged(flag));
        Ok(flags.chain(&held.privileges).all(|flag| self.may_give(flag)))
    }

    fn not_allowed(&self, what: &str, setting: &str) -> Refused {
        Refused::NotAllowed(self.refusal(what, setting))
    }
}

fn undecided() -> Refused {
    Refused::Undecided(UNDECIDED.to_owned())
}
