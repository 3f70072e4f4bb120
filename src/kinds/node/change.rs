//! One write to an object of a node that is a document of its own: a user or a group.

use std::{sync::Arc, time::Instant};

use crate::{
    dataiku::{document::Document, transport::Loan},
    engine::{Change, Error, connect::Effect, keep::fields::Edit},
};

/// An object as the node has it.
pub struct Seen<T> {
    /// What is compared.
    pub object: Arc<T>,
    /// The whole document; only from a read of this object.
    pub document: Option<Document>,
    /// The members that a bulk edit carries, and when the list was asked for; only from a list with settings that was read for
    /// this object, with what the elements of that list take of memory. It never stands in for the document: a list may leave members out.
    pub element: Option<(Document, Instant, Arc<Loan>)>,
}

impl<T> Seen<T> {
    /// From a list.
    pub fn listed(object: Arc<T>) -> Self {
        Self {
            object,
            document: None,
            element: None,
        }
    }

    /// From a read of the object.
    pub fn read(object: Arc<T>, document: Option<Document>) -> Self {
        Self {
            document,
            ..Self::listed(object)
        }
    }
}

/// The document of an observation after an edit. `what` names it, such as `the user document`.
///
/// # Errors
/// A member that is merged into has an unexpected shape.
pub fn edited<T>(what: &str, seen: Option<&Seen<T>>, edit: &Edit) -> Result<Document, Error> {
    let document = seen.and_then(|seen| seen.document.clone());
    let mut document =
        document.ok_or_else(|| Error::Internal(format!("{what} would be edited without a read of it")))?;
    let written = edit.write(&mut document);
    written.map_err(|error| Error::unreadable(what, &error))?;
    Ok(document)
}

/// An object to be created.
pub trait Creation: Send + Sync {
    /// The sentences of the creation.
    fn steps(&self) -> Vec<String>;
    /// What only a later write can carry.
    fn follows(&self) -> Vec<String>;
    /// Slots of the secrets whose values the creation carries.
    fn slots(&self) -> Vec<String> {
        Vec::new()
    }
    /// What an edit of such an object does to people.
    fn edited(key: &str, edit: &Edit) -> Vec<Effect>;
    /// What its deletion does to people.
    fn deleted(key: &str) -> Effect;
}

/// One write.
pub enum DocumentChange<C> {
    /// Create the object.
    Create(Box<C>),
    /// Edit its document.
    Edit {
        /// Key of the object, in the node's spelling.
        key: String,
        /// What to write.
        edit: Edit,
    },
    /// Delete the object.
    Delete {
        /// Key of the object, in the node's spelling.
        key: String,
    },
}

impl<C: Creation> Change for DocumentChange<C> {
    fn steps(&self) -> Vec<String> {
        match self {
            Self::Create(new) => new.steps(),
            Self::Edit { edit, .. } => edit.steps(),
            Self::Delete { .. } => vec!["delete".to_owned()],
        }
    }

    fn replaces(&self) -> Vec<Option<String>> {
        match self {
            Self::Edit { edit, .. } => edit.replaces(),
            Self::Create(_) | Self::Delete { .. } => Vec::new(),
        }
    }

    fn follows(&self) -> Vec<String> {
        match self {
            Self::Create(new) => new.follows(),
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
            Self::Edit { key, edit } => edit.withdrawals().map(|edit| Self::Edit { key, edit }),
            Self::Delete { .. } => Some(self),
        }
    }

    fn effects(&self) -> Vec<Effect> {
        match self {
            Self::Create(_) => Vec::new(),
            Self::Edit { key, edit } => C::edited(key, edit),
            Self::Delete { key } => vec![C::deleted(key)],
        }
    }

    fn slots(&self) -> Vec<String> {
        match self {
            Self::Create(new) => new.slots(),
            Self::Edit { edit, .. } => edit.slots(),
            Self::Delete { .. } => Vec::new(),
        }
    }
}
