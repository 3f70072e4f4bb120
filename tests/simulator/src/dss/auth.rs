//! Who calls DSS: keys in every form, tickets, impersonation; and what they may do.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use serde_json::{Map, Value};

use super::users;
use crate::answer::Failure;
use crate::call::Caller;
use crate::operation::Right;
use crate::world::World;

/// Who calls, after impersonation.
pub(super) fn authenticate(world: &World, headers: &HeaderMap) -> Result<Caller, Failure> {
    let caller = credential(headers).and_then(|credential| identify(world, &credential));
    let caller = caller.ok_or_else(|| unauthorized(world))?;
    match text(headers, "x-dku-proxyuser") {
        None => Ok(caller),
        Some(_) if !caller.has("admin") => Err(forbidden(world, "Only an administrator may impersonate a user")),
        Some(login) => as_user(world, &login).ok_or_else(|| {
            let message = format!("Cannot impersonate user '{login}': unknown or disabled");
            Failure::new(
                world.switches.status("A11"),
                "com.dataiku.dip.exceptions.UnauthorizedException",
                message,
            )
        }),
    }
}

/// Whether the caller may use an operation.
pub(super) fn authorize(world: &World, caller: &Caller, right: Right) -> Result<(), Failure> {
    let allowed = match right {
        Right::Authenticated => true,
        Right::Admin => caller.has("admin"),
        Right::Named(name) => caller.has("admin") || caller.has(name),
    };
    if allowed {
        Ok(())
    } else {
        Err(forbidden(world, "Action forbidden, you lack the right"))
    }
}

/// The refusal of a credential.
pub(crate) fn unauthorized(world: &World) -> Failure {
    let status = if world.switches.is("A3", "403/403") { 403 } else { 401 };
    Failure::new(
        status,
        "com.dataiku.dip.exceptions.UnauthorizedException",
        "Invalid API key or ticket",
    )
}

pub(super) fn forbidden(world: &World, message: &str) -> Failure {
    let status = if world.switches.is("A3", "401/401") { 401 } else { 403 };
    Failure::new(status, "com.dataiku.dip.exceptions.ForbiddenException", message)
}

/// Whether a request brings one of the two forms that are older than the bearer: the key as the user, or a ticket.
pub(crate) fn is_key_as_user_or_ticket(headers: &HeaderMap) -> bool {
    let Some(authorization) = text(headers, "authorization") else {
        return true;
    };
    let Some((scheme, rest)) = authorization.split_once(' ') else {
        return false;
    };
    scheme.eq_ignore_ascii_case("basic") && basic(rest).is_some_and(|(_, password)| password.is_empty())
}

/// On Dataiku Cloud users are written by the Launchpad alone.
pub(super) fn refuse_on_cloud(world: &World) -> Result<(), Failure> {
    if world.switches.flag("cloud") {
        return Err(forbidden(
            world,
            "Users of this node are managed by the Launchpad of Dataiku Cloud",
        ));
    }
    Ok(())
}

/// What a request brings to prove itself.
enum Credential {
    Key(String),
    Ticket(String),
    /// A bearer is a key or a token of a user.
    Bearer(String),
}

fn credential(headers: &HeaderMap) -> Option<Credential> {
    let Some(authorization) = text(headers, "authorization") else {
        return text(headers, "x-dku-apiticket").map(Credential::Ticket);
    };
    let (scheme, rest) = authorization.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(Credential::Bearer(rest.trim().to_owned()));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let (user, password) = basic(rest)?;
    match (user.as_str(), password.as_str()) {
        // The client sends the key as the user, the manual shows it as the password.
        (key, "") | ("", key) => Some(Credential::Key(key.to_owned())),
        _ => None,
    }
}

fn basic(encoded: &str) -> Option<(String, String)> {
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

fn identify(world: &World, credential: &Credential) -> Option<Caller> {
    match credential {
        Credential::Key(secret) => by_key(world, secret),
        Credential::Ticket(secret) => by_ticket(world, secret),
        Credential::Bearer(secret) => by_key(world, secret).or_else(|| by_ticket(world, secret)),
    }
}

fn by_key(world: &World, secret: &str) -> Option<Caller> {
    if secret.is_empty() {
        return None;
    }
    let holds = |key: &&Value| key.get("key").and_then(Value::as_str) == Some(secret);
    if let Some(key) = world.read("globalApiKeys").values().find(holds) {
        if expired(world, key) {
            return None;
        }
        let mut rights = granted(key.get("globalPermissions").and_then(Value::as_object));
        rights.extend(of_groups(world, key));
        let identifier = key.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        return Some(Caller {
            identifier,
            login: None,
            rights,
        });
    }
    let key = world.read("personalApiKeys").values().find(holds)?;
    if expired(world, key) {
        return None;
    }
    as_user(world, key.get("user").and_then(Value::as_str)?)
}

fn expired(world: &World, key: &Value) -> bool {
    let moment = key.get("expiresOn").and_then(Value::as_u64).unwrap_or_default();
    moment != 0 && moment <= world.clock.millis()
}

/// A ticket or a token belongs to a user: `{"login": …}` under the secret.
fn by_ticket(world: &World, secret: &str) -> Option<Caller> {
    let login = world.document("tickets", secret)?.get("login")?.as_str()?;
    as_user(world, login)
}

/// The rights of an enabled user.
fn as_user(world: &World, login: &str) -> Option<Caller> {
    let login = users::stored_login(world, login)?;
    let user = world.document("users", &login)?;
    if user.get("enabled") == Some(&Value::Bool(false)) {
        return None;
    }
    let rights = of_groups(world, world.read("users").get(&login)?);
    Some(Caller {
        identifier: login.clone(),
        login: Some(login),
        rights,
    })
}

/// The rights that the groups of a user or a key give.
fn of_groups(world: &World, holder: &Value) -> Vec<String> {
    let groups = holder.get("groups").and_then(Value::as_array).into_iter().flatten();
    let groups = groups.filter_map(Value::as_str);
    groups
        .flat_map(|group| granted(world.document("groups", group)))
        .collect()
}

fn granted(permissions: Option<&Map<String, Value>>) -> Vec<String> {
    let all = permissions.into_iter().flatten();
    all.filter(|(_, value)| **value == Value::Bool(true))
        .map(|(name, _)| name.clone())
        .collect()
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
}
