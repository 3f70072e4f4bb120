//! One write to the global keys of a node, and the words for it.

use std::collections::BTreeMap;

use secrecy::SecretString;

use crate::{
    dataiku::{
        dip::{
            DipProduct, Node,
            global_keys::{KeyRights, NewGlobalKey},
        },
        document::Document,
        permit::WritePermit,
    },
    engine::{Change, Error, Receipt, keep::fields::Edit},
};

/// Keys of the Secret in which a value is published.
pub(super) const VALUE: &str = "apiKey";
const ID: &str = "apiKeyId";
const URL: &str = "url";

/// One write.
pub enum KeyChange {
    /// Create a key and publish its value.
    Create(Box<NewKey>),
    /// Edit the definition of a key.
    Edit {
        /// Id of the key.
        id: String,
        /// What to write.
        edit: Edit,
    },
    /// Delete a key.
    Delete {
        /// Id of the key.
        id: String,
        /// Whether it is one that nobody can use: its value was lost, or another key took its place.
        unused: bool,
    },
}

/// A key to be created.
pub struct NewKey {
    /// Label.
    pub(super) label: String,
    /// Description, with the mark.
    pub(super) description: String,
    /// Groups whose rights the key has; `None`: it has those of `permissions`.
    pub(super) groups: Option<Vec<String>>,
    /// Rights of its own.
    pub(super) permissions: BTreeMap<String, bool>,
    /// Address of the node.
    pub(super) url: String,
    /// What only a later write can carry.
    pub(super) follows: Vec<String>,
}

impl Change for KeyChange {
    fn steps(&self) -> Vec<String> {
        match self {
            Self::Create(_) => vec!["create API key".to_owned()],
            Self::Edit { edit, .. } => edit.steps(),
            Self::Delete { id, unused: true } => vec![format!("delete unused API key {id}")],
            Self::Delete { id, unused: false } => vec![format!("delete API key {id}")],
        }
    }

    fn follows(&self) -> Vec<String> {
        match self {
            Self::Create(new) => new.follows.clone(),
            Self::Edit { .. } | Self::Delete { .. } => Vec::new(),
        }
    }

    fn event(&self) -> &'static str {
        match self {
            Self::Create(_) => "Created",
            Self::Edit { edit, .. } => edit.event().unwrap_or("Updated"),
            Self::Delete { .. } => "Deleted",
        }
    }

    fn creates(&self) -> bool {
        matches!(self, Self::Create(_))
    }

    fn withdraws(&self) -> bool {
        match self {
            Self::Create(_) => false,
            Self::Edit { edit, .. } => edit.withdraws(),
            Self::Delete { .. } => true,
        }
    }

    fn only_withdraws(&self) -> bool {
        match self {
            Self::Create(_) => false,
            Self::Edit { edit, .. } => edit.only_withdraws(),
            Self::Delete { .. } => true,
        }
    }

    fn withdrawals(self) -> Option<Self> {
        match self {
            Self::Create(_) => None,
            Self::Edit { id, edit } => edit.withdrawals().map(|edit| Self::Edit { id, edit }),
            Self::Delete { .. } => Some(self),
        }
    }
}

impl NewKey {
    /// Creates the key; the receipt has its value.
    pub(super) async fn post<P: DipProduct>(&self, api: &Node<P>, permit: WritePermit) -> Result<Receipt, Error> {
        let mut permissions = Document::new();
        for (flag, granted) in &self.permissions {
            permissions.set(flag, granted);
        }
        let rights = match &self.groups {
            Some(groups) => KeyRights::Groups(groups),
            None => KeyRights::Permissions(&permissions),
        };
        let created = api
            .create_global_key(
                permit,
                &NewGlobalKey {
                    label: Some(&self.label),
                    description: Some(&self.description),
                    rights,
                    dss_user_for_impersonation: None,
                },
            )
            .await?;
        let secret = [
            (VALUE, created.value),
            (ID, SecretString::from(created.id.clone())),
            (URL, SecretString::from(self.url.clone())),
        ];
        Ok(Receipt {
            id: Some(created.id),
            secret: Some(secret.map(|(key, value)| (key.to_owned(), value)).into()),
            ..Receipt::default()
        })
    }
}
