//! Roles of a Govern node (contract sheet 3.2).

use serde::Serialize;
use serde_json::{Map, Value};

use super::{DipProduct, Govern, GovernNode};
use crate::dataiku::{
    call::{Call, Operation, Write},
    document::{Document, DocumentError},
    error::ApiError,
    fields::{Fields, Record, Unreadable, record},
    listed::Listed,
    outcome::{confirmed, malformed, present, taken},
    permit::WritePermit,
};

const LIST: Operation = Operation::list(GovernNode::PRODUCT, "GET /admin/roles");
const CREATE: Operation<Write> = Operation::write(GovernNode::PRODUCT, "POST /admin/roles/");
const GET: Operation = Operation::read(GovernNode::PRODUCT, "GET /admin/role/{role}");
const PUT: Operation<Write> = Operation::write(GovernNode::PRODUCT, "PUT /admin/role/{role}");
const DELETE: Operation<Write> = Operation::write(GovernNode::PRODUCT, "DELETE /admin/role/{role}");

/// A role. `None` is absent, or, where the member is in `unreadable`, unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleRecord {
    /// Id, such as `ro.project_manager`.
    pub id: String,
    /// Display name; an empty one is none.
    pub label: Option<String>,
    /// Description; an empty one is none.
    pub description: Option<String>,
    /// All other members, whatever they are.
    pub others: Map<String, Value>,
    /// Members that could not be read, by their names in the node's document.
    pub unreadable: Unreadable,
}

impl Record for RoleRecord {
    const KEY: &'static str = "id";

    fn read(mut fields: Fields<'_>) -> Option<Self> {
        let named = ["id", "label", "description"];
        let others = fields.iter().filter(|(key, _)| !named.contains(key));
        let others = others.filter_map(|(key, raw)| Some((key.to_owned(), serde_json::from_str(raw.get()).ok()?)));
        let others = others.collect();
        Some(Self {
            others,
            id: fields.key(Self::KEY)?,
            label: fields.text("label"),
            description: fields.text("description"),
            unreadable: fields.unreadable(),
        })
    }
}

impl RoleRecord {
    /// The record of a role document.
    ///
    /// # Errors
    /// The id is missing or unreadable. Any other member may be: see `unreadable`.
    pub fn from_document(document: &Document) -> Result<Self, DocumentError> {
        record(document)
    }
}

#[derive(Serialize)]
struct CreateBody<'a> {
    label: &'a str,
    description: Option<&'a str>,
}

impl Govern {
    /// All roles.
    ///
    /// # Errors
    /// The call fails; it needs the architect right.
    pub async fn roles(&self) -> Result<Listed<RoleRecord>, ApiError> {
        self.transport.list(Call::new(LIST)).await
    }

    /// The whole document of a role; `None` when it does not exist. A 404 that is not in the node's own error format counts
    /// only if the list of roles confirms it.
    ///
    /// # Errors
    /// The call fails.
    pub async fn role(&self, id: &str) -> Result<Option<Document>, ApiError> {
        let answer = self.transport.json(Call::new(GET).segment("role", id)).await;
        let listed = async { Ok(self.roles().await?.shows(|role| role.id == id)) };
        confirmed(answer, listed).await
    }

    /// Creates a role. Its id is in the answer: the node makes one of `identifier` (letters, digits, `-` and `_`).
    ///
    /// # Errors
    /// The call fails. `AlreadyExists`: the identifier is taken, as far as the node's wording is known; after any other
    /// refusal, read the list to find out.
    pub async fn create_role(
        &self,
        permit: WritePermit,
        identifier: &str,
        label: &str,
        description: Option<&str>,
    ) -> Result<RoleRecord, ApiError> {
        let call = Call::new(CREATE)
            .query("newIdentifier", &identifier)
            .json(&CreateBody { label, description });
        let created: Document = taken(self.transport.write(call, permit).await)?;
        RoleRecord::from_document(&created).map_err(|error| malformed(CREATE.name(), &error))
    }

    /// Replaces the document of a role. Pass the one just read, edited. Returns what the node stored.
    ///
    /// # Errors
    /// The call fails. `NotFound`: there is no such role.
    pub async fn put_role(&self, permit: WritePermit, id: &str, document: &Document) -> Result<Document, ApiError> {
        let call = Call::new(PUT).segment("role", id).json(document);
        self.transport.write(call, permit).await
    }

    /// Deletes a role; false when it did not exist.
    ///
    /// # Errors
    /// The call fails.
    pub async fn delete_role(&self, permit: WritePermit, id: &str) -> Result<bool, ApiError> {
        let call = Call::new(DELETE).segment("role", id);
        present(self.transport.write_done(call, permit).await).map(|done| done.is_some())
    }
}
