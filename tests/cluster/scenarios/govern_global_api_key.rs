//! `GovernGlobalApiKey` in the scenarios.

use testbed::simulator::Product;

use super::node_key::{Key, Node};

pub struct Govern;

impl Node for Govern {
    const PRODUCT: Product = Product::Govern;
    const KIND: &'static str = "GovernGlobalApiKey";
    const OPERATIONS: (&'static [&'static str], &'static str) = (&["G32"], "G33");
    const RIGHTS: [&'static str; 3] = ["mayBeUnknown", "isGovernArchitect", "mayDoMore"];
}

scenarios!(Key<Govern>, apart);
