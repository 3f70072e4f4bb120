//! Answers to bulk writes: the call may succeed although objects were refused (contract sheet 4.3).

use serde::Deserialize;
use serde_json::Value;

use super::Launchpad;
use crate::dataiku::{
    call::{Call, Write},
    email::same_email,
    error::ApiError,
    null,
    permit::WritePermit,
};

/// The outcome for each object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BulkAnswer {
    /// Objects that were written.
    pub successes: Vec<BulkItem>,
    /// Objects that were refused.
    pub errors: Vec<BulkError>,
    /// The task that carries the successes to the nodes; `None` when there is nothing to wait for.
    pub task_id: Option<String>,
}

/// The object that an item of the answer names, as far as it does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BulkItem {
    /// Id.
    pub id: Option<String>,
    /// Email address.
    pub email: Option<String>,
}

/// An object that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkError {
    /// The object.
    pub item: BulkItem,
    /// The Launchpad's message, redacted and shortened for a status; the whole item where it has none.
    pub message: String,
}

impl BulkItem {
    fn read(item: &Value) -> Self {
        let text = |key: &str| item.get(key).and_then(Value::as_str).map(str::to_owned);
        Self {
            id: text("id"),
            email: text("email"),
        }
    }

    /// Whether it names this object: by its id or, where the item has none, by its email address.
    #[must_use]
    pub fn is_about(&self, id: &str, email: &str) -> bool {
        match (&self.id, &self.email) {
            (Some(own), _) => own == id,
            (None, Some(own)) => same_email(own, email),
            (None, None) => false,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(default, deserialize_with = "null::as_default")]
    successes: Vec<Value>,
    #[serde(default, deserialize_with = "null::as_default")]
    errors: Vec<Value>,
    #[serde(default, deserialize_with = "null::text")]
    task_id: Option<String>,
}

impl Launchpad {
    pub(super) async fn bulk(&self, call: Call<Write>, permit: WritePermit) -> Result<BulkAnswer, ApiError> {
        let wire: Wire = self.transport.write(call, permit).await?;
        Ok(BulkAnswer {
            successes: wire.successes.iter().map(BulkItem::read).collect(),
            errors: wire.errors.iter().map(|item| self.refused(item)).collect(),
            task_id: wire.task_id,
        })
    }

    fn refused(&self, item: &Value) -> BulkError {
        let words = item.as_str().or_else(|| item.get("message")?.as_str());
        let message = words.map_or_else(|| item.to_string(), str::to_owned);
        BulkError {
            item: BulkItem::read(item),
            message: self.transport.quote(&message, &[]),
        }
    }
}
