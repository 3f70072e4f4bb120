//! Global API keys of a node (contract sheet 2.10 and 3.1). The value of a key leaves the node once, in the answer to its
//! creation. A node without the hashed-keys feature shows it in lists and documents, too; it is never read from there.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::Serialize;

use super::{DipProduct, Node};
use crate::dataiku::{
    call::{Call, Operation, Write},
    document::{Document, DocumentError},
    error::{ApiError, ErrorKind},
    fields::{Fields, Record, Unreadable, record},
    listed::Listed,
    outcome::{confirmed, malformed, present},
    permit::WritePermit,
};

/// The member with the value.
const KEY: &str = "key";
const MESSAGES: &str = "messages";

/// A key as the lists hold it, without its value. `None` is absent, or, where the member is in `unreadable`, unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlobalKeyRecord {
    /// Id, made by the node. Not secret.
    pub id: String,
    /// Label; not unique. An empty one is none.
    pub label: Option<String>,
    /// Description; an empty one is none.
    pub description: Option<String>,
    /// Groups whose rights the key has. `None`: the key has rights of its own, or unreadable.
    pub groups: Option<Vec<String>>,
    /// Rights of its own: `admin` and the permission flags of groups; an absent map is empty. `None`: unreadable.
    pub global_permissions: Option<BTreeMap<String, bool>>,
    /// User whose identity jobs of the key run under, where users are isolated.
    pub dss_user_for_impersonation: Option<String>,
    /// Time of creation, in milliseconds since the epoch.
    pub created_on: Option<i64>,
    /// Login or key id of the creator.
    pub created_by: Option<String>,
    /// End of validity, in milliseconds since the epoch; 0 and absent are never.
    pub expires_on: Option<i64>,
    /// Members that could not be read, by their names in the node's document.
    pub unreadable: Unreadable,
}

impl Record for GlobalKeyRecord {
    const KEY: &'static str = "id";

    fn read(mut fields: Fields<'_>) -> Option<Self> {
        Some(Self {
            id: fields.key(Self::KEY)?,
            label: fields.text("label"),
            description: fields.text("description"),
            groups: fields.value("groups"),
            global_permissions: fields.map("globalPermissions"),
            dss_user_for_impersonation: fields.text("dssUserForImpersonation"),
            created_on: fields.number("createdOn"),
            created_by: fields.text("createdBy"),
            expires_on: fields.number("expiresOn"),
            unreadable: fields.unreadable(),
        })
    }
}

impl GlobalKeyRecord {
    /// The record of a key's definition.
    ///
    /// # Errors
    /// The id is missing or unreadable. Any other member may be: see `unreadable`.
    pub fn from_document(document: &Document) -> Result<Self, DocumentError> {
        record(document)
    }
}

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

/// A key that was created. Neither Debug nor Serialize: it holds the value, which cannot be read again.
pub struct CreatedKey {
    /// Id.
    pub id: String,
    /// The value.
    pub value: SecretString,
    /// The definition, without the value.
    pub document: Document,
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
    pub async fn global_keys(&self) -> Result<Listed<GlobalKeyRecord>, ApiError> {
        self.transport.json(Call::new(Self::LIST_KEYS)).await
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
        let mut document: Document = self.transport.write(call, permit).await?;
        let value = document.take_secret(KEY);
        let operation = Self::CREATE_KEY.name();
        if let Some(message) = failure(&document) {
            let message = self.transport.quote(&message, value.as_slice());
            return Err(ApiError {
                own_words: true,
                ..ApiError::new(operation, ErrorKind::Rejected, message)
            });
        }
        let missing = |key: &str| {
            let error = DocumentError {
                key: key.to_owned(),
                message: "missing, or not of the expected shape".to_owned(),
            };
            malformed(operation, &error)
        };
        let id = document.str("id").filter(|id| !id.is_empty());
        Ok(CreatedKey {
            id: id.ok_or_else(|| missing("id"))?,
            value: value.ok_or_else(|| missing(KEY))?,
            document,
        })
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

/// Why a creation failed although the answer says success: `messages.error`, with texts in `messages.messages`.
fn failure(answer: &Document) -> Option<String> {
    let messages = answer.nested(MESSAGES).ok().flatten()?;
    if !matches!(messages.get("error"), Ok(Some(true))) {
        return None;
    }
    let all: Vec<Document> = messages.get(MESSAGES).ok().flatten().unwrap_or_default();
    let texts = all.iter().filter_map(|one| {
        let texts = ["message", "details", "title", "code"].map(|key| one.str(key));
        texts.into_iter().flatten().find(|text| !text.is_empty())
    });
    Some(texts.collect::<Vec<_>>().join("; "))
}
