//! Long tasks of DSS and Govern, which the API calls futures, on the clock of the instance.
//!
//! A call that starts one hands its [`Work`] to [`start`] and answers with what that returns. The work is done at the
//! moment when it is due by the clock and not before, so nothing that it changes can be seen earlier.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::world::World;

mod operations;
pub(crate) mod switches;
mod work;

pub(crate) use operations::{abort, get, list};
pub(crate) use work::{Work, no_messages};

/// The collection of the state that holds them.
pub(crate) const COLLECTION: &str = "futures";

/// How a task will end, decided when it starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Ending {
    #[default]
    Done,
    Failed,
    Aborted,
}

/// A task as it is stored.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Task {
    job_id: String,
    owner: String,
    start_time: u64,
    /// A task without one runs until somebody aborts it.
    due: Option<u64>,
    ending: Ending,
    /// Absent while it runs.
    ended: Option<Ending>,
    end_time: u64,
    work: Option<Work>,
    result: Value,
    error: String,
    payload: Value,
    scenario: bool,
}

impl Task {
    fn read(document: &Value) -> Option<Self> {
        Task::deserialize(document).ok()
    }

    fn write(&self, world: &mut World) {
        // A task is plain text and numbers, so it always has a JSON form.
        let document = serde_json::to_value(self).unwrap_or_default();
        world.collection(COLLECTION).insert(self.job_id.clone(), document);
    }

    fn end(&mut self, ending: Ending, moment: u64) {
        self.ended = Some(ending);
        self.end_time = moment;
    }

    /// Does the work and keeps what came of it.
    fn finish(&mut self, world: &mut World, moment: u64) {
        match (self.ending, self.work.take()) {
            (Ending::Done, Some(work)) => match work.perform(world) {
                Ok(result) => self.result = result,
                Err(failure) => {
                    self.error = failure.message;
                    return self.end(Ending::Failed, moment);
                }
            },
            (Ending::Failed, _) => "The task failed, as the switch futures asked".clone_into(&mut self.error),
            _ => {}
        }
        self.end(self.ending, moment);
    }

    /// The state as D49 answers it.
    fn state(&self, world: &World, with_result: bool) -> Value {
        let done = self.ended == Some(Ending::Done);
        let mut state = json!({"jobId": self.job_id, "hasResult": done});
        if done && with_result {
            state["result"] = self.result.clone();
        }
        if self.scenario {
            state["payload"] = self.payload.clone();
        }
        if world.switches.is("A28", "full") {
            let now = if self.ended.is_some() {
                self.end_time
            } else {
                world.clock.millis()
            };
            state["alive"] = json!(self.ended.is_none());
            state["aborted"] = json!(self.ended == Some(Ending::Aborted));
            state["owner"] = json!(self.owner);
            state["startTime"] = json!(self.start_time);
            state["runningTime"] = json!(now.saturating_sub(self.start_time));
            state["payload"] = self.payload.clone();
            state["progress"] = json!({"states": []});
        }
        state
    }
}

/// Starts a task and answers the call that asked for it, the way the switch `futures` says.
pub(crate) fn start(world: &mut World, call: &Call, title: &str, work: Work) -> Result<Answer, Failure> {
    let ending = match world.switches.text("futures") {
        "inline" => {
            let result = work.perform(world)?;
            return Ok(Answer::json(&json!({"hasResult": true, "result": result})));
        }
        "failing" => Ending::Failed,
        "aborted" => Ending::Aborted,
        _ => Ending::Done,
    };
    let now = world.clock.millis();
    let task = Task {
        job_id: World::random(8),
        owner: call.caller.identifier.clone(),
        start_time: now,
        due: Some(now + world.switches.millis("futureMillis")),
        ending,
        work: Some(work),
        payload: json!({"displayName": title}),
        ..Task::default()
    };
    let state = task.state(world, false);
    task.write(world);
    Ok(Answer::json(&state))
}

/// Does the work of every task that is due, and forgets those whose result nobody fetched in time.
pub(crate) fn settle(world: &mut World) {
    if world.read(COLLECTION).is_empty() {
        return;
    }
    let now = world.clock.millis();
    let tasks = world.read(COLLECTION).values().filter_map(Task::read);
    let due = |task: &Task| task.ended.is_none() && task.due.is_some_and(|due| due <= now);
    let mut due: Vec<Task> = tasks.filter(due).collect();
    due.sort_by_key(|task| task.due);
    for mut task in due {
        let moment = task.due.unwrap_or(now);
        task.finish(world, moment);
        task.write(world);
    }
    let kept = world.switches.millis("futureExpiryMillis");
    world.collection(COLLECTION).retain(|_, document| {
        Task::read(document).is_some_and(|task| task.ended.is_none() || task.end_time + kept > now)
    });
}

/// Checks and completes a task that somebody starts or changes in the UI, such as the run of a scenario.
pub(crate) fn edited(world: &World, job_id: &str, document: Value) -> Result<Value, String> {
    let mut task: Task = serde_json::from_value(document).map_err(|error| error.to_string())?;
    job_id.clone_into(&mut task.job_id);
    if task.owner.is_empty() {
        "admin".clone_into(&mut task.owner);
    }
    if task.start_time == 0 {
        task.start_time = world.clock.millis();
    }
    serde_json::to_value(&task).map_err(|error| error.to_string())
}
