//! Permissions on blueprints, and by default (contract sheet 3.2). What is in them is not known: nothing here looks into it.

use serde_json::value::RawValue;

use super::{DipProduct, Govern, GovernNode};
use crate::dataiku::{
    call::{Call, Operation, Write},
    document::Document,
    error::ApiError,
    fields::{Fields, Record},
    listed::Listed,
    outcome::{confirmed, present, taken},
    permit::WritePermit,
};

const LIST: Operation = Operation::list(GovernNode::PRODUCT, "GET /admin/blueprint-permissions");
const CREATE: Operation<Write> = Operation::write(GovernNode::PRODUCT, "POST /admin/blueprint-permissions");
const GET: Operation = Operation::read(GovernNode::PRODUCT, "GET /admin/blueprint-permissions/{blueprint}");
const PUT: Operation<Write> = Operation::write(GovernNode::PRODUCT, "PUT /admin/blueprint-permissions/{blueprint}");
const DELETE: Operation<Write> =
    Operation::write(GovernNode::PRODUCT, "DELETE /admin/blueprint-permissions/{blueprint}");
const GET_DEFAULT: Operation = Operation::read(GovernNode::PRODUCT, "GET /admin/blueprint-permissions/default");
const PUT_DEFAULT: Operation<Write> = Operation::write(GovernNode::PRODUCT, "PUT /admin/blueprint-permissions/default");

const BLUEPRINT: &str = "blueprintId";
/// The member that holds the permissions.
pub const PERMISSIONS: &str = "permissions";

/// The permissions of a blueprint in the list of all.
pub struct PermissionsRecord {
    /// Id of the blueprint.
    pub blueprint_id: String,
    /// The whole document.
    pub document: Document,
}

impl Record for PermissionsRecord {
    const KEY: &'static str = BLUEPRINT;

    fn read(fields: Fields<'_>) -> Option<Self> {
        let blueprint_id = fields.key(Self::KEY)?;
        let mut document = Document::new();
        for (key, raw) in fields.iter() {
            document.set(key, raw);
        }
        Some(Self { blueprint_id, document })
    }
}

/// How a node shows the default permissions: under `permissions`, or bare (contract sheet, A36).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultForm {
    /// Under `permissions`.
    Wrapped,
    /// As the document itself.
    Bare,
}

impl Govern {
    /// The permissions of all blueprints that have some of their own.
    ///
    /// # Errors
    /// The call fails; it needs the architect right.
    pub async fn permissions(&self) -> Result<Listed<PermissionsRecord>, ApiError> {
        self.transport.list(Call::new(LIST)).await
    }

    /// The whole document of a blueprint; `None` when the default permissions apply to it. A 404 that is not in the node's own
    /// error format counts only if the list of documents confirms it.
    ///
    /// # Errors
    /// The call fails.
    pub async fn permissions_of(&self, blueprint_id: &str) -> Result<Option<Document>, ApiError> {
        let answer = self
            .transport
            .json(Call::new(GET).segment("blueprint", blueprint_id))
            .await;
        let listed = async {
            let documents = self.permissions().await?;
            Ok(documents.shows(|record| record.blueprint_id == blueprint_id))
        };
        confirmed(answer, listed).await
    }

    /// Gives a blueprint permissions of its own: those in `document`.
    ///
    /// # Errors
    /// The call fails. `AlreadyExists`: the blueprint has some, as far as the node's wording is known; after `Rejected` and
    /// `Unavailable`, too, read the document to find out.
    pub async fn create_permissions(
        &self,
        permit: WritePermit,
        blueprint_id: &str,
        document: &Document,
    ) -> Result<(), ApiError> {
        let mut new = Document::new();
        new.set(BLUEPRINT, blueprint_id);
        for (key, raw) in document.members().filter(|(key, _)| *key != BLUEPRINT) {
            new.set(key, raw);
        }
        taken(self.transport.write_done(Call::new(CREATE).json(&new), permit).await)
    }

    /// Replaces the document of a blueprint. Pass the one just read, edited.
    ///
    /// # Errors
    /// The call fails. `NotFound`: the blueprint has no permissions of its own.
    pub async fn put_permissions(
        &self,
        permit: WritePermit,
        blueprint_id: &str,
        document: &Document,
    ) -> Result<(), ApiError> {
        let call = Call::new(PUT).segment("blueprint", blueprint_id).json(document);
        self.transport.write_done(call, permit).await
    }

    /// Deletes the document of a blueprint: the default permissions apply. False when it did not exist.
    ///
    /// # Errors
    /// The call fails.
    pub async fn delete_permissions(&self, permit: WritePermit, blueprint_id: &str) -> Result<bool, ApiError> {
        let call = Call::new(DELETE).segment("blueprint", blueprint_id);
        present(self.transport.write_done(call, permit).await).map(|done| done.is_some())
    }

    /// The default permissions, under `permissions`, and how the node shows them.
    ///
    /// # Errors
    /// The call fails.
    pub async fn default_permissions(&self) -> Result<(Document, DefaultForm), ApiError> {
        let shown: Document = self.transport.json(Call::new(GET_DEFAULT)).await?;
        let only_wrapper = shown.keys().all(|key| [BLUEPRINT, PERMISSIONS].contains(&key));
        if only_wrapper && matches!(shown.nested(PERMISSIONS), Ok(Some(_))) {
            return Ok((shown, DefaultForm::Wrapped));
        }
        let mut document = Document::new();
        document.set(PERMISSIONS, &shown);
        Ok((document, DefaultForm::Bare))
    }

    /// Replaces the default permissions. Pass the document just read, edited, and its form.
    ///
    /// # Errors
    /// The call fails.
    pub async fn put_default_permissions(
        &self,
        permit: WritePermit,
        form: DefaultForm,
        document: &Document,
    ) -> Result<(), ApiError> {
        let call = Call::new(PUT_DEFAULT);
        let call = match (form, document.get::<Box<RawValue>>(PERMISSIONS)) {
            (DefaultForm::Bare, Ok(Some(bare))) => call.json(&bare),
            _ => call.json(document),
        };
        self.transport.write_done(call, permit).await
    }
}
