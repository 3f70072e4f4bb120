//! `GovernDefaultPermissions` in the scenarios: permissions in a map of their own, in the one document of the node.

use serde_json::{Value, json};
use testbed::simulator::{Instance, Product};

use super::{
    BadInput,
    shared_map::{Document, Entries, at},
};

pub struct Default;

impl Document for Default {
    const PRODUCT: Product = Product::Govern;
    const KIND: &'static str = "GovernDefaultPermissions";
    const ONE: bool = true;
    const CREATE: &'static [&'static str] = &["G59"];
    const READ: (&'static str, &'static str) = ("G58", "GET /admin/blueprint-permissions/default");
    const DEPTH: usize = 1;

    fn place(_name: &str) -> Vec<String> {
        vec!["defaultPermissions".to_owned()]
    }

    fn prepare(remote: &Instance, name: &str) {
        let plain = at(&Self::place(name), json!({ "plain": "text" }));
        remote.patch_state(plain).unwrap();
    }

    fn spec(_name: &str, members: Value) -> Value {
        json!({ "permissions": members })
    }

    fn wrong() -> Vec<BadInput> {
        vec![BadInput::spec(
            "place",
            json!({ "permissions": { "plain": { "below": 1 } } }),
            "Invalid",
            "key permissions/plain/below cannot be set",
        )]
    }
}

scenarios!(Entries<Default>, adopting);
