//! Blueprints, as far as others name them (contract sheet 3.2).

use serde::Deserialize;

use super::{DipProduct, Govern, GovernNode};
use crate::dataiku::{
    call::{Call, Operation},
    error::ApiError,
};

const LIST: Operation = Operation::list(GovernNode::PRODUCT, "GET /blueprints");

/// Everything of a blueprint but its id is passed over.
#[derive(Deserialize)]
struct Listed {
    blueprint: Blueprint,
}

#[derive(Deserialize)]
struct Blueprint {
    id: String,
}

impl Govern {
    /// Ids of all blueprints, such as `bp.system.business_initiative`.
    ///
    /// # Errors
    /// The call fails.
    pub async fn blueprints(&self) -> Result<Vec<String>, ApiError> {
        let listed: Vec<Listed> = self.transport.json(Call::new(LIST)).await?;
        Ok(listed.into_iter().map(|listed| listed.blueprint.id).collect())
    }
}
