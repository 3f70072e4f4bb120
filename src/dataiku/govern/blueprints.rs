//! Blueprints, as far as others name them (contract sheet 3.2).

use super::{DipProduct, Govern, GovernNode};
use crate::dataiku::{
    call::{Call, Operation},
    error::ApiError,
    fields::{Fields, Record},
    listed::Listed,
};

const LIST: Operation = Operation::list(GovernNode::PRODUCT, "GET /blueprints");

/// The id of a blueprint; its other members are of no use here.
struct BlueprintId(String);

impl Record for BlueprintId {
    const KEY: &'static str = "blueprint";

    fn read(mut fields: Fields<'_>) -> Option<Self> {
        fields.nested(Self::KEY)?.key("id").map(Self)
    }
}

impl Govern {
    /// Ids of all blueprints, such as `bp.system.business_initiative`.
    ///
    /// # Errors
    /// The call fails.
    pub async fn blueprints(&self) -> Result<Listed<String>, ApiError> {
        let listed: Listed<BlueprintId> = self.transport.list(Call::new(LIST)).await?;
        Ok(listed.map(|BlueprintId(id)| id))
    }
}
