//! One write to the keys of a node, and the words for it.

use std::collections::BTreeMap;

use secrecy::SecretString;

use super::class::KeyClass;
use crate::{
    dataiku::{
        error::{ApiError, ErrorKind},
        permit::WritePermit,
    },
    engine::{Change, Error, Receipt, connect::Effect, keep::fields::Edit},
};

/// Keys of the Secret in which a value is published.
pub(super) const VALUE: &str = "apiKey";
pub(super) const ID: &str = "apiKeyId";
pub(super) const URL: &str = "url";

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
        /// Whether the key may do less afterwards.
        narrows: bool,
    },
    /// Publish another address beside the value, which stays. No call to the node.
    Publish {
        /// Id of the key.
        id: String,
        /// Its value.
        value: SecretString,
        /// Address of the node.
        url: String,
    },
    /// Delete a key.
    Delete {
        /// Id of the key.
        id: String,
        /// Login of its user, where that user could be the operator and this key the one that it uses.
        user: Option<String>,
        /// Why.
        why: Why,
    },
}

/// Why a key is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its value was lost before it was published.
    Unused,
    /// Another key took its place, and the time of overlap is over.
    Replaced,
    /// Its object is deleted.
    Removed,
}

/// A key to be created.
pub struct NewKey {
    /// Login of its user, for a personal key.
    pub(super) user: Option<String>,
    /// Label.
    pub(super) label: String,
    /// Another label, for a node that refuses two keys with one label, where a key of this object has that one still.
    pub(super) spare_label: Option<String>,
    /// Description, with the mark.
    pub(super) description: String,
    /// Groups whose rights the key has; `None`: it has those of `permissions`.
    pub(super) groups: Option<Vec<String>>,
    /// Rights of its own.
    pub(super) permissions: BTreeMap<String, bool>,
    /// Address of the node.
    pub(super) url: String,
    /// Id of the key whose place it takes.
    pub(super) replaces: Option<String>,
    /// What only a later write can carry.
    pub(super) follows: Vec<String>,
}

impl Change for KeyChange {
    fn steps(&self) -> Vec<String> {
        vec![match self {
            Self::Create(new) => match &new.replaces {
                None => "create API key".to_owned(),
                Some(id) => format!("replace API key {id}"),
            },
            Self::Edit { edit, .. } => return edit.steps(),
            Self::Publish { url, .. } => format!("publish the address {url}"),
            Self::Delete { id, why, .. } => match why {
                Why::Unused => format!("delete unused API key {id}"),
                Why::Replaced => format!("delete replaced API key {id}"),
                Why::Removed => format!("delete API key {id}"),
            },
        }]
    }

    fn follows(&self) -> Vec<String> {
        match self {
            Self::Create(new) => new.follows.clone(),
            Self::Edit { .. } | Self::Publish { .. } | Self::Delete { .. } => Vec::new(),
        }
    }

    fn event(&self) -> &'static str {
        match self {
            Self::Create(new) if new.replaces.is_some() => "Rotated",
            Self::Create(_) => "Created",
            Self::Edit { edit, .. } => edit.event().unwrap_or("Updated"),
            Self::Publish { .. } => "Published",
            Self::Delete { .. } => "Deleted",
        }
    }

    fn creates(&self) -> bool {
        matches!(self, Self::Create(_))
    }

    fn withdraws(&self) -> bool {
        match self {
            Self::Create(_) | Self::Publish { .. } => false,
            Self::Edit { edit, .. } => edit.withdraws(),
            Self::Delete { .. } => true,
        }
    }

    fn only_withdraws(&self) -> bool {
        match self {
            Self::Create(_) | Self::Publish { .. } => false,
            Self::Edit { edit, .. } => edit.only_withdraws(),
            Self::Delete { .. } => true,
        }
    }

    fn withdrawals(self) -> Option<Self> {
        match self {
            Self::Create(_) | Self::Publish { .. } => None,
            Self::Edit { id, edit, narrows } => edit.withdrawals().map(|edit| Self::Edit { id, edit, narrows }),
            Self::Delete { .. } => Some(self),
        }
    }

    fn effects(&self) -> Vec<Effect> {
        match self {
            Self::Edit { id, narrows: true, .. } => vec![Effect::NarrowsKey(id.clone())],
            Self::Delete { id, user, .. } => vec![Effect::DeletesKey {
                id: id.clone(),
                user: user.clone(),
            }],
            Self::Create(_) | Self::Edit { .. } | Self::Publish { .. } => Vec::new(),
        }
    }
}

impl NewKey {
    /// Creates the key; the receipt has its value.
    pub(super) async fn post<C: KeyClass>(&self, api: &C::Api, permit: WritePermit) -> Result<Receipt, Error> {
        let second = WritePermit::joint([&permit]);
        let mut also = Vec::new();
        let created = match (C::create(api, permit, self, &self.label).await, &self.spare_label) {
            (Err(error), Some(spare)) if is_refusal(&error) => {
                also.push(format!("label it {spare} while {} is in use", self.label));
                C::create(api, second, self, spare).await
            }
            (created, _) => created,
        }?;
        let secret = published(&created.id, created.value, &self.url);
        Ok(Receipt {
            id: Some(created.id),
            secret: Some(secret),
            also,
            ..Receipt::default()
        })
    }
}

/// The contents of the Secret.
pub(super) fn published(id: &str, value: SecretString, url: &str) -> BTreeMap<String, SecretString> {
    let url = SecretString::from(url.to_owned());
    let all = [(VALUE, value), (ID, SecretString::from(id.to_owned())), (URL, url)];
    all.map(|(key, value)| (key.to_owned(), value)).into()
}

/// Whether the node itself refused, perhaps since the label is taken. Nodes use status 500 for that, too.
fn is_refusal(error: &ApiError) -> bool {
    match error.kind {
        ErrorKind::Rejected | ErrorKind::AlreadyExists => true,
        ErrorKind::Unavailable => error.own_words,
        _ => false,
    }
}
