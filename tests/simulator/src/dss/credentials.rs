//! What the credentials of a user refer to.
//!
//! The key of a credential is the name of a connection, or the text of a JSON array without its brackets that names a
//! preset of a plugin: `"PLUGIN", "plugin", "parameter set", "preset", "parameter"`. Connections and presets are no part of
//! the API that is simulated; the state has their keys, each with whatever a test puts there.

use serde_json::{Map, Value};

use super::user;
use crate::answer::Failure;
use crate::world::World;

/// The collection of connections, by name.
pub(super) const CONNECTIONS: &str = "connections";

/// The collection of presets, by the key of their credential.
pub(super) const PRESETS: &str = "pluginPresets";

const PARTS_OF_A_PRESET: usize = 5;

/// Checks the credentials in a document that a client sends.
pub(super) fn check(world: &World, sent: &Map<String, Value>) -> Result<(), Failure> {
    let credentials = sent.get("credentials").and_then(Value::as_object);
    for (key, credential) in credentials.into_iter().flatten() {
        let refused = |message: String| Err(user::invalid(world, "ERR_SECURITY_CRUD_INVALID_SETTINGS", message));
        let of_connection = preset(key).is_none();
        if of_connection && credential["type"] == "OAUTH_REFRESH_TOKEN" && world.switches.is("A12", "refused") {
            return refused(format!(
                "Connection '{key}': unknown type of credential OAUTH_REFRESH_TOKEN"
            ));
        }
        if world.switches.is("A16", "refuse") && !exists(world, key) {
            let what = if of_connection { "Connection" } else { "Preset" };
            return refused(format!("{what} '{key}' does not exist"));
        }
    }
    Ok(())
}

/// Checks a preset that somebody puts into the state.
pub(super) fn edited_preset(key: &str, document: Map<String, Value>) -> Result<Map<String, Value>, Failure> {
    let named = preset(key).map(|_| document);
    named.ok_or_else(|| Failure::malformed("a preset has the key of its credential: \"PLUGIN\", and four more texts"))
}

fn exists(world: &World, key: &str) -> bool {
    let Some(wanted) = preset(key) else {
        return world.read(CONNECTIONS).contains_key(key);
    };
    let presets = world.read(PRESETS);
    let tolerant = world.switches.is("A13", "tolerant");
    presets.contains_key(key) || tolerant && presets.keys().any(|known| preset(known).as_ref() == Some(&wanted))
}

/// The parts of a key that names a preset.
fn preset(key: &str) -> Option<Vec<String>> {
    let parts: Vec<String> = serde_json::from_str(&format!("[{key}]")).ok()?;
    (parts.len() == PARTS_OF_A_PRESET && parts[0] == "PLUGIN").then_some(parts)
}
