//! DSS nodes (contract sheet, section 2).

pub mod jupyter;
pub mod personal_keys;
pub mod running;
pub mod settings;
pub mod usage;
pub mod variables;

pub use super::dip::{global_keys, groups, instance, tasks, users};
use super::{
    dip::{self, DipProduct, Node},
    product::Product,
};

/// The product.
#[derive(Clone, Copy, Debug)]
pub enum DssNode {}

impl DipProduct for DssNode {
    const PRODUCT: &'static Product = &Product {
        name: "dss",
        title: "DSS",
        url_form: "https://dss.example.com, without a path of the API",
        base: dip::BASE,
        read_error: dip::read_error,
    };
    const TELLS_OWN_SECRETS: bool = true;
}

/// The API of a DSS node.
pub type Dss = Node<DssNode>;
