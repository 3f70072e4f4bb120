//! Futures: runs that go on on the node, and the action that aborts those of others.

use serde_json::Value;

use super::{Side, is_verdict, may_end};
use crate::{
    crd::{
        dss_task::AbortFutures,
        run::{Attempt, RunPhase},
    },
    dataiku::dip::{
        DipProduct,
        tasks::{Answered, LongTask},
    },
    engine::{
        Error,
        run::{Ending, Poll, Progress, Taken, Task, Trace, Writes},
        shared::entries::holds_secret,
    },
};

/// Fails if the node does not know a future. Its ids are the node's own: it will not come to know it later.
pub(super) async fn check<P: DipProduct>(side: &Side<'_, P>, id: &str) -> Result<(), Error> {
    match side.api.long_task(id).await {
        Ok(None) => Err(Error::invalid(format!("the node knows no future {id}"))),
        Err(error) if !is_verdict(&error) => Err(error.into()),
        Ok(Some(_)) | Err(_) => Ok(()),
    }
}

/// Ids of the futures that run.
pub async fn ids<P: DipProduct>(side: &Side<'_, P>) -> Result<Vec<String>, Error> {
    let tasks = side.own.long_tasks().await?;
    Ok(tasks.items.into_iter().map(|task| task.id).collect())
}

/// What the answer to a start means.
pub fn progress<P: DipProduct>(side: &Side<'_, P>, answer: Answered) -> Progress {
    match answer {
        Answered::Running(task) => Progress::Running(task.id),
        Answered::Done(result) => Progress::Ended(ending(side, &result)),
    }
}

/// How a future with this result ended: a result may hold messages, and with them an error.
fn ending<P: DipProduct>(side: &Side<'_, P>, result: &Value) -> Ending {
    let messages = &result["messages"];
    let failed = messages["error"] == true;
    let mut ending = if failed {
        let all = messages["messages"].as_array().into_iter().flatten();
        let texts = all.filter_map(|one| {
            let texts = ["message", "details", "title", "code"].map(|key| one[key].as_str());
            texts.into_iter().flatten().find(|text| !text.is_empty())
        });
        let texts = side.own.quote(&texts.collect::<Vec<_>>().join("; "));
        Ending::new(RunPhase::Failed, format!("the node reports: {texts}"))
    } else {
        Ending::new(RunPhase::Succeeded, "the node reports success")
    };
    ending.result = shown(side, result);
    ending
}

/// A result for the status, without texts that may be secrets.
fn shown<P: DipProduct>(side: &Side<'_, P>, result: &Value) -> Option<String> {
    if result.is_null() {
        return None;
    }
    let mut result = result.clone();
    redact("", &mut result);
    Some(side.own.quote(&result.to_string()))
}

fn redact(name: &str, value: &mut Value) {
    match value {
        Value::Object(members) => members.iter_mut().for_each(|(name, value)| redact(name, value)),
        Value::Array(items) => items.iter_mut().for_each(|item| redact(name, item)),
        Value::String(_) if holds_secret(name, value) => *value = Value::from("[withheld]"),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The state of a future, without taking its result.
pub async fn poll<P: DipProduct>(side: &Side<'_, P>, id: &str) -> Result<Poll, Error> {
    match side.own.long_task(id).await {
        Ok(None) => Ok(Poll::Gone),
        Ok(Some(task)) => Ok(state(&task)),
        Err(error) if is_verdict(&error) => Ok(Poll::Unsure),
        Err(error) => Err(error.into()),
    }
}

fn state(task: &LongTask) -> Poll {
    match task {
        task if task.has_result => Poll::Ready,
        task if task.aborted == Some(true) => Poll::Aborted,
        task if task.alive == Some(true) => Poll::Running,
        _ => Poll::Unsure,
    }
}

/// Fetches the result of a future. A future that failed shows by an error of this read alone.
pub async fn take<P: DipProduct>(side: &Side<'_, P>, id: &str) -> Result<Taken, Error> {
    match side.own.take_result(id).await {
        Ok(None) => Ok(Taken::Gone),
        Ok(Some(Answered::Done(result))) => Ok(Taken::Ended(ending(side, &result))),
        Ok(Some(Answered::Running(task))) => Ok(match state(&task) {
            Poll::Aborted => Taken::Ended(Ending::new(
                RunPhase::Aborted,
                format!("somebody aborted future {id} on the node"),
            )),
            Poll::Unsure if task.alive == Some(false) => Taken::Ended(Ending::new(
                RunPhase::Failed,
                format!("future {id} ended without a result"),
            )),
            _ => Taken::Running,
        }),
        Err(error) if is_verdict(&error) => Ok(Taken::Ended(Ending::new(
            RunPhase::Failed,
            format!("future {id} failed: {}", error.message),
        ))),
        Err(error) => Err(error.into()),
    }
}

/// How a future of another user ended. The operator leaves the result on the node: the first read of a result deletes it.
pub async fn look<P: DipProduct>(side: &Side<'_, P>, id: &str) -> Result<Taken, Error> {
    let ended = |phase, message: String| Ok(Taken::Ended(Ending::new(phase, message)));
    match side.own.long_task(id).await {
        Ok(None) => Ok(Taken::Gone),
        Ok(Some(task)) if task.has_result => ended(
            RunPhase::Succeeded,
            format!("future {id} has ended; the operator leaves its result on the node for the user who started it"),
        ),
        Ok(Some(task)) if task.aborted == Some(true) => {
            ended(RunPhase::Aborted, format!("somebody aborted future {id} on the node"))
        }
        Ok(Some(task)) if task.alive == Some(false) => {
            ended(RunPhase::Failed, format!("future {id} ended without a result"))
        }
        // Where the node tells nothing but the id, nobody can tell a failure from a future that goes on.
        Ok(Some(_)) => Ok(Taken::Running),
        Err(error) if is_verdict(&error) => ended(RunPhase::Failed, format!("future {id} failed: {}", error.message)),
        Err(error) => Err(error.into()),
    }
}

/// The future that a start whose answer was lost has made: one that runs, is new since, and may be ours.
pub(super) async fn trace<P: DipProduct>(side: &Side<'_, P>, attempt: &Attempt) -> Result<Trace, Error> {
    let tasks = side.own.long_tasks().await?;
    if attempt.crowded || !tasks.is_complete() {
        let why = "the answer to the start was lost, and the node listed too many futures to tell which of them it is";
        return Ok(Trace::Unclear(why.to_owned()));
    }
    let identity = side.as_user.map(str::to_owned).or_else(|| side.lists.identity());
    let may_be_ours = |task: &&LongTask| {
        let known = attempt.before.iter().chain(side.others).any(|id| *id == task.id);
        let of_others = match (&task.owner, &identity) {
            (Some(owner), Some(identity)) => owner != identity,
            _ => false,
        };
        !known && !of_others
    };
    let found: Vec<&LongTask> = tasks.items.iter().filter(may_be_ours).collect();
    Ok(match found.as_slice() {
        [] => Trace::Nothing,
        [one] => Trace::Found(one.id.clone()),
        several => Trace::Unclear(format!(
            "the answer to the start was lost, and {} futures on the node may be it: {}",
            several.len(),
            several
                .iter()
                .take(5)
                .map(|one| &*one.id)
                .collect::<Vec<_>>()
                .join(", ")
        )),
    })
}

/// Aborts futures of others.
pub(super) async fn abort<T: Task, P: DipProduct>(
    side: &Side<'_, P>,
    writes: &Writes<'_, T>,
    wanted: &AbortFutures,
) -> Result<Progress, Error> {
    let tasks = side.own.long_tasks().await?;
    let (mut aborted, mut untold, mut protected) = (0, tasks.unreadable, 0);
    for task in &tasks.items {
        match matches(wanted, task, side.now.as_millisecond()) {
            Some(true) => {}
            Some(false) => continue,
            None => {
                untold += 1;
                continue;
            }
        }
        if !may_end(writes, task.owner.as_deref()) {
            protected += 1;
            continue;
        }
        let what = format!("abort future {}", task.id);
        let send = |permit| side.api.abort_long_task(permit, &task.id);
        aborted += usize::from(writes.send(&what, send).await?);
    }
    let mut message = match untold {
        0 => format!("{aborted} futures were aborted"),
        untold => {
            format!(
                "{aborted} futures were aborted; of {untold} the node does not tell enough, and they were left alone"
            )
        }
    };
    if protected > 0 {
        message = format!("{message}; {protected} may be of users whom the connection protects, and were left alone");
    }
    let mut ending = Ending::new(RunPhase::Succeeded, message).count("aborted", aborted);
    for (name, number) in [("untold", untold), ("protected", protected)] {
        if number > 0 {
            ending = ending.count(name, number);
        }
    }
    Ok(Progress::Ended(ending))
}

/// Whether a future is to be aborted; `None`: the node does not tell enough of it.
fn matches(wanted: &AbortFutures, task: &LongTask, now: i64) -> Option<bool> {
    if wanted.ids.as_ref().is_some_and(|ids| !ids.contains(&task.id)) {
        return Some(false);
    }
    if let Some(owner) = &wanted.owner
        && task.owner.as_ref()? != owner
    {
        return Some(false);
    }
    if let Some(age) = wanted.older_than {
        let age = i64::try_from(std::time::Duration::from(age).as_millis()).unwrap_or(i64::MAX);
        return Some(now.saturating_sub(task.started_on?) > age);
    }
    Some(true)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn task(owner: Option<&str>, started_on: Option<i64>) -> LongTask {
        LongTask {
            id: "f1".to_owned(),
            has_result: false,
            alive: Some(true),
            aborted: None,
            owner: owner.map(str::to_owned),
            started_on,
        }
    }

    fn wanted(spec: Value) -> AbortFutures {
        serde_json::from_value(spec).unwrap()
    }

    #[test]
    fn a_future_is_aborted_only_if_it_matches_everything_and_the_node_tells_of_it() {
        let now = 10_000_000;
        let spec = wanted(json!({ "owner": "jane", "olderThan": "1h" }));
        assert_eq!(matches(&spec, &task(Some("jane"), Some(0)), now), Some(true));
        assert_eq!(matches(&spec, &task(Some("joe"), Some(0)), now), Some(false));
        assert_eq!(matches(&spec, &task(Some("jane"), Some(now - 1)), now), Some(false));
        assert_eq!(matches(&spec, &task(None, Some(0)), now), None);
        assert_eq!(matches(&spec, &task(Some("jane"), None), now), None);
        assert_eq!(
            matches(&wanted(json!({ "ids": ["f2"] })), &task(None, None), now),
            Some(false)
        );
        assert_eq!(
            matches(&wanted(json!({ "ids": ["f1"] })), &task(None, None), now),
            Some(true)
        );
    }

    #[test]
    fn texts_that_may_be_secrets_are_withheld() {
        let mut result = json!({ "users": [{ "login": "jane", "password": "hunter22" }], "token": "e:AES:x", "n": 1 });
        redact("", &mut result);
        assert_eq!(
            result,
            json!({ "users": [{ "login": "jane", "password": "[withheld]" }], "token": "[withheld]", "n": 1 })
        );
    }
}
