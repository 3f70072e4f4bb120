//! Tasks of DSS and Govern nodes: what an object asks for, and the actions that both products have.

mod declares;
pub mod directory;
pub mod futures;
pub mod tasks;

use std::time::Duration;

use jiff::Timestamp;
use kube::ResourceExt;

pub use self::declares::declares;
use super::NodeLists;
use crate::{
    crd::{
        DssTask,
        common::ManagementPolicy,
        dss_task::{
            AbortFutures, AccessReport, AwaitFuture, ConcurrencyPolicy, DEFAULT_HISTORY, DEFAULT_TIMEOUT,
            ExportNotebooks, Notebooks, PostDiscussion, ProvisionUsers, ResyncUsers, TaskDeletionPolicy,
            UnloadNotebooks, WriteNotebook,
        },
        run::Attempt,
    },
    dataiku::{
        dip::{DipProduct, Node},
        error::ApiError,
    },
    engine::{
        Error,
        connect::ConnectionKey,
        run::{Progress, RunTerms, Task, Trace, Writes},
    },
};

/// The one action of a task.
pub enum Doing<'a> {
    /// Bring users in line with their directories.
    Resync(&'a ResyncUsers),
    /// Create users of a directory.
    Provision(&'a ProvisionUsers),
    /// Push the base images of containerized execution.
    PushBaseImages,
    /// End sessions of notebooks.
    Unload(&'a UnloadNotebooks),
    /// Clear the outputs of notebooks.
    Clear(&'a Notebooks),
    /// Abort futures of others.
    AbortFutures(&'a AbortFutures),
    /// Wait for a future of somebody else.
    Await(&'a AwaitFuture),
    /// Write notebooks into a `ConfigMap`.
    Export(&'a ExportNotebooks),
    /// Create or replace a notebook.
    Write(&'a WriteNotebook),
    /// Delete notebooks.
    Delete(&'a Notebooks),
    /// Open a discussion of a notebook.
    Post(&'a PostDiscussion),
    /// Write into a `ConfigMap` who may do what.
    Report(&'a AccessReport),
    /// None, which the schema refuses.
    Nothing,
}

/// What a task does.
pub fn doing(object: &DssTask) -> Doing<'_> {
    let action = &object.spec.action;
    let all = [
        action.resync_users.as_ref().map(Doing::Resync),
        action.provision_users.as_ref().map(Doing::Provision),
        action.push_base_images.as_ref().map(|_| Doing::PushBaseImages),
        action.unload_notebooks.as_ref().map(Doing::Unload),
        action.clear_notebook_outputs.as_ref().map(Doing::Clear),
        action.abort_futures.as_ref().map(Doing::AbortFutures),
        action.await_future.as_ref().map(Doing::Await),
        action.export_notebooks.as_ref().map(Doing::Export),
        action.write_notebook.as_ref().map(Doing::Write),
        action.delete_notebooks.as_ref().map(Doing::Delete),
        action.post_discussion.as_ref().map(Doing::Post),
        action.access_report.as_ref().map(Doing::Report),
    ];
    all.into_iter().flatten().next().unwrap_or(Doing::Nothing)
}

impl Doing<'_> {
    /// Whether a run is a future of the node that the task starts.
    pub fn starts_future(&self) -> bool {
        matches!(self, Self::Resync(_) | Self::Provision(_) | Self::PushBaseImages)
    }

    /// Whether a run is a future of somebody else, which the task neither aborts nor takes the result of.
    pub fn is_foreign(&self) -> bool {
        matches!(self, Self::Await(_))
    }
}

/// What an object says of its runs.
pub fn terms(object: &DssTask) -> RunTerms<'_> {
    let spec = &object.spec;
    let history = spec.history_limit.and_then(|limit| usize::try_from(limit).ok());
    let ttl = spec.ttl_seconds_after_finished;
    RunTerms {
        connection: ConnectionKey::referred(&spec.instance_ref.instance, object.namespace().as_deref()),
        schedule: spec.schedule.as_deref(),
        time_zone: spec.time_zone.as_deref(),
        suspend: spec.suspend.unwrap_or_default(),
        replaces: spec.concurrency_policy == Some(ConcurrencyPolicy::Replace),
        timeout: spec.timeout.map_or(DEFAULT_TIMEOUT, Duration::from),
        history: history.unwrap_or(DEFAULT_HISTORY).max(1),
        ttl: ttl
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map(Duration::from_secs),
        as_user: spec.as_user.as_deref(),
        observes: spec.management_policy == Some(ManagementPolicy::Observe),
        retains: spec.deletion_policy == Some(TaskDeletionPolicy::Retain),
        output: match doing(object) {
            Doing::Export(export) => Some(&export.config_map_name),
            Doing::Report(report) => Some(&report.config_map_name),
            _ => None,
        },
    }
}

/// What a run does, for people.
pub fn describe(object: &DssTask) -> String {
    match doing(object) {
        Doing::Resync(ResyncUsers {
            logins: Some(logins), ..
        }) => format!("resync {}", some_of("user", logins)),
        Doing::Resync(_) => "resync all users".to_owned(),
        Doing::Provision(provision) => directory::describe(provision),
        Doing::PushBaseImages => "push base images".to_owned(),
        Doing::Unload(_) => "unload notebook sessions".to_owned(),
        Doing::Clear(selected) => format!("clear outputs of {}", in_project(selected)),
        Doing::AbortFutures(_) => "abort futures".to_owned(),
        Doing::Await(AwaitFuture { id }) => format!("wait for future {id}"),
        Doing::Export(export) => format!("export {}", in_project(&export.selected)),
        Doing::Write(write) => format!("write notebook {}/{}", write.project_key, write.notebook),
        Doing::Delete(selected) => format!("delete {}", in_project(selected)),
        Doing::Post(post) => format!("post a discussion of notebook {}/{}", post.project_key, post.notebook),
        Doing::Report(_) => "report who may do what".to_owned(),
        Doing::Nothing => "do nothing".to_owned(),
    }
}

/// What a run does, as a text that is the same for the same doing.
pub fn action(object: &DssTask) -> String {
    let action = serde_json::to_string(&object.spec.action).unwrap_or_default();
    format!("{action} as {:?}", object.spec.as_user)
}

/// A node, for one run of a task.
pub struct Side<'a, P> {
    /// The API in the name of the user that the object acts as.
    pub api: &'a Node<P>,
    /// The API in the name of the connection itself.
    pub own: &'a Node<P>,
    /// What the last sweep showed.
    pub lists: &'a NodeLists,
    /// The present time.
    pub now: Timestamp,
    /// Login of the user that the object acts as.
    pub as_user: Option<&'a str>,
    /// Ids of futures that belong to other objects.
    pub others: &'a [String],
}

/// Whether something of this owner may be ended. Where the node does not tell the owner, it may be somebody who is protected.
pub fn may_end<T: Task>(writes: &Writes<'_, T>, owner: Option<&str>) -> bool {
    match owner {
        Some(owner) => !writes.is_protected(owner),
        None => !writes.protects_somebody(),
    }
}

/// Fails if what an action of both products needs does not exist, or cannot be used.
pub async fn check<P: DipProduct>(side: &Side<'_, P>, doing: &Doing<'_>) -> Result<(), Error> {
    match doing {
        Doing::Resync(resync) => directory::check_users(side, resync),
        Doing::Await(AwaitFuture { id }) => futures::check(side, id).await,
        Doing::Nothing => Err(Error::invalid("the task declares no action")),
        _ => Ok(()),
    }
}

/// Starts an action of both products, or does all of it. `None`: it is none of these.
pub async fn start<T: Task, P: DipProduct>(
    side: &Side<'_, P>,
    writes: &Writes<'_, T>,
    doing: &Doing<'_>,
) -> Result<Option<Progress>, Error> {
    match doing {
        Doing::Resync(resync) => directory::resync(side, writes, resync).await.map(Some),
        Doing::Provision(provision) => directory::provision(side, writes, provision).await.map(Some),
        Doing::AbortFutures(abort) => futures::abort(side, writes, abort).await.map(Some),
        Doing::Await(AwaitFuture { id }) => Ok(Some(Progress::Running(id.clone()))),
        _ => Ok(None),
    }
}

/// What became of the start of an action of both products whose answer was lost.
pub async fn trace<P: DipProduct>(side: &Side<'_, P>, doing: &Doing<'_>, attempt: &Attempt) -> Result<Trace, Error> {
    match doing {
        Doing::Await(AwaitFuture { id }) => Ok(Trace::Found(id.clone())),
        doing if doing.starts_future() => futures::trace(side, attempt).await,
        // What is done already is left out the next time.
        _ => Ok(Trace::Nothing),
    }
}

/// What the node refuses, or fails at, in its own words: no outage.
pub fn is_verdict(error: &ApiError) -> bool {
    use crate::dataiku::error::ErrorKind::{Rejected, Unavailable};
    error.own_words && matches!(error.kind, Unavailable | Rejected)
}

/// A few names, and how many more there are.
pub fn some_of(noun: &str, names: &[String]) -> String {
    const NAMED: usize = 5;
    let plural = if names.len() == 1 { "" } else { "s" };
    let more = match names.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let first: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
    format!("{noun}{plural} {}{more}", first.join(", "))
}

fn in_project(selected: &Notebooks) -> String {
    format!(
        "{} of project {}",
        some_of("notebook", &selected.notebooks),
        selected.project_key
    )
}
