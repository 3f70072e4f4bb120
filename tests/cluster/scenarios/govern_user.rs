//! `GovernUser` in the scenarios.

use testbed::simulator::Product;

use super::node_user::{Node, User};

pub struct Govern;

impl Node for Govern {
    const PRODUCT: Product = Product::Govern;
    const KIND: &'static str = "GovernUser";
    const OPERATIONS: (&'static [&'static str], &'static str) = (&["G2"], "G3");
}

scenarios!(User<Govern>);
