//! `GovernGroup` in the scenarios.

use testbed::simulator::Product;

use super::node_group::{Group, Node};

pub struct Govern;

impl Node for Govern {
    const PRODUCT: Product = Product::Govern;
    const KIND: &'static str = "GovernGroup";
    const OPERATIONS: (&'static [&'static str], &'static str, &'static str) = (&["G23"], "G24", "G25");
    const RIGHTS: [&'static str; 3] = ["mayBeUnknown", "isGovernArchitect", "mayDoMore"];
}

scenarios!(Group<Govern>);
