//! D16 to D21 and G15 to G20: the calls that start the work of directories.

use serde_json::{Map, Value};

use super::{Filter, mapping};
use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::future::{self, Work};
use crate::world::World;

const INVALID: &str = "java.lang.IllegalArgumentException";

/// Resyncs the user of the path.
pub(crate) fn resync_one(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let asked = call.param("login");
    let stored = world.stored_key("users", asked, world.switches.is("A50", "insensitive"));
    let login = stored.as_deref().unwrap_or(asked);
    let Some(user) = world.document("users", login) else {
        return Err(Failure::not_found(format!("User '{login}' not found")));
    };
    let source = user.get("sourceType").and_then(Value::as_str).unwrap_or_default();
    if mapping(source).is_none() {
        let message = format!("Users of source {source} cannot be resynced on demand");
        return Err(Failure::new(400, INVALID, message));
    }
    let logins = Some(vec![login.to_owned()]);
    future::start(world, call, "Resync user", Work::Resync { logins })
}

/// Resyncs the users of the body; everybody when there is no body.
pub(crate) fn resync_all_or_some(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let mut logins = None;
    if !call.body.is_empty() {
        let asked: Vec<String> = call.typed()?;
        let nobody = asked.is_empty();
        if nobody && world.switches.is("A17", "refuse") {
            return Err(Failure::new(400, INVALID, "No user to resync"));
        }
        if !nobody || world.switches.is("A17", "nobody") {
            logins = Some(asked);
        }
    }
    future::start(world, call, "Resync users", Work::Resync { logins })
}

/// Starts to read the groups of a directory.
pub(crate) fn external_groups(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let source = source(call.query("userSourceType"))?;
    future::start(world, call, "Fetch external groups", Work::FetchGroups { source })
}

/// Starts to read users of a directory.
pub(crate) fn external_users(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let source = source(call.query("userSourceType"))?;
    let wanted = |name: &str| call.query(name).filter(|text| !text.is_empty()).map(str::to_owned);
    let filter = Filter {
        login: wanted("login"),
        // A release that does not know the filter ignores it and gives everybody.
        email: wanted("email").filter(|_| world.switches.since(14, 1)),
        group: wanted("groupName"),
    };
    future::start(world, call, "Fetch external users", Work::FetchUsers { source, filter })
}

/// Starts to create users that were read from a directory.
pub(crate) fn provision_users(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let body = call.object()?;
    let source = source(body.get("userSourceType").and_then(Value::as_str))?;
    let users = body.get("users").and_then(Value::as_array);
    let users = users.ok_or_else(|| Failure::malformed("users: expected an array"))?;
    let objects: Option<Vec<Map<String, Value>>> = users.iter().map(|user| user.as_object().cloned()).collect();
    let users = objects.ok_or_else(|| Failure::malformed("users: expected objects"))?;
    future::start(world, call, "Provision users", Work::Provision { source, users })
}

fn source(asked: Option<&str>) -> Result<String, Failure> {
    match asked {
        Some(source) if mapping(source).is_some() => Ok(source.to_owned()),
        Some(source) => Err(Failure::new(
            400,
            INVALID,
            format!("Invalid user source type [{source}]"),
        )),
        None => Err(Failure::new(400, INVALID, "userSourceType is required")),
    }
}
