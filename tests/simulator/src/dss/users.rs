//! D1 to D5: administration of users one by one.

use serde_json::{Map, Value, json};

use super::user_view::{Shown, View};
use super::{auth, credentials, groups, opaque, personal_keys, user};
use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::operation::Verb::{Delete, Get, Post, Put};
use crate::operation::{Operation, Right, reads, writes};
use crate::world::World;

/// The rows of this file.
pub(super) const OPERATIONS: &[Operation] = &[
    reads("D1", Get, "/admin/users", Right::Admin, list),
    writes("D2", Post, "/admin/users", Right::Admin, create),
    reads("D3", Get, "/admin/users/{login}", Right::Admin, get),
    writes("D4", Put, "/admin/users/{login}", Right::Admin, put),
    writes("D5", Delete, "/admin/users/{login}", Right::Admin, delete),
];

/// The spelling under which a login is stored, if it is.
pub(super) fn stored_login(world: &World, login: &str) -> Option<String> {
    world.stored_key("users", login, world.switches.is("A50", "insensitive"))
}

/// The failure for a login that nobody has.
pub(super) fn unknown(login: &str) -> Failure {
    Failure::not_found(format!("User '{login}' not found"))
}

/// The same for a write, whose status nobody has confirmed.
pub(super) fn unknown_to_write(world: &World, login: &str) -> Failure {
    Failure {
        status: world.switches.status("A8"),
        ..unknown(login)
    }
}

fn list(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let whole = call.flag("includeSettings")? && world.switches.since(14, 2);
    let view = if whole { View::Whole } else { View::Listed };
    let users = world.read("users").values().filter_map(Value::as_object);
    Ok(Answer::list(users.map(|stored| Shown { world, stored, view })))
}

fn get(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let login = call.param("login");
    let stored = stored_login(world, login).ok_or_else(|| unknown(login))?;
    let stored = world.document("users", &stored).ok_or_else(|| unknown(login))?;
    Ok(Answer::json(&Shown {
        world,
        stored,
        view: View::Whole,
    }))
}

fn create(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    auth::refuse_on_cloud(world)?;
    let login = insert(world, &call.object()?)?;
    Ok(Answer::json(&json!({"msg": format!("Created user {login}")})))
}

fn put(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    auth::refuse_on_cloud(world)?;
    let login = call.param("login");
    let login = stored_login(world, login).ok_or_else(|| unknown_to_write(world, login))?;
    let body = call.object()?;
    credentials::check(world, &body)?;
    replace(world, &login, body)?;
    Ok(Answer::json(&json!({"msg": format!("Saved user {login}")})))
}

fn delete(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    remove(world, call, call.param("login"), call.flag("allowSelfDeletion")?)?;
    Ok(Answer::done())
}

/// Creates a user from the body of D2 or an element of D6.
pub(super) fn insert(world: &mut World, body: &Map<String, Value>) -> Result<String, Failure> {
    user::check_types(body)?;
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let login = text("login").unwrap_or_default().to_owned();
    user::check_name(world, &login, 3)?;
    let login = user::spelled(world, login);
    if stored_login(world, &login).is_some() {
        return Err(user::invalid(
            world,
            "ERR_SECURITY_USER_EXISTS",
            format!("User '{login}' already exists"),
        ));
    }
    let source_type = text("sourceType").unwrap_or("LOCAL");
    let password = user::password(
        world,
        source_type,
        body.get("password").filter(|_| source_type == "LOCAL"),
        None,
    )?;
    let mut stored = Map::new();
    stored.insert("login".to_owned(), json!(login));
    stored.insert("sourceType".to_owned(), json!(source_type));
    stored.insert("displayName".to_owned(), json!(text("displayName").unwrap_or_default()));
    stored.insert("email".to_owned(), json!(text("email")));
    stored.insert(
        "groups".to_owned(),
        body.get("groups").cloned().unwrap_or_else(|| json!([])),
    );
    stored.insert("userProfile".to_owned(), json!(text("userProfile").unwrap_or_default()));
    stored.insert("enabled".to_owned(), json!(true));
    stored.insert("creationDate".to_owned(), json!(world.clock.millis()));
    stored.extend(password.map(|password| ("password".to_owned(), password)));
    user::check_rules(world, &stored)?;
    groups::join_default(world, &mut stored);
    world.collection("users").insert(login.clone(), Value::Object(stored));
    Ok(login)
}

/// Replaces a user by a whole document. What is not in the body is gone; a boolean that is not there is false.
pub(super) fn replace(world: &mut World, login: &str, mut body: Map<String, Value>) -> Result<(), Failure> {
    user::check_types(&body)?;
    let Some(old) = world.document("users", login).cloned() else {
        return Err(unknown_to_write(world, login));
    };
    let sent = body.shift_remove("password");
    let mut stored = Map::new();
    for name in user::READ_ONLY {
        body.shift_remove(name);
        stored.extend(old.get(name).map(|value| (name.to_owned(), value.clone())));
    }
    stored.extend(body);
    stored
        .entry("sourceType")
        .or_insert_with(|| old.get("sourceType").cloned().unwrap_or_else(|| json!("LOCAL")));
    stored.entry("displayName").or_insert(Value::Null);
    stored.entry("email").or_insert(Value::Null);
    stored.entry("groups").or_insert_with(|| json!([]));
    stored.entry("enabled").or_insert(json!(false));
    let source_type = stored.get("sourceType").and_then(Value::as_str).unwrap_or_default();
    let password = user::password(world, source_type, sent.as_ref(), Some(&old))?;
    stored.extend(password.map(|password| ("password".to_owned(), password)));
    opaque::unveil_all(&mut stored);
    user::check_rules(world, &stored)?;
    world
        .collection("users")
        .insert(login.to_owned(), Value::Object(stored));
    Ok(())
}

/// Deletes a user; the caller's own only when asked to.
pub(super) fn remove(world: &mut World, call: &Call, login: &str, own_too: bool) -> Result<(), Failure> {
    let Some(stored) = stored_login(world, login) else {
        return Err(unknown_to_write(world, login));
    };
    if call.caller.login.as_ref() == Some(&stored) && !own_too {
        let message = "You cannot delete your own user";
        return Err(user::invalid(world, "ERR_SECURITY_CRUD_INVALID_SETTINGS", message));
    }
    world.collection("users").shift_remove(&stored);
    personal_keys::user_deleted(world, &stored);
    Ok(())
}
