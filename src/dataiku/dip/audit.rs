//! Entries in a node's own audit trail (contract sheet D72 and G61).

use serde::Serialize;

use super::{DipProduct, Node};
use crate::dataiku::{
    call::{Call, Operation, Write},
    error::ApiError,
    permit::WritePermit,
};

impl<P: DipProduct> Node<P> {
    const LOG_AUDIT: Operation<Write> = Operation::write(P::PRODUCT, "POST /admin/audit/custom/{type}");

    /// Writes one entry of this type with these parameters, which have to be an object and hold no secret.
    ///
    /// # Errors
    /// The call fails. `NotFound`: this release has no such call.
    pub async fn log_audit<T: Serialize + Sync>(
        &self,
        permit: WritePermit,
        entry_type: &str,
        parameters: &T,
    ) -> Result<(), ApiError> {
        let call = Call::new(Self::LOG_AUDIT).segment("type", entry_type).json(parameters);
        self.transport.write_done(call, permit).await
    }
}
