//! D48 to D50 and G37 to G39: the list, the state and the end of long tasks.

use super::{COLLECTION, Ending, Task};
use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::world::World;

/// Everything that runs: tasks, scenarios, or both.
pub(crate) fn list(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let scenarios = call.flag("withScenarios")?;
    let others = call.query("withNotScenarios").is_none() || call.flag("withNotScenarios")?;
    let everybody = call.flag("allUsers")?;
    if everybody && !call.caller.has("admin") {
        let status = if world.switches.is("A3", "401/401") { 401 } else { 403 };
        let message = "Only an administrator may list the tasks of all users";
        return Err(Failure::new(
            status,
            "com.dataiku.dip.exceptions.ForbiddenException",
            message,
        ));
    }
    let tasks = world.read(COLLECTION).values().filter_map(Task::read);
    let listed = tasks.filter(|task| {
        let kind = if task.scenario { scenarios } else { others };
        kind && task.ended.is_none() && (everybody || task.owner == call.caller.identifier)
    });
    Ok(Answer::list(listed.map(|task| task.state(world, false))))
}

/// The state of one; with its result unless it is only a peek.
pub(crate) fn get(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let job_id = call.param("jobId");
    let task = find(world, call).ok_or_else(|| unknown(world, job_id))?;
    let peek = call.flag("peek")?;
    let read = !peek && matches!(task.ended, Some(Ending::Done | Ending::Failed));
    if read && world.switches.is("A29", "consumed") {
        world.collection(COLLECTION).shift_remove(job_id);
    }
    if read && task.ended == Some(Ending::Failed) {
        let class = "com.dataiku.dip.futures.FutureFailedException";
        return Err(Failure::new(world.switches.status("A30"), class, task.error));
    }
    Ok(Answer::json(&task.state(world, !peek)))
}

/// Stops one that runs; its work is never done.
pub(crate) fn abort(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let Some(mut task) = find(world, call) else {
        return Err(unknown(world, call.param("jobId")));
    };
    if task.ended.is_none() {
        task.work = None;
        task.end(Ending::Aborted, world.clock.millis());
        task.write(world);
    }
    Ok(Answer::done())
}

/// A task of the caller; an administrator finds everybody's.
fn find(world: &World, call: &Call) -> Option<Task> {
    let task = world.read(COLLECTION).get(call.param("jobId")).and_then(Task::read)?;
    (call.caller.has("admin") || task.owner == call.caller.identifier).then_some(task)
}

fn unknown(world: &World, job_id: &str) -> Failure {
    Failure {
        status: world.switches.status("A8"),
        ..Failure::not_found(format!("Future '{job_id}' not found"))
    }
}
