//! D9 to D12: what everybody sees of users, and one's own user.

use serde_json::{Map, Value, json};

use super::user_view::{self, View};
use super::{credentials, flavour, general_settings, opaque, user, users};
use crate::answer::{Answer, Failure};
use crate::call::{Call, Caller};
use crate::operation::Verb::{Get, Put};
use crate::operation::{Operation, Right, reads, writes};
use crate::world::World;

/// The rows of this file.
pub(super) const OPERATIONS: &[Operation] = &[
    reads("D9", Get, "/users", Right::Authenticated, list),
    reads("D10", Get, "/users/{login}", Right::Authenticated, get),
    reads("D11", Get, "/current-user", Right::Authenticated, own),
    writes("D12", Put, "/current-user", Right::Authenticated, put_own),
];

/// What a user may change about itself.
const OWN: [&str; 6] = [
    "displayName",
    "email",
    "userProperties",
    "secrets",
    "credentials",
    "preferences",
];

fn list(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let users = world.read("users").values().filter_map(Value::as_object);
    let seen = users.filter(|stored| visible(world, &call.caller, stored));
    Ok(Answer::list(seen.map(|stored| card(world, &call.caller, stored))))
}

fn get(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let login = call.param("login");
    let stored = users::stored_login(world, login).and_then(|login| world.document("users", &login));
    let stored = stored
        .filter(|stored| visible(world, &call.caller, stored))
        .ok_or_else(|| users::unknown(login))?;
    Ok(Answer::json(&card(world, &call.caller, stored)))
}

fn own(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let stored = own_document(world, call)?;
    let shown = user_view::tree(world, stored, View::Whole);
    let members = ["login", "sourceType", "groups", "userProfile"].into_iter().chain(OWN);
    Ok(Answer::json(
        &members
            .filter(|name| flavour::has_member(world, name))
            .map(|name| (name.to_owned(), shown[name].clone()))
            .collect::<Map<_, _>>(),
    ))
}

fn put_own(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let mut stored = own_document(world, call)?.clone();
    let mut body = call.object()?;
    user::check_types(&body)?;
    credentials::check(world, &body)?;
    for name in OWN {
        match body.shift_remove(name) {
            Some(value) => _ = stored.insert(name.to_owned(), value),
            None => _ = stored.shift_remove(name),
        }
    }
    opaque::unveil_all(&mut stored);
    let login = call.caller.identifier.clone();
    world.collection("users").insert(login, Value::Object(stored));
    Ok(Answer::done())
}

fn own_document<'a>(world: &'a World, call: &Call) -> Result<&'a Map<String, Value>, Failure> {
    let login = call.caller.login.as_deref();
    login.and_then(|login| world.document("users", login)).ok_or_else(|| {
        let class = "java.lang.IllegalArgumentException";
        Failure::new(
            world.switches.status("A11"),
            class,
            "This call needs the identity of a user",
        )
    })
}

/// The short form that the client reads without asking whether a member is there.
fn card(world: &World, caller: &Caller, stored: &Map<String, Value>) -> Value {
    let text = |name: &str| stored.get(name).and_then(Value::as_str).unwrap_or_default();
    let withheld = !caller.has("admin") && world.switches.flag("withholdEmails");
    json!({
        "login": text("login"),
        "displayName": text("displayName"),
        "groups": stored.get("groups").cloned().unwrap_or_else(|| json!([])),
        "email": if withheld { "" } else { text("email") },
        "enabled": stored.get("enabled").cloned().unwrap_or(json!(true)),
    })
}

/// With restricted visibility a user sees those with whom it shares a group, and itself.
fn visible(world: &World, caller: &Caller, stored: &Map<String, Value>) -> bool {
    if caller.has("admin") || !restricted(world) {
        return true;
    }
    let Some(login) = caller.login.as_deref() else {
        return false;
    };
    let groups = |user: Option<&Map<String, Value>>| {
        user.and_then(|user| user.get("groups"))
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let own = groups(world.document("users", login));
    stored.get("login").and_then(Value::as_str) == Some(login)
        || groups(Some(stored)).iter().any(|group| own.contains(group))
}

/// Whether the instance hides users and groups from those who do not share them.
pub(super) fn restricted(world: &World) -> bool {
    general_settings::flag(world, "/security/restrictUsersAndGroupsVisibility")
}
