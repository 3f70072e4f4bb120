//! Global API keys of a node (contract sheet 2.10 and 3.1).

use secrecy::SecretString;
use serde::Serialize;

pub use super::keys::{CreatedKey, KeyRecord};
use super::{
    DipProduct, Node,
    keys::{KEY, created},
};
use crate::dataiku::{
    call::{Call, Operation, Write},
    document::Document,
    error::ApiError,
    listed::Listed,
    outcome::{confirmed, present},
    permit::WritePermit,
};

/// What a key may do.
#[derive(Clone, Copy)]
pub enum KeyRights<'a> {
    /// What these groups may. DSS 14.3 and later.
    Groups(&'a [String]),
    /// What this map of permission flags says: `{"admin": false, …}`.
    Permissions(&'a Document),
}

/// A key to be created.
#[derive(Clone, Copy)]
pub struct NewGlobalKey<'a> {
    /// Label.
    pub label: Option<&'a str>,
    /// Description; the place for an ownership mark, since labels are not unique.
    pub description: Option<&'a str>,
    /// What it may do.
    pub rights: KeyRights<'a>,
    /// User whose identity its jobs run under. The contract names no such member of a creation: compare the created
    /// document, and put it where the node ignored this.
    pub dss_user_for_impersonation: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreateBody<'a> {
    label: Option<&'a str>,
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    global_permissions: Option<&'a Document>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dss_user_for_impersonation: Option<&'a str>,
}

impl<'a> CreateBody<'a> {
    fn of(key: &NewGlobalKey<'a>) -> Self {
        let (groups, global_permissions) = match key.rights {
            KeyRights::Groups(groups) => (Some(groups), None),
            KeyRights::Permissions(permissions) => (None, Some(permissions)),
        };
        Self {
            label: key.label,
            description: key.description,
            groups,
            global_permissions,
            dss_user_for_impersonation: key.dss_user_for_impersonation,
        }
    }
}

impl<P: DipProduct> Node<P> {
    const LIST_KEYS: Operation = Operation::list(P::PRODUCT, "GET /admin/global-api-keys/");
    const CREATE_KEY: Operation<Write> = Operation::write(P::PRODUCT, "POST /admin/global-api-keys/");
    const GET_KEY: Operation = Operation::read(P::PRODUCT, "GET /admin/global-api-keys/{id}");
    const PUT_KEY: Operation<Write> = Operation::write(P::PRODUCT, "PUT /admin/global-api-keys/{id}");
    const DELETE_KEY: Operation<Write> = Operation::write(P::PRODUCT, "DELETE /admin/global-api-keys/{id}");

    /// All global keys.
    ///
    /// # Errors
    /// The call fails.
    pub async fn global_keys(&self) -> Result<Listed<KeyRecord>, ApiError> {
        self.transport.list(Call::new(Self::LIST_KEYS)).await
    }

    /// The whole definition of a key; `None` when there is no such key. A 404 that is not in the node's own error format
    /// counts only if the list of keys confirms it. Without hashed keys, the definition holds the value.
    ///
    /// # Errors
    /// The call fails.
    pub async fn global_key(&self, id: &str) -> Result<Option<Document>, ApiError> {
        let call = Call::new(Self::GET_KEY).segment("id", id);
        let answer = self.transport.json(call).await;
        let listed = async { Ok(self.global_keys().await?.shows(|key| key.id == id)) };
        confirmed(answer, listed).await
    }

    /// Creates a key. The value is in the answer and nowhere else: after a lost answer the key is of no use and has to be
    /// found by its description and deleted.
    ///
    /// # Errors
    /// The call fails, the node reports a failure in an answer that says success (`Rejected`), or the answer lacks id or
    /// value (`Malformed`; the key may exist).
    pub async fn create_global_key(&self, permit: WritePermit, key: &NewGlobalKey<'_>) -> Result<CreatedKey, ApiError> {
        let call = Call::new(Self::CREATE_KEY).json(&CreateBody::of(key));
        let answer: Document = self.transport.write(call, permit).await?;
        created(&self.transport, Self::CREATE_KEY.name(), answer)
    }

    /// Replaces the definition of a key, which has to be the one just read, edited. The value of a key cannot be changed.
    ///
    /// # Errors
    /// The call fails. `NotFound`: there is no such key.
    pub async fn put_global_key(&self, permit: WritePermit, id: &str, document: &Document) -> Result<(), ApiError> {
        let call = Call::new(Self::PUT_KEY)
            .segment("id", id)
            .json(document)
            .secrets(document.str(KEY).map(SecretString::from));
        self.transport.write_done(call, permit).await
    }

    /// Deletes a key; false when there was none.
    ///
    /// # Errors
    /// The call fails.
    pub async fn delete_global_key(&self, permit: WritePermit, id: &str) -> Result<bool, ApiError> {
        let call = Call::new(Self::DELETE_KEY).segment("id", id);
        present(self.transport.write_done(call, permit).await).map(|done| done.is_some())
    }
}
