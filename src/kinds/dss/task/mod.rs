//! `DssTask` on a DSS node.

mod content;
mod notebooks;
mod report;
mod sessions;

use crate::{
    crd::{DssInstance, DssTask, run::Attempt},
    engine::{
        Error, SecretUse,
        connect::ConnectionKind,
        run::{Progress, Trace},
    },
    kinds::node::{
        NodeLists,
        task::{
            Doing, doing, futures,
            tasks::{self, NodeTasks, Tasks, shared_check, shared_listed, shared_start, shared_trace, side},
        },
    },
};

/// How tasks of DSS nodes are run.
pub type DssTasks = Tasks<DssInstance>;

type TaskGiven<'a> = tasks::TaskGiven<'a, DssInstance>;
type TaskWrites<'a> = tasks::TaskWrites<'a, DssInstance>;

impl NodeTasks for DssInstance {
    const NO_SUCH_ACTION: &'static str = "the task declares no action";

    fn serves(object: Option<&DssTask>) -> bool {
        object.is_none_or(|object| !object.spec.instance_ref.is_govern())
    }

    fn has(_: &Doing<'_>) -> bool {
        true
    }

    fn sources(object: &DssTask) -> Vec<SecretUse> {
        match doing(object) {
            Doing::Write(write) => vec![content::source(&write.content_ref)],
            _ => Vec::new(),
        }
    }

    fn may_act_as(connection: &Self, lists: &NodeLists, login: &str) -> Option<bool> {
        let Some(allowed) = &connection.spec.act_as else {
            return Some(false);
        };
        if allowed.logins.iter().any(|one| one == login) {
            return Some(true);
        }
        if allowed.groups.is_empty() {
            return Some(false);
        }
        let groups = Self::memberships(lists, login)?;
        Some(groups.iter().any(|group| allowed.groups.contains(group)))
    }

    async fn check(given: &TaskGiven<'_>) -> Result<(), Error> {
        match doing(given.object) {
            Doing::Clear(selected) | Doing::Delete(selected) => notebooks::check(given, selected).await,
            Doing::Export(export) => notebooks::check(given, &export.selected).await,
            Doing::Write(write) => {
                content::read(given)?;
                notebooks::check_project(given, &write.project_key).await
            }
            Doing::Post(post) => notebooks::check_one(given, &post.project_key, &post.notebook).await,
            _ => shared_check(given).await,
        }
    }

    async fn listed(given: &TaskGiven<'_>) -> Result<Vec<String>, Error> {
        match doing(given.object) {
            Doing::Post(post) => notebooks::discussions(given, post).await,
            _ => shared_listed(given).await,
        }
    }

    async fn start(given: &TaskGiven<'_>, writes: &TaskWrites<'_>) -> Result<Progress, Error> {
        match doing(given.object) {
            Doing::PushBaseImages => {
                let send = |permit| given.api.push_base_images(permit);
                let answer = writes.send("push base images", send).await?;
                Ok(futures::progress(&side(given), answer))
            }
            Doing::Unload(unload) => sessions::unload(given, writes, unload).await,
            Doing::Clear(selected) => notebooks::clear(given, writes, selected).await,
            Doing::Export(export) => notebooks::export(given, export).await,
            Doing::Write(write) => notebooks::write(given, writes, write).await,
            Doing::Delete(selected) => notebooks::delete(given, writes, selected).await,
            Doing::Post(post) => notebooks::post(given, writes, post).await,
            Doing::Report(wanted) => report::report(given, wanted).await,
            _ => shared_start(given, writes).await,
        }
    }

    async fn trace(given: &TaskGiven<'_>, attempt: &Attempt) -> Result<Trace, Error> {
        match doing(given.object) {
            Doing::Post(post) => notebooks::trace(given, post, attempt).await,
            Doing::Write(write) => notebooks::trace_write(given, write).await,
            _ => shared_trace(given, attempt).await,
        }
    }
}
