//! When users were last seen.

use std::{collections::HashMap, sync::Arc};

use crate::{
    dataiku::{dip::activity::ActivityRecord, listed::Listed},
    engine::connect::lists::Shared,
};

/// When users were last seen, by login.
#[derive(Default)]
pub struct Activity(Shared<Option<HashMap<String, ActivityRecord>>>);

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
