//! Personal API keys of a DSS node (contract sheet 2.11). An administrator lists and creates the keys of all users by paths of
//! their own, and reads and deletes one by the path of everybody.

use secrecy::SecretString;
use serde::Serialize;

use super::Dss;
pub use crate::dataiku::dip::keys::{CreatedKey, KeyRecord};
use crate::dataiku::{
    call::{Call, Operation, Write},
    dip::{
        DipProduct,
        keys::{KEY, created},
    },
    document::Document,
    dss::DssNode,
    error::ApiError,
    listed::Listed,
    outcome::{confirmed, present},
    permit::WritePermit,
};

/// A key to be created.
#[derive(Clone, Copy, Serialize)]
pub struct NewPersonalKey<'a> {
    /// Login of the user as whom the key acts.
    pub user: &'a str,
    /// Label; not unique.
    pub label: &'a str,
    /// Description; the place for an ownership mark.
    pub description: &'a str,
}

const LIST: Operation = Operation::list(DssNode::PRODUCT, "GET /admin/personal-api-keys/");
const CREATE: Operation<Write> = Operation::write(DssNode::PRODUCT, "POST /admin/personal-api-keys/");
const GET: Operation = Operation::read(DssNode::PRODUCT, "GET /personal-api-keys/{id}");
const PUT: Operation<Write> = Operation::write(DssNode::PRODUCT, "PUT /personal-api-keys/{id}");
const DELETE: Operation<Write> = Operation::write(DssNode::PRODUCT, "DELETE /personal-api-keys/{id}");

impl Dss {
    /// The personal keys of all users.
    ///
    /// # Errors
    /// The call fails.
    pub async fn personal_keys(&self) -> Result<Listed<KeyRecord>, ApiError> {
        self.transport.list(Call::new(LIST)).await
    }

    /// The whole document of a key; `None` when there is no such key. A 404 that is not in the node's own error format counts
    /// only if the list of keys confirms it.
    ///
    /// # Errors
    /// The call fails.
    pub async fn personal_key(&self, id: &str) -> Result<Option<Document>, ApiError> {
        let answer = self.transport.json(Call::new(GET).segment("id", id)).await;
        let listed = async { Ok(self.personal_keys().await?.shows(|key| key.id == id)) };
        confirmed(answer, listed).await
    }

    /// Creates a key of a user. The value is in the answer and nowhere else.
    ///
    /// # Errors
    /// The call fails, the node reports a failure in an answer that says success (`Rejected`), or the answer lacks id or
    /// value (`Malformed`; the key may exist).
    pub async fn create_personal_key(
        &self,
        permit: WritePermit,
        key: &NewPersonalKey<'_>,
    ) -> Result<CreatedKey, ApiError> {
        let answer: Document = self.transport.write(Call::new(CREATE).json(key), permit).await?;
        created(&self.transport, CREATE.name(), answer)
    }

    /// Replaces the document of a key, which has to be the one just read, edited. The node takes label and description.
    ///
    /// # Errors
    /// The call fails. `NotFound`: there is no such key.
    pub async fn put_personal_key(&self, permit: WritePermit, id: &str, document: &Document) -> Result<(), ApiError> {
        let call = Call::new(PUT).segment("id", id).json(document);
        let call = call.secrets(document.str(KEY).map(SecretString::from));
        self.transport.write_done(call, permit).await
    }

    /// Deletes a key; false when there was none.
    ///
    /// # Errors
    /// The call fails.
    pub async fn delete_personal_key(&self, permit: WritePermit, id: &str) -> Result<bool, ApiError> {
        let call = Call::new(DELETE).segment("id", id);
        present(self.transport.write_done(call, permit).await).map(|done| done.is_some())
    }
}
