//! Tells the products apart where a node hides its type.

use super::{DipProduct, Node};
use crate::dataiku::{
    call::{Call, Operation},
    document::Document,
};

impl<P: DipProduct> Node<P> {
    const ROLES: Operation = Operation::list(P::PRODUCT, "GET /admin/roles");

    /// Whether the node has roles, as only Govern does (contract sheet 3.2). `None`: these credentials do not show it.
    pub async fn serves_roles(&self) -> Option<bool> {
        match self.transport.json::<Vec<Document>>(Call::new(Self::ROLES)).await {
            Ok(_) => Some(true),
            Err(error) if error.status == Some(404) => Some(false),
            Err(_) => None,
        }
    }
}
