//! [`Task`]: what a kind of task supplies.

use std::{collections::BTreeMap, future::Future, time::Duration};

use jiff::Timestamp;

use super::Writes;
use crate::{
    crd::{
        run::{Attempt, RunPhase, RunStatus},
        status::Nothing,
    },
    dataiku::permit::WritePermit,
    engine::{
        connect::{ConnectionKey, ConnectionKind, Declared},
        error::Error,
        object::Object,
        secrets::{SecretUse, Secrets},
    },
};

/// What an object says of its runs, with defaults in place.
#[allow(clippy::struct_excessive_bools, reason = "independent switches of one object")]
pub struct RunTerms<'a> {
    /// The connection that it uses.
    pub connection: ConnectionKey,
    /// When it runs; `None`: once.
    pub schedule: Option<&'a str>,
    /// Time zone of the schedule; `None`: UTC.
    pub time_zone: Option<&'a str>,
    /// Whether no new run starts.
    pub suspend: bool,
    /// Whether a run that is due aborts one that has not ended, rather than waits for it.
    pub replaces: bool,
    /// Longest time for one run.
    pub timeout: Duration,
    /// Finished runs to show.
    pub history: usize,
    /// When to delete the object after its only run; `None`: never.
    pub ttl: Option<Duration>,
    /// Login of the user in whose name calls are made; `None`: the owner of the connection's credentials.
    pub as_user: Option<&'a str>,
    /// Whether no run starts, and the status shows what is due.
    pub observes: bool,
    /// Whether a run goes on after the object is deleted.
    pub retains: bool,
    /// Name of the `ConfigMap` that a run writes.
    pub output: Option<&'a str>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// How.
    pub phase: RunPhase,
    /// For people.
    pub message: String,
    /// What it did, in numbers.
    pub counts: BTreeMap<String, i64>,
    /// Beginning of the remote side's own result, without anything secret.
    pub result: Option<String>,
    /// What to write into the object's `ConfigMap`, by key. The users' own content: it goes nowhere else.
    pub files: Option<BTreeMap<String, String>>,
}

impl Ending {
    /// An ending of this phase, with nothing but a message.
    pub fn new(phase: RunPhase, message: impl Into<String>) -> Self {
        Self {
            phase,
            message: message.into(),
            counts: BTreeMap::new(),
            result: None,
            files: None,
        }
    }

    /// An ending of a run that could do nothing, for this reason.
    pub fn nothing_done(why: &str) -> Self {
        Self::new(RunPhase::Failed, why)
    }

    /// The same with a number.
    #[must_use]
    pub fn count(mut self, name: &str, number: usize) -> Self {
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        self.counts.insert(name.to_owned(), number);
        self
    }
}

/// What came of the call that starts a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It goes on under this id on the remote side.
    Running(String),
    /// It has ended.
    Ended(Ending),
}

/// What the remote side shows of a start whose answer was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trace {
    /// It runs under this id.
    Found(String),
    /// It was done.
    Done(Ending),
    /// Nothing; it may be started again, since doing it twice is doing it once.
    Nothing,
    /// It cannot be told, for this reason.
    Unclear(String),
}

/// What the remote side shows of a run, without a read that takes something away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poll {
    /// It goes on.
    Running,
    /// It has ended, and its result can be fetched.
    Ready,
    /// It goes on, or it failed: only a fetch of the result tells.
    Unsure,
    /// Somebody aborted it.
    Aborted,
    /// The remote side does not know it.
    Gone,
}

/// What came of fetching a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It goes on.
    Running,
    /// It has ended.
    Ended(Ending),
    /// The remote side does not know it.
    Gone,
}

/// What the calls of a run are given.
pub struct Given<'a, T: Task> {
    /// The object.
    pub object: &'a T::Object,
    /// The API, in the name of the user that the object acts as.
    pub api: &'a <T::Connection as ConnectionKind>::Api,
    /// The API in the name of the connection itself, by which every run can be read and aborted.
    pub own: &'a <T::Connection as ConnectionKind>::Api,
    /// What the last sweep showed.
    pub lists: &'a <T::Connection as ConnectionKind>::Lists,
    /// What the object reads from Secrets and `ConfigMap`s.
    pub secrets: &'a Secrets,
    /// The present time.
    pub now: Timestamp,
    /// Id of the run.
    pub run: &'a str,
    /// Ids of futures that belong to other objects.
    pub others: &'a [String],
}

/// How one kind of task is run.
pub trait Task: Send + Sync + 'static {
    /// The kind of object.
    type Object: Object<Seen = Nothing, Shown = RunStatus>;
    /// The kind of connection.
    type Connection: ConnectionKind;

    /// Whether the object is run by this strategy; `None`: an object that cannot be decoded. Of strategies that share a kind of
    /// object, exactly one takes each object, by a field that never changes.
    fn serves(_object: Option<&Self::Object>) -> bool {
        true
    }
    /// What the object says of its runs.
    fn terms(object: &Self::Object) -> RunTerms<'_>;
    /// What a run does, for people, such as `resync all users`.
    fn describe(object: &Self::Object) -> String;
    /// What a run does, as a text that is the same for the same doing.
    fn action(object: &Self::Object) -> String;
    /// Secrets and `ConfigMap`s that it reads.
    fn sources(object: &Self::Object) -> Vec<SecretUse>;
    /// What it declares, to be judged by the terms of the connection.
    fn declares(object: &Self::Object) -> Declared;
    /// Whether a run is something that the object started, so that it may abort it.
    fn owns_run(object: &Self::Object) -> bool;
    /// Whether the connection lets tasks act as this user. `None`: nobody can tell at the moment.
    fn may_act_as(
        connection: &Self::Connection,
        lists: &<Self::Connection as ConnectionKind>::Lists,
        login: &str,
    ) -> Option<bool>;
    /// The API in the name of a user.
    fn acting_as(
        api: &<Self::Connection as ConnectionKind>::Api,
        login: &str,
    ) -> <Self::Connection as ConnectionKind>::Api;

    /// Fails if what a run needs does not exist, or cannot be used. Only reads.
    fn check(given: &Given<'_, Self>) -> impl Future<Output = Result<(), Error>> + Send
    where
        Self: Sized;
    /// What the remote side lists now that a run could be confused with. Only reads.
    fn listed(given: &Given<'_, Self>) -> impl Future<Output = Result<Vec<String>, Error>> + Send
    where
        Self: Sized;
    /// Starts a run, or does all of it. Where it consists of several writes, it leaves out what is done already.
    fn start(
        given: &Given<'_, Self>,
        writes: &Writes<'_, Self>,
    ) -> impl Future<Output = Result<Progress, Error>> + Send
    where
        Self: Sized;
    /// What became of a start whose answer was lost. Only reads.
    fn trace(given: &Given<'_, Self>, attempt: &Attempt) -> impl Future<Output = Result<Trace, Error>> + Send
    where
        Self: Sized;
    /// The state of a run, without taking its result.
    fn poll(given: &Given<'_, Self>, id: &str) -> impl Future<Output = Result<Poll, Error>> + Send
    where
        Self: Sized;
    /// Fetches the result of a run. The remote side may forget it with that.
    fn take(given: &Given<'_, Self>, id: &str) -> impl Future<Output = Result<Taken, Error>> + Send
    where
        Self: Sized;
    /// How a run of somebody else ended, without taking anything away: `Running` while nothing tells.
    fn look(given: &Given<'_, Self>, id: &str) -> impl Future<Output = Result<Taken, Error>> + Send
    where
        Self: Sized;
    /// Aborts a run; false where the remote side does not know it.
    fn abort(
        given: &Given<'_, Self>,
        permit: WritePermit,
        id: &str,
    ) -> impl Future<Output = Result<bool, Error>> + Send
    where
        Self: Sized;
}
