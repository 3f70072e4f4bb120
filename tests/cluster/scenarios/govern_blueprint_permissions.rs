//! `GovernBlueprintPermissions` in the scenarios: each object has a blueprint of its own, to which the defaults apply before.

use serde_json::{Value, json};
use testbed::simulator::{Instance, Product};

use super::shared_map::{Document, Entries, future};

pub struct OfBlueprint;

fn blueprint(name: &str) -> String {
    format!("bp.{name}")
}

impl Document for OfBlueprint {
    const PRODUCT: Product = Product::Govern;
    const KIND: &'static str = "GovernBlueprintPermissions";
    const ONE: bool = false;
    const CREATE: &'static [&'static str] = &["G54"];
    const READ: (&'static str, &'static str) = ("G55", "GET /admin/blueprint-permissions/{blueprint}");
    const DEPTH: usize = 2;

    fn place(name: &str) -> Vec<String> {
        vec![
            "blueprintPermissions".to_owned(),
            blueprint(name),
            "permissions".to_owned(),
        ]
    }

    fn prepare(remote: &Instance, name: &str) {
        let id = blueprint(name);
        let made = json!({ "blueprints": { &id: { "blueprint": { "id": id, "name": name } } } });
        remote.patch_state(made).unwrap();
    }

    fn spec(name: &str, members: Value) -> Value {
        json!({ "blueprintId": blueprint(name), "permissions": members })
    }

    fn beside(name: &str) -> Value {
        json!({ "blueprintPermissions": { blueprint(name): future() } })
    }

    fn gone(name: &str) -> Value {
        json!({ "blueprintPermissions": { blueprint(name): null } })
    }
}

scenarios!(Entries<OfBlueprint>, adopting);
