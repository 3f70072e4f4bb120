//! The user document: how it is stored and checked.
//!
//! A stored document holds what was written and no more; defaults and computed members are added when it is shown, so
//! that tens of thousands of users stay small.

use serde_json::{Map, Value, json};

use super::groups;
use crate::answer::Failure;
use crate::world::World;

/// Members that a client cannot write.
pub(super) const READ_ONLY: [&str; 7] = [
    "login",
    "creationDate",
    "resultingUserProfile",
    "codeAllowed",
    "objectImgHash",
    "activeWebSocketSesssions",
    "trialStatus",
];

/// The effective profile.
pub(super) fn resulting_profile(world: &World, stored: &Map<String, Value>) -> Value {
    let profile = stored.get("userProfile").and_then(Value::as_str).unwrap_or_default();
    if licensed(world, profile) {
        json!(profile)
    } else {
        json!("READER")
    }
}

/// Whether the licence knows a profile.
fn licensed(world: &World, profile: &str) -> bool {
    // Asked for each user of a list, so not by a JSON pointer, which is taken apart again each time.
    let licence = world.state.get("licensing").and_then(|licensing| licensing.get("base"));
    let profiles = licence.and_then(|licence| licence.get("userProfiles")?.as_array());
    profiles.is_some_and(|known| known.iter().any(|known| known.as_str() == Some(profile)))
}

/// A refusal of a value.
pub(super) fn invalid(world: &World, code: &'static str, message: impl Into<String>) -> Failure {
    Failure::new(
        world.switches.status("A2"),
        "com.dataiku.dip.exceptions.CodedException",
        message,
    )
    .code(code)
}

/// Checks that every known member has its JSON type.
pub(super) fn check_types(document: &Map<String, Value>) -> Result<(), Failure> {
    for (name, value) in document {
        let texts = |value: &Value| value.as_array().is_some_and(|items| items.iter().all(Value::is_string));
        let named = |value: &Value| {
            value
                .as_array()
                .is_some_and(|items| items.iter().all(|item| item["name"].is_string()))
        };
        let text_map = |value: &Value| value.as_object().is_some_and(|map| map.values().all(Value::is_string));
        let (fits, expected) = match name.as_str() {
            "login" | "sourceType" | "userProfile" => (value.is_string(), "a string"),
            "displayName" | "email" | "password" => (value.is_string() || value.is_null(), "a string or null"),
            "groups" => (texts(value), "an array of strings"),
            "enabled" => (value.is_boolean(), "a boolean"),
            "userProperties" | "adminProperties" => (text_map(value), "an object of strings"),
            "credentials" | "preferences" => (value.is_object(), "an object"),
            "secrets" => (named(value), "an array of named secrets"),
            _ => (true, ""),
        };
        if !fits {
            return Err(Failure::malformed(format!("{name}: expected {expected}, got {value}")));
        }
    }
    Ok(())
}

/// Checks the rules that hold for a document however it came about.
pub(super) fn check_rules(world: &World, document: &Map<String, Value>) -> Result<(), Failure> {
    let profile = document.get("userProfile").and_then(Value::as_str).unwrap_or_default();
    if profile.is_empty() {
        return Err(invalid(
            world,
            "ERR_SECURITY_CRUD_INVALID_SETTINGS",
            "userProfile is required",
        ));
    }
    if !licensed(world, profile) && world.switches.is("A10", "refuse") {
        let message = format!("User profile '{profile}' is not allowed by the licence");
        return Err(invalid(world, "ERR_USER_ACTION_FORBIDDEN_BY_PROFILE", message));
    }
    if world.switches.is("A9", "refuse") {
        let names = document
            .get("groups")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        if let Some(name) = names
            .into_iter()
            .find(|name| groups::stored_name(world, name).is_none())
        {
            let message = format!("Group '{name}' does not exist");
            return Err(invalid(world, "ERR_SECURITY_CRUD_INVALID_SETTINGS", message));
        }
    }
    Ok(())
}

/// Checks a login or a group name.
pub(super) fn check_name(world: &World, name: &str, shortest: usize) -> Result<(), Failure> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "@.+_-".contains(letter);
    if (shortest..=80).contains(&name.chars().count()) && name.chars().all(fits) {
        return Ok(());
    }
    let message = format!("Invalid name '{name}': {shortest} to 80 letters, digits and @ . + _ -");
    Err(invalid(world, "ERR_SECURITY_CRUD_INVALID_SETTINGS", message))
}

/// The spelling in which a new login or group name is stored.
pub(super) fn spelled(world: &World, name: String) -> String {
    if world.switches.is("names", "lowercase") {
        name.to_lowercase()
    } else {
        name
    }
}

/// What a write makes of the password: the new one, the old one, or a refusal.
pub(super) fn password(
    world: &World,
    source_type: &str,
    sent: Option<&Value>,
    old: Option<&Map<String, Value>>,
) -> Result<Option<Value>, Failure> {
    let refused = |message: &str| Err(invalid(world, "ERR_SECURITY_INVALID_NEW_PASSWORD", message));
    let local = source_type == "LOCAL";
    let was_local = old.is_some_and(|old| old.get("sourceType") == Some(&json!("LOCAL")));
    let kept = || Ok(old.and_then(|old| old.get("password")).cloned().filter(|_| local));
    match sent.and_then(Value::as_str) {
        None if local && !was_local => refused("A local user needs a password"),
        None => kept(),
        Some(_) if !local => refused("Only a local user has a password"),
        Some("") if was_local && world.switches.is("A15", "keep") => kept(),
        Some("") if was_local && world.switches.is("A15", "clear") => Ok(Some(json!(""))),
        Some(text) if text.chars().count() < 5 => refused("The password needs at least 5 characters"),
        Some(text) => Ok(Some(json!(text))),
    }
}

/// Checks and completes what somebody did to a user in the UI. A person may create any user, without a password too.
pub(super) fn edited(
    world: &World,
    login: &str,
    mut document: Map<String, Value>,
) -> Result<Map<String, Value>, Failure> {
    check_name(world, login, 1)?;
    check_types(&document)?;
    let mut stored = Map::from_iter([("login".to_owned(), json!(login))]);
    let mut complete = |name: &str, value: Value| {
        let found = document.shift_remove(name).filter(|found| !found.is_null());
        stored.insert(name.to_owned(), found.unwrap_or(value));
    };
    complete("sourceType", json!("LOCAL"));
    complete("displayName", json!(login));
    complete("email", Value::Null);
    complete("groups", json!([]));
    complete("userProfile", json!("READER"));
    complete("enabled", json!(true));
    complete("creationDate", json!(world.clock.millis()));
    // Computed from the profile, so a copy of it would go stale.
    document.shift_remove("resultingUserProfile");
    document.shift_remove("login");
    stored.extend(document);
    check_rules(world, &stored)?;
    Ok(stored)
}
