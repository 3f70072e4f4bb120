//! `DssGlobalApiKey` in the scenarios.

use testbed::simulator::Product;

use super::node_key::{Key, Node};

pub struct Dss;

impl Node for Dss {
    const PRODUCT: Product = Product::Dss;
    const KIND: &'static str = "DssGlobalApiKey";
    const OPERATIONS: (&'static [&'static str], &'static str) = (&["D36"], "D37");
    const RIGHTS: [&'static str; 3] = ["mayCreateProjects", "mayWriteSafeCode", "mayManageUDM"];
}

scenarios!(Key<Dss>, apart);
