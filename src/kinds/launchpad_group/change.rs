//! What can be written to a group of a space, and how it reads.

use super::rights;
use crate::{
    dataiku::{
        document::{Document, DocumentError},
        launchpad::{
            groups::{DATAIKU_PERMISSIONS, GOVERN_PERMISSIONS, LAUNCHPAD_PERMISSIONS, Member, USERS},
            people::GroupReference,
        },
    },
    engine::Change,
};

/// Where access to a node stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodePlace {
    /// Name of the node.
    pub name: String,
    /// Whether it is a Govern node.
    pub govern: bool,
}

impl NodePlace {
    fn member(&self) -> &'static str {
        if self.govern {
            GOVERN_PERMISSIONS
        } else {
            DATAIKU_PERMISSIONS
        }
    }
}

/// One field of an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// Name, where somebody renamed the group.
    Name(String),
    /// Description; empty for none.
    Description(String),
    /// A right in the Launchpad, by its path.
    LaunchpadRight(String, bool),
    /// Access to a node, with no right yet.
    Access(NodePlace),
    /// No access to a node.
    NoAccess(NodePlace),
    /// A right on a node, by its path.
    NodeRight(NodePlace, String, bool),
    /// A member to be there.
    AddMember(Member),
    /// A member to be gone.
    RemoveMember(Member),
}

/// An invite that gets or loses the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InviteEdit {
    /// Id of the invite.
    pub id: String,
    /// Whom it invites.
    pub email: String,
    /// Whether it gets the group.
    pub joins: bool,
}

/// One write to a space for a group.
pub enum GroupChange {
    /// Create it as a whole.
    Create {
        /// Name.
        name: String,
        /// Everything else.
        fields: Vec<Field>,
        /// What can only be written afterwards, in words.
        follows: Vec<String>,
    },
    /// Edit these fields of its document.
    Edit(String, Vec<Field>),
    /// Write it once more as it is, since this task failed; and which try that is.
    Resubmit(String, String, i32),
    /// Edit invites.
    Invites(GroupReference, Vec<InviteEdit>),
    /// Delete it.
    Delete(String),
}

impl Change for GroupChange {
    fn steps(&self) -> Vec<String> {
        match self {
            Self::Create { fields, .. } => {
                let fields = fields.iter().map(Field::step);
                std::iter::once("create group".to_owned()).chain(fields).collect()
            }
            Self::Edit(_, fields) => fields.iter().map(Field::step).collect(),
            Self::Resubmit(_, task, _) => vec![format!("submit again, since task {task} did not succeed")],
            Self::Invites(_, invites) => invites.iter().map(InviteEdit::step).collect(),
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
            Self::Edit(..) | Self::Invites(..) => "Updated",
            Self::Resubmit(..) => "Resubmitted",
            Self::Delete(_) => "Deleted",
        }
    }

    fn creates(&self) -> bool {
        matches!(self, Self::Create { .. })
    }
}

impl InviteEdit {
    pub(super) fn step(&self) -> String {
        if self.joins {
            format!("add the invited {}", self.email)
        } else {
            format!("remove the invited {}", self.email)
        }
    }
}

impl Field {
    pub(super) fn step(&self) -> String {
        match self {
            Self::Name(name) => format!("rename it back to {name}"),
            Self::Description(text) if text.is_empty() => "clear description".to_owned(),
            Self::Description(text) => format!("set description to {text}"),
            Self::LaunchpadRight(path, flag) => format!("set {path} to {flag}"),
            Self::Access(node) => format!("give access to {}", node.name),
            Self::NoAccess(node) => format!("withdraw access to {}", node.name),
            Self::NodeRight(node, path, flag) => format!("on {} set {path} to {flag}", node.name),
            Self::AddMember(member) => format!("add member {}", member.email),
            Self::RemoveMember(member) => format!("remove member {}", member.email),
        }
    }

    /// Writes the field into the group document (contract sheet 4.2).
    pub(super) fn write(&self, document: &mut Document) -> Result<(), DocumentError> {
        match self {
            Self::Name(name) => document.set("name", name),
            Self::Description(text) => document.set("description", text),
            Self::LaunchpadRight(path, flag) => edit(document, LAUNCHPAD_PERMISSIONS, |all| {
                rights::write(all, path, *flag);
                Ok(())
            })?,
            Self::Access(node) => edit(document, node.member(), |nodes| {
                nodes.set(&node.name, &Document::new());
                Ok(())
            })?,
            Self::NoAccess(node) => edit(document, node.member(), |nodes| {
                nodes.remove(&node.name);
                Ok(())
            })?,
            Self::NodeRight(node, path, flag) => edit(document, node.member(), |nodes| {
                edit(nodes, &node.name, |all| {
                    rights::write(all, path, *flag);
                    Ok(())
                })
            })?,
            Self::AddMember(member) => {
                document.edit_list(USERS, |_: &Member| true, std::slice::from_ref(member))?;
            }
            Self::RemoveMember(member) => {
                document.edit_list(USERS, |found: &Member| found.id != member.id, &[] as &[Member])?;
            }
        }
        Ok(())
    }
}

fn edit(
    document: &mut Document,
    member: &str,
    edit: impl FnOnce(&mut Document) -> Result<(), DocumentError>,
) -> Result<(), DocumentError> {
    let mut nested = document.nested(member)?.unwrap_or_default();
    edit(&mut nested)?;
    document.set(member, &nested);
    Ok(())
}
