//! Role assignments: one document per blueprint, shared by people, tools and many objects (contract sheet 3.2).

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{DipProduct, Govern, GovernNode, rule::Rule};
use crate::dataiku::{
    call::{Call, Operation, Write},
    document::{Document, DocumentError},
    error::ApiError,
    fields::{Fields, Record, record},
    listed::Listed,
    outcome::{confirmed, present, taken},
    permit::WritePermit,
};

const LIST: Operation = Operation::list(GovernNode::PRODUCT, "GET /admin/blueprint-role-assignments");
const CREATE: Operation<Write> = Operation::write(GovernNode::PRODUCT, "POST /admin/blueprint-role-assignments");
const GET: Operation = Operation::read(GovernNode::PRODUCT, "GET /admin/blueprint-role-assignments/{blueprint}");
const PUT: Operation<Write> =
    Operation::write(GovernNode::PRODUCT, "PUT /admin/blueprint-role-assignments/{blueprint}");
const DELETE: Operation<Write> = Operation::write(
    GovernNode::PRODUCT,
    "DELETE /admin/blueprint-role-assignments/{blueprint}",
);

const BLUEPRINT: &str = "blueprintId";
const RULES: &str = "roleAssignmentsRules";

/// The rules of a blueprint as the lists hold them.
#[derive(Clone, Debug, PartialEq)]
pub struct AssignmentsRecord {
    /// Id of the blueprint.
    pub blueprint_id: String,
    /// Rules by the id of the role that they grant; `None` where they are unreadable, of one role or of all.
    rules: Option<BTreeMap<String, Option<Vec<Rule>>>>,
    /// JSON texts of the members that say from where roles are inherited, by name; none for those that are absent.
    pub inheritance: BTreeMap<&'static str, String>,
}

/// The member with the blueprint to inherit from.
pub const INHERIT_BLUEPRINT: &str = "inheritBlueprintId";
/// The member with the artifact field to inherit through.
pub const INHERIT_FIELD: &str = "inheritArtifactFieldId";

impl Record for AssignmentsRecord {
    const KEY: &'static str = BLUEPRINT;

    fn read(mut fields: Fields<'_>) -> Option<Self> {
        let blueprint_id = fields.key(Self::KEY)?;
        let rules = fields.map::<Box<RawValue>>(RULES);
        let rules = rules.map(|roles| roles.into_iter().map(|(role, raw)| (role, rules_in(&raw))).collect());
        let inheritance = fields.iter().filter_map(|(key, raw)| {
            let key = [INHERIT_BLUEPRINT, INHERIT_FIELD]
                .into_iter()
                .find(|known| *known == key)?;
            Some((key, raw.get().to_owned()))
        });
        let inheritance = inheritance.collect();
        Some(Self {
            blueprint_id,
            rules,
            inheritance,
        })
    }
}

/// Null is no rule.
fn rules_in(raw: &RawValue) -> Option<Vec<Rule>> {
    let rules: Option<Vec<Rule>> = serde_json::from_str(raw.get()).ok()?;
    Some(rules.unwrap_or_default())
}

impl AssignmentsRecord {
    /// The record of a blueprint's document.
    ///
    /// # Errors
    /// The id of the blueprint is missing or unreadable. Rules may be unreadable: see `rules_of`.
    pub fn from_document(document: &Document) -> Result<Self, DocumentError> {
        record(document)
    }

    /// Whether rules are readable at all.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        self.rules.is_some()
    }

    /// The rules that grant the role, in the node's order. `None`: they are unreadable.
    #[must_use]
    pub fn rules_of(&self, role_id: &str) -> Option<&[Rule]> {
        match self.rules.as_ref()?.get(role_id) {
            Some(rules) => rules.as_deref(),
            None => Some(&[]),
        }
    }

    /// Roles that are named, with their rules as in `rules_of`; none where no role is readable.
    pub fn roles(&self) -> impl Iterator<Item = (&str, Option<&[Rule]>)> {
        let roles = self.rules.iter().flatten();
        roles.map(|(role, rules)| (role.as_str(), rules.as_deref()))
    }
}

/// A new document for a blueprint without one.
#[must_use]
pub fn new_assignments(blueprint_id: &str) -> Document {
    let mut document = Document::new();
    document.set(BLUEPRINT, blueprint_id);
    document.set(RULES, &Document::new());
    document
}

/// The rules that grant the role, in the node's order.
///
/// # Errors
/// They cannot be read.
pub fn rules_of(document: &Document, role_id: &str) -> Result<Vec<Rule>, DocumentError> {
    let by_role = document.nested(RULES)?.unwrap_or_default();
    let rules = by_role.get(role_id).map_err(below_rules)?;
    Ok(rules.unwrap_or_default())
}

/// Edits the rules that grant the role: removes those that `keep` does not accept and appends `added`. False when that
/// changes nothing. Everything else keeps its bytes, except that a role whose last rule is removed
/// loses its entry.
///
/// # Errors
/// The rules of this role cannot be read. Nothing is changed then.
pub fn edit_rules(
    document: &mut Document,
    role_id: &str,
    keep: impl FnMut(&Rule) -> bool,
    added: &[Rule],
) -> Result<bool, DocumentError> {
    let mut by_role = document.nested(RULES)?.unwrap_or_default();
    if !by_role.edit_list(role_id, keep, added).map_err(below_rules)? {
        return Ok(false);
    }
    if by_role.raw(role_id) == Some("[]") {
        by_role.remove(role_id);
    }
    document.set(RULES, &by_role);
    Ok(true)
}

fn below_rules(error: DocumentError) -> DocumentError {
    DocumentError {
        key: format!("{RULES}.{}", error.key),
        ..error
    }
}

/// Whether deleting the document withdraws nothing: it has no rule of any role, no inheritance, nothing unknown.
///
/// # Errors
/// The rules are no object.
pub fn is_vacant(document: &Document) -> Result<bool, DocumentError> {
    let by_role = document.nested(RULES)?.unwrap_or_default();
    let empty = |document: &Document, key: &str| matches!(document.raw(key), Some("null" | "\"\"" | "[]" | "{}"));
    let mut others = document.keys().filter(|key| ![BLUEPRINT, RULES].contains(key));
    Ok(by_role.keys().all(|role| empty(&by_role, role)) && others.all(|key| empty(document, key)))
}

impl Govern {
    /// The assignments of all blueprints that have a document.
    ///
    /// # Errors
    /// The call fails; it needs the architect right.
    pub async fn assignments(&self) -> Result<Listed<AssignmentsRecord>, ApiError> {
        self.transport.list(Call::new(LIST)).await
    }

    /// The whole document of a blueprint; `None` when it has none. A 404 that is not in the node's own error format counts
    /// only if the list of documents confirms it.
    ///
    /// # Errors
    /// The call fails.
    pub async fn assignments_of(&self, blueprint_id: &str) -> Result<Option<Document>, ApiError> {
        let call = Call::new(GET).segment("blueprint", blueprint_id);
        let answer = self.transport.json(call).await;
        let listed = async {
            let documents = self.assignments().await?;
            Ok(documents.shows(|record| record.blueprint_id == blueprint_id))
        };
        confirmed(answer, listed).await
    }

    /// Creates the document of a blueprint that has none. Returns what the node stored.
    ///
    /// # Errors
    /// The call fails. `AlreadyExists`: the blueprint has a document, as far as the node's wording is known; after
    /// `Rejected` and `Unavailable`, too, read the document to find out.
    pub async fn create_assignments(&self, permit: WritePermit, document: &Document) -> Result<Document, ApiError> {
        taken(self.transport.write(Call::new(CREATE).json(document), permit).await)
    }

    /// Replaces the document of a blueprint. Pass the one just read, edited. Returns what the node stored.
    ///
    /// # Errors
    /// The call fails. `NotFound`: the blueprint has no document.
    pub async fn put_assignments(
        &self,
        permit: WritePermit,
        blueprint_id: &str,
        document: &Document,
    ) -> Result<Document, ApiError> {
        let call = Call::new(PUT).segment("blueprint", blueprint_id).json(document);
        self.transport.write(call, permit).await
    }

    /// Deletes the document of a blueprint, and with it **every** assignment; false when it did not exist.
    ///
    /// # Errors
    /// The call fails.
    pub async fn delete_assignments(&self, permit: WritePermit, blueprint_id: &str) -> Result<bool, ApiError> {
        let call = Call::new(DELETE).segment("blueprint", blueprint_id);
        present(self.transport.write_done(call, permit).await).map(|done| done.is_some())
    }
}
