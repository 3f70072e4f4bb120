//! Live connections of one kind: which there are, which may be used, and by whom.

mod terms;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock, PoisonError, RwLock},
    time::{Duration, Instant},
};

use futures::{StreamExt, stream::BoxStream};
use indexmap::IndexSet;
use tokio::sync::broadcast::{
    self,
    error::{RecvError, TryRecvError},
};

pub use self::terms::{ConnectionKey, Dependent, Lookup, News, Terms};
use crate::engine::error::{Error, Reason};

/// News that may wait for a kind that is busy: one for each connection and interval, and one for each group that comes to be
/// ready. Beyond that the kind looks at all its objects.
const QUEUE: usize = 1024;

type LookupFn = Box<dyn Fn(&ConnectionKey) -> Lookup + Send + Sync>;
type DependentsFn = Box<dyn Fn(&ConnectionKey) -> Option<Vec<Dependent>> + Send + Sync>;

struct State<C> {
    version: String,
    connection: Arc<C>,
    /// Whether it was ready at the last look; `None`: not tried yet.
    ready: Option<bool>,
}

#[derive(Clone)]
struct Trouble {
    reason: Reason,
    message: String,
    since: Instant,
}

/// Live connections of one kind.
pub struct Connections<C> {
    kind: &'static str,
    lookup: OnceLock<LookupFn>,
    dependents: RwLock<Vec<DependentsFn>>,
    states: RwLock<HashMap<ConnectionKey, State<C>>>,
    /// Why a connection that never came to be is not ready.
    troubles: RwLock<HashMap<ConnectionKey, Trouble>>,
    news: broadcast::Sender<News>,
}

impl<C> Connections<C> {
    /// None yet; `kind` is the kind of the connection objects.
    pub fn new(kind: &'static str) -> Self {
        Self {
            kind,
            lookup: OnceLock::new(),
            dependents: RwLock::default(),
            states: RwLock::default(),
            troubles: RwLock::default(),
            news: broadcast::channel(QUEUE).0,
        }
    }

    /// Says where connection objects are looked up. The first call counts.
    pub fn look_up_in(&self, lookup: impl Fn(&ConnectionKey) -> Lookup + Send + Sync + 'static) {
        let _ = self.lookup.set(Box::new(lookup));
    }

    /// Adds a kind whose objects use connections; `None` while its first list is not complete.
    pub fn add_dependents(&self, list: impl Fn(&ConnectionKey) -> Option<Vec<Dependent>> + Send + Sync + 'static) {
        write(&self.dependents).push(Box::new(list));
    }

    /// The objects that use this connection and may; `None` while that is not known.
    pub fn dependents(&self, key: &ConnectionKey) -> Option<Vec<Dependent>> {
        let allowed = match self.lookup.get().map_or(Lookup::Unknown, |lookup| lookup(key)) {
            Lookup::Present(terms) => terms.allowed,
            Lookup::Unknown | Lookup::Absent | Lookup::Outside => return None,
        };
        let lists = read(&self.dependents);
        let all: Option<Vec<_>> = lists.iter().map(|list| list(key)).collect();
        let all = all?.into_iter().flatten();
        Some(
            all.filter(|one| allowed.admits(&key.namespace, &one.namespace))
                .collect(),
        )
    }

    /// The same, once it is known.
    pub async fn known_dependents(&self, key: &ConnectionKey) -> Vec<Dependent> {
        loop {
            if let Some(dependents) = self.dependents(key) {
                return dependents;
            }
            // Only while the first lists of the kinds come in.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The connection of this version; `make` is called where there is none. It is not in use before [`Self::settle`].
    pub fn candidate(
        &self,
        key: &ConnectionKey,
        version: &str,
        make: impl FnOnce() -> Result<C, Error>,
    ) -> Result<Arc<C>, Error> {
        if let Some(state) = read(&self.states).get(key).filter(|state| state.version == version) {
            return Ok(state.connection.clone());
        }
        let connection = Arc::new(make()?);
        let state = State {
            version: version.to_owned(),
            connection: connection.clone(),
            ready: None,
        };
        write(&self.states).insert(key.clone(), state);
        Ok(connection)
    }

    /// Takes a connection into use after a successful look at its remote side, and tells everybody.
    pub fn settle_ready(&self, key: &ConnectionKey) {
        write(&self.troubles).remove(key);
        let was = write(&self.states)
            .get_mut(key)
            .and_then(|state| state.ready.replace(true));
        self.tell(if was == Some(true) {
            News::Swept(key.clone())
        } else {
            News::Changed(key.clone())
        });
    }

    /// Takes a connection out of use.
    pub fn settle_not_ready(&self, key: &ConnectionKey, reason: Reason, message: &str) {
        let known = read(&self.troubles)
            .get(key)
            .filter(|trouble| trouble.reason == reason)
            .cloned();
        let trouble = Trouble {
            reason,
            message: message.to_owned(),
            since: known.as_ref().map_or_else(Instant::now, |known| known.since),
        };
        write(&self.troubles).insert(key.clone(), trouble);
        if let Some(state) = write(&self.states).get_mut(key) {
            state.ready = Some(false);
        }
        // The same trouble again is no news; another one changes what its objects say.
        if known.is_none() {
            self.tell(News::Changed(key.clone()));
        }
    }

    /// Forgets a connection whose object is gone.
    pub fn forget(&self, key: &ConnectionKey) {
        write(&self.states).remove(key);
        write(&self.troubles).remove(key);
        self.tell(News::Changed(key.clone()));
    }

    /// Tells that something came to be that objects may wait for.
    pub fn unblock(&self, key: &ConnectionKey) {
        self.tell(News::Unblocked(key.clone()));
    }

    /// Whether the connection object lets objects in `namespace` use it.
    pub fn admits(&self, key: &ConnectionKey, namespace: &str) -> bool {
        match self.lookup.get().map_or(Lookup::Unknown, |lookup| lookup(key)) {
            Lookup::Present(terms) => terms.allowed.admits(&key.namespace, namespace),
            Lookup::Unknown | Lookup::Absent | Lookup::Outside => false,
        }
    }

    /// The connection, for an object in `namespace`.
    ///
    /// # Errors
    /// Not known yet, gone, not allowed, or not ready.
    pub fn admit(&self, key: &ConnectionKey, namespace: Option<&str>) -> Result<Arc<C>, Error> {
        let kind = self.kind;
        let lookup = self.lookup.get().map_or(Lookup::Unknown, |lookup| lookup(key));
        let terms = match lookup {
            Lookup::Unknown => return Err(Error::NotYet(format!("{kind} {key} is not looked up yet"))),
            Lookup::Absent => return Err(Error::ConnectionGone(format!("{kind} {key} not found"))),
            Lookup::Outside => {
                let message = format!("{kind} {key} is outside of the namespace that this operator watches");
                return Err(Error::dependency(message));
            }
            Lookup::Present(terms) => terms,
        };
        let namespace = namespace.unwrap_or_default();
        if !terms.allowed.admits(&key.namespace, namespace) {
            let message = format!("{kind} {key} does not allow namespace {namespace}: see its allowedNamespaces");
            return Err(Error::Blocked(Reason::NotAllowed, message));
        }
        if let Some(State {
            connection,
            ready: Some(true),
            ..
        }) = read(&self.states).get(key)
        {
            return Ok(connection.clone());
        }
        match read(&self.troubles).get(key) {
            Some(trouble) => Err(self.not_ready(key, trouble)),
            None => Err(Error::NotYet(format!("{kind} {key} is not tried yet"))),
        }
    }

    fn not_ready(&self, key: &ConnectionKey, trouble: &Trouble) -> Error {
        let Trouble { reason, message, since } = trouble;
        let message = format!("{} {key} is not Ready ({}): {message}", self.kind, reason.as_str());
        // What a connection itself waits for are the Secrets and ConfigMaps that it names.
        if *reason == Reason::DependencyNotReady {
            let since = since.elapsed();
            Error::CredentialsMissing { message, since }
        } else {
            Error::ConnectionNotReady(message)
        }
    }

    /// News as they come, for as long as the operator runs.
    pub fn news(&self) -> BoxStream<'static, News> {
        futures::stream::unfold(self.news.subscribe(), |mut news| async {
            let come = come(&mut news).await?;
            Some((futures::stream::iter(come), news))
        })
        .flatten()
        .boxed()
    }

    fn tell(&self, news: News) {
        // Nobody listens only before the kinds run and while the operator stops.
        let _ = self.news.send(news);
    }
}

/// What has come by now, each once: a thousand groups that come to be ready are one reason to look. `None` once nothing can
/// come any more.
async fn come(news: &mut broadcast::Receiver<News>) -> Option<IndexSet<News>> {
    let first = match news.recv().await {
        Ok(one) => one,
        Err(RecvError::Lagged(_)) => News::Missed,
        Err(RecvError::Closed) => return None,
    };
    let mut come = IndexSet::from([first]);
    loop {
        match news.try_recv() {
            Ok(one) => come.insert(one),
            Err(TryRecvError::Lagged(_)) => come.insert(News::Missed),
            Err(TryRecvError::Empty | TryRecvError::Closed) => return Some(come),
        };
    }
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
