//! `DssTask` on a DSS node.

mod content;
mod notebooks;
mod report;
mod sessions;

use crate::{
    crd::{DssInstance, DssTask, run::Attempt},
    dataiku::{
        dss::{Dss, DssNode},
        permit::WritePermit,
    },
    engine::{
        Error, SecretUse,
        connect::{ConnectionKind, Declared},
        run::{Ending, Given, Poll, Progress, RunTerms, Taken, Task, Trace, Writes},
    },
    kinds::node::{
        NodeLists,
        task::{self, Doing, Side, doing, futures},
    },
};

/// How tasks of DSS nodes are run.
pub struct DssTasks;

type TaskGiven<'a> = Given<'a, DssTasks>;
type TaskWrites<'a> = Writes<'a, DssTasks>;

fn side<'a>(given: &TaskGiven<'a>) -> Side<'a, DssNode> {
    Side {
        api: given.api,
        own: given.own,
        lists: given.lists,
        now: given.now,
        as_user: given.object.spec.as_user.as_deref(),
        others: given.others,
    }
}

impl Task for DssTasks {
    type Object = DssTask;
    type Connection = DssInstance;

    fn serves(object: Option<&DssTask>) -> bool {
        object.is_none_or(|object| !object.spec.instance_ref.is_govern())
    }

    fn terms(object: &DssTask) -> RunTerms<'_> {
        task::terms(object)
    }

    fn describe(object: &DssTask) -> String {
        task::describe(object)
    }

    fn action(object: &DssTask) -> String {
        task::action(object)
    }

    fn sources(object: &DssTask) -> Vec<SecretUse> {
        match doing(object) {
            Doing::Write(write) => vec![content::source(&write.content_ref)],
            _ => Vec::new(),
        }
    }

    fn declares(object: &DssTask) -> Declared {
        task::declares(object)
    }

    fn owns_run(object: &DssTask) -> bool {
        !doing(object).is_foreign()
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
            Doing::Clear(selected) | Doing::Delete(selected) => notebooks::check(given, selected).await,
            Doing::Export(export) => notebooks::check(given, &export.selected).await,
            Doing::Write(write) => {
                content::read(given)?;
                notebooks::check_project(given, &write.project_key).await
            }
            Doing::Post(post) => notebooks::check_one(given, &post.project_key, &post.notebook).await,
            doing => task::check(&side(given), &doing).await,
        }
    }

    async fn listed(given: &TaskGiven<'_>) -> Result<Vec<String>, Error> {
        match doing(given.object) {
            Doing::Post(post) => notebooks::discussions(given, post).await,
            doing if doing.starts_future() => futures::ids(&side(given)).await,
            _ => Ok(Vec::new()),
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
            doing => {
                let started = task::start(&side(given), writes, &doing).await?;
                Ok(started.unwrap_or_else(|| Progress::Ended(Ending::nothing_done("the task declares no action"))))
            }
        }
    }

    async fn trace(given: &TaskGiven<'_>, attempt: &Attempt) -> Result<Trace, Error> {
        match doing(given.object) {
            Doing::Post(post) => notebooks::trace(given, post, attempt).await,
            Doing::Write(write) => notebooks::trace_write(given, write).await,
            doing => task::trace(&side(given), &doing, attempt).await,
        }
    }

    async fn poll(given: &TaskGiven<'_>, id: &str) -> Result<Poll, Error> {
        futures::poll(&side(given), id).await
    }

    async fn take(given: &TaskGiven<'_>, id: &str) -> Result<Taken, Error> {
        futures::take(&side(given), id).await
    }

    async fn look(given: &TaskGiven<'_>, id: &str) -> Result<Taken, Error> {
        futures::look(&side(given), id).await
    }

    async fn abort(given: &TaskGiven<'_>, permit: WritePermit, id: &str) -> Result<bool, Error> {
        Ok(given.own.abort_long_task(permit, id).await?)
    }
}
