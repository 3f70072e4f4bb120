//! What can be written to a DSS user, and how it reads.

use secrecy::{ExposeSecret, SecretString};

use crate::{
    dataiku::document::{Document, DocumentError},
    engine::Change,
};

/// A user to be created.
pub struct Creation {
    /// Login.
    pub login: String,
    /// Password, for `LOCAL` users.
    pub password: Option<SecretString>,
    /// Name to show.
    pub display_name: String,
    /// DSS's word for where the user comes from.
    pub source_type: &'static str,
    /// Groups, all of which exist.
    pub groups: Vec<String>,
    /// User profile.
    pub profile: String,
    /// Email address.
    pub email: Option<String>,
}

/// One field of an edit.
pub enum Field {
    /// Where the user comes from.
    SourceType(&'static str),
    /// Name to show.
    DisplayName(String),
    /// Email address; empty for none.
    Email(String),
    /// User profile.
    Profile(String),
    /// Whether the user may log in.
    Enabled(bool),
    /// Memberships that come and go; the others stay, in their order.
    Groups {
        /// To be added.
        added: Vec<String>,
        /// To be removed.
        removed: Vec<String>,
    },
    /// A property that the user sees.
    UserProperty(String, String),
    /// A property that administrators see.
    AdminProperty(String, String),
    /// The password.
    Password(SecretString),
}

/// One write to a user.
pub enum UserChange {
    /// Create it.
    Create(Box<Creation>),
    /// Edit these fields of its document.
    Edit(String, Vec<Field>),
    /// Delete it.
    Delete(String),
}

impl UserChange {
    /// A creation.
    pub fn create(creation: Creation) -> Self {
        Self::Create(Box::new(creation))
    }

    /// An edit, unless there is nothing to edit.
    pub fn edit(login: &str, fields: Vec<Field>) -> Option<Self> {
        (!fields.is_empty()).then(|| Self::Edit(login.to_owned(), fields))
    }
}

impl Change for UserChange {
    fn steps(&self) -> Vec<String> {
        match self {
            Self::Create(user) => vec![format!(
                "create {} user with profile {}",
                user.source_type, user.profile
            )],
            Self::Edit(_, fields) => fields.iter().flat_map(Field::steps).collect(),
            Self::Delete(_) => vec!["delete".to_owned()],
        }
    }

    fn event(&self) -> &'static str {
        match self {
            Self::Create(_) => "Created",
            Self::Edit(_, fields) if fields.iter().any(|field| matches!(field, Field::Enabled(false))) => "Disabled",
            Self::Edit(..) => "Updated",
            Self::Delete(_) => "Deleted",
        }
    }

    fn creates(&self) -> bool {
        matches!(self, Self::Create(_))
    }

    fn secrets(&self) -> Vec<&'static str> {
        let carries = match self {
            Self::Create(user) => user.password.is_some(),
            Self::Edit(_, fields) => fields.iter().any(|field| matches!(field, Field::Password(_))),
            Self::Delete(_) => false,
        };
        if carries { vec!["password"] } else { Vec::new() }
    }
}

impl Field {
    fn steps(&self) -> Vec<String> {
        match self {
            Self::SourceType(source) => vec![format!("set sourceType to {source}")],
            Self::DisplayName(name) => vec![format!("set displayName to {name}")],
            Self::Email(email) if email.is_empty() => vec!["clear email".to_owned()],
            Self::Email(email) => vec![format!("set email to {email}")],
            Self::Profile(profile) => vec![format!("set userProfile to {profile}")],
            Self::Enabled(true) => vec!["enable".to_owned()],
            Self::Enabled(false) => vec!["disable".to_owned()],
            Self::Groups { added, removed } => {
                let added = added.iter().map(|group| format!("add to group {group}"));
                added
                    .chain(removed.iter().map(|group| format!("remove from group {group}")))
                    .collect()
            }
            Self::UserProperty(name, _) => vec![format!("set user property {name}")],
            Self::AdminProperty(name, _) => vec![format!("set admin property {name}")],
            Self::Password(_) => vec!["set password".to_owned()],
        }
    }

    /// Writes the field into the user document (contract sheet 2.1, writable fields of D4).
    pub(super) fn write(&self, document: &mut Document) -> Result<(), DocumentError> {
        match self {
            Self::SourceType(source) => document.set("sourceType", source),
            Self::DisplayName(name) => document.set("displayName", name),
            Self::Email(email) => document.set("email", email),
            Self::Profile(profile) => document.set("userProfile", profile),
            Self::Enabled(enabled) => document.set("enabled", enabled),
            Self::Groups { added, removed } => {
                let mut groups: Vec<String> = document.get("groups")?.unwrap_or_default();
                groups.retain(|group| !removed.contains(group));
                groups.extend(added.iter().cloned());
                document.set("groups", &groups);
            }
            Self::UserProperty(name, value) => set_property(document, "userProperties", name, value)?,
            Self::AdminProperty(name, value) => set_property(document, "adminProperties", name, value)?,
            Self::Password(password) => document.set("password", &password.expose_secret()),
        }
        Ok(())
    }
}

fn set_property(document: &mut Document, map: &str, name: &str, value: &str) -> Result<(), DocumentError> {
    let mut properties = document.nested(map)?.unwrap_or_default();
    properties.set(name, &value);
    document.set(map, &properties);
    Ok(())
}
