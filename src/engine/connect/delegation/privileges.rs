//! Which permission flags are privileged.

use std::collections::BTreeSet;

/// Flags that let their holder grant rights, run code as another user or as the server, or read the credentials of others.
/// docs/security.md says why for each of them; a test holds the two together.
pub const PRIVILEGED: [&str; 14] = [
    "admin",
    "canObtainAPITicketFromCookiesForGroupsRegex",
    "impersonatableGroupsRegex",
    "isGovernArchitect",
    "mayCreateActiveWebContent",
    "mayCreateCodeEnvs",
    "mayCreateCodeStudioTemplates",
    "mayDevelopPlugins",
    "mayEditLibFolders",
    "mayManageClusters",
    "mayManageCodeEnvs",
    "mayManageCodeStudioTemplates",
    "mayManageGovern",
    "mayWriteUnsafeCode",
];

/// The privileged flags: the known ones, and those that the operator was started with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Privileges(BTreeSet<String>);

impl Privileges {
    /// The known flags and `more`.
    pub fn new(more: impl IntoIterator<Item = String>) -> Self {
        Self(more.into_iter().map(|flag| flag.trim().to_lowercase()).collect())
    }

    /// Whether a flag is privileged, or one of the flags on its path. Without case, since a server may not tell cases apart.
    pub fn holds(&self, flag: &str) -> bool {
        let is = |name: &str| {
            PRIVILEGED.iter().any(|known| known.eq_ignore_ascii_case(name)) || self.0.contains(&name.to_lowercase())
        };
        is(flag) || flag.split('/').any(is)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_privileged_in_any_spelling_and_at_any_place_of_its_path() {
        let privileges = Privileges::new(["mayShareToWorkspaces".to_owned()]);
        for flag in ["admin", "ADMIN", "rights/admin", "admin/x", "maysharetoworkspaces"] {
            assert!(privileges.holds(flag), "{flag}");
        }
        for flag in ["mayCreateProjects", "administrator", ""] {
            assert!(!privileges.holds(flag), "{flag}");
        }
    }

    #[test]
    fn the_manual_lists_every_privileged_flag() {
        let manual = include_str!("../../../../docs/security.md");
        for flag in PRIVILEGED {
            assert!(manual.contains(&format!("`{flag}`")), "{flag}");
        }
    }
}
