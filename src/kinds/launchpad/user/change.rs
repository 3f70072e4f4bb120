//! One write to a space for somebody.

use std::sync::Arc;

use crate::{
    dataiku::launchpad::people::GroupReference,
    engine::{Change, connect::Effect, keep::fields::Edit},
};

/// An edit of an invite or of a user.
pub struct Edited {
    /// Email address, in the Launchpad's spelling.
    pub email: String,
    /// What changes.
    pub edit: Arc<Edit>,
    /// Groups that are left.
    pub leaves: Vec<String>,
}

/// One write to a space for somebody.
pub enum UserChange {
    /// Invite them.
    Invite {
        /// Email address as declared.
        email: String,
        /// Name of the profile.
        profile: String,
        /// Whether it is a trial.
        trial: bool,
        /// Groups.
        groups: Vec<GroupReference>,
    },
    /// Edit the invite.
    EditInvite(Edited),
    /// Edit the user.
    EditUser(Edited),
    /// Write the user once more as it is, since this task failed.
    Resubmit {
        /// Email address, in the Launchpad's spelling.
        email: String,
        /// The task.
        task: String,
    },
    /// Withdraw the invite of this address.
    DeleteInvite(String),
    /// Delete the user of this address.
    DeleteUser(String),
}

impl Edited {
    fn effects(&self) -> Vec<Effect> {
        let left = self.leaves.iter().map(|group| Effect::Leaves {
            user: self.email.clone(),
            group: group.clone(),
        });
        left.chain([Effect::Edits(self.email.clone())]).collect()
    }

    /// The part that takes access away, as far as that can be written alone.
    fn withdrawals(self) -> Option<Self> {
        let edit = Arc::into_inner(self.edit)?.withdrawals()?;
        Some(Self {
            edit: Arc::new(edit),
            ..self
        })
    }
}

impl Change for UserChange {
    fn steps(&self) -> Vec<String> {
        match self {
            Self::Invite {
                profile, trial, groups, ..
            } => {
                let trial = if *trial { " (trial)" } else { "" };
                let groups = groups.iter().map(|group| format!("add to group {}", group.name));
                std::iter::once(format!("invite as {profile}{trial}"))
                    .chain(groups)
                    .collect()
            }
            Self::EditInvite(edited) | Self::EditUser(edited) => edited.edit.steps(),
            Self::Resubmit { task, .. } => vec![format!("submit the user again, since task {task} did not succeed")],
            Self::DeleteInvite(_) => vec!["withdraw the invite".to_owned()],
            Self::DeleteUser(_) => vec!["delete".to_owned()],
        }
    }

    fn event(&self) -> &'static str {
        match self {
            Self::Invite { .. } => "Invited",
            Self::EditInvite(_) | Self::EditUser(_) => "Updated",
            Self::Resubmit { .. } => "Resubmitted",
            Self::DeleteInvite(_) | Self::DeleteUser(_) => "Deleted",
        }
    }

    fn creates(&self) -> bool {
        matches!(self, Self::Invite { .. })
    }

    fn withdraws(&self) -> bool {
        match self {
            Self::EditInvite(edited) | Self::EditUser(edited) => edited.edit.withdraws(),
            Self::DeleteInvite(_) | Self::DeleteUser(_) => true,
            Self::Invite { .. } | Self::Resubmit { .. } => false,
        }
    }

    fn only_withdraws(&self) -> bool {
        match self {
            Self::EditInvite(edited) | Self::EditUser(edited) => edited.edit.only_withdraws(),
            Self::DeleteInvite(_) | Self::DeleteUser(_) => true,
            Self::Invite { .. } | Self::Resubmit { .. } => false,
        }
    }

    fn withdrawals(self) -> Option<Self> {
        match self {
            Self::EditInvite(edited) => edited.withdrawals().map(Self::EditInvite),
            Self::EditUser(edited) => edited.withdrawals().map(Self::EditUser),
            Self::DeleteInvite(_) | Self::DeleteUser(_) => Some(self),
            Self::Invite { .. } | Self::Resubmit { .. } => None,
        }
    }

    fn effects(&self) -> Vec<Effect> {
        match self {
            // Who is only invited has no account yet that could be lost.
            Self::Invite { email, .. } | Self::Resubmit { email, .. } | Self::DeleteInvite(email) => {
                vec![Effect::Edits(email.clone())]
            }
            Self::DeleteUser(email) => vec![Effect::Deletes(email.clone())],
            Self::EditInvite(edited) | Self::EditUser(edited) => edited.effects(),
        }
    }

    fn starts_task(&self) -> bool {
        matches!(self, Self::EditUser(_) | Self::Resubmit { .. })
    }
}
