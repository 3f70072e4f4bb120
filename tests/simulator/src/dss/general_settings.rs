//! D29 and D30: the general settings, one document shared with every human administrator.
//!
//! A write replaces the document; see [`schema`] for what the product makes of it. Stored in the clear, shown with
//! opaque secrets.

use serde_json::{Map, Value, json};

use super::opaque;
use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::config::Product;
use crate::operation::Verb::{Get, Put};
use crate::operation::{Operation, Right, reads, writes};
use crate::world::World;

mod rules;
mod schema;

/// The rows of this file.
pub(super) const OPERATIONS: &[Operation] = &[
    reads("D29", Get, "/admin/general-settings", Right::Admin, get),
    writes("D30", Put, "/admin/general-settings", Right::Admin, put),
];

/// The document of the state that holds them.
pub(super) const PART: &str = "generalSettings";

/// Members that are secret.
const SECRETS: [&str; 2] = ["/ldapSettings/bindPassword", "/mailSettings/password"];

/// The settings of a fresh installation: the defaults, and one-to-one impersonation rules.
pub(super) fn fresh(product: Product) -> Value {
    let mut settings = schema::defaults(product);
    if let Some(impersonation) = settings.get_mut("impersonation") {
        impersonation["userRules"] = json!([{"scope": "GLOBAL", "type": "IDENTITY"}]);
        impersonation["groupRules"] = json!([{"type": "IDENTITY"}]);
    }
    settings
}

/// A setting that is a boolean.
pub(super) fn flag(world: &World, pointer: &str) -> bool {
    let setting = world.state.get(PART).and_then(|settings| settings.pointer(pointer));
    setting.and_then(Value::as_bool).unwrap_or_default()
}

fn get(world: &mut World, _call: &Call) -> Result<Answer, Failure> {
    let mut settings = world.state.get(PART).cloned().unwrap_or_default();
    if world.switches.is("A14", "opaque") {
        // An empty secret is no secret, and shows that none is set.
        each_secret(&mut settings, |text| (!text.is_empty()).then(|| opaque::veil(text)));
    }
    Ok(Answer::json(&settings))
}

fn put(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let sent = call.object()?;
    let known = world.read(PART).keys().cloned().collect::<Vec<_>>();
    // At the top an unknown key goes too; a section that a later release has put there is known by being there.
    let sent = sent
        .into_iter()
        .filter(|(key, _)| known.contains(key) || schema::knows(world.product, key));
    let (mut settings, _) = complete(world, sent.collect())?;
    each_secret(&mut settings, opaque::unveil);
    world.state.insert(PART.to_owned(), settings);
    Ok(Answer::done())
}

/// Checks what somebody did to the settings in the UI, where nobody can make up a key.
pub(super) fn edited(world: &World, document: Map<String, Value>) -> Result<Value, Failure> {
    match complete(world, document)? {
        (settings, dropped) if dropped.is_empty() => Ok(settings),
        (_, dropped) => Err(Failure::malformed(format!("the product has no {}", dropped.join(", ")))),
    }
}

/// The document that the product stores, and the pointers of what it drops.
fn complete(world: &World, sent: Map<String, Value>) -> Result<(Value, Vec<String>), Failure> {
    let mut dropped = Vec::new();
    let mut settings = schema::complete(world.product, sent, &mut dropped)?;
    rules::complete(world, &mut settings, &mut dropped)?;
    check_build_configs(world, &settings)?;
    Ok((settings, dropped))
}

/// The one reference that the product is known to check.
fn check_build_configs(world: &World, settings: &Value) -> Result<(), Failure> {
    let container = &settings["containerSettings"];
    let named = |config: &&Value| config["imageBuildConfig"].as_str().is_some_and(|name| !name.is_empty());
    let configs = |list: &str| container[list].as_array().into_iter().flatten();
    for config in configs("executionConfigs").filter(named) {
        let wanted = &config["imageBuildConfig"];
        if !configs("buildConfigs").any(|known| known["name"] == *wanted) {
            let message = format!(
                "Container execution config {} uses the unknown image build configuration {wanted}",
                config["name"]
            );
            let class = "com.dataiku.dip.exceptions.CodedException";
            return Err(Failure::new(world.switches.status("A2"), class, message));
        }
    }
    Ok(())
}

fn each_secret(settings: &mut Value, change: impl Fn(&str) -> Option<String>) {
    for pointer in SECRETS {
        let Some(secret) = settings.pointer_mut(pointer) else {
            continue;
        };
        if let Some(changed) = secret.as_str().and_then(&change) {
            *secret = json!(changed);
        }
    }
}
