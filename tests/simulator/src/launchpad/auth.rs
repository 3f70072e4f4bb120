//! Who calls the Launchpad: the id and the secret of a key, and the scopes that the key was given.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use serde_json::Value;

use super::refusal::refuse;
use crate::answer::Failure;
use crate::call::Caller;
use crate::operation::Right;
use crate::world::World;

/// The scopes that the sheet names; the one for writing groups is what switch `A38` says.
pub(super) const SCOPES: [&str; 3] = ["read_users", "write_users", "read_groups"];

/// The key behind a call.
pub(super) fn authenticate(world: &World, headers: &HeaderMap) -> Result<Caller, Failure> {
    basic(headers)
        .and_then(|(id, secret)| identify(world, &id, &secret))
        .ok_or_else(|| refuse(401, "Invalid API key id or secret"))
}

/// Whether a key has the scope that an operation needs.
pub(super) fn authorize(world: &World, caller: &Caller, right: Right) -> Result<(), Failure> {
    let scope = match right {
        Right::Authenticated => return Ok(()),
        Right::Named("write_groups") => world.switches.text("A38"),
        Right::Named(scope) => scope,
        // No row of this product asks for an administrator.
        Right::Admin => return Err(refuse(403, "Forbidden")),
    };
    if caller.has(scope) {
        Ok(())
    } else {
        Err(refuse(403, format!("The API key lacks the scope {scope}")))
    }
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, rest) = headers.get("authorization")?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

fn identify(world: &World, id: &str, secret: &str) -> Option<Caller> {
    let key = world.document("apiKeys", id)?;
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    if secret.is_empty() || text("secret") != Some(secret) {
        return None;
    }
    let expired = |at: u64| at <= world.clock.millis();
    if key.get("expiresOn").and_then(Value::as_u64).is_some_and(expired) {
        return None;
    }
    let scopes = key.get("scopes").and_then(Value::as_array).into_iter().flatten();
    Some(Caller {
        identifier: id.to_owned(),
        rights: scopes.filter_map(Value::as_str).map(str::to_owned).collect(),
        ..Caller::default()
    })
}
