//! What of a user's access is in force: time limits, and groups that the user must not be in.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::{crd::node_user::UserSpec, engine::keep::expiry::Expiry};

/// The access that a spec declares, at one time.
pub(super) struct Access<'a> {
    /// Whether the user may exist and log in; `None`: no time limit.
    pub expired: Option<bool>,
    /// Groups that the user is in; `None`: not declared.
    pub groups: Option<BTreeSet<&'a str>>,
    /// Groups that the user must not be in.
    pub absent: BTreeSet<&'a str>,
    /// The time limits.
    pub expiry: Expiry,
}

impl<'a> Access<'a> {
    pub(super) fn at(spec: &'a UserSpec, now: Timestamp, exists: bool) -> Self {
        let mut expiry = Expiry::at(now);
        let consequence = if exists {
            "the user is disabled"
        } else {
            "the user is not created"
        };
        let expired = spec.valid_until.as_ref().map(|limit| {
            expiry.passed(Some(limit), |limit| {
                format!("validUntil {limit} has passed: {consequence}")
            })
        });
        let mut absent = BTreeSet::new();
        let groups = spec.groups.as_ref().map(|groups| {
            let mut present = BTreeSet::new();
            for group in groups {
                let name = group.name.as_str();
                let says = |limit| format!("the membership in group {name} ended at {limit}");
                let there = group.is_present() && !expiry.passed(group.valid_until.as_ref(), says);
                if there {
                    present.insert(name);
                } else {
                    absent.insert(name);
                }
            }
            present
        });
        Self {
            expired,
            groups,
            absent,
            expiry,
        }
    }

    /// Whether the time limit of the user has passed.
    pub(super) fn has_ended(&self) -> bool {
        self.expired == Some(true)
    }
}
