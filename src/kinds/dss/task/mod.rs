//! `DssTask`: something that is done on a DSS node, once or by a schedule.

mod content;
mod declares;
mod directory;
mod futures;
mod notebooks;
mod report;
mod sessions;

use std::time::Duration;

use kube::ResourceExt;

use crate::{
    crd::{
        DssInstance, DssTask,
        common::ManagementPolicy,
        dss_task::{
            AbortFutures, AccessReport, AwaitFuture, ConcurrencyPolicy, DEFAULT_HISTORY, DEFAULT_TIMEOUT,
            ExportNotebooks, Notebooks, PostDiscussion, ProvisionUsers, ResyncUsers, TaskDeletionPolicy,
            UnloadNotebooks, WriteNotebook,
        },
        run::{Attempt, RunPhase},
    },
    dataiku::{dss::Dss, error::ApiError, permit::WritePermit},
    engine::{
        Error, SecretUse,
        connect::{ConnectionKey, ConnectionKind, Declared},
        run::{Ending, Given, Poll, Progress, RunTerms, Taken, Task, Trace, Writes},
    },
    kinds::node::NodeLists,
};

/// How tasks of DSS nodes are run.
pub struct DssTasks;

type TaskGiven<'a> = Given<'a, DssTasks>;
type TaskWrites<'a> = Writes<'a, DssTasks>;

/// The one action of a task.
enum Doing<'a> {
    Resync(&'a ResyncUsers),
    Provision(&'a ProvisionUsers),
    PushBaseImages,
    Unload(&'a UnloadNotebooks),
    Clear(&'a Notebooks),
    AbortFutures(&'a AbortFutures),
    Await(&'a AwaitFuture),
    Export(&'a ExportNotebooks),
    Write(&'a WriteNotebook),
    Delete(&'a Notebooks),
    Post(&'a PostDiscussion),
    Report(&'a AccessReport),
    /// None, which the schema refuses.
    Nothing,
}

fn doing(object: &DssTask) -> Doing<'_> {
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
    fn starts_future(&self) -> bool {
        matches!(self, Self::Resync(_) | Self::Provision(_) | Self::PushBaseImages)
    }
}

/// What the node refuses, or fails at, in its own words: no outage.
fn is_verdict(error: &ApiError) -> bool {
    use crate::dataiku::error::ErrorKind::{Rejected, Unavailable};
    error.own_words && matches!(error.kind, Unavailable | Rejected)
}

impl Task for DssTasks {
    type Object = DssTask;
    type Connection = DssInstance;

    fn terms(object: &DssTask) -> RunTerms<'_> {
        let spec = &object.spec;
        let history = spec.history_limit.and_then(|limit| usize::try_from(limit).ok());
        let ttl = spec.ttl_seconds_after_finished;
        RunTerms {
            connection: ConnectionKey::referred(&spec.instance_ref, object.namespace().as_deref()),
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

    fn describe(object: &DssTask) -> String {
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

    fn action(object: &DssTask) -> String {
        let action = serde_json::to_string(&object.spec.action).unwrap_or_default();
        format!("{action} as {:?}", object.spec.as_user)
    }

    fn sources(object: &DssTask) -> Vec<SecretUse> {
        match doing(object) {
            Doing::Write(write) => vec![content::source(&write.content_ref)],
            _ => Vec::new(),
        }
    }

    fn declares(object: &DssTask) -> Declared {
        declares::declares(object)
    }

    fn owns_run(object: &DssTask) -> bool {
        !matches!(doing(object), Doing::Await(_))
    }

    fn may_act_as(connection: &DssInstance, lists: &NodeLists, login: &str) -> Option<bool> {
        let Some(allowed) = &connection.spec.act_as else {
            return Some(false);
        };
        if allowed.logins.iter().any(|one| one == login) {
            return Some(true);
        }
        if allowed.groups.is_empty() {
            return Some(false);
        }
        let groups = DssInstance::memberships(lists, login)?;
        Some(groups.iter().any(|group| allowed.groups.contains(group)))
    }

    fn acting_as(api: &Dss, login: &str) -> Dss {
        api.acting_as(login)
    }

    async fn check(given: &TaskGiven<'_>) -> Result<(), Error> {
        match doing(given.object) {
            Doing::Resync(resync) => directory::check_users(given, resync),
            Doing::Clear(selected) | Doing::Delete(selected) => notebooks::check(given, selected).await,
            Doing::Export(export) => notebooks::check(given, &export.selected).await,
            Doing::Write(write) => {
                content::read(given)?;
                notebooks::check_project(given, &write.project_key).await
            }
            Doing::Post(post) => notebooks::check_one(given, &post.project_key, &post.notebook).await,
            Doing::Await(AwaitFuture { id }) => futures::check(given, id).await,
            Doing::Provision(_)
            | Doing::PushBaseImages
            | Doing::Unload(_)
            | Doing::AbortFutures(_)
            | Doing::Report(_) => Ok(()),
            Doing::Nothing => Err(Error::invalid("the task declares no action")),
        }
    }

    async fn listed(given: &TaskGiven<'_>) -> Result<Vec<String>, Error> {
        match doing(given.object) {
            Doing::Post(post) => notebooks::discussions(given, post).await,
            doing if doing.starts_future() => futures::ids(given).await,
            _ => Ok(Vec::new()),
        }
    }

    async fn start(given: &TaskGiven<'_>, writes: &TaskWrites<'_>) -> Result<Progress, Error> {
        match doing(given.object) {
            Doing::Resync(resync) => directory::resync(given, writes, resync).await,
            Doing::Provision(provision) => directory::provision(given, writes, provision).await,
            Doing::PushBaseImages => {
                let send = |permit| given.api.push_base_images(permit);
                let answer = writes.send("push base images", send).await?;
                Ok(futures::progress(given, answer))
            }
            Doing::Unload(unload) => sessions::unload(given, writes, unload).await,
            Doing::Clear(selected) => notebooks::clear(given, writes, selected).await,
            Doing::AbortFutures(abort) => futures::abort(given, writes, abort).await,
            Doing::Await(AwaitFuture { id }) => Ok(Progress::Running(id.clone())),
            Doing::Export(export) => notebooks::export(given, export).await,
            Doing::Write(write) => notebooks::write(given, writes, write).await,
            Doing::Delete(selected) => notebooks::delete(given, writes, selected).await,
            Doing::Post(post) => notebooks::post(given, writes, post).await,
            Doing::Report(wanted) => report::report(given, wanted).await,
            Doing::Nothing => Ok(Progress::Ended(Ending::new(
                RunPhase::Failed,
                "the task declares no action",
            ))),
        }
    }

    async fn trace(given: &TaskGiven<'_>, attempt: &Attempt) -> Result<Trace, Error> {
        match doing(given.object) {
            Doing::Post(post) => notebooks::trace(given, post, attempt).await,
            Doing::Write(write) => notebooks::trace_write(given, write).await,
            Doing::Await(AwaitFuture { id }) => Ok(Trace::Found(id.clone())),
            doing if doing.starts_future() => futures::trace(given, attempt).await,
            // What is done already is left out the next time.
            _ => Ok(Trace::Nothing),
        }
    }

    async fn poll(given: &TaskGiven<'_>, id: &str) -> Result<Poll, Error> {
        futures::poll(given, id).await
    }

    async fn take(given: &TaskGiven<'_>, id: &str) -> Result<Taken, Error> {
        futures::take(given, id).await
    }

    async fn abort(given: &TaskGiven<'_>, permit: WritePermit, id: &str) -> Result<bool, Error> {
        Ok(given.own.abort_long_task(permit, id).await?)
    }
}

/// A few names, and how many more there are.
fn some_of(noun: &str, names: &[String]) -> String {
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
