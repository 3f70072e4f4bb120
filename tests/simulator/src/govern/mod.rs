//! Dataiku Govern.
//!
//! Govern is built of the same server as DSS: what both serve is the code of [`crate::dss`] (see [`shared`]), and the
//! differences in it are in `dss::flavour`. Here is what only Govern has.

use std::sync::LazyLock;

use hyper::HeaderMap;
use serde_json::Value;

use crate::answer::{Answer, Failure};
use crate::api::{Api, Credentials};
use crate::call::Caller;
use crate::config::Seed;
use crate::dss::{self, Dss};
use crate::operation::{Operation, Right};
use crate::switches::Switch;
use crate::world::World;

mod assignments;
mod blueprints;
mod documents;
mod permissions;
mod roles;
mod rule;
mod seed;
mod settings;
mod shared;
mod usage;

/// Who may design Govern, besides administrators. The flag behind it has another name before release 15.
const ARCHITECT: Right = Right::Named("isGovernArchitect");

/// The product.
pub(crate) struct Govern;

static OPERATIONS: LazyLock<[&'static [Operation]; 6]> = LazyLock::new(|| {
    [
        &shared::OPERATIONS,
        roles::OPERATIONS,
        assignments::OPERATIONS,
        permissions::OPERATIONS,
        blueprints::OPERATIONS,
        usage::OPERATIONS,
    ]
});

static COLLECTIONS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let own = ["roles", "roleAssignments", "blueprintPermissions", "blueprints"];
    let common = Dss.collections().iter().copied();
    common
        .filter(|name| !seed::ONLY_DSS.contains(name))
        .chain(own)
        .collect()
});

impl Api for Govern {
    fn bases(&self) -> &'static [&'static str] {
        Dss.bases()
    }

    fn operations(&self) -> &'static [&'static [Operation]] {
        OPERATIONS.as_slice()
    }

    fn switches(&self) -> &'static [Switch] {
        &settings::SWITCHES
    }

    fn fresh(&self, world: &mut World) -> Credentials {
        seed::fresh(world)
    }

    fn seed(&self, world: &mut World, seed: &Seed) {
        Dss.seed(world, seed);
    }

    fn authenticate(&self, world: &World, headers: &HeaderMap) -> Result<Caller, Failure> {
        // The manual and the client of Govern know neither a bearer nor a key in the place of the password.
        if dss::auth::is_key_as_user_or_ticket(headers) {
            Dss.authenticate(world, headers)
        } else {
            Err(dss::auth::unauthorized(world))
        }
    }

    fn authorize(&self, world: &World, caller: &Caller, right: Right) -> Result<(), Failure> {
        let architect = |right: &String| dss::flavour::permissions(world).contains(&right.as_str());
        if matches!(right, Right::Named(_)) && caller.rights.iter().any(architect) {
            return Ok(());
        }
        Dss.authorize(world, caller, right)
    }

    fn failure(&self, world: &World, failure: &Failure) -> Answer {
        Dss.failure(world, failure)
    }

    fn headers(&self, world: &World) -> Vec<(&'static str, String)> {
        Dss.headers(world)
    }

    fn collections(&self) -> &'static [&'static str] {
        &COLLECTIONS
    }

    fn shown(&self, world: &World, collection: &str, document: &Value) -> Value {
        Dss.shown(world, collection, document)
    }

    fn act(&self, world: &mut World, action: &str, asked: &Value) -> Result<Value, String> {
        match action {
            "swapNode" => Ok(dss::seed::swap(world, seed::fresh)),
            _ => Dss.act(world, action, asked),
        }
    }

    fn deleted(&self, world: &mut World, collection: &str, key: &str) {
        Dss.deleted(world, collection, key);
    }

    fn edited(&self, world: &World, collection: &str, key: &str, document: Value) -> Result<Value, String> {
        let Value::Object(sent) = document else {
            return Err("not an object".to_owned());
        };
        let result = match collection {
            "roles" => roles::complete(key, sent),
            "roleAssignments" => assignments::complete(world, key, sent),
            "blueprintPermissions" => permissions::complete(key, sent),
            "blueprints" => blueprints::complete(key, sent),
            "defaultPermissions" => Ok(sent),
            _ => return Dss.edited(world, collection, key, Value::Object(sent)),
        };
        result.map(Value::Object).map_err(|failure| failure.message)
    }
}
