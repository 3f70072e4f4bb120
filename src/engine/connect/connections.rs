//! Live connections of one kind: which exist, which are in force, and who may use them.

mod eviction;
mod known;
mod loss;
mod readings;
mod reports;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, atomic::Ordering},
    time::Duration,
};

use kube::core::DeserializeGuard;

use jiff::Timestamp;
use tokio::time::Instant;

use self::loss::Loss;
use super::{
    ConnectionKey, ConnectionKind, Dependent, Live, Place,
    admission::{Admission, Queue, Queues},
    audit::Trail,
    delegation::Privileges,
    guard::Guard,
    kind,
    orphans::Ledger,
    windows::{Window, Windows},
};
use crate::{
    dataiku::transport::ListAccount,
    engine::{
        error::{Error, Reason, Refused},
        meters::Meters,
        namespaces::{Match, Namespaces},
        object::{self, Objects, WatchState},
        scope::Scope,
        secrets::Secrets,
        shared::writer::Writers,
        watched::Watched,
    },
};

/// A connection object as the watch last brought it. Decoded, or it would not be found.
pub struct Found<C: ConnectionKind>(Arc<DeserializeGuard<C>>);

impl<C: ConnectionKind> Found<C> {
    fn new(guard: Arc<DeserializeGuard<C>>) -> Option<Self> {
        guard.0.is_ok().then_some(Self(guard))
    }
}

impl<C: ConnectionKind> std::ops::Deref for Found<C> {
    type Target = C;

    fn deref(&self) -> &C {
        match &self.0.0 {
            Ok(object) => object,
            Err(_) => unreachable!("only a decoded object is found"),
        }
    }
}

/// What the watch knows of a connection object.
pub enum Lookup<C: ConnectionKind> {
    /// The first list is not complete, or the object cannot be decoded.
    Unknown,
    /// It does not exist.
    Absent,
    /// It would be in a namespace that is not watched.
    Outside,
    /// It would be in a namespace in which the operator may not list connections.
    Hidden,
    /// It exists.
    Present(Found<C>),
}

/// How a reconcile of a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// `Ready` is true.
    Ready,
    /// It is not, for this reason.
    NotReady(Reason, String),
    /// The object is gone.
    Gone,
}

#[derive(Clone)]
struct Trouble {
    reason: Reason,
    message: String,
    since: Instant,
}

/// What tells one remote side from another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Side {
    id: Option<String>,
    address: String,
}

impl Side {
    /// Whether both are the same: by their ids where both have one, else by their addresses.
    fn is_same(&self, other: &Self) -> bool {
        match (&self.id, &other.id) {
            (Some(one), Some(other)) => one == other,
            _ => self.address == other.address,
        }
    }
}

struct State<C: ConnectionKind> {
    side: Side,
    live: Option<Arc<Live<C>>>,
    /// Whether the last sweep succeeded; `None`: there was none.
    ready: Option<bool>,
    /// Why the connection is not ready.
    trouble: Option<Trouble>,
    /// Whether its lists were dropped for others, and are to be read again.
    refills: bool,
    /// Generation of the connection object by whose terms its objects were last judged.
    generation: Option<i64>,
    loss: Loss,
    queues: Queues,
    writers: Arc<Writers>,
    guard: Arc<Guard>,
    windows: Arc<Windows>,
    meters: Arc<Meters>,
    orphans: Arc<Ledger>,
    trail: Arc<Trail>,
}

impl<C: ConnectionKind> Default for State<C> {
    fn default() -> Self {
        Self {
            side: Side::default(),
            live: None,
            ready: None,
            trouble: None,
            refills: false,
            generation: None,
            loss: Loss::default(),
            queues: Queues::default(),
            writers: Arc::default(),
            guard: Arc::default(),
            windows: Arc::default(),
            meters: Arc::default(),
            orphans: Arc::default(),
            trail: Arc::default(),
        }
    }
}

/// A connection that may be used, with the object that defines it.
pub struct Admitted<C: ConnectionKind> {
    /// The connection.
    pub live: Arc<Live<C>>,
    /// The object that defines it.
    pub object: Found<C>,
}

/// Live connections of one kind.
pub struct Connections<C: ConnectionKind> {
    objects: OnceLock<Objects<C>>,
    /// The kind of the connection objects.
    own: OnceLock<Arc<dyn Watched>>,
    scope: Scope,
    pub(super) privileges: Arc<Privileges>,
    pub(super) namespaces: Namespaces,
    place: Place,
    dependents: RwLock<Vec<Arc<dyn Watched>>>,
    states: RwLock<HashMap<ConnectionKey, State<C>>>,
}

impl<C: ConnectionKind> Connections<C> {
    /// None yet. `scope`: where connection objects are watched; `privileges`: which flags are privileged.
    pub fn new(scope: Scope, privileges: Arc<Privileges>, namespaces: Namespaces, place: Place) -> Self {
        Self {
            objects: OnceLock::new(),
            own: OnceLock::new(),
            scope,
            privileges,
            namespaces,
            place,
            dependents: RwLock::default(),
            states: RwLock::default(),
        }
    }

    /// Sets where connection objects are found, and who wakes them. The first call counts.
    pub fn find_in(&self, objects: Objects<C>, own: Arc<dyn Watched>) {
        let _ = self.objects.set(objects);
        let _ = self.own.set(own);
    }

    /// Adds a kind whose objects use connections.
    pub fn add_dependents(&self, kind: Arc<dyn Watched>) {
        write(&self.dependents).push(kind);
    }

    /// The connection object.
    pub fn lookup(&self, key: &ConnectionKey) -> Lookup<C> {
        let Some(objects) = self.objects.get() else {
            return Lookup::Unknown;
        };
        match objects.get(&key.namespace, &key.name) {
            Some(guard) => Found::new(guard).map_or(Lookup::Unknown, Lookup::Present),
            None if !self.scope.contains(&key.namespace) => Lookup::Outside,
            None if self.is_hidden(&key.namespace) => Lookup::Hidden,
            None => match objects.state() {
                WatchState::Listing => Lookup::Unknown,
                WatchState::Listed | WatchState::Missing => Lookup::Absent,
            },
        }
    }

    /// Whether the connection object lets objects in `namespace` use it.
    pub fn admits(&self, key: &ConnectionKey, namespace: &str) -> bool {
        match self.lookup(key) {
            Lookup::Present(object) => self.allows(&object, key, namespace) == Match::Yes,
            Lookup::Unknown | Lookup::Absent | Lookup::Outside | Lookup::Hidden => false,
        }
    }

    /// The connection, for an object in `namespace`.
    ///
    /// # Errors
    /// Not known yet, gone, not allowed, or not ready.
    pub fn admit(&self, key: &ConnectionKey, namespace: &str) -> Result<Admitted<C>, Error> {
        self.admit_object(key, namespace, false)
    }

    /// The same for an object that may be `deleting`: for its withdrawals, the last credentials do where their Secret is gone.
    ///
    /// # Errors
    /// As for [`Self::admit`].
    pub fn admit_object(&self, key: &ConnectionKey, namespace: &str, deleting: bool) -> Result<Admitted<C>, Error> {
        let name = object::kind::<C>();
        let object = match self.lookup(key) {
            Lookup::Unknown => return Err(Error::NotYet(format!("{name} {key} is not known yet"))),
            Lookup::Absent => return Err(Error::ConnectionGone(format!("{name} {key} not found"))),
            Lookup::Outside => {
                let message = format!("{name} {key} is outside of the namespaces that this operator watches");
                return Err(Error::dependency(message));
            }
            Lookup::Hidden => {
                let namespace = &key.namespace;
                let message =
                    format!("{name} {key} is not known: the operator may not list {name} in namespace {namespace}");
                return Err(Error::dependency(message));
            }
            Lookup::Present(object) => object,
        };
        self.allowed(&object, key, namespace)?;
        let states = read(&self.states);
        let state = states.get(key);
        if let Some(live) = state.filter(|_| deleting).and_then(|state| state.kept(&*object)) {
            return Ok(Admitted { live, object });
        }
        let not_tried = || Error::NotYet(format!("{name} {key} was not reached yet"));
        match state {
            Some(State {
                live: Some(live),
                ready: Some(true),
                ..
            }) if self.is_filled(live) => Ok(Admitted {
                live: live.clone(),
                object,
            }),
            Some(State {
                trouble: Some(trouble), ..
            }) => Err(not_ready(name, key, trouble)),
            _ => Err(not_tried()),
        }
    }

    /// Whether two connections lead to the same remote side.
    pub fn same_side(&self, one: &ConnectionKey, other: &ConnectionKey) -> bool {
        if one == other {
            return true;
        }
        let states = read(&self.states);
        match (states.get(one), states.get(other)) {
            (Some(one), Some(other)) => one.side.is_same(&other.side),
            _ => false,
        }
    }

    /// Notes what a sweep found out about the remote side.
    pub(super) fn identified(&self, key: &ConnectionKey, id: Option<String>) {
        write(&self.states).entry(key.clone()).or_default().side.id = id;
    }

    /// Whether a write of an object in `namespace` may still go through this connection. `withdrawal`: the write does nothing but
    /// take access away; `deleting`: the object is being deleted.
    ///
    /// # Errors
    /// The connection object, its Secrets or its terms changed, it is frozen, or no change window is open.
    pub fn permits(
        &self,
        live: &Live<C>,
        namespace: &str,
        withdrawal: bool,
        deleting: bool,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let Lookup::Present(object) = self.lookup(&live.key) else {
            return Err(Refused::ConnectionChanged);
        };
        if object.terms().freeze {
            return Err(Refused::Frozen);
        }
        if !withdrawal && let Some(why) = self.window(&live.key, &object, now).closed() {
            return Err(Refused::OutsideWindow(why));
        }
        let (replaced, kept) = {
            let states = read(&self.states);
            let state = states.get(&live.key);
            let current = state.and_then(|state| state.live.as_ref());
            (
                !current.is_some_and(|current| std::ptr::eq(&raw const **current, live)),
                withdrawal && deleting && state.is_some_and(|state| state.kept(&*object).is_some()),
            )
        };
        let changed = replaced
            || (live.is_stale() && !kept)
            || kind::reach(&*object) != live.reach
            || self.allows(&object, &live.key, namespace) != Match::Yes;
        if changed {
            Err(Refused::ConnectionChanged)
        } else {
            Ok(())
        }
    }

    /// Whether the change windows of the connection let changes pass.
    pub fn window(&self, key: &ConnectionKey, object: &C, now: Timestamp) -> Window {
        let declared = object.terms().change_windows;
        if declared.is_empty() {
            return Window::Open(None);
        }
        let known = read(&self.states).get(key).map(|state| state.windows.clone());
        let windows = known.unwrap_or_else(|| write(&self.states).entry(key.clone()).or_default().windows.clone());
        windows.at(declared, now)
    }

    /// Who may call the remote side, by one of its queues.
    pub fn admission(&self, key: &ConnectionKey, queue: Queue) -> Arc<Admission> {
        let mut states = write(&self.states);
        states.entry(key.clone()).or_default().queues.get(queue)
    }

    /// What a write must not do to the remote side.
    pub fn guard(&self, key: &ConnectionKey) -> Arc<Guard> {
        write(&self.states).entry(key.clone()).or_default().guard.clone()
    }

    /// The live connection for the present object and these values of its Secrets; `make` is called where it is missing.
    /// It is not in force before [`Self::settle`].
    pub(super) fn candidate(
        &self,
        key: &ConnectionKey,
        object: &C,
        secrets: &Secrets,
        make: impl FnOnce() -> Result<(C::Api, ListAccount), Error>,
    ) -> Result<Arc<Live<C>>, Error> {
        let reach = kind::reach(object);
        let version = format!("{reach:x}/{}", secrets.version());
        if let Some(state) = write(&self.states).get_mut(key)
            && let Some(live) = state.live.as_ref().filter(|live| live.version == version)
        {
            live.stale.store(false, Ordering::Release);
            state.loss = Loss::default();
            return Ok(live.clone());
        }
        let (api, memory) = make()?;
        let mut states = write(&self.states);
        let state = states.entry(key.clone()).or_default();
        // More than calls in flight: an object writes to Kubernetes between its calls.
        let places = kind::concurrency(object).saturating_mul(2);
        state.queues.get(Queue::Calls).resize(places);
        let live = Arc::new(Live {
            key: key.clone(),
            api,
            lists: Arc::default(),
            writers: state.writers.clone(),
            meters: state.meters.clone(),
            place: self.place.clone(),
            reach,
            version,
            prints: secrets.prints(),
            stale: false.into(),
            memory: Some(memory),
            filled: false.into(),
            evicted: Mutex::default(),
        });
        state.side = Side {
            id: None,
            address: object.address().trim_end_matches('/').to_lowercase(),
        };
        state.live = Some(live.clone());
        state.ready = None;
        state.trouble = None;
        state.loss = Loss::default();
        Ok(live)
    }

    /// Takes the outcome of a reconcile of the connection object and wakes the objects that it concerns.
    pub fn settle(&self, key: &ConnectionKey, readiness: &Readiness) {
        let generation = self.generation(key);
        // Whether those that wait, or were refused, may go on.
        let mut opens = false;
        let changed = match readiness {
            Readiness::Ready => {
                let mut states = write(&self.states);
                let state = states.entry(key.clone()).or_default();
                state.trouble = None;
                opens = std::mem::take(&mut state.refills) || state.generation != generation;
                state.generation = generation;
                state.ready.replace(true) != Some(true)
            }
            Readiness::NotReady(reason, message) => self.not_ready(key, *reason, message),
            Readiness::Gone => self.remove(key),
        };
        for kind in read(&self.dependents).iter() {
            if changed {
                kind.connection_changed(key);
            } else if *readiness == Readiness::Ready {
                kind.connection_swept(key);
                if opens {
                    kind.unblocked(key);
                }
            }
        }
    }

    /// Wakes the objects of a connection that are not ready: something that they may wait for exists now.
    pub fn unblock(&self, key: &ConnectionKey) {
        for kind in read(&self.dependents).iter() {
            kind.unblocked(key);
        }
    }

    /// Whether the trouble is another one than before.
    fn not_ready(&self, key: &ConnectionKey, reason: Reason, message: &str) -> bool {
        let mut states = write(&self.states);
        let state = states.entry(key.clone()).or_default();
        state.ready = Some(false);
        let known = state.trouble.as_ref().filter(|trouble| trouble.reason == reason);
        let since = known.map_or_else(Instant::now, |known| known.since);
        let changed = known.is_none();
        state.trouble = Some(Trouble {
            reason,
            message: message.to_owned(),
            since,
        });
        changed
    }
}

fn not_ready(kind: &str, key: &ConnectionKey, trouble: &Trouble) -> Error {
    let Trouble { reason, message, since } = trouble;
    let message = format!("{kind} {key} is not Ready ({}): {message}", reason.as_str());
    // What a connection itself depends on are the Secrets and ConfigMaps that it names.
    if *reason == Reason::DependencyNotReady {
        let since: Duration = since.elapsed();
        Error::CredentialsMissing { message, since }
    } else {
        Error::ConnectionNotReady(message)
    }
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
