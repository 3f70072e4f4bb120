//! Live connections of one kind: which there are, which may be used, and by whom.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, OnceLock, PoisonError, RwLock},
};

use futures::{StreamExt, stream::BoxStream};
use tokio::sync::broadcast;

use crate::{
    crd::{common::InstanceRef, connection::AllowedNamespaces},
    engine::error::{Error, Reason},
};

/// News that may wait for a kind that is busy. One arrives for each connection and interval.
const QUEUE: usize = 4096;

/// A connection object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionKey {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ConnectionKey {
    /// The connection that an object in `namespace` refers to.
    pub fn of(reference: &InstanceRef, namespace: Option<&str>) -> Self {
        Self {
            namespace: reference
                .namespace
                .as_deref()
                .or(namespace)
                .unwrap_or_default()
                .to_owned(),
            name: reference.name.clone(),
        }
    }
}

impl fmt::Display for ConnectionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What a connection object says about its use.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Which namespaces may use it.
    pub allowed: AllowedNamespaces,
}

/// What the watch knows of a connection object.
#[derive(Clone, Debug)]
pub enum Lookup {
    /// The first list is not complete.
    Unknown,
    /// There is no such object.
    Absent,
    /// There is.
    Present(Terms),
}

/// An object that uses a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependent {
    /// Its kind.
    pub kind: &'static str,
    /// Its namespace and name.
    pub object: String,
    /// Key of its remote object.
    pub key: String,
    /// Whether its drift shows only in lists with settings.
    pub needs_settings: bool,
}

/// Something that happened to a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// It became ready, or is another one now.
    Changed(ConnectionKey),
    /// There is a new look at its remote side.
    Swept(ConnectionKey),
    /// Something came to be on its remote side that objects may wait for.
    Unblocked(ConnectionKey),
}

type LookupFn = Box<dyn Fn(&ConnectionKey) -> Lookup + Send + Sync>;
type DependentsFn = Box<dyn Fn(&ConnectionKey) -> Option<Vec<Dependent>> + Send + Sync>;

struct State<C> {
    version: String,
    connection: Arc<C>,
    /// `None`: not tried yet. `Some(Ok)`: ready.
    verdict: Option<Result<(), (Reason, String)>>,
}

/// Live connections of one kind.
pub struct Connections<C> {
    kind: &'static str,
    lookup: OnceLock<LookupFn>,
    dependents: RwLock<Vec<DependentsFn>>,
    states: RwLock<HashMap<ConnectionKey, State<C>>>,
    /// Why a connection that never came to be is not ready.
    troubles: RwLock<HashMap<ConnectionKey, (Reason, String)>>,
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

    /// The objects that use this connection; `None` while that is not known.
    pub fn dependents(&self, key: &ConnectionKey) -> Option<Vec<Dependent>> {
        let lists = read(&self.dependents);
        let all: Option<Vec<_>> = lists.iter().map(|list| list(key)).collect();
        all.map(|lists| lists.into_iter().flatten().collect())
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
            verdict: None,
        };
        write(&self.states).insert(key.clone(), state);
        Ok(connection)
    }

    /// Takes a connection into use after a successful look at its remote side, and tells everybody.
    pub fn settle_ready(&self, key: &ConnectionKey) {
        write(&self.troubles).remove(key);
        let was = write(&self.states)
            .get_mut(key)
            .and_then(|state| state.verdict.replace(Ok(())));
        let news = if matches!(was, Some(Ok(()))) {
            News::Swept(key.clone())
        } else {
            News::Changed(key.clone())
        };
        self.tell(news);
    }

    /// Takes a connection out of use.
    pub fn settle_not_ready(&self, key: &ConnectionKey, reason: Reason, message: &str) {
        write(&self.troubles).insert(key.clone(), (reason, message.to_owned()));
        let mut was_waited_for = true;
        if let Some(state) = write(&self.states).get_mut(key) {
            let before = state.verdict.replace(Err((reason, message.to_owned())));
            was_waited_for = !matches!(before, Some(Err(_)));
        }
        if was_waited_for {
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
            Lookup::Present(terms) => terms,
        };
        let namespace = namespace.unwrap_or_default();
        if !terms.allowed.admits(&key.namespace, namespace) {
            let message = format!("{kind} {key} does not allow namespace {namespace}: see its allowedNamespaces");
            return Err(Error::Blocked(Reason::NotAllowed, message));
        }
        match read(&self.states).get(key) {
            Some(State {
                connection,
                verdict: Some(Ok(())),
                ..
            }) => Ok(connection.clone()),
            Some(State {
                verdict: Some(Err((reason, message))),
                ..
            }) => Err(self.trouble(key, *reason, message)),
            Some(State { verdict: None, .. }) | None => match read(&self.troubles).get(key) {
                Some((reason, message)) => Err(self.trouble(key, *reason, message)),
                None => Err(Error::NotYet(format!("{kind} {key} is not tried yet"))),
            },
        }
    }

    fn trouble(&self, key: &ConnectionKey, reason: Reason, message: &str) -> Error {
        let text = format!("{} {key} is not Ready ({}): {message}", self.kind, reason.as_str());
        // What a connection itself waits for are the Secrets and ConfigMaps that it names.
        if reason == Reason::DependencyNotReady {
            Error::CredentialsMissing(text)
        } else {
            Error::ConnectionNotReady(text)
        }
    }

    /// News as they come, for as long as the operator runs.
    pub fn news(&self) -> BoxStream<'static, News> {
        futures::stream::unfold(self.news.subscribe(), |mut news| async {
            loop {
                match news.recv().await {
                    Ok(one) => return Some((one, news)),
                    Err(broadcast::error::RecvError::Lagged(missed)) => {
                        tracing::warn!(
                            missed,
                            "connection news were missed; the next look at the remote side makes up for it"
                        );
                    }
                    Err(broadcast::error::RecvError::Closed) => return None,
                }
            }
        })
        .boxed()
    }

    fn tell(&self, news: News) {
        // Nobody listens only before the kinds run and while the operator stops.
        let _ = self.news.send(news);
    }
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::connection::AllowedFrom;

    fn key() -> ConnectionKey {
        ConnectionKey {
            namespace: "dataiku".into(),
            name: "design".into(),
        }
    }

    fn connections(lookup: Lookup) -> Connections<u8> {
        let connections = Connections::new("DssInstance");
        connections.look_up_in(move |_| lookup.clone());
        connections
    }

    fn allowing(from: AllowedFrom) -> Lookup {
        Lookup::Present(Terms {
            allowed: AllowedNamespaces {
                from,
                names: vec!["team-b".into()],
            },
        })
    }

    #[test]
    fn a_connection_is_used_only_after_it_was_ready() {
        let connections = connections(allowing(AllowedFrom::Same));
        let admit = || connections.admit(&key(), Some("dataiku"));
        assert!(matches!(admit(), Err(Error::NotYet(_))));
        connections.candidate(&key(), "1", || Ok(1)).unwrap();
        assert!(matches!(admit(), Err(Error::NotYet(_))));
        connections.settle_ready(&key());
        assert_eq!(*admit().unwrap(), 1);
        connections.candidate(&key(), "2", || Ok(2)).unwrap();
        assert!(
            matches!(admit(), Err(Error::NotYet(_))),
            "other credentials are not used before they were tried"
        );
        connections.settle_not_ready(&key(), Reason::Forbidden, "no");
        assert!(matches!(admit(), Err(Error::ConnectionNotReady(_))));
    }

    #[test]
    fn only_allowed_namespaces_are_admitted() {
        for (from, admitted) in [
            (AllowedFrom::Same, [true, false, false]),
            (AllowedFrom::Names, [true, true, false]),
            (AllowedFrom::All, [true, true, true]),
        ] {
            let connections = connections(allowing(from));
            connections.candidate(&key(), "1", || Ok(1)).unwrap();
            connections.settle_ready(&key());
            let answers = ["dataiku", "team-b", "team-c"].map(|ns| connections.admit(&key(), Some(ns)).is_ok());
            assert_eq!(answers, admitted, "{from:?}");
        }
    }

    #[test]
    fn a_missing_connection_and_missing_credentials_are_told_apart() {
        let gone = connections(Lookup::Absent).admit(&key(), Some("dataiku"));
        assert!(matches!(gone, Err(Error::ConnectionGone(_))));
        let connections = connections(allowing(AllowedFrom::Same));
        connections.settle_not_ready(&key(), Reason::DependencyNotReady, "Secret dataiku/key not found");
        let missing = connections.admit(&key(), Some("dataiku"));
        assert!(matches!(missing, Err(Error::CredentialsMissing(_))));
    }
}
