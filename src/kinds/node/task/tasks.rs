//! How tasks of nodes are run: the same on every node but for the actions that only one product has.

use std::{future::Future, marker::PhantomData};

use super::{Doing, Side, doing, futures};
use crate::{
    crd::{DssTask, run::Attempt},
    dataiku::{dip::Node, permit::WritePermit},
    engine::{
        Error, SecretUse,
        connect::Declared,
        run::{Ending, Given, Poll, Progress, RunTerms, Taken, Task, Trace, Writes},
    },
    kinds::node::NodeKind,
};

/// How tasks of the nodes behind one kind of connection are run.
pub struct Tasks<K>(PhantomData<fn() -> K>);

/// What the calls of a run are given.
pub type TaskGiven<'a, K> = Given<'a, Tasks<K>>;
/// What a run writes through.
pub type TaskWrites<'a, K> = Writes<'a, Tasks<K>>;

/// A kind of connection whose nodes run tasks. The defaults are for a product that has no actions of its own.
pub trait NodeTasks: NodeKind {
    /// Why a run does nothing whose action this product does not have.
    const NO_SUCH_ACTION: &'static str;

    /// Whether the task is one of these nodes; `None`: an object that cannot be decoded.
    fn serves(object: Option<&DssTask>) -> bool;
    /// Whether the product has this action, of those that all products share.
    fn has(doing: &Doing<'_>) -> bool;
    /// Secrets and `ConfigMap`s that a task reads.
    fn sources(_object: &DssTask) -> Vec<SecretUse> {
        Vec::new()
    }
    /// Whether the connection lets tasks act as this user. `None`: nobody can tell at the moment. By default it has no list of
    /// such users.
    fn may_act_as(_connection: &Self, _lists: &<Self as NodeKind>::Lists, _login: &str) -> Option<bool> {
        Some(false)
    }
    /// Fails if what a run needs does not exist, or cannot be used.
    fn check(given: &TaskGiven<'_, Self>) -> impl Future<Output = Result<(), Error>> + Send {
        shared_check(given)
    }
    /// What the node lists now that a run could be confused with.
    fn listed(given: &TaskGiven<'_, Self>) -> impl Future<Output = Result<Vec<String>, Error>> + Send {
        shared_listed(given)
    }
    /// Starts a run, or does all of it.
    fn start(
        given: &TaskGiven<'_, Self>,
        writes: &TaskWrites<'_, Self>,
    ) -> impl Future<Output = Result<Progress, Error>> + Send {
        shared_start(given, writes)
    }
    /// What became of a start whose answer was lost.
    fn trace(given: &TaskGiven<'_, Self>, attempt: &Attempt) -> impl Future<Output = Result<Trace, Error>> + Send {
        shared_trace(given, attempt)
    }
}

/// The node, for one run.
pub fn side<'a, K: NodeTasks>(given: &TaskGiven<'a, K>) -> Side<'a, K::Product> {
    Side {
        api: given.api,
        own: given.own,
        lists: given.lists.as_ref(),
        now: given.now,
        as_user: given.object.spec.as_user.as_deref(),
        others: given.others,
    }
}

/// The check of an action that all products share.
///
/// # Errors
/// The product does not have the action, or what the run needs cannot be used.
pub async fn shared_check<K: NodeTasks>(given: &TaskGiven<'_, K>) -> Result<(), Error> {
    match doing(given.object) {
        doing if K::has(&doing) => super::check(&side(given), &doing).await,
        _ => Err(Error::invalid(K::NO_SUCH_ACTION)),
    }
}

/// What the node lists that a run of a shared action could be confused with.
///
/// # Errors
/// The call fails.
pub async fn shared_listed<K: NodeTasks>(given: &TaskGiven<'_, K>) -> Result<Vec<String>, Error> {
    match doing(given.object) {
        doing if doing.starts_future() => futures::ids(&side(given)).await,
        _ => Ok(Vec::new()),
    }
}

/// Starts a shared action.
///
/// # Errors
/// The call fails.
pub async fn shared_start<K: NodeTasks>(
    given: &TaskGiven<'_, K>,
    writes: &TaskWrites<'_, K>,
) -> Result<Progress, Error> {
    let started = super::start(&side(given), writes, &doing(given.object)).await?;
    Ok(started.unwrap_or_else(|| Progress::Ended(Ending::nothing_done(K::NO_SUCH_ACTION))))
}

/// What became of the start of a shared action whose answer was lost.
///
/// # Errors
/// The call fails.
pub async fn shared_trace<K: NodeTasks>(given: &TaskGiven<'_, K>, attempt: &Attempt) -> Result<Trace, Error> {
    super::trace(&side(given), &doing(given.object), attempt).await
}

impl<K: NodeTasks> Task for Tasks<K> {
    type Object = DssTask;
    type Connection = K;

    fn serves(object: Option<&DssTask>) -> bool {
        K::serves(object)
    }

    fn terms(object: &DssTask) -> RunTerms<'_> {
        super::terms(object)
    }

    fn describe(object: &DssTask) -> String {
        super::describe(object)
    }

    fn action(object: &DssTask) -> String {
        super::action(object)
    }

    fn sources(object: &DssTask) -> Vec<SecretUse> {
        K::sources(object)
    }

    fn declares(object: &DssTask) -> Declared {
        super::declares(object)
    }

    fn owns_run(object: &DssTask) -> bool {
        !doing(object).is_foreign()
    }

    fn may_act_as(connection: &K, lists: &<K as NodeKind>::Lists, login: &str) -> Option<bool> {
        K::may_act_as(connection, lists, login)
    }

    fn acting_as(api: &Node<K::Product>, login: &str) -> Node<K::Product> {
        api.acting_as(login)
    }

    async fn check(given: &TaskGiven<'_, K>) -> Result<(), Error> {
        K::check(given).await
    }

    async fn listed(given: &TaskGiven<'_, K>) -> Result<Vec<String>, Error> {
        K::listed(given).await
    }

    async fn start(given: &TaskGiven<'_, K>, writes: &TaskWrites<'_, K>) -> Result<Progress, Error> {
        K::start(given, writes).await
    }

    async fn trace(given: &TaskGiven<'_, K>, attempt: &Attempt) -> Result<Trace, Error> {
        K::trace(given, attempt).await
    }

    async fn poll(given: &TaskGiven<'_, K>, id: &str) -> Result<Poll, Error> {
        futures::poll(&side(given), id).await
    }

    async fn take(given: &TaskGiven<'_, K>, id: &str) -> Result<Taken, Error> {
        futures::take(&side(given), id).await
    }

    async fn look(given: &TaskGiven<'_, K>, id: &str) -> Result<Taken, Error> {
        futures::look(&side(given), id).await
    }

    async fn abort(given: &TaskGiven<'_, K>, permit: WritePermit, id: &str) -> Result<bool, Error> {
        Ok(given.own.abort_long_task(permit, id).await?)
    }
}
