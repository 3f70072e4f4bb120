//! What can be written to a DSS group, and how it reads.

use std::collections::BTreeSet;

use crate::{
    dataiku::{document::Document, dss::groups::set_mapping},
    engine::Change,
};

pub(super) const REGEX: &str = "canObtainAPITicketFromCookiesForGroupsRegex";

/// One field of an edit.
pub enum Field {
    /// Description; empty for none.
    Description(String),
    /// Where members come from.
    SourceType(String),
    /// A permission flag, or `admin`.
    Flag(String, bool),
    /// Directory groups, by the member of the document that holds them.
    Mapping(&'static str, BTreeSet<String>),
    /// Whose users members may act as.
    Regex(String),
}

/// One write to a group.
pub enum GroupChange {
    /// Create it, with what can be said at creation.
    Create {
        /// Name.
        name: String,
        /// Description.
        description: Option<String>,
        /// Where members come from.
        source_type: String,
        /// What can only be written afterwards, in words.
        follows: Vec<String>,
    },
    /// Edit these fields of its document.
    Edit(String, Vec<Field>),
    /// Delete it.
    Delete(String),
}

impl Change for GroupChange {
    fn steps(&self) -> Vec<String> {
        match self {
            Self::Create { source_type, .. } => vec![format!("create {source_type} group")],
            Self::Edit(_, fields) => fields.iter().map(Field::step).collect(),
            Self::Delete(_) => vec!["delete".to_owned()],
        }
    }

    fn follows(&self) -> Vec<String> {
        match self {
            Self::Create { follows, .. } => follows.clone(),
            Self::Edit(..) | Self::Delete(_) => Vec::new(),
        }
    }

    fn event(&self) -> &'static str {
        match self {
            Self::Create { .. } => "Created",
            Self::Edit(..) => "Updated",
            Self::Delete(_) => "Deleted",
        }
    }

    fn creates(&self) -> bool {
        matches!(self, Self::Create { .. })
    }
}

impl Field {
    pub(super) fn step(&self) -> String {
        match self {
            Self::Description(text) if text.is_empty() => "clear description".to_owned(),
            Self::Description(text) => format!("set description to {text}"),
            Self::SourceType(source) => format!("set sourceType to {source}"),
            Self::Flag(flag, value) => format!("set {flag} to {value}"),
            Self::Mapping(list, names) => {
                let names: Vec<_> = names.iter().map(String::as_str).collect();
                format!("set {list} to [{}]", names.join(", "))
            }
            Self::Regex(text) if text.is_empty() => "clear impersonatableGroupsRegex".to_owned(),
            Self::Regex(text) => format!("set impersonatableGroupsRegex to {text}"),
        }
    }

    /// Writes the field into the group document (contract sheet 2.6).
    pub(super) fn write(&self, document: &mut Document) {
        match self {
            Self::Description(text) => document.set("description", text),
            Self::SourceType(source) => document.set("sourceType", source),
            Self::Flag(flag, value) => document.set(flag, value),
            Self::Mapping(list, names) => {
                let names: Vec<String> = names.iter().cloned().collect();
                set_mapping(document, list, &names);
            }
            Self::Regex(text) => document.set(REGEX, text),
        }
    }
}
