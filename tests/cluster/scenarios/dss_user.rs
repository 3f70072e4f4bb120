//! `DssUser` in the scenarios.

use testbed::simulator::Product;

use super::node_user::{Node, User};

pub struct Dss;

impl Node for Dss {
    const PRODUCT: Product = Product::Dss;
    const KIND: &'static str = "DssUser";
    const OPERATIONS: (&'static [&'static str], &'static str) = (&["D2"], "D3");
}

scenarios!(User<Dss>, everywhere);
