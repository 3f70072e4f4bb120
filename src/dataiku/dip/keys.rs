//! What global and personal API keys share (contract sheet 2.10 and 2.11). The value of a key leaves the node once, in the
//! answer to its creation. A node without the hashed-keys feature shows it in lists and documents, too; it is never read from
//! there.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde_json::Value;

use crate::dataiku::{
    document::{Document, DocumentError},
    error::{ApiError, ErrorKind},
    fields::{Fields, Record, Unreadable, record},
    outcome::malformed,
    transport::Transport,
};

/// The member with the value.
pub(in crate::dataiku) const KEY: &str = "key";
const MESSAGES: &str = "messages";

/// Members that are no rights on single objects. The value is among them: it is never held.
const NOT_SCOPED: [&str; 15] = [
    "id",
    KEY,
    "user",
    "label",
    "description",
    "groups",
    "globalPermissions",
    "dssUserForImpersonation",
    "createdOn",
    "createdBy",
    "expiresOn",
    "expiry",
    "adminProperties",
    "userProperties",
    MESSAGES,
];

/// A key as the lists hold it, without its value. `None` is absent, or, where the member is in `unreadable`, unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// Id, made by the node. Not secret.
    pub id: String,
    /// Login of the user as whom a personal key acts.
    pub user: Option<String>,
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
    /// Rights on single objects such as projects, by the node's own names. Members that grant nothing are left out.
    pub scoped: BTreeMap<String, Value>,
    /// Time of creation, in milliseconds since the epoch.
    pub created_on: Option<i64>,
    /// Login or key id of the creator.
    pub created_by: Option<String>,
    /// End of validity, in milliseconds since the epoch; 0 and absent are never.
    pub expires_on: Option<i64>,
    /// Lifetime in days; 0 and absent are for ever.
    pub expiry: Option<i64>,
    /// Members that could not be read, by their names in the node's document.
    pub unreadable: Unreadable,
}

impl Record for KeyRecord {
    const KEY: &'static str = "id";

    fn read(mut fields: Fields<'_>) -> Option<Self> {
        Some(Self {
            id: fields.key(Self::KEY)?,
            user: fields.text("user"),
            label: fields.text("label"),
            description: fields.text("description"),
            groups: fields.value("groups"),
            global_permissions: fields.map("globalPermissions"),
            dss_user_for_impersonation: fields.text("dssUserForImpersonation"),
            scoped: scoped(&fields),
            created_on: fields.number("createdOn"),
            created_by: fields.text("createdBy"),
            expires_on: fields.number("expiresOn"),
            expiry: fields.value::<Value>("expiry").as_ref().and_then(days),
            unreadable: fields.unreadable(),
        })
    }
}

impl KeyRecord {
    /// The record of a key's definition.
    ///
    /// # Errors
    /// The id is missing or unreadable. Any other member may be: see `unreadable`.
    pub fn from_document(document: &Document) -> Result<Self, DocumentError> {
        record(document)
    }
}

/// Whether a member of this name may hold rights on single objects.
pub fn is_scoped(name: &str) -> bool {
    !NOT_SCOPED.contains(&name)
}

/// Texts are no rights, and may be anything: they are not held.
fn scoped(fields: &Fields<'_>) -> BTreeMap<String, Value> {
    let others = fields.iter().filter(|(name, _)| is_scoped(name));
    others
        .filter(|(_, raw)| !matches!(raw.get(), "{}" | "[]" | "false" | "null") && !raw.get().starts_with('"'))
        .filter_map(|(name, raw)| Some((name.to_owned(), serde_json::from_str(raw.get()).ok()?)))
        .collect()
}

/// A number of days, which clients send as a text.
fn days(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_i64(),
    }
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

/// The key in the answer to a creation.
///
/// # Errors
/// The answer reports a failure although it says success (`Rejected`), or lacks id or value (`Malformed`; the key may
/// exist).
pub(in crate::dataiku) fn created(
    transport: &Transport,
    operation: &'static str,
    mut answer: Document,
) -> Result<CreatedKey, ApiError> {
    let value = answer.take_secret(KEY);
    if let Some(message) = failure(&answer) {
        let message = transport.quote(&message, value.as_slice());
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
    let id = answer.str("id").filter(|id| !id.is_empty());
    Ok(CreatedKey {
        id: id.ok_or_else(|| missing("id"))?,
        value: value.ok_or_else(|| missing(KEY))?,
        document: answer,
    })
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
