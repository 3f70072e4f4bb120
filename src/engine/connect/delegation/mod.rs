//! What a namespace may do through a connection (`api.md` section 9). Pure: the terms of the connection, the namespace and
//! what an object declares give a verdict.
//!
//! A kind states what it declares as data ([`Declared`]). [`Judge::declared`] needs nothing but the spec and runs before any
//! Secret or remote side is read; [`Judge::standing`] and [`Judge::effects`] compare it with what the remote side holds, the
//! latter immediately before each write.

mod declared;
mod held;
mod privileges;
#[cfg(test)]
mod tests;

use wildmatch::WildMatch;

pub use self::{
    declared::{Declared, Delegable, Named, Statement, Unnamed},
    held::{Held, Holdings},
    privileges::Privileges,
};
use super::{Effect, guard};
use crate::crd::{
    applied::Grants,
    delegation::{Delegation, Protected, Visible},
    status::Origin,
};

/// What the terms say about one namespace.
pub enum Rights<'a> {
    /// It is the connection's own.
    Home,
    /// It may use the connection, and no delegation matches.
    Undelegated,
    /// The first delegation that matches.
    Delegated(&'a Delegation),
    /// Nobody can tell which delegation matches: nothing is written, and nothing is refused for good.
    Unknown,
}

/// Judges the objects of one namespace on one connection.
pub struct Judge<'a> {
    /// Kind and name of the connection.
    pub connection: String,
    /// The namespace.
    pub namespace: &'a str,
    /// What it may do.
    pub rights: Rights<'a>,
    /// What nobody may do.
    pub protected: Option<&'a Protected>,
    /// Which flags are privileged.
    pub privileges: &'a Privileges,
}

impl Judge<'_> {
    /// Whether an object may declare this, whatever the remote side holds.
    ///
    /// # Errors
    /// Why it may not, with the setting that would allow it.
    pub fn declared(&self, statement: &Statement) -> Result<(), String> {
        let declared = &statement.declared;
        if !statement.observes {
            self.unprotected(declared)?;
        }
        if self.is_home() || matches!(self.rights, Rights::Unknown) {
            return Ok(());
        }
        self.kind(statement)?;
        self.names(declared)?;
        if statement.observes {
            return self.view(statement);
        }
        if declared.views {
            self.sees_all()?;
        }
        self.takeover(statement)?;
        if let Rights::Delegated(delegation) = self.rights {
            let profiles = delegation.user_profiles.as_deref();
            self.listed("userProfile", "userProfiles", profiles, declared.profile.as_deref())?;
            let types = delegation.source_types.as_deref();
            self.listed("sourceType", "sourceTypes", types, declared.source_type.as_deref())?;
        }
        for flag in &declared.flags {
            self.flag(flag, false)?;
        }
        for privilege in &declared.privileges {
            self.flag(privilege, true)?;
        }
        Ok(())
    }

    /// Whether the remote object may be removed with its object; `deletes`: deleted, and not only disabled or withdrawn. What
    /// the object created, it may always remove.
    ///
    /// # Errors
    /// Why it may not.
    pub fn removal(&self, statement: &Statement, deletes: bool) -> Result<(), String> {
        self.unprotected_own(&statement.declared)?;
        if self.is_home() || statement.entries || statement.origin != Some(Origin::Adopted) {
            return Ok(());
        }
        let allowed = |setting: Option<bool>| setting == Some(true);
        match self.rights {
            // The effects of the removal cannot be decided either: it waits.
            Rights::Unknown => Ok(()),
            Rights::Delegated(delegation) if deletes && allowed(delegation.delete) => Ok(()),
            Rights::Delegated(delegation) if !deletes && allowed(delegation.adopt) => Ok(()),
            _ if deletes => Err(self.refusal("delete what it adopted", "`delete: true`")),
            _ => Err(self.refusal("change what it adopted", "`adopt: true`")),
        }
    }

    fn is_home(&self) -> bool {
        matches!(self.rights, Rights::Home)
    }

    fn is_privileged(&self, flag: &str) -> bool {
        self.privileges.holds(flag)
    }

    /// Whether the delegation names this privileged flag or group.
    fn may_give(&self, name: &str) -> bool {
        match self.rights {
            Rights::Home => true,
            Rights::Undelegated | Rights::Unknown => false,
            Rights::Delegated(delegation) => delegation.privileges.iter().flatten().any(|one| one == name),
        }
    }

    /// Whether a flag may be given; `privileged`: it is, whatever its name.
    fn flag(&self, flag: &str, privileged: bool) -> Result<(), String> {
        if self.is_home() || self.may_give(flag) {
            return Ok(());
        }
        let what = format!("give {flag}");
        if privileged || self.is_privileged(flag) {
            return Err(self.refusal(&what, &format!("`privileges: [{flag}]`")));
        }
        let listed = match self.rights {
            Rights::Delegated(delegation) => delegation.permissions.as_deref(),
            Rights::Home | Rights::Undelegated | Rights::Unknown => None,
        };
        let is_listed = |listed: &[String]| {
            listed
                .iter()
                .any(|one| one == flag || flag.split('/').any(|part| part == one))
        };
        if listed.is_none_or(is_listed) {
            return Ok(());
        }
        Err(self.refusal(&what, &format!("`permissions: [{flag}]`")))
    }

    fn kind(&self, statement: &Statement) -> Result<(), String> {
        let allowed = match (&self.rights, statement.declared.delegable) {
            (Rights::Home | Rights::Unknown, _) => true,
            (Rights::Undelegated, delegable) => delegable == Delegable::Freely,
            (Rights::Delegated(delegation), delegable) => match &delegation.kinds {
                Some(kinds) => kinds.iter().any(|kind| kind == statement.kind),
                None => delegable != Delegable::ByName,
            },
        };
        if allowed {
            return Ok(());
        }
        let kind = statement.kind;
        Err(self.refusal(&format!("use kind {kind}"), &format!("`kinds: [{kind}]`")))
    }

    fn names(&self, declared: &Declared) -> Result<(), String> {
        let Rights::Delegated(delegation) = self.rights else {
            return Ok(());
        };
        let users = declared.user.iter().chain(&declared.users);
        let users = users.chain(&declared.acts_as).chain(&declared.named.users);
        self.matching("user", "users", delegation.users.as_deref(), users)?;
        self.unnamed("users", delegation.users.as_deref(), declared.unnamed.users)?;
        let groups = declared.group.iter().chain(&declared.joins);
        let groups = groups.chain(&declared.named.groups);
        self.matching("group", "groups", delegation.groups.as_deref(), groups)?;
        self.unnamed("groups", delegation.groups.as_deref(), declared.unnamed.groups)?;
        self.matching("role", "roles", delegation.roles.as_deref(), declared.roles.iter())?;
        let blueprints = declared.blueprints.iter();
        self.matching("blueprint", "blueprints", delegation.blueprints.as_deref(), blueprints)?;
        self.matching("node", "nodes", delegation.nodes.as_deref(), declared.nodes.iter())
    }

    /// What reaches names that the object does not give is for those who may use every name.
    fn unnamed(&self, setting: &str, globs: Option<&[String]>, act: Option<&str>) -> Result<(), String> {
        let (Some(globs), Some(act)) = (globs, act) else {
            return Ok(());
        };
        let is_any = |glob: &String| !glob.is_empty() && glob.chars().all(|one| one == '*');
        if globs.iter().any(is_any) {
            return Ok(());
        }
        Err(self.refusal(act, &format!("`{setting}: [\"*\"]`")))
    }

    /// Whether this namespace may end a membership that others gave. The refusal names nobody: it would tell who is in the group.
    fn reaches(&self, user: &str, group: &str) -> Result<(), String> {
        let Rights::Delegated(delegation) = self.rights else {
            return Ok(());
        };
        let one = |noun, setting, globs: Option<&[String]>, name: &str| {
            self.matching(noun, setting, globs, std::iter::once(&name.to_owned()))
                .map_err(|_| {
                    let what = "end memberships that others gave (policy Exact, or ensure: Absent)";
                    self.refusal(what, &format!("`{setting}` that match all of them"))
                })
        };
        one("user", "users", delegation.users.as_deref(), user)?;
        one("group", "groups", delegation.groups.as_deref(), group)
    }

    fn matching<'a>(
        &self,
        noun: &str,
        setting: &str,
        globs: Option<&[String]>,
        mut names: impl Iterator<Item = &'a String>,
    ) -> Result<(), String> {
        let Some(globs) = globs else { return Ok(()) };
        let globs: Vec<WildMatch> = match noun {
            "user" => globs.iter().map(|glob| WildMatch::new_case_insensitive(glob)).collect(),
            _ => globs.iter().map(|glob| WildMatch::new(glob)).collect(),
        };
        match names.find(|name| !globs.iter().any(|glob| glob.matches(name))) {
            None => Ok(()),
            Some(name) => Err(self.refusal(&format!("name {noun} {name}"), &format!("`{setting}` that match it"))),
        }
    }

    fn listed(&self, noun: &str, setting: &str, listed: Option<&[String]>, value: Option<&str>) -> Result<(), String> {
        match (listed, value) {
            (Some(listed), Some(value)) if !listed.iter().any(|one| one == value) => {
                Err(self.refusal(&format!("set {noun} {value}"), &format!("`{setting}: [{value}]`")))
            }
            _ => Ok(()),
        }
    }

    /// An object that only observes shows what it did not create.
    fn view(&self, statement: &Statement) -> Result<(), String> {
        if statement.origin.is_some() && !statement.entries {
            return Ok(());
        }
        self.sees_all()
    }

    fn sees_all(&self) -> Result<(), String> {
        if matches!(self.rights, Rights::Delegated(delegation) if delegation.observe == Some(Visible::All)) {
            return Ok(());
        }
        Err(self.refusal("observe what it did not create", "`observe: All`"))
    }

    fn takeover(&self, statement: &Statement) -> Result<(), String> {
        let (adopt, delete) = match self.rights {
            Rights::Home => (true, true),
            Rights::Undelegated | Rights::Unknown => (false, false),
            Rights::Delegated(delegation) => (delegation.adopt == Some(true), delegation.delete == Some(true)),
        };
        if statement.takes_over() {
            if !adopt {
                return Err(self.refusal("adopt what it did not create", "`adopt: true`"));
            }
            if statement.deletes && !delete {
                return Err(self.refusal("delete what it adopted (deletionPolicy: Delete)", "`delete: true`"));
            }
        }
        if statement.declared.overrides && !adopt {
            return Err(self.refusal("remove entries of others (policy Exact)", "`adopt: true`"));
        }
        Ok(())
    }

    fn unprotected(&self, declared: &Declared) -> Result<(), String> {
        self.unprotected_own(declared)?;
        let Some(protected) = self.protected else { return Ok(()) };
        let users = declared.users.iter().chain(&declared.acts_as);
        self.protection("user", guard::first_of(&protected.users, users))?;
        self.protection("group", guard::first_of(&protected.groups, declared.joins.iter()))
    }

    fn unprotected_own(&self, declared: &Declared) -> Result<(), String> {
        let Some(protected) = self.protected else { return Ok(()) };
        self.protection("user", guard::first_of(&protected.users, declared.user.iter()))?;
        self.protection("group", guard::first_of(&protected.groups, declared.group.iter()))
    }

    fn protects(&self, effects: &[Effect], granted: &Grants) -> Option<String> {
        let (noun, name) = guard::protects(self.protected?, effects, granted)?;
        self.protection(noun, Some(name)).err()
    }

    /// Whether nobody may change this user; `None`: any user.
    pub fn protects_user(&self, login: Option<&str>) -> bool {
        let users = self
            .protected
            .map(|protected| protected.users.as_slice())
            .unwrap_or_default();
        match login {
            Some(login) => guard::first_of(users, std::iter::once(&login.to_owned())).is_some(),
            None => !users.is_empty(),
        }
    }

    fn protection(&self, noun: &str, name: Option<&str>) -> Result<(), String> {
        let Some(name) = name else { return Ok(()) };
        let connection = &self.connection;
        Err(format!(
            "{connection} protects {noun} {name}: see its `protected.{noun}s`"
        ))
    }

    /// A refusal in one form: what is not allowed, and what would allow it. It says nothing about the remote side.
    fn refusal(&self, what: &str, setting: &str) -> String {
        let Self {
            connection, namespace, ..
        } = self;
        let entry = match self.rights {
            Rights::Delegated(_) => format!("its entry of `delegations` for this namespace would need {setting}"),
            Rights::Home | Rights::Undelegated | Rights::Unknown => {
                format!("it would need an entry of `delegations` for this namespace with {setting}")
            }
        };
        format!("{connection} does not let namespace {namespace} {what}: {entry}")
    }
}
