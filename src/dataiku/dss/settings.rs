//! General settings of a DSS node (contract sheet 2.8): one large document, shared with every human administrator, that
//! holds the login configuration of the node and its impersonation rules.

use serde_json::value::RawValue;

use super::{DipProduct, Dss, DssNode};
use crate::dataiku::{
    call::{Call, Operation, Write},
    document::{Document, DocumentError},
    error::ApiError,
    permit::WritePermit,
};

const GET: Operation = Operation::read(DssNode::PRODUCT, "GET /admin/general-settings");
const PUT: Operation<Write> = Operation::write(DssNode::PRODUCT, "PUT /admin/general-settings");

/// The member that holds the impersonation rules.
const IMPERSONATION: &str = "impersonation";

/// The impersonation rules in a list, such as `userRules`, as JSON texts in their order. None where there is no list.
///
/// # Errors
/// There is something else than a list.
pub fn rules(settings: &Document, list: &str) -> Result<Vec<Box<RawValue>>, DocumentError> {
    let impersonation = settings.nested(IMPERSONATION)?.unwrap_or_default();
    let rules = impersonation.get(list).map_err(|error| DocumentError {
        key: format!("{IMPERSONATION}.{}", error.key),
        ..error
    })?;
    Ok(rules.unwrap_or_default())
}

/// Replaces the impersonation rules in a list. Everything else stays byte for byte.
///
/// # Errors
/// There is something else than an object where the lists are.
pub fn set_rules(settings: &mut Document, list: &str, rules: &[Box<RawValue>]) -> Result<(), DocumentError> {
    let mut impersonation = settings.nested(IMPERSONATION)?.unwrap_or_default();
    impersonation.set(list, rules);
    settings.set(IMPERSONATION, &impersonation);
    Ok(())
}

impl Dss {
    /// All general settings. Secrets in it are opaque, or in the clear.
    ///
    /// # Errors
    /// The call fails.
    pub async fn general_settings(&self) -> Result<Document, ApiError> {
        self.transport.json(Call::new(GET)).await
    }

    /// Replaces all general settings by `document`, which has to be the one just read, edited: the node drops keys that it
    /// does not know, fills in defaults for those that are absent, and reports neither.
    ///
    /// # Errors
    /// The call fails.
    pub async fn put_general_settings(&self, permit: WritePermit, document: &Document) -> Result<(), ApiError> {
        self.transport.write_done(Call::new(PUT).json(document), permit).await
    }
}
