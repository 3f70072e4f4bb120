//! Which manager owns which field, and server-side apply on that.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::fields::{self, Path, Step};

/// Metadata that nobody owns.
const UNOWNED: [&str; 10] = [
    "name",
    "namespace",
    "generateName",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
];

/// A writer of fields. What one manager applies and what it updates are owned apart, as are its writes to a subresource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Owner {
    pub(crate) manager: String,
    pub(crate) applies: bool,
    pub(crate) subresource: String,
}

/// A field that an apply would take from its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dispute {
    pub(crate) field: String,
    pub(crate) owner: Owner,
}

/// The fields of one object by owner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Owners(BTreeMap<Owner, BTreeSet<Path>>);

impl Owners {
    /// The owners after a write that is no apply: whoever changes a field owns it alone.
    pub(crate) fn updated(mut self, old: &Value, new: &Value, owner: &Owner) -> Self {
        let (old_leaves, new_leaves) = (owned_leaves(old), owned_leaves(new));
        let is_written = |path: &Path, value: &Value| match path.last() {
            // Of an item or element, that it is there.
            Some(Step::Item(_) | Step::Element(_)) => !old_leaves.contains_key(path),
            // What was emptied belongs to nobody.
            _ if fields::is_empty(value) => fields::at(old, path).is_none_or(|old| !old.is_object() && !old.is_array()),
            _ => old_leaves.get(path) != Some(&value),
        };
        let written = new_leaves.into_iter().filter(|(path, value)| is_written(path, value));
        let written: BTreeSet<Path> = written.map(|(path, _)| path).collect();
        for owned in self.0.values_mut() {
            owned.retain(|path| fields::at(new, path).is_some() && !written.contains(path));
        }
        self.0.entry(owner.clone()).or_default().extend(written);
        self.0.retain(|_, owned| !owned.is_empty());
        self
    }

    /// Applies a configuration to an object: merges it, and removes what the owner applied before, no longer applies and
    /// nobody else owns. Without `force`, fields that others own with another value are the error.
    pub(crate) fn applied(
        mut self,
        live: &Value,
        configuration: &Value,
        owner: &Owner,
        force: bool,
    ) -> Result<(Value, Self), Vec<Dispute>> {
        let mut applied = owned_leaves(configuration);
        applied.retain(|path, value| !fields::is_empty_list(path, value));
        let before = self.0.remove(owner).unwrap_or_default();
        let mut conflicts = Vec::new();
        for (other, owned) in &mut self.0 {
            let disputed = |path: &Path| {
                let value = applied.get(path);
                !matches!(path.last(), Some(Step::Item(_) | Step::Element(_)))
                    && value.is_some_and(|value| !fields::is_empty(value) && fields::at(live, path) != Some(*value))
            };
            if force {
                owned.retain(|path| !disputed(path));
            } else {
                let lost = owned.iter().filter(|path| disputed(path));
                conflicts.extend(lost.map(|path| Dispute {
                    field: fields::display(path),
                    owner: other.clone(),
                }));
            }
        }
        if !conflicts.is_empty() {
            return Err(conflicts);
        }
        let mut merged = live.clone();
        fields::merge(&mut merged, configuration);
        // An item comes before its members, and takes them along.
        let all = || self.0.values().flatten().chain(applied.keys());
        for path in &before {
            // Who owns a member of an item does not own the item.
            let is_item = matches!(path.last(), Some(Step::Item(_)));
            if !all().any(|owned| owned == path || !is_item && owned.starts_with(path)) {
                fields::remove(&mut merged, path, &|parent| {
                    all().any(|owned| owned.starts_with(parent))
                });
            }
        }
        let applied: BTreeSet<Path> = applied.into_keys().collect();
        for owned in self.0.values_mut() {
            owned.retain(|path| fields::at(&merged, path).is_some());
        }
        self.0.insert(owner.clone(), applied);
        self.0.retain(|_, owned| !owned.is_empty());
        Ok((merged, self))
    }
}

/// The leaves that can have an owner.
fn owned_leaves(object: &Value) -> BTreeMap<Path, &Value> {
    let mut leaves = fields::leaves(object);
    leaves.retain(|path, _| match path.as_slice() {
        [] => false,
        [Step::Field(one)] => one != "apiVersion" && one != "kind" && one != "metadata",
        [Step::Field(one), Step::Field(two), ..] => one != "metadata" || !UNOWNED.contains(&two.as_str()),
        _ => true,
    });
    leaves
}
