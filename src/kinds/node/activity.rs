//! When users were last seen: one call for all of them, less often than a sweep, and beside it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::NodeLists;
use crate::{
    dataiku::dip::{DipProduct, Node, activity::ActivityRecord},
    engine::connect::lists::Shared,
};

/// Time between two reads of the list.
const INTERVAL: Duration = Duration::from_mins(10);

/// When users were last seen, by login.
#[derive(Default)]
pub struct Activity {
    users: Shared<Option<HashMap<String, ActivityRecord>>>,
    /// When the last read began.
    began: Mutex<Option<Instant>>,
}

impl Activity {
    /// When this user was last seen; `None`: no list was read yet.
    pub fn of(&self, login: &str) -> Option<ActivityRecord> {
        let users = self.users.get();
        Some(users.as_ref().as_ref()?.get(login).cloned().unwrap_or_default())
    }

    /// Whether a read is due; it counts as begun then.
    fn begin(&self) -> bool {
        let mut began = self.began.lock().unwrap_or_else(PoisonError::into_inner);
        let due = began.is_none_or(|began| began.elapsed() >= INTERVAL);
        if due {
            *began = Some(Instant::now());
        }
        due
    }
}

/// Reads the list in a task of its own, if that is due: it may be slow, and no sweep waits for it. Where it cannot be read,
/// what was known stays.
pub(super) fn refresh<P, L>(api: &Node<P>, lists: &Arc<L>)
where
    P: DipProduct,
    L: AsRef<NodeLists> + Send + Sync + 'static,
{
    if !(**lists).as_ref().activity.begin() {
        return;
    }
    let (api, lists) = (api.clone(), lists.clone());
    tokio::spawn(async move {
        match api.users_activity().await {
            Ok(listed) => {
                let users = listed.items.into_iter();
                let users: HashMap<_, _> = users.map(|user| (user.login.clone(), user)).collect();
                (*lists).as_ref().activity.users.set(Some(users));
            }
            Err(error) => tracing::debug!(%error, "the activity of users could not be read"),
        }
    });
}
