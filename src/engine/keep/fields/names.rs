//! A list of names that grant something.

use std::collections::BTreeSet;

use super::{Fields, membership::membership};

/// A list of names that grant something, such as the groups of a user.
pub struct Names<'a> {
    /// Name of the member, and of the list in the record.
    pub at: &'static str,
    /// What a name stands for, such as `group`.
    pub noun: &'static str,
    /// Declared names; `None`: only names on record are managed, which are withdrawn.
    pub declared: Option<BTreeSet<&'a str>>,
    /// Whether all other names are withdrawn.
    pub exact: bool,
    /// Names found; `None`: unreadable.
    pub found: Option<&'a [String]>,
    /// Whether a name can be granted.
    pub known: &'a dyn Fn(&str) -> bool,
}

impl Fields<'_> {
    /// A list of names. A declared name that cannot be granted yet waits; one on record that is not declared any more is
    /// withdrawn; any other is left alone unless the list is exact.
    #[must_use]
    pub fn names(self, names: &Names<'_>) -> Self {
        self.names_without(names, &BTreeSet::new())
    }

    /// The same, where the names in `absent` must not be there, whoever put them there.
    #[must_use]
    pub fn names_without(mut self, names: &Names<'_>, absent: &BTreeSet<&str>) -> Self {
        let nothing = BTreeSet::new();
        let declared = names.declared.as_ref().unwrap_or(&nothing);
        let recorded: BTreeSet<&str> = self.record.grants.list(names.at).iter().map(String::as_str).collect();
        if names.declared.is_none() && recorded.is_empty() && absent.is_empty() {
            return self;
        }
        let Some(found) = names.found else {
            return self.unmergeable(names.at);
        };
        let current: BTreeSet<&str> = found.iter().map(String::as_str).collect();
        let (granted, unknown): (BTreeSet<&str>, BTreeSet<&str>) = declared
            .iter()
            .copied()
            .filter(|name| !absent.contains(name))
            .partition(|name| current.contains(name) || (names.known)(name));
        let unknown = unknown.iter();
        self.waiting
            .extend(unknown.map(|name| format!("{} {name} does not exist yet", names.noun)));
        let others = current.iter().filter(|name| {
            let exact = names.exact && names.declared.is_some();
            !declared.contains(*name) && !absent.contains(*name) && !exact && !recorded.contains(*name)
        });
        let target: BTreeSet<&str> = granted.iter().chain(others).copied().collect();
        if target != current {
            for edit in membership(names, &target, &current) {
                self.differs((names.at, found), edit);
            }
        }
        let granted = granted.into_iter().map(str::to_owned).collect();
        self.grants.insert(names.at, granted);
        self
    }
}
