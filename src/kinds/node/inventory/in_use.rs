//! The condition `InUse`: whether a restart of the node would disturb somebody. Pure.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{Lack, Part, Running};
use crate::{
    dataiku::{dip::users::UserRecord, listed::Listed},
    engine::status::{ExtraCondition, IN_USE, Truth},
};

/// Every reason of the condition.
const REASONS: [&str; 5] = ["InUse", "Idle", "JobsUnknown", "NotRead", "Unreadable"];

/// Users, jobs, tasks and notebooks that the message names; the rest is counted.
const NAMED: usize = 5;

/// Longest name in the message, in characters.
const LONGEST_NAME: usize = 80;

/// The condition while the node cannot be read.
pub(in crate::kinds::node) fn unreadable() -> ExtraCondition {
    condition(Truth::Unknown, "Unreadable", "the node could not be read".to_owned())
}

/// The condition. `running`: what runs; `None`: it was not read, or too long ago.
pub(super) fn in_use(users: &Listed<Arc<UserRecord>>, running: Option<&Running>) -> ExtraCondition {
    let mut found = sessions(users);
    found.extend(running.into_iter().flat_map(what_runs));
    if !found.is_empty() {
        let more = found.len().saturating_sub(NAMED);
        found.truncate(NAMED);
        if more > 0 {
            found.push(format!("and {more} more"));
        }
        return condition(Truth::True, "InUse", found.join(", "));
    }
    let Some(running) = running else {
        let message = "nobody has a session; what runs was not read yet, or not for some time";
        return condition(Truth::Unknown, "NotRead", message.to_owned());
    };
    let mut unknown = Vec::new();
    let told = |user: &Arc<UserRecord>| user.active_sessions.is_some() || user.enabled == Some(false);
    if !users.is_complete() || !users.items.iter().all(told) {
        unknown.push("sessions (the node does not show them)".to_owned());
    }
    let jobs = running.jobs.as_ref();
    let no_jobs = jobs.and_then(Part::lack).is_some_and(Lack::is_not_offered);
    let lists = [
        ("tasks", unknown_part(&running.tasks)),
        ("jobs", jobs.filter(|_| !no_jobs).and_then(unknown_part)),
        ("notebooks", running.notebooks.as_ref().and_then(unknown_part)),
    ];
    let lists = lists.into_iter().filter_map(|(list, why)| Some((list, why?)));
    unknown.extend(lists.map(|(list, why)| format!("{list} ({why})")));
    if !unknown.is_empty() {
        let message = format!("nothing is known to run, but these are unknown: {}", unknown.join(", "));
        return condition(Truth::Unknown, "Unreadable", message);
    }
    if no_jobs {
        let message = "nobody has a session, and no task or notebook runs; this release does not list running jobs";
        return condition(Truth::False, "JobsUnknown", message.to_owned());
    }
    condition(
        Truth::False,
        "Idle",
        "nobody has a session, and nothing runs".to_owned(),
    )
}

/// Why a list is not known; `None`: it is.
fn unknown_part<T>(part: &Part<T>) -> Option<String> {
    match part {
        Part::Read(_) => None,
        Part::Unread => Some("not read yet".to_owned()),
        Part::Failed(lack) => Some(lack.to_string()),
    }
}

/// A condition that a status shows; `None`: not one of ours.
pub fn shown(condition: &Condition) -> Option<ExtraCondition> {
    let reason = REASONS.into_iter().find(|reason| *reason == condition.reason)?;
    let status = [Truth::True, Truth::False, Truth::Unknown];
    let status = status.into_iter().find(|status| status.as_str() == condition.status)?;
    Some(self::condition(status, reason, condition.message.clone()))
}

fn condition(status: Truth, reason: &'static str, message: String) -> ExtraCondition {
    ExtraCondition {
        type_: IN_USE,
        status,
        reason,
        message,
    }
}

fn sessions(users: &Listed<Arc<UserRecord>>) -> Vec<String> {
    let connected = users
        .items
        .iter()
        .filter(|user| user.active_sessions.is_some_and(|sessions| sessions > 0));
    let mut logins: Vec<&str> = connected.map(|user| user.login.as_str()).collect();
    // Sorted, so that the message changes only with what it says.
    logins.sort_unstable();
    logins.into_iter().map(|login| format!("session of {login}")).collect()
}

/// A name that people gave, on one line and not too long.
fn short(name: &str) -> String {
    let name = name.chars().filter(|letter| !letter.is_control());
    name.take(LONGEST_NAME).collect()
}

fn what_runs(running: &Running) -> Vec<String> {
    let place = |project: &Option<String>| {
        let project = project.as_ref();
        project
            .map(|project| format!(" in {}", short(project)))
            .unwrap_or_default()
    };
    let jobs = running.jobs.as_ref().and_then(Part::read);
    let notebooks = running.notebooks.as_ref().and_then(Part::read);
    let tasks = running.tasks.read();
    let mut all: Vec<String> = Vec::new();
    for job in jobs.iter().flat_map(|jobs| &jobs.items) {
        all.push(format!("job {}{}", short(&job.id), place(&job.project)));
    }
    for task in tasks.iter().flat_map(|tasks| &tasks.items) {
        let owner = task.owner.as_ref().map(|owner| format!(" of {}", short(owner)));
        let title = short(task.title.as_ref().unwrap_or(&task.id));
        all.push(format!("task {title}{}", owner.unwrap_or_default()));
    }
    for notebook in notebooks.iter().flat_map(|notebooks| &notebooks.items) {
        if notebook.sessions != Some(0) {
            all.push(format!(
                "notebook {}{}",
                short(&notebook.name),
                place(&notebook.project)
            ));
        }
    }
    all.sort_unstable();
    let unreadable = [
        ("job", jobs.map_or(0, |list| list.unreadable)),
        ("task", tasks.map_or(0, |list| list.unreadable)),
        ("notebook", notebooks.map_or(0, |list| list.unreadable)),
    ];
    for (what, count) in unreadable {
        all.extend(std::iter::repeat_n(format!("{what} without a name"), count));
    }
    all
}
