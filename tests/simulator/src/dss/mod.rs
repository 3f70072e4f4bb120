//! Dataiku DSS.
//!
//! An operation is a function in one of these files and a row in the `OPERATIONS` of that file.

use hyper::HeaderMap;
use serde_json::{Value, json};

use crate::answer::{Answer, Failure};
use crate::api::{Api, Credentials};
use crate::call::Caller;
use crate::config::Seed;
use crate::operation::{Operation, Right};
use crate::switches::Switch;
use crate::world::World;
use crate::{directory, future};
use user_view::View;

mod activity;
mod audit;
pub(crate) mod auth;
mod bulk;
mod credentials;
mod discussions;
pub(crate) mod flavour;
mod general_settings;
mod global_keys;
mod groups;
mod instance_facts;
mod jobs;
mod keys;
mod matrix;
mod notebook_sessions;
mod notebooks;
mod opaque;
mod own_user;
mod personal_keys;
mod projects;
pub(crate) mod seed;
mod settings;
mod tasks;
mod usage;
mod user;
mod user_view;
mod users;
mod variables;

pub(crate) use groups::PERMISSIONS;

/// The product.
pub(crate) struct Dss;

impl Api for Dss {
    fn bases(&self) -> &'static [&'static str] {
        &["/dip/publicapi", "/public/api"]
    }

    fn operations(&self) -> &'static [&'static [Operation]] {
        &[
            users::OPERATIONS,
            bulk::OPERATIONS,
            own_user::OPERATIONS,
            activity::OPERATIONS,
            groups::OPERATIONS,
            matrix::OPERATIONS,
            instance_facts::OPERATIONS,
            tasks::OPERATIONS,
            general_settings::OPERATIONS,
            variables::OPERATIONS,
            usage::OPERATIONS,
            global_keys::OPERATIONS,
            personal_keys::OPERATIONS,
            notebooks::OPERATIONS,
            notebook_sessions::OPERATIONS,
            discussions::OPERATIONS,
            jobs::OPERATIONS,
            audit::OPERATIONS,
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

    fn failure(&self, world: &World, failure: &Failure) -> Answer {
        error_body(world, failure)
    }

    fn headers(&self, world: &World) -> Vec<(&'static str, String)> {
        let release = world.switches.text("release").to_owned();
        vec![("DSS-Version", release), ("DSS-API-Version", "1".to_owned())]
    }

    fn collections(&self) -> &'static [&'static str] {
        &[
            "users",
            "groups",
            "globalApiKeys",
            "personalApiKeys",
            "tickets",
            "activity",
            "projects",
            "futures",
            jobs::COLLECTION,
            credentials::CONNECTIONS,
            credentials::PRESETS,
        ]
    }

    fn shown(&self, world: &World, collection: &str, document: &Value) -> Value {
        match (collection, document) {
            ("users", Value::Object(stored)) => Value::Object(user_view::tree(world, stored, View::Clear)),
            _ => document.clone(),
        }
    }

    fn act(&self, world: &mut World, action: &str, asked: &Value) -> Result<Value, String> {
        match action {
            "resync" => directory::act(world, asked),
            "swapNode" => Ok(seed::swap(world, seed::fresh)),
            _ => Err(format!("DSS knows no action {action}")),
        }
    }

    fn deleted(&self, world: &mut World, collection: &str, key: &str) {
        match collection {
            "users" => personal_keys::user_deleted(world, key),
            "groups" => groups::group_deleted(world, key),
            _ => {}
        }
    }

    fn edited(&self, world: &World, collection: &str, key: &str, document: Value) -> Result<Value, String> {
        match collection {
            future::COLLECTION => return future::edited(world, key, document),
            jobs::COLLECTION => return jobs::edited(world, document),
            directory::PART => return directory::edited(document).map_err(|failure| failure.message),
            _ => {}
        }
        let Value::Object(document) = document else {
            return Err("not an object".to_owned());
        };
        if collection == general_settings::PART {
            return general_settings::edited(world, document).map_err(|failure| failure.message);
        }
        let result = match collection {
            "globalApiKeys" => global_keys::edited(world, key, document),
            "personalApiKeys" => personal_keys::edited(world, key, document),
            projects::COLLECTION => projects::edited(world, key, document),
            "users" => user::edited(world, key, document),
            "groups" => groups::edited(world, key, document),
            credentials::PRESETS => credentials::edited_preset(key, document),
            _ => Ok(document),
        };
        result.map(Value::Object).map_err(|failure| failure.message)
    }
}

/// The error body of DSS: a class, a short and a longer text, and what the switch `A1` adds.
fn error_body(world: &World, failure: &Failure) -> Answer {
    let (message, text) = (&failure.message, failure.text());
    let mut body = json!({
        "errorType": failure.class,
        "message": message,
        "detailedMessage": text,
    });
    if world.switches.is("A1", "extra") {
        body["detailedMessageHTML"] = json!(format!("<p>{text}</p>"));
        body["code"] = json!(failure.code);
        if !general_settings::flag(world, "/security/hideErrorStacks") {
            body["stackTraceStr"] = json!(format!("{}: {message}\n\tat com.dataiku.dip.Simulated", failure.class));
        }
    }
    Answer::status(failure.status, &body)
}
