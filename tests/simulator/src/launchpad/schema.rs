//! The shapes of bodies. What does not fit is told part by part, before anything is done.

use serde_json::{Map, Value, json};

use super::refusal::{Wrong, because, refuse, unless_empty, unprocessable, wrong};
use crate::answer::Failure;
use crate::call::Call;

const NO_OBJECT: &str = "Invalid input type.";
const NO_STRING: &str = "Not a valid string.";
const NO_BOOLEAN: &str = "Not a valid boolean.";
const NO_LIST: &str = "Not a valid list.";
const MISSING: &str = "Missing data for required field.";

/// A body that is an object.
pub(super) fn object(call: &Call) -> Result<Map<String, Value>, Failure> {
    match json_body(call)? {
        Value::Object(object) => Ok(object),
        _ => Err(unprocessable(wrong("_schema", NO_OBJECT))),
    }
}

/// A body that is an array of people; each is checked, so that an index tells the place.
pub(super) fn people(call: &Call, check: fn(&Value) -> Wrong) -> Result<Vec<Value>, Failure> {
    let Value::Array(items) = json_body(call)? else {
        return Err(unprocessable(wrong("_schema", NO_OBJECT)));
    };
    let checked = items.iter().map(check).enumerate();
    let bad = checked.filter(|(_, wrong)| !wrong.is_empty());
    unless_empty(
        bad.map(|(place, wrong)| (place.to_string(), Value::Object(wrong)))
            .collect(),
    )?;
    Ok(items)
}

fn json_body(call: &Call) -> Result<Value, Failure> {
    serde_json::from_slice(&call.body).map_err(|_| refuse(400, "Invalid JSON body."))
}

/// The filter of a search: absent and null are everything.
pub(super) fn filter(call: &Call, name: &str) -> Result<Option<Vec<String>>, Failure> {
    let body = object(call)?;
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(list) => strings(name, list).map(Some),
    }
}

/// The emails of a bulk deletion.
pub(super) fn emails(call: &Call) -> Result<Vec<String>, Failure> {
    let body = object(call)?;
    let list = body
        .get("emails")
        .ok_or_else(|| unprocessable(wrong("emails", MISSING)))?;
    strings("emails", list)
}

fn strings(name: &str, list: &Value) -> Result<Vec<String>, Failure> {
    let Some(items) = list.as_array() else {
        return Err(unprocessable(wrong(name, NO_LIST)));
    };
    let bad = items.iter().enumerate().filter(|(_, item)| !item.is_string());
    let bad: Wrong = bad.map(|(place, _)| (place.to_string(), because(NO_STRING))).collect();
    if !bad.is_empty() {
        return Err(unprocessable(Map::from_iter([(name.to_owned(), Value::Object(bad))])));
    }
    Ok(items.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

/// `failAllOnError`, false when absent.
pub(super) fn atomic(call: &Call) -> Result<bool, Failure> {
    call.flag("failAllOnError")
        .map_err(|_| refuse(422, "Unprocessable").detail(json!({"query": {"failAllOnError": [NO_BOOLEAN]}})))
}

/// An invite to create.
pub(super) fn new_invite(item: &Value) -> Wrong {
    person(item, "email")
}

/// An invite or a user to replace.
pub(super) fn known_person(item: &Value) -> Wrong {
    person(item, "id")
}

fn person(item: &Value, identity: &str) -> Wrong {
    let Some(item) = item.as_object() else {
        return wrong("_schema", NO_OBJECT);
    };
    let mut bad = Wrong::new();
    match item.get(identity) {
        Some(Value::String(email)) if identity == "email" && !is_email(email) => {
            bad.insert("email".to_owned(), because("Not a valid email address."));
        }
        Some(Value::String(_)) => {}
        Some(_) => _ = bad.insert(identity.to_owned(), because(NO_STRING)),
        None => _ = bad.insert(identity.to_owned(), because(MISSING)),
    }
    let groups = item.get("groups").and_then(|groups| references(groups, "name"));
    bad.extend(groups.map(|why| ("groups".to_owned(), why)));
    bad.extend(stored_person(item));
    bad
}

/// The parts of a user or an invite that are stored as they are sent.
pub(super) fn stored_person(item: &Map<String, Value>) -> Wrong {
    let mut bad = Wrong::new();
    bad.extend(profile(item.get("profile")).map(|why| ("profile".to_owned(), why)));
    let properties = item.get("adminProperties");
    if properties.is_some_and(|properties| !properties.is_object() && !properties.is_null()) {
        bad.insert("adminProperties".to_owned(), because("Not a valid mapping type."));
    }
    bad
}

fn profile(profile: Option<&Value>) -> Option<Value> {
    let Some(profile) = profile else {
        return Some(because(MISSING));
    };
    let Some(profile) = profile.as_object() else {
        return Some(json!({"_schema": [NO_OBJECT]}));
    };
    match (profile.get("name"), profile.get("isTrial")) {
        (None, _) => Some(json!({"name": [MISSING]})),
        (Some(Value::String(_)), None | Some(Value::Bool(_))) => None,
        (Some(Value::String(_)), _) => Some(json!({"isTrial": [NO_BOOLEAN]})),
        _ => Some(json!({"name": [NO_STRING]})),
    }
}

/// What is wrong with a list of `{"id", human}`: one of the two is needed.
pub(super) fn references(list: &Value, human: &str) -> Option<Value> {
    let Some(items) = list.as_array() else {
        return Some(because(NO_LIST));
    };
    let named = |item: &Value| item.get("id").or_else(|| item.get(human)).is_some_and(Value::is_string);
    let bad = items.iter().enumerate().filter(|(_, item)| !named(item));
    let bad: Wrong = bad
        .map(|(place, _)| (place.to_string(), json!({"id": [MISSING]})))
        .collect();
    (!bad.is_empty()).then_some(Value::Object(bad))
}

/// Whether a text can be an email.
pub(super) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let parts_filled = domain.contains('.') && domain.split('.').all(|part| !part.is_empty());
    !local.is_empty() && !local.contains('@') && parts_filled && !text.contains(char::is_whitespace)
}

/// A group.
pub(super) fn group(body: &Map<String, Value>) -> Wrong {
    let mut bad = Wrong::new();
    match body.get("name") {
        Some(Value::String(name)) if name.trim().is_empty() => {
            bad.insert("name".to_owned(), because("Shorter than minimum length 1."));
        }
        Some(Value::String(_)) => {}
        Some(_) => _ = bad.insert("name".to_owned(), because(NO_STRING)),
        None => _ = bad.insert("name".to_owned(), because(MISSING)),
    }
    if body
        .get("description")
        .is_some_and(|text| !text.is_string() && !text.is_null())
    {
        bad.insert("description".to_owned(), because(NO_STRING));
    }
    for field in ["launchpadPermissions", "dataikuPermissions", "governPermissions"] {
        if body.get(field).is_some_and(|rights| !rights.is_object()) {
            bad.insert(field.to_owned(), because("Not a valid mapping type."));
        }
    }
    let users = body.get("users").and_then(|users| references(users, "email"));
    bad.extend(users.map(|why| ("users".to_owned(), why)));
    bad
}
