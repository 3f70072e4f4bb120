//! D41 to D47: personal API keys. An administrator lists and makes the keys of others by paths of their own, and reads
//! and deletes them by the path of everybody.

use serde_json::{Map, Value, json};

use super::{auth, keys, users};
use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::operation::Verb::{Delete, Get, Post, Put};
use crate::operation::{Operation, Right, reads, writes};
use crate::world::World;

/// The rows of this file.
pub(super) const OPERATIONS: &[Operation] = &[
    reads("D41", Get, "/personal-api-keys", Right::Authenticated, list_own),
    writes("D42", Post, "/personal-api-keys", Right::Authenticated, create_own),
    reads("D43", Get, "/personal-api-keys/{id}", Right::Authenticated, get),
    writes("D44", Put, "/personal-api-keys/{id}", Right::Authenticated, put),
    writes("D45", Delete, "/personal-api-keys/{id}", Right::Authenticated, delete),
    reads("D46", Get, "/admin/personal-api-keys", Right::Admin, list_all),
    writes("D47", Post, "/admin/personal-api-keys", Right::Admin, create_for_user),
];

const COLLECTION: &str = "personalApiKeys";

/// The form of a hashed secret: the client reads it guarded here, so it may be absent.
const FORM: &str = "A25personal";

/// All that a client may write.
const WRITABLE: [&str; 2] = ["label", "description"];

fn list_own(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let login = own_login(world, call)?;
    let own = stored(world).filter(|key| key.get("user").and_then(Value::as_str) == Some(login));
    Ok(Answer::list(own.map(|key| keys::shown(world, key, FORM))))
}

fn list_all(world: &mut World, _call: &Call) -> Result<Answer, Failure> {
    Ok(Answer::list(stored(world).map(|key| keys::shown(world, key, FORM))))
}

fn create_own(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let login = own_login(world, call)?.to_owned();
    insert(world, call, &login, &call.object()?)
}

fn create_for_user(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let body = call.object()?;
    let Some(asked) = body.get("user").and_then(Value::as_str) else {
        return Err(Failure::malformed("user: expected a login"));
    };
    let login = users::stored_login(world, asked).ok_or_else(|| users::unknown(asked))?;
    insert(world, call, &login, &body)
}

fn insert(world: &mut World, call: &Call, login: &str, body: &Map<String, Value>) -> Result<Answer, Failure> {
    let mut key = keys::stamped(world, &call.caller.identifier);
    key.insert("user".to_owned(), json!(login));
    key.insert("expiresOn".to_owned(), json!(0));
    write(&mut key, body)?;
    let id = key["id"].as_str().unwrap_or_default().to_owned();
    let answer = Answer::json(&keys::as_created(&key));
    world.collection(COLLECTION).insert(id, Value::Object(key));
    Ok(answer)
}

fn get(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let key = reachable(world, call, keys::unknown(world, call.param("id")))?;
    Ok(Answer::json(&keys::shown(world, key, FORM)))
}

fn put(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let id = call.param("id");
    let mut key = reachable(world, call, keys::unknown(world, id))?.clone();
    write(&mut key, &call.object()?)?;
    world.collection(COLLECTION).insert(id.to_owned(), Value::Object(key));
    Ok(Answer::done())
}

fn delete(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let id = call.param("id");
    reachable(world, call, keys::unknown(world, id))?;
    world.collection(COLLECTION).shift_remove(id);
    Ok(Answer::done())
}

/// A key of the caller; an administrator reaches everybody's.
fn reachable<'a>(world: &'a World, call: &Call, unknown: Failure) -> Result<&'a Map<String, Value>, Failure> {
    let key = world.document(COLLECTION, call.param("id")).ok_or(unknown)?;
    let own = call.caller.login.is_some() && key.get("user").and_then(Value::as_str) == call.caller.login.as_deref();
    if own || call.caller.has("admin") {
        return Ok(key);
    }
    Err(auth::forbidden(world, "This API key belongs to another user"))
}

fn write(key: &mut Map<String, Value>, body: &Map<String, Value>) -> Result<(), Failure> {
    keys::check_texts(body, &WRITABLE)?;
    for name in WRITABLE {
        // The client reads both unguarded.
        let text = body.get(name).and_then(Value::as_str).unwrap_or_default();
        key.insert(name.to_owned(), json!(text));
    }
    Ok(())
}

fn own_login<'a>(world: &World, call: &'a Call) -> Result<&'a str, Failure> {
    call.caller.login.as_deref().ok_or_else(|| {
        Failure::new(
            world.switches.status("A11"),
            "java.lang.IllegalArgumentException",
            "A personal API key belongs to a user, and the caller is none",
        )
    })
}

fn stored(world: &World) -> impl Iterator<Item = &Map<String, Value>> {
    world.read(COLLECTION).values().filter_map(Value::as_object)
}

/// A user is gone; the keys go along, or stay behind and serve whoever gets the login next.
pub(super) fn user_deleted(world: &mut World, login: &str) {
    if world.switches.is("A26", "removed") {
        world
            .collection(COLLECTION)
            .retain(|_, key| key.get("user").and_then(Value::as_str) != Some(login));
    }
}

/// Checks and completes a key that somebody makes or changes in the UI.
pub(super) fn edited(world: &World, id: &str, mut document: Map<String, Value>) -> Result<Map<String, Value>, Failure> {
    let Some(login) = document.get("user").and_then(Value::as_str) else {
        return Err(Failure::malformed("user: expected a login"));
    };
    if !document.contains_key("createdOn") {
        let mut key = keys::stamped(world, login);
        key.append(&mut document);
        document = key;
    }
    document.entry("expiresOn").or_insert_with(|| json!(0));
    document.insert("id".to_owned(), json!(id));
    let texts = document.clone();
    write(&mut document, &texts)?;
    Ok(document)
}
