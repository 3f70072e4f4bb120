//! How many objects of a kind there are, by connection and reason. The watch maintains it, so that a scrape of the metrics
//! costs as much as there are groups, and not as much as there are objects.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{connect::ConnectionKey, error::Reason, object::Object};

/// What stands for a reason where an object has none yet.
const UNKNOWN: &str = "Unknown";

/// Objects of one connection whose `Ready` has the same reason.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Group {
    /// The connection that they name, whether it exists or not; `None`: it is not known.
    pub connection: Option<ConnectionKey>,
    /// The reason, or `Unknown`.
    pub reason: &'static str,
}

impl Group {
    /// The group of an object that uses this connection.
    pub fn of<K: Object>(object: &K, connection: Option<ConnectionKey>) -> Self {
        let ready = object.status().and_then(|status| status.condition("Ready"));
        let reason = ready.and_then(|ready| Reason::named(&ready.reason));
        Self {
            connection,
            reason: reason.map_or(UNKNOWN, Reason::as_str),
        }
    }

    /// The group of an object that cannot be decoded.
    pub fn undecodable() -> Self {
        Self {
            connection: None,
            reason: Reason::Invalid.as_str(),
        }
    }
}

/// The objects of one kind.
#[derive(Default)]
pub struct Census(Mutex<HashMap<Group, usize>>);

impl Census {
    /// Moves an object from its group to another one; `None`: it is in none.
    pub fn update(&self, before: Option<Group>, now: Option<Group>) {
        if before == now {
            return;
        }
        let mut groups = self.groups();
        if let Some(before) = before
            && let Some(count) = groups.get_mut(&before)
        {
            *count -= 1;
            if *count == 0 {
                groups.remove(&before);
            }
        }
        if let Some(now) = now {
            *groups.entry(now).or_default() += 1;
        }
    }

    /// Replaces everything by these objects.
    pub fn rebuild(&self, objects: impl Iterator<Item = Group>) {
        let mut groups = HashMap::new();
        for group in objects {
            *groups.entry(group).or_default() += 1;
        }
        *self.groups() = groups;
    }

    /// The number of objects in each group.
    pub fn counts(&self) -> Vec<(Group, usize)> {
        let groups = self.groups();
        groups.iter().map(|(group, count)| (group.clone(), *count)).collect()
    }

    /// The number of objects in one group.
    pub fn count(&self, group: &Group) -> usize {
        self.groups().get(group).copied().unwrap_or_default()
    }

    fn groups(&self) -> MutexGuard<'_, HashMap<Group, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(connection: &str, reason: Reason) -> Group {
        Group {
            connection: Some(ConnectionKey::new("team", connection)),
            reason: reason.as_str(),
        }
    }

    #[test]
    fn an_object_is_in_one_group_and_an_empty_group_is_none() {
        let census = Census::default();
        let (new, ready) = (group("design", Reason::Progressing), group("design", Reason::InSync));
        census.update(None, Some(new.clone()));
        census.update(Some(new.clone()), Some(ready.clone()));
        census.update(None, Some(ready.clone()));
        assert_eq!(census.counts(), [(ready.clone(), 2)]);
        census.update(Some(ready.clone()), None);
        census.update(Some(ready.clone()), None);
        // More than there were.
        census.update(Some(ready), None);
        assert!(census.counts().is_empty());
        census.rebuild([new.clone(), new.clone()].into_iter());
        assert_eq!(census.count(&new), 2);
    }
}
