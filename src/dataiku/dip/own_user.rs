//! The user to whom the credentials belong (contract sheet 2.3, D11 and D12): what a user may manage without the admin right.

use super::{DipProduct, Node, secrets::secret_values, users::UserRecord};
use crate::dataiku::{
    call::{Call, Operation, Write},
    document::{Document, DocumentError},
    error::ApiError,
    permit::WritePermit,
};

impl<P: DipProduct> Node<P> {
    const GET_OWN: Operation = Operation::read(P::PRODUCT, "GET /current-user");
    const PUT_OWN: Operation<Write> = Operation::write(P::PRODUCT, "PUT /current-user");

    /// The document of the user to whom the credentials belong. It lacks what only administrators see.
    ///
    /// # Errors
    /// The call fails, as with a key that belongs to no user.
    pub async fn own_user(&self) -> Result<Document, ApiError> {
        self.transport.json(Call::new(Self::GET_OWN)).await
    }

    /// Replaces that document. Pass the one just read, edited.
    ///
    /// # Errors
    /// The call fails.
    pub async fn put_own_user(&self, permit: WritePermit, document: &Document) -> Result<(), ApiError> {
        let call = Call::new(Self::PUT_OWN).json(document).secrets(secret_values(document));
        self.transport.write_done(call, permit).await
    }
}

impl UserRecord {
    /// The record of the document of [`Node::own_user`], which may lack the login. `login`: whose credentials they are.
    ///
    /// # Errors
    /// The login of the document is unreadable. Any other member may be: see `unreadable`.
    pub fn from_own_document(document: &Document, login: &str) -> Result<Self, DocumentError> {
        if document.str("login").is_some() {
            return Self::from_document(document);
        }
        let mut named = document.clone();
        named.set("login", login);
        Self::from_document(&named)
    }
}
