//! D6 to D8: many users in one call, each with its own result.

use serde_json::{Map, Value, json};

use super::user_view::{self, View};
use super::{auth, settings, users};
use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::operation::Verb::{Delete, Post, Put};
use crate::operation::{Operation, Right, writes};
use crate::world::World;

/// The rows of this file.
pub(super) const OPERATIONS: &[Operation] = &[
    writes("D6", Post, "/admin/users/actions/bulk", Right::Admin, create),
    writes("D7", Put, "/admin/users/actions/bulk", Right::Admin, edit),
    writes("D8", Delete, "/admin/users/actions/bulk", Right::Admin, delete),
];

/// What D7 changes. Credentials and the password are not among them.
const EDITABLE: [&str; 10] = [
    "displayName",
    "email",
    "groups",
    "userProfile",
    "enabled",
    "sourceType",
    "adminProperties",
    "userProperties",
    "secrets",
    "preferences",
];

fn create(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    each(world, call, |world, item| {
        users::insert(world, document(item)?).map(drop)
    })
}

fn edit(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    each(world, call, |world, item| edit_one(world, document(item)?))
}

fn delete(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let own_too = call.flag("allowSelfDeletion")?;
    each(world, call, |world, item| {
        let login = item.as_str().ok_or_else(|| Failure::malformed("Expected a login"))?;
        users::remove(world, call, login, own_too)
    })
}

/// Does one thing for each item of the body. An item of the wrong shape spoils the call, a refused one only itself.
fn each(
    world: &mut World,
    call: &Call,
    one: impl Fn(&mut World, &Value) -> Result<(), Failure>,
) -> Result<Answer, Failure> {
    auth::refuse_on_cloud(world)?;
    if !world.switches.since(14, 2) {
        return Err(settings::not_in_this_release("/admin/users/actions/bulk"));
    }
    let items = call.array()?;
    if let Some(item) = items.iter().find(|item| !item.is_object() && !item.is_string()) {
        return Err(Failure::malformed(format!("Expected a user but was {item}")));
    }
    let mut results = Vec::new();
    for (place, item) in items.iter().enumerate() {
        let result = if call.half_failed && place % 2 == 1 {
            Err(Failure::new(
                500,
                "com.dataiku.dip.exceptions.CodedException",
                "A fault of the simulator",
            ))
        } else {
            one(world, item)
        };
        let login = item
            .get("login")
            .or(Some(item).filter(|item| item.is_string()))
            .cloned()
            .unwrap_or_default();
        results.push(match result {
            Ok(()) => json!({"login": login, "status": "SUCCESS", "error": ""}),
            Err(failure) => json!({"login": login, "status": "FAILURE", "error": failure.text()}),
        });
    }
    let failed = results.iter().any(|result| result["status"] == "FAILURE");
    Ok(Answer::status(
        if failed { world.switches.status("A6") } else { 200 },
        &results,
    ))
}

fn document(item: &Value) -> Result<&Map<String, Value>, Failure> {
    item.as_object()
        .ok_or_else(|| Failure::malformed("Expected BEGIN_OBJECT"))
}

/// What is not in the item stays as it is.
fn edit_one(world: &mut World, changes: &Map<String, Value>) -> Result<(), Failure> {
    let login = changes.get("login").and_then(Value::as_str).unwrap_or_default();
    let login = users::stored_login(world, login).ok_or_else(|| users::unknown_to_write(world, login))?;
    let Some(old) = world.document("users", &login) else {
        return Err(users::unknown_to_write(world, &login));
    };
    let mut document = user_view::tree(world, old, View::Clear);
    document.shift_remove("password");
    for (name, value) in changes.iter().filter(|(name, _)| EDITABLE.contains(&name.as_str())) {
        match (document.get_mut(name), value) {
            (Some(Value::Object(old)), Value::Object(new)) if world.switches.is("A7", "merge") => {
                old.extend(new.clone());
            }
            _ => _ = document.insert(name.clone(), value.clone()),
        }
    }
    users::replace(world, &login, document)
}
