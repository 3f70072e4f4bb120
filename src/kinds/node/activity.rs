//! When users were last seen.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;

use crate::{
    dataiku::{dip::activity::ActivityRecord, listed::Listed},
    engine::connect::lists::Shared,
};

/// When users were last seen, by login.
#[derive(Default)]
pub struct Activity(Shared<Option<HashMap<String, ActivityRecord>>>);

/// Whether a user was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Never.
    Never,
    /// Not for long.
    Dormant,
    /// Lately.
    Seen,
}

impl Presence {
    /// Of a user with this activity; users who were not seen since `limit` are dormant.
    pub fn of(activity: Option<&ActivityRecord>, limit: Timestamp) -> Self {
        match activity.and_then(|seen| seen.last_login.max(seen.last_activity)) {
            None => Self::Never,
            Some(last) if last < limit.as_millisecond() => Self::Dormant,
            Some(_) => Self::Seen,
        }
    }
}

impl Activity {
    /// When this user was last seen; `None`: no list was read yet.
    pub fn of(&self, login: &str) -> Option<ActivityRecord> {
        let users = self.all();
        Some(users.as_ref().as_ref()?.get(login).cloned().unwrap_or_default())
    }

    /// When all users were last seen; `None`: no list was read yet.
    pub(super) fn all(&self) -> Arc<Option<HashMap<String, ActivityRecord>>> {
        self.0.get()
    }

    /// Takes in a list.
    pub(super) fn set(&self, listed: Listed<ActivityRecord>) {
        let users = listed.items.into_iter();
        let users: HashMap<_, _> = users.map(|user| (user.login.clone(), user)).collect();
        self.0.set(Some(users));
    }
}
