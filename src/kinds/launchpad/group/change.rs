//! One write to a space for a group.

use super::MEMBERS;
use crate::{
    engine::{Change, connect::Effect, keep::fields::Edit},
    kinds::launchpad::invites::InviteEdit,
};

/// One write to a space for a group.
pub enum GroupChange {
    /// Create it as a whole.
    Create {
        /// Its name.
        name: String,
        /// Everything else that the first write carries.
        edit: Option<Edit>,
        /// What only later writes can carry, in sentences for people.
        follows: Vec<String>,
    },
    /// Edit its document.
    Edit {
        /// Its name.
        group: String,
        /// What to write.
        edit: Edit,
    },
    /// Write it once more as it is, since this task failed.
    Resubmit(String),
    /// Edit invites.
    Invites {
        /// Name of the group.
        group: String,
        /// Who gets it, and who loses it.
        invites: Vec<InviteEdit>,
    },
    /// Delete the group of this name.
    Delete(String),
}

impl GroupChange {
    /// Creates a group with what `edit`, if it is an edit, writes.
    pub(super) fn create(name: String, edit: Option<Self>, invites: &[InviteEdit]) -> Self {
        let edit = match edit {
            Some(Self::Edit { edit, .. }) => Some(edit),
            _ => None,
        };
        let follows = invites.iter().map(InviteEdit::step).collect();
        Self::Create { name, edit, follows }
    }
}

impl Change for GroupChange {
    fn steps(&self) -> Vec<String> {
        match self {
            Self::Create { edit, .. } => {
                let edits = edit.iter().flat_map(Edit::steps);
                std::iter::once("create group".to_owned()).chain(edits).collect()
            }
            Self::Edit { edit, .. } => edit.steps(),
            Self::Resubmit(task) => vec![format!("submit the group again, since task {task} did not succeed")],
            Self::Invites { invites, .. } => invites.iter().map(InviteEdit::step).collect(),
            Self::Delete(_) => vec!["delete".to_owned()],
        }
    }

    fn follows(&self) -> Vec<String> {
        match self {
            Self::Create { follows, .. } => follows.clone(),
            _ => Vec::new(),
        }
    }

    fn event(&self) -> &'static str {
        match self {
            Self::Create { .. } => "Created",
            Self::Edit { .. } | Self::Invites { .. } => "Updated",
            Self::Resubmit(_) => "Resubmitted",
            Self::Delete(_) => "Deleted",
        }
    }

    fn creates(&self) -> bool {
        matches!(self, Self::Create { .. })
    }

    fn withdraws(&self) -> bool {
        match self {
            Self::Edit { edit, .. } => edit.withdraws(),
            Self::Invites { invites, .. } => invites.iter().any(|invite| !invite.joins),
            Self::Delete(_) => true,
            Self::Create { .. } | Self::Resubmit(_) => false,
        }
    }

    fn effects(&self) -> Vec<Effect> {
        let (group, edit) = match self {
            Self::Create { name, edit, .. } => (name, edit.as_ref()),
            Self::Edit { group, edit } => (group, Some(edit)),
            Self::Delete(name) => return vec![Effect::DeletesGroup(name.clone())],
            Self::Invites { group, invites } => {
                let leaving = invites.iter().filter(|invite| !invite.joins);
                return leaving.map(|invite| leaves(&invite.email, group)).collect();
            }
            Self::Resubmit(_) => return Vec::new(),
        };
        let granted = edit.into_iter().flat_map(Edit::granted);
        let granted = granted.map(|flag| Effect::Grants {
            flag: flag.clone(),
            privileged: false,
        });
        let left = edit.into_iter().flat_map(|edit| edit.removed(MEMBERS));
        granted.chain(left.map(|user| leaves(user, group))).collect()
    }

    fn only_withdraws(&self) -> bool {
        match self {
            Self::Edit { edit, .. } => edit.only_withdraws(),
            Self::Invites { invites, .. } => invites.iter().all(|invite| !invite.joins),
            Self::Delete(_) => true,
            Self::Create { .. } | Self::Resubmit(_) => false,
        }
    }

    fn withdrawals(self) -> Option<Self> {
        match self {
            Self::Edit { group, edit } => edit.withdrawals().map(|edit| Self::Edit { group, edit }),
            Self::Invites { group, mut invites } => {
                invites.retain(|invite| !invite.joins);
                (!invites.is_empty()).then_some(Self::Invites { group, invites })
            }
            Self::Delete(_) => Some(self),
            Self::Create { .. } | Self::Resubmit(_) => None,
        }
    }

    fn starts_task(&self) -> bool {
        matches!(self, Self::Create { .. } | Self::Edit { .. } | Self::Resubmit(_))
    }
}

fn leaves(user: &str, group: &str) -> Effect {
    Effect::Leaves {
        user: user.to_owned(),
        group: group.to_owned(),
    }
}
