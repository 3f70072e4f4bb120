//! Variables of a DSS node (contract sheet 2.9). Every user can read them, so they hold no secret.

use super::{DipProduct, Dss, DssNode};
use crate::dataiku::{
    call::{Call, Operation, Write},
    document::Document,
    error::ApiError,
    permit::WritePermit,
};

const GET: Operation = Operation::read(DssNode::PRODUCT, "GET /admin/variables/");
const PUT: Operation<Write> = Operation::write(DssNode::PRODUCT, "PUT /admin/variables/");

impl Dss {
    /// All variables: one document, shared with people and tools.
    ///
    /// # Errors
    /// The call fails.
    pub async fn variables(&self) -> Result<Document, ApiError> {
        self.transport.json(Call::new(GET)).await
    }

    /// Replaces all variables by `document`, which has to be the one just read, edited: a variable that it lacks is gone.
    ///
    /// # Errors
    /// The call fails.
    pub async fn put_variables(&self, permit: WritePermit, document: &Document) -> Result<(), ApiError> {
        self.transport.write_done(Call::new(PUT).json(document), permit).await
    }
}
