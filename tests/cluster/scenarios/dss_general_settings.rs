//! `DssGeneralSettings` in the scenarios: settings in a map of their own, in the one document of the node.

use serde_json::{Value, json};
use testbed::simulator::{Instance, Product};

use super::{
    BadInput,
    shared_map::{Document, Entries, at, future},
};

pub struct Settings;

impl Document for Settings {
    const PRODUCT: Product = Product::Dss;
    const KIND: &'static str = "DssGeneralSettings";
    const ONE: bool = true;
    const CREATE: &'static [&'static str] = &["D30"];
    const READ: (&'static str, &'static str) = ("D29", "GET /admin/general-settings");
    const DEPTH: usize = 1;

    fn place(_name: &str) -> Vec<String> {
        vec!["generalSettings".to_owned(), "limits".to_owned()]
    }

    fn prepare(remote: &Instance, name: &str) {
        let plain = at(&Self::place(name), json!({ "plain": "text" }));
        remote.patch_state(plain).unwrap();
    }

    fn spec(_name: &str, members: Value) -> Value {
        json!({ "settings": { "limits": members } })
    }

    fn beside(_name: &str) -> Value {
        json!({ "generalSettings": future() })
    }

    fn wrong() -> Vec<BadInput> {
        vec![
            BadInput::spec(
                "place",
                json!({ "settings": { "limits": { "plain": { "below": 1 } } } }),
                "Invalid",
                "setting limits/plain/below cannot be set",
            ),
            BadInput::spec(
                "plainsecret",
                json!({ "settings": { "mailSettings": { "password": "visible" } } }),
                "Invalid",
                "looks like a secret: declare it in secretSettings",
            ),
        ]
    }
}

scenarios!(Entries<Settings>, adopting);
