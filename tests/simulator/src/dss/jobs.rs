//! D71: the jobs that run now. Only people and scenarios start one, so they come with an edit of the state: `jobs` by id, each
//! with `projectKey`, `initiator` and `startTime`.

use serde_json::{Value, json};

use super::{auth, settings};
use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::operation::Verb::Get;
use crate::operation::{Operation, Right, reads};
use crate::world::World;

/// The collection of the state.
pub(super) const COLLECTION: &str = "jobs";

const RUNNING: &str = "/jobs/running";

/// The rows of this file.
pub(super) const OPERATIONS: &[Operation] = &[reads("D71", Get, RUNNING, Right::Authenticated, running)];

fn running(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    if !world.switches.since(15, 2) {
        return Err(settings::not_in_this_release(RUNNING));
    }
    let everybody = call.query("allUsers").is_none() || call.flag("allUsers")?;
    if everybody && !call.caller.has("admin") {
        return Err(auth::forbidden(
            world,
            "Only an administrator may list the jobs of all users",
        ));
    }
    let nested = world.switches.is("runningJobs", "nested");
    let jobs = world.read(COLLECTION).iter();
    let wanted = jobs.filter(|(_, job)| everybody || job["initiator"] == json!(call.caller.identifier));
    Ok(Answer::list(wanted.map(|(id, job)| {
        let project = &job["projectKey"];
        let mut shown = json!({"initiator": job["initiator"], "startTime": job["startTime"], "state": "RUNNING"});
        if nested {
            shown["def"] = json!({"projectKey": project, "id": id});
        } else {
            shown["projectKey"] = project.clone();
            shown["jobId"] = json!(id);
        }
        shown
    })))
}

/// Completes a job that somebody starts.
pub(super) fn edited(world: &World, job: Value) -> Result<Value, String> {
    let Value::Object(mut job) = job else {
        return Err("not an object".to_owned());
    };
    let defaults = json!({"projectKey": "PRJ", "initiator": "admin", "startTime": world.clock.millis()});
    for (key, default) in defaults.as_object().into_iter().flatten() {
        job.entry(key.clone()).or_insert_with(|| default.clone());
    }
    Ok(Value::Object(job))
}
