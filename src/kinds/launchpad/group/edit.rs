//! Writes to a space for one group: edits of the group's document, and of invites.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::rights::Flags;
use crate::{
    dataiku::{
        document::{Document, DocumentError},
        launchpad::groups::{Member, USERS},
    },
    engine::Change,
    kinds::launchpad::invites::InviteEdit,
};

/// One edit of a group document (contract sheet 4.2).
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    step: String,
    withdraws: bool,
    to: To,
}

#[derive(Clone, Debug, PartialEq)]
enum To {
    /// Sets what is at the path.
    Value(Vec<String>, Value),
    /// Removes what is at the path.
    Nothing(Vec<String>),
    Member(Member),
    NoMember(Member),
}

impl Edit {
    /// Writes the edit into the document.
    pub(super) fn write(&self, document: &mut Document) -> Result<(), DocumentError> {
        match &self.to {
            To::Value(path, value) => at(document, path, &|parent, key| parent.set(key, value)),
            To::Nothing(path) => at(document, path, &|parent, key| _ = parent.remove(key)),
            To::Member(member) => {
                document.edit_list(USERS, |_: &Member| true, std::slice::from_ref(member))?;
            }
            To::NoMember(member) => {
                document.edit_list(USERS, |found: &Member| found.id != member.id, &[] as &[Member])?;
            }
        }
        Ok(())
    }
}

/// Edits a member of a document in a document. What is on the way and is not a document is replaced by one: a flag in
/// place of a map of rights says the same of all of them.
fn at(document: &mut Document, path: &[String], edit: &dyn Fn(&mut Document, &str)) {
    match path {
        [] => {}
        [key] => edit(document, key),
        [key, rest @ ..] => {
            let mut nested = document.nested(key).unwrap_or_default().unwrap_or_default();
            at(&mut nested, rest, edit);
            document.set(key, &nested);
        }
    }
}

/// What a plan collects.
#[derive(Default)]
pub(super) struct Draft {
    pub edits: Vec<Edit>,
    pub invites: Vec<InviteEdit>,
    pub waiting: Vec<String>,
    pub deferred: bool,
    pub grants: BTreeMap<&'static str, BTreeSet<String>>,
}

impl Draft {
    fn push(&mut self, step: String, withdraws: bool, to: To) {
        self.edits.push(Edit { step, withdraws, to });
    }

    /// Sets a text.
    pub fn text(&mut self, key: &str, value: &str) {
        let step = if value.is_empty() {
            format!("clear {key}")
        } else {
            format!("set {key} to {value}")
        };
        self.push(step, false, To::Value(vec![key.to_owned()], value.into()));
    }

    /// Sets the rights that are in the map at `place`; `node`: where they apply.
    pub fn rights(&mut self, place: &[&str], node: Option<&str>, edits: &Flags) {
        for (right, flag) in edits {
            let path = place.iter().copied().chain(right.splitn(2, '/'));
            let on = node.map(|node| format!("on {node} ")).unwrap_or_default();
            let step = format!("{on}set {right} to {flag}");
            self.push(step, !flag, To::Value(path.map(str::to_owned).collect(), (*flag).into()));
        }
    }

    /// Gives access to a node, without any right yet, or withdraws it.
    pub fn access(&mut self, member: &str, node: &str, given: bool) {
        let path = vec![member.to_owned(), node.to_owned()];
        if given {
            let none = Value::Object(serde_json::Map::new());
            self.push(format!("give access to {node}"), false, To::Value(path, none));
        } else {
            self.push(format!("withdraw access to {node}"), true, To::Nothing(path));
        }
    }

    /// Adds a member or removes it.
    pub fn member(&mut self, member: Member, joins: bool) {
        if joins {
            self.push(format!("add member {}", member.email), false, To::Member(member));
        } else {
            self.push(format!("remove member {}", member.email), true, To::NoMember(member));
        }
    }

    /// Adds to the grants of a list.
    pub fn grant(&mut self, list: &'static str, names: impl IntoIterator<Item = String>) {
        self.grants.entry(list).or_default().extend(names);
    }
}

/// One write to a space for a group.
pub enum GroupChange {
    /// Create it as a whole; with the sentences of what only later writes can carry.
    Create(String, Vec<Edit>, Vec<String>),
    /// Edit its document.
    Edit(Vec<Edit>),
    /// Write it once more as it is, since this task failed.
    Resubmit(String),
    /// Edit invites.
    Invites(Vec<InviteEdit>),
    /// Delete it.
    Delete,
}

impl Change for GroupChange {
    fn steps(&self) -> Vec<String> {
        let steps = |edits: &[Edit]| edits.iter().map(|edit| edit.step.clone()).collect::<Vec<_>>();
        match self {
            Self::Create(_, edits, _) => [vec!["create group".to_owned()], steps(edits)].concat(),
            Self::Edit(edits) => steps(edits),
            Self::Resubmit(task) => vec![format!("submit the group again, since task {task} did not succeed")],
            Self::Invites(invites) => invites.iter().map(InviteEdit::step).collect(),
            Self::Delete => vec!["delete".to_owned()],
        }
    }

    fn follows(&self) -> Vec<String> {
        match self {
            Self::Create(_, _, follows) => follows.clone(),
            _ => Vec::new(),
        }
    }

    fn event(&self) -> &'static str {
        match self {
            Self::Create(..) => "Created",
            Self::Edit(_) | Self::Invites(_) => "Updated",
            Self::Resubmit(_) => "Resubmitted",
            Self::Delete => "Deleted",
        }
    }

    fn creates(&self) -> bool {
        matches!(self, Self::Create(..))
    }

    fn withdraws(&self) -> bool {
        match self {
            Self::Edit(edits) => edits.iter().any(|edit| edit.withdraws),
            Self::Invites(invites) => invites.iter().any(|invite| !invite.joins),
            Self::Delete => true,
            Self::Create(..) | Self::Resubmit(_) => false,
        }
    }

    fn starts_task(&self) -> bool {
        matches!(self, Self::Create(..) | Self::Edit(_) | Self::Resubmit(_))
    }
}
