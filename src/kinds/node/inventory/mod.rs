//! The slower lists of a node, read beside the sweep and less often. No sweep waits for one of them; they take no slot of the
//! connection, and one that cannot be read costs nothing but its own part of the status.

mod census;
mod in_use;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{task::JoinHandle, time::Instant};

pub use self::census::{Census, entries};
pub(super) use self::{
    census::Scene,
    in_use::{shown, unreadable},
};
use super::{
    NodeKind, NodeLists,
    key::{Owner, owner},
};
use crate::{
    dataiku::{
        dip::{Node, keys::KeyRecord, running::RunningTask},
        dss::{
            running::{RunningJob, RunningNotebook},
            usage::UsageSummary,
        },
        error::{ApiError, ErrorKind},
        listed::Listed,
    },
    engine::connect::lists::Shared,
};

/// Longest time for one reading of several lists.
const DEADLINE: Duration = Duration::from_mins(10);

/// Why a list is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lack(ErrorKind);

impl Lack {
    /// Whether the release of the node has no such list.
    pub fn is_not_offered(self) -> bool {
        self.0 == ErrorKind::NotFound
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ErrorKind::NotFound => f.write_str("this release has no such list"),
            ErrorKind::Forbidden | ErrorKind::Unauthorized => f.write_str("the API key lacks the right"),
            kind => f.write_str(&kind.label().replace('_', " ")),
        }
    }
}

/// One list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Part<T> {
    /// It was not read yet, or the product does not have it.
    #[default]
    Unread,
    /// As it was last read.
    Read(T),
    /// It could not be read.
    Failed(Lack),
}

impl<T> Part<T> {
    /// The list, where it could be read.
    pub fn read(&self) -> Option<&T> {
        match self {
            Self::Read(list) => Some(list),
            Self::Unread | Self::Failed(_) => None,
        }
    }

    fn lack(&self) -> Option<Lack> {
        match self {
            Self::Failed(lack) => Some(*lack),
            Self::Unread | Self::Read(_) => None,
        }
    }

    fn map<U>(self, change: impl FnOnce(T) -> U) -> Part<U> {
        match self {
            Self::Unread => Part::Unread,
            Self::Read(list) => Part::Read(change(list)),
            Self::Failed(lack) => Part::Failed(lack),
        }
    }
}

/// What counts of an API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFacts {
    /// Id.
    id: String,
    /// The object in the mark of its description.
    owner: Option<Owner>,
    /// Whether it has the admin right of its own.
    admin: bool,
    /// Groups whose rights it has.
    groups: Vec<String>,
    /// User as whom it acts.
    user: Option<String>,
    /// End of validity, in milliseconds since the epoch.
    expires: Option<i64>,
}

impl From<KeyRecord> for KeyFacts {
    fn from(key: KeyRecord) -> Self {
        let permissions = key.global_permissions.as_ref();
        Self {
            owner: owner(key.description.as_deref().unwrap_or_default()),
            admin: permissions.and_then(|flags| flags.get("admin")) == Some(&true),
            groups: key.groups.unwrap_or_default(),
            user: key.user,
            expires: key.expires_on.filter(|time| *time > 0),
            id: key.id,
        }
    }
}

/// Marks of impersonation rules, by which objects declare them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// For users.
    pub user: Vec<String>,
    /// For groups.
    pub group: Vec<String>,
}

/// The slower lists.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Activity of users; the list itself is in [`NodeLists::activity`].
    activity: Part<()>,
    /// Global keys.
    global_keys: Part<Listed<KeyFacts>>,
    /// Personal keys.
    personal_keys: Part<Listed<KeyFacts>>,
    /// Numbers of objects.
    usage: Part<UsageSummary>,
    /// Impersonation rules.
    rules: Part<Rules>,
    /// Whether every list was asked for once.
    complete: bool,
}

/// What runs on the node.
#[derive(Clone, Debug, Default)]
pub struct Running {
    /// When this was read; `None`: not yet.
    at: Option<Instant>,
    /// Long tasks and runs of scenarios.
    tasks: Part<Listed<RunningTask>>,
    /// Jobs; `None` where the product has none.
    pub jobs: Option<Part<Listed<RunningJob>>>,
    /// Notebooks; `None` where the product has none.
    pub notebooks: Option<Part<Listed<RunningNotebook>>>,
}

/// When the next reading is due.
#[derive(Default)]
struct Pace(Mutex<Option<(Instant, JoinHandle<()>)>>);

impl Pace {
    /// Starts a reading if the last one is over and began this long ago.
    fn start<F: Future<Output = ()> + Send + 'static>(&self, interval: Duration, reading: impl FnOnce() -> F) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = last
            .as_ref()
            .is_some_and(|(began, reading)| !reading.is_finished() || began.elapsed() < interval);
        if !waits {
            *last = Some((Instant::now(), tokio::spawn(reading())));
        }
    }

    /// Whether the last reading began less than this long ago.
    fn began_within(&self, time: Duration) -> bool {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().is_some_and(|(began, _)| began.elapsed() < time)
    }
}

/// The slower lists of a node, as they were last read.
#[derive(Default)]
pub struct Inventory {
    found: Shared<Found>,
    running: Shared<Running>,
    census: Shared<Census>,
    slow: Pace,
    quick: Pace,
}

impl Inventory {
    /// What the last sweep counted.
    pub fn census(&self) -> Arc<Census> {
        self.census.get()
    }
}

/// One reading of several lists.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    inventory: &'a Inventory,
    until: Instant,
}

impl Reading<'_> {
    /// Reads one list.
    pub async fn part<T>(&self, call: impl Future<Output = Result<T, ApiError>>) -> Part<T> {
        let error = match tokio::time::timeout_at(self.until, call).await {
            Ok(Ok(list)) => return Part::Read(list),
            Ok(Err(error)) => error.kind,
            Err(_) => ErrorKind::Timeout,
        };
        Part::Failed(Lack(error))
    }

    /// Takes in the personal keys.
    pub fn personal_keys(&self, keys: Part<Listed<KeyRecord>>) {
        self.store(|found| found.personal_keys = keys.map(|keys| keys.map(KeyFacts::from)));
    }

    /// Takes in the numbers of objects.
    pub fn usage(&self, usage: Part<UsageSummary>) {
        self.store(|found| found.usage = usage);
    }

    /// Takes in the impersonation rules. `Err`: the settings have something else where the rules are.
    pub fn rules<E>(&self, rules: Part<Result<Rules, E>>) {
        let rules = match rules {
            Part::Read(Ok(rules)) => Part::Read(rules),
            Part::Read(Err(_)) => Part::Failed(Lack(ErrorKind::Malformed)),
            Part::Failed(lack) => Part::Failed(lack),
            Part::Unread => Part::Unread,
        };
        self.store(|found| found.rules = rules);
    }

    fn store(&self, store: impl FnOnce(&mut Found)) {
        self.inventory.found.edit(store);
    }
}

/// How often to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Intervals {
    /// The slower lists.
    pub(super) slow: Duration,
    /// What runs.
    pub(super) running: Duration,
}

/// Starts the readings that are due, each in a task of its own.
pub(super) fn refresh<K: NodeKind>(api: &Node<K::Product>, lists: &Arc<<K as NodeKind>::Lists>, intervals: Intervals) {
    let inventory = &inventory::<K>(lists);
    let shared = || (api.clone(), lists.clone());
    inventory.quick.start(intervals.running, || {
        let (api, lists) = shared();
        async move { read_running::<K>(&api, &lists).await }
    });
    inventory.slow.start(intervals.slow, || {
        let (api, lists) = shared();
        async move { read_slow::<K>(&api, &lists).await }
    });
}

fn inventory<K: NodeKind>(lists: &<K as NodeKind>::Lists) -> &Inventory {
    let lists: &NodeLists = lists.as_ref();
    &lists.inventory
}

async fn read_running<K: NodeKind>(api: &Node<K::Product>, lists: &<K as NodeKind>::Lists) {
    let inventory = inventory::<K>(lists);
    let began = Instant::now();
    let reading = Reading {
        inventory,
        until: began + DEADLINE,
    };
    let mut running = Running {
        at: Some(began),
        ..Running::default()
    };
    let tasks = reading.part(api.running_tasks(false)).await;
    running.tasks = match reading.part(api.running_tasks(true)).await {
        Part::Read(scenarios) => tasks.map(|mut tasks| {
            tasks.items.extend(scenarios.items);
            tasks.unreadable += scenarios.unreadable;
            tasks
        }),
        failed => failed,
    };
    K::read_running(api, reading, &mut running).await;
    inventory.running.set(running);
}

async fn read_slow<K: NodeKind>(api: &Node<K::Product>, lists: &<K as NodeKind>::Lists) {
    let inventory = inventory::<K>(lists);
    let reading = Reading {
        inventory,
        until: Instant::now() + DEADLINE,
    };
    let activity = reading.part(api.users_activity()).await;
    let activity = activity.map(|listed| {
        let lists: &NodeLists = lists.as_ref();
        lists.activity.set(listed);
    });
    reading.store(|found| found.activity = activity);
    let keys = reading.part(api.global_keys()).await;
    reading.store(|found| found.global_keys = keys.map(|keys| keys.map(KeyFacts::from)));
    K::read_inventory(api, reading).await;
    reading.store(|found| found.complete = true);
}
