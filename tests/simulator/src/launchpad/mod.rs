//! The Launchpad of Dataiku Cloud: one space.
//!
//! An operation is a function in one of these files and a row in the `OPERATIONS` of that file.

use hyper::HeaderMap;
use serde_json::Value;

use crate::answer::{Answer, Failure};
use crate::api::{Api, Credentials};
use crate::call::{Call, Caller};
use crate::config::Seed;
use crate::operation::{Operation, Right};
use crate::switches::Switch;
use crate::world::World;

mod auth;
mod bulk;
mod edits;
mod groups;
mod invites;
mod nodes;
mod people;
mod permissions;
mod records;
mod refusal;
mod schema;
mod seats;
mod seed;
mod settings;
mod tasks;
mod users;

/// The product.
pub(crate) struct Launchpad;

impl Api for Launchpad {
    fn bases(&self) -> &'static [&'static str] {
        &["/v1"]
    }

    fn url_suffix(&self) -> &'static str {
        "/v1"
    }

    fn operations(&self) -> &'static [&'static [Operation]] {
        &[
            invites::OPERATIONS,
            users::OPERATIONS,
            groups::OPERATIONS,
            seats::OPERATIONS,
            nodes::OPERATIONS,
            tasks::OPERATIONS,
        ]
    }

    fn switches(&self) -> &'static [Switch] {
        settings::SWITCHES
    }

    fn fresh(&self, world: &mut World) -> Credentials {
        seed::fresh(world)
    }

    fn seed(&self, world: &mut World, seed: &Seed) {
        seed::seed(world, *seed);
    }

    fn authenticate(&self, world: &World, headers: &HeaderMap) -> Result<Caller, Failure> {
        auth::authenticate(world, headers)
    }

    fn authorize(&self, world: &World, caller: &Caller, right: Right) -> Result<(), Failure> {
        auth::authorize(world, caller, right)
    }

    /// A key is good for one space.
    fn admit(&self, world: &World, call: &Call) -> Result<(), Failure> {
        let (asked, space) = (call.param("spaceId"), world.state.get("space"));
        if space.is_some_and(|space| space["id"] == asked) {
            Ok(())
        } else {
            Err(refusal::unknown("Space", asked))
        }
    }

    fn failure(&self, world: &World, failure: &Failure) -> Answer {
        refusal::body(world, failure)
    }

    fn settle(&self, world: &mut World) {
        invites::accept_due(world);
    }

    fn collections(&self) -> &'static [&'static str] {
        &["users", "invites", "groups", "profiles", "nodes", "tasks", "apiKeys"]
    }

    fn shown(&self, world: &World, collection: &str, document: &Value) -> Value {
        edits::shown(world, collection, document)
    }

    fn act(&self, world: &mut World, action: &str, asked: &Value) -> Result<Value, String> {
        match action {
            "acceptInvite" => invites::accept(world, asked),
            _ => Err(format!("the Launchpad knows no action {action}")),
        }
    }

    fn edited(&self, world: &World, collection: &str, key: &str, document: Value) -> Result<Value, String> {
        let Value::Object(document) = document else {
            return Err("not an object".to_owned());
        };
        edits::edited(world, collection, key, document).map(Value::Object)
    }

    fn written(&self, world: &mut World, collection: &str, key: &str) {
        edits::settle(world, collection, key);
    }

    fn deleted(&self, world: &mut World, collection: &str, key: &str) {
        edits::settle(world, collection, key);
    }
}
