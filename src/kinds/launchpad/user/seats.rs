//! Whether a seat is free, and for whom.
//!
//! Everybody decides by the same lists: whoever is older has the seat, so of many objects exactly as many invite as there are
//! seats, and a seat that becomes free goes to the oldest object.

use std::collections::BTreeSet;

use crate::{
    crd::{LaunchpadSpace, LaunchpadUser},
    dataiku::{
        email::folded,
        launchpad::{people::Profile, space::ProfileRecord},
    },
    engine::{Error, Given, Reason, connect::Dependent, object::created},
    kinds::launchpad::lists::SpaceLists,
};

/// Most holders of seats that a message names.
const NAMED: usize = 5;

/// A seat: a profile, and whether it is a trial.
#[derive(Clone, Copy)]
pub(super) struct Seat<'a> {
    pub name: &'a str,
    pub trial: bool,
}

/// People with a seat.
struct Holders {
    users: BTreeSet<String>,
    invited: BTreeSet<String>,
}

/// Fails if the space has no such profile, or no seat of it for this object. What is not known is for the Launchpad to decide.
pub(super) fn check(object: &LaunchpadUser, given: &Given<'_, LaunchpadSpace>, seat: Seat<'_>) -> Result<(), Error> {
    let profiles = given.lists.profiles();
    let Some(profiles) = &*profiles else { return Ok(()) };
    let rows: Vec<&ProfileRecord> = profiles.items.iter().filter(|row| row.name == seat.name).collect();
    if rows.is_empty() {
        return if profiles.is_complete() {
            Err(unknown(seat.name, &profiles.items))
        } else {
            Ok(())
        };
    }
    let own = rows.iter().find(|row| row.is_trial == Some(seat.trial));
    // Some releases show the trial and the paid seats of a profile as one row.
    let merged = rows.len() == 1;
    let Some(row) = own.or_else(|| rows.first().filter(|_| merged)) else {
        return Ok(());
    };
    let Some(total) = row.total_seats.and_then(|total| usize::try_from(total).ok()) else {
        return Ok(());
    };
    let email = folded(&object.spec.email);
    let is_it = |profile: &Profile| profile.name == seat.name && (merged || profile.is_trial() == seat.trial);
    let holders = Holders::of(given.lists, &email, is_it);
    let counted = row.used_seats.and_then(|used| usize::try_from(used).ok());
    let others = holders.users.len() + holders.invited.len();
    let everybody = Holders::of(given.lists, "", is_it);
    // The Launchpad counts the seat of this person too, if there is one.
    let own =
        everybody.users.len() + everybody.invited.len() - others.min(everybody.users.len() + everybody.invited.len());
    let taken = others.max(counted.unwrap_or_default().saturating_sub(own));
    let free = total.saturating_sub(taken);
    let older = if free == 0 {
        0
    } else {
        let Some(others) = given.others.dependents() else {
            let message = "not all objects of the space are known yet, and an older one may wait for the seat";
            return Err(Error::NotYet(message.to_owned()));
        };
        let waits = |one: &&Dependent| {
            let same = one
                .shares
                .seat
                .as_ref()
                .is_some_and(|(name, trial)| name == seat.name && (merged || *trial == seat.trial));
            same && !holders.has(&one.key) && precedes(one, object, given)
        };
        others.iter().filter(waits).count()
    };
    if older < free {
        return Ok(());
    }
    Err(Error::Blocked(
        Reason::Guarded,
        no_seat(seat, total, free, &holders, taken),
    ))
}

/// Whether an object is older than this one.
fn precedes(one: &Dependent, object: &LaunchpadUser, given: &Given<'_, LaunchpadSpace>) -> bool {
    let own = (created(object), &*given.name.namespace, &*given.name.name);
    (one.created, one.namespace.as_str(), one.name.as_str()) < own
}

impl Holders {
    /// Everybody but the one of this address.
    fn of(lists: &SpaceLists, except: &str, is_it: impl Fn(&Profile) -> bool) -> Self {
        let users = lists.users(|user| user.profile.as_ref().is_some_and(&is_it));
        let invites = lists.invites(|invite| invite.profile.as_ref().is_some_and(&is_it));
        let users: BTreeSet<String> = users.iter().map(|user| folded(&user.record.email)).collect();
        let addresses = invites.iter().map(|invite| folded(&invite.record.email));
        let addresses = addresses.filter(|email| email != except && !users.contains(email));
        Self {
            invited: addresses.collect(),
            users: users.into_iter().filter(|email| email != except).collect(),
        }
    }

    fn has(&self, email: &str) -> bool {
        let email = folded(email);
        self.users.contains(&email) || self.invited.contains(&email)
    }
}

fn unknown(name: &str, rows: &[ProfileRecord]) -> Error {
    let names: BTreeSet<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    Error::invalid(format!(
        "the space has no profile {name}: set profile to one of {}",
        names.join(", ")
    ))
}

fn no_seat(seat: Seat<'_>, total: usize, free: usize, holders: &Holders, taken: usize) -> String {
    let trial = if seat.trial { "trial " } else { "" };
    let name = seat.name;
    let older = if free == 0 {
        "none is free".to_owned()
    } else {
        "older objects wait for the rest".to_owned()
    };
    let mut who: Vec<&str> = holders
        .users
        .iter()
        .chain(&holders.invited)
        .map(String::as_str)
        .collect();
    let more = who.len().saturating_sub(NAMED);
    who.truncate(NAMED);
    let who = who.join(", ");
    let who = if more > 0 {
        format!("{who} and {more} more")
    } else {
        who
    };
    let (used, invited) = (holders.users.len(), holders.invited.len());
    format!(
        "no {trial}seat of profile {name} for this object: {taken} of {total} taken ({used} users, {invited} invites: {who}), \
         {older}; a seat that becomes free goes to the oldest object"
    )
}
