//! A remote side in memory, which counts its writes and fails as it is told.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::Semaphore;

use crate::{
    dataiku::{
        error::{ApiError, ErrorKind},
        gate::{Breaker, Lane},
        permit::WritePermit,
    },
    engine::connect::Api,
};

/// A widget of the remote side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remotely {
    pub enabled: bool,
    pub groups: BTreeSet<String>,
    pub password: Option<String>,
    /// Who logged in last: a member that nobody manages.
    pub visits: u32,
}

/// One write that reached the remote side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub operation: &'static str,
    pub key: String,
    pub enabled: Option<bool>,
}

/// What a write meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The remote side executes it, and the answer is lost.
    LostAfterCommit,
    /// The answer is lost, and the remote side executes it after this time.
    CommitsLater(Duration),
    /// The answer never comes, and the remote side executes it after this time.
    Hangs(Duration),
    /// The remote side refuses it.
    Rejected,
    /// The remote side is limiting calls.
    RateLimited,
    /// The remote side fails in its own words, without executing it.
    OwnError,
    /// The remote side says yes and stores nothing.
    Ignored,
    /// The operator itself fails, in words that quote the value it was about to send.
    Panics,
}

/// A remote side.
pub struct World {
    pub widgets: Mutex<BTreeMap<String, Remotely>>,
    pub sent: Mutex<Vec<Sent>>,
    pub faults: Mutex<Vec<Fault>>,
    pub latency: Mutex<Duration>,
    pub reachable: Mutex<bool>,
    pub sweeps: Mutex<u32>,
    /// Groups with the flag `admin`; `None`: the list of groups cannot be read.
    pub privileged: Mutex<Option<BTreeSet<String>>>,
    calls: AtomicUsize,
    gate: Semaphore,
}

static WORLDS: LazyLock<Mutex<HashMap<String, Arc<World>>>> = LazyLock::new(Mutex::default);

impl World {
    /// The world behind this address.
    pub fn at(url: &str) -> Arc<Self> {
        let mut worlds = WORLDS.lock().unwrap();
        let world = worlds.entry(url.to_owned()).or_insert_with(|| {
            Arc::new(Self {
                widgets: Mutex::default(),
                sent: Mutex::default(),
                faults: Mutex::default(),
                latency: Mutex::default(),
                reachable: Mutex::new(true),
                sweeps: Mutex::default(),
                privileged: Mutex::new(Some(BTreeSet::from(["administrators".to_owned()]))),
                calls: AtomicUsize::new(0),
                gate: Semaphore::new(2),
            })
        });
        world.clone()
    }

    pub fn get(&self, key: &str) -> Option<Remotely> {
        self.widgets.lock().unwrap().get(key).cloned()
    }

    pub fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }

    pub fn count(&self, operation: &str) -> usize {
        self.sent().iter().filter(|sent| sent.operation == operation).count()
    }

    pub fn next_faults(&self, faults: &[Fault]) {
        self.faults.lock().unwrap().extend(faults);
    }

    /// Calls so far, reads included.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    pub async fn call(&self) -> Result<(), ApiError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let latency = *self.latency.lock().unwrap();
        tokio::time::sleep(latency).await;
        if *self.reachable.lock().unwrap() {
            Ok(())
        } else {
            Err(error(ErrorKind::Unreachable, None))
        }
    }
}

pub fn error(kind: ErrorKind, status: Option<u16>) -> ApiError {
    let mut error = ApiError::new("PUT /widgets/{key}", kind, "");
    error.status = status;
    error.own_words = kind == ErrorKind::Unavailable;
    error
}

/// The API of a world.
#[derive(Clone)]
pub struct Toy(pub Arc<World>);

impl Api for Toy {
    fn in_lane(&self, _: Lane) -> Self {
        self.clone()
    }

    /// A side that does not answer is not called.
    fn breaker(&self) -> Breaker {
        if *self.0.reachable.lock().unwrap() {
            Breaker::Closed
        } else {
            Breaker::Open
        }
    }
}

impl Toy {
    pub async fn write(
        &self,
        permit: WritePermit,
        operation: &'static str,
        key: &str,
        widget: Option<Remotely>,
    ) -> Result<(), ApiError> {
        let world = self.0.clone();
        let _slot = world.gate.acquire().await.unwrap();
        if !permit.is_valid() {
            return Err(error(ErrorKind::Withdrawn, None));
        }
        world.sent.lock().unwrap().push(Sent {
            operation,
            key: key.to_owned(),
            enabled: widget.as_ref().map(|widget| widget.enabled),
        });
        world.call().await?;
        let fault = {
            let mut faults = world.faults.lock().unwrap();
            (!faults.is_empty()).then(|| faults.remove(0))
        };
        let secret = widget
            .as_ref()
            .and_then(|widget| widget.password.clone())
            .unwrap_or_default();
        let taken = operation == "create" && world.get(key).is_some();
        let (committed, key) = (world.clone(), key.to_owned());
        let commit = move || {
            let mut widgets = committed.widgets.lock().unwrap();
            match widget {
                Some(widget) => widgets.insert(key, widget),
                None => widgets.remove(&key),
            };
        };
        match fault {
            _ if taken => Err(error(ErrorKind::AlreadyExists, Some(409))),
            None => {
                commit();
                Ok(())
            }
            Some(Fault::LostAfterCommit) => {
                commit();
                Err(error(ErrorKind::Lost, None))
            }
            Some(Fault::CommitsLater(after)) => {
                tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    commit();
                });
                Err(error(ErrorKind::Timeout, None))
            }
            Some(Fault::Hangs(after)) => {
                tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    commit();
                });
                std::future::pending().await
            }
            Some(Fault::Rejected) => Err(error(ErrorKind::Rejected, Some(400))),
            Some(Fault::RateLimited) => Err(error(ErrorKind::RateLimited, Some(429))),
            Some(Fault::OwnError) => Err(error(ErrorKind::Unavailable, Some(500))),
            Some(Fault::Ignored) => Ok(()),
            Some(Fault::Panics) => panic!("cannot send {secret}"),
        }
    }
}
