//! Govern nodes (contract sheet, section 3): roles, and who has them on which blueprint. Users, groups and the node
//! itself are those of `dip`.

pub mod assignments;
mod blueprints;
pub mod permissions;
pub mod roles;
pub mod rule;

pub use super::dip::{global_keys, groups, instance, users};
use super::{
    dip::{self, DipProduct, Node},
    product::Product,
};

/// The product.
#[derive(Clone, Copy, Debug)]
pub enum GovernNode {}

impl DipProduct for GovernNode {
    const PRODUCT: &'static Product = &Product {
        name: "govern",
        title: "Govern",
        url_form: "https://govern.example.com, without a path of the API",
        base: dip::BASE,
        read_error: dip::read_error,
    };
    const TELLS_OWN_SECRETS: bool = false;
}

/// The API of a Govern node.
pub type Govern = Node<GovernNode>;
