//! `DssGroup` in the scenarios.

use testbed::simulator::Product;

use super::node_group::{Group, Node};

pub struct Dss;

impl Node for Dss {
    const PRODUCT: Product = Product::Dss;
    const KIND: &'static str = "DssGroup";
    const OPERATIONS: (&'static [&'static str], &'static str, &'static str) = (&["D24"], "D25", "D26");
    const RIGHTS: [&'static str; 3] = ["mayCreateProjects", "mayWriteSafeCode", "mayManageUDM"];
}

scenarios!(Group<Dss>);
