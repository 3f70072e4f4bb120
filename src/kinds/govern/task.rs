//! `DssTask` on a Govern node: users of directories and futures, as on a DSS node.

use crate::{
    crd::{DssTask, GovernInstance, run::Attempt},
    dataiku::{
        govern::{Govern, GovernNode},
        permit::WritePermit,
    },
    engine::{
        Error, SecretUse,
        connect::Declared,
        run::{Ending, Given, Poll, Progress, RunTerms, Taken, Task, Trace, Writes},
    },
    kinds::{
        govern::lists::GovernLists,
        node::task::{self, Doing, Side, doing, futures},
    },
};

/// How tasks of Govern nodes are run.
pub struct GovernTasks;

type TaskGiven<'a> = Given<'a, GovernTasks>;

const NO_SUCH_ACTION: &str = "a Govern node takes resyncUsers, provisionUsers, abortFutures and awaitFuture";

fn side<'a>(given: &TaskGiven<'a>) -> Side<'a, GovernNode> {
    Side {
        api: given.api,
        own: given.own,
        lists: given.lists.as_ref(),
        now: given.now,
        as_user: given.object.spec.as_user.as_deref(),
        others: given.others,
    }
}

impl Task for GovernTasks {
    type Object = DssTask;
    type Connection = GovernInstance;

    fn serves(object: Option<&DssTask>) -> bool {
        object.is_some_and(|object| object.spec.instance_ref.is_govern())
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

    fn sources(_: &DssTask) -> Vec<SecretUse> {
        Vec::new()
    }

    fn declares(object: &DssTask) -> Declared {
        task::declares(object)
    }

    fn owns_run(object: &DssTask) -> bool {
        !doing(object).is_foreign()
    }

    /// The connection has no list of them.
    fn may_act_as(_: &GovernInstance, _: &GovernLists, _: &str) -> Option<bool> {
        Some(false)
    }

    fn acting_as(api: &Govern, login: &str) -> Govern {
        api.acting_as(login)
    }

    async fn check(given: &TaskGiven<'_>) -> Result<(), Error> {
        match doing(given.object) {
            doing @ (Doing::Resync(_) | Doing::Provision(_) | Doing::AbortFutures(_) | Doing::Await(_)) => {
                task::check(&side(given), &doing).await
            }
            _ => Err(Error::invalid(NO_SUCH_ACTION)),
        }
    }

    async fn listed(given: &TaskGiven<'_>) -> Result<Vec<String>, Error> {
        match doing(given.object) {
            doing if doing.starts_future() => futures::ids(&side(given)).await,
            _ => Ok(Vec::new()),
        }
    }

    async fn start(given: &TaskGiven<'_>, writes: &Writes<'_, Self>) -> Result<Progress, Error> {
        let started = task::start(&side(given), writes, &doing(given.object)).await?;
        Ok(started.unwrap_or_else(|| Progress::Ended(Ending::nothing_done(NO_SUCH_ACTION))))
    }

    async fn trace(given: &TaskGiven<'_>, attempt: &Attempt) -> Result<Trace, Error> {
        task::trace(&side(given), &doing(given.object), attempt).await
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
