//! Starts kinds and runs them until the operator stops.

use std::{future::Future, pin::Pin, sync::Arc};

use futures::future::join_all;
use tokio::{sync::watch, task::JoinSet};

use super::{
    connect::{Connecting, ConnectionKind, Connections, Place},
    controller::{Kind, watch_kind},
    environment::Environment,
    keep::{Keeping, Managed},
    meters::Measured,
    object::WatchState,
    run::{Running, Task},
    scope::Scope,
    watched::Watched,
    work::Work,
};

/// A table of kinds. Whoever needs all of them takes them one by one.
pub trait Table {
    /// What stands for a kind of connection, for the kinds whose objects use it.
    type Connections<C: ConnectionKind>;

    /// Adds a kind of connection.
    fn connections<C: ConnectionKind>(&mut self) -> Self::Connections<C>;
    /// Adds a kind whose objects use these connections.
    fn objects<M: Managed>(&mut self, connections: &Self::Connections<M::Connection>);
    /// Adds a kind of task whose objects use these connections.
    fn tasks<T: Task>(&mut self, connections: &Self::Connections<T::Connection>);
}

impl Table for Starting {
    type Connections<C: ConnectionKind> = Arc<Connections<C>>;

    fn connections<C: ConnectionKind>(&mut self) -> Arc<Connections<C>> {
        Self::connections(self)
    }

    fn objects<M: Managed>(&mut self, connections: &Arc<Connections<M::Connection>>) {
        Self::objects::<M>(self, connections);
    }

    fn tasks<T: Task>(&mut self, connections: &Arc<Connections<T::Connection>>) {
        Self::tasks::<T>(self, connections);
    }
}

type Job<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// All kinds, ready to run.
pub struct Kinds {
    /// The kinds.
    pub watched: Arc<[Arc<dyn Watched>]>,
    /// Kinds of connections, for metrics.
    pub measured: Arc<[Arc<dyn Measured>]>,
    /// Runs them. Ends when every kind has stopped, or one of them without being told to.
    pub run: Job<()>,
    /// Resolves once every kind has its first complete list, or turned out to have no CRD.
    pub decided: Job<()>,
}

/// Kinds that are being started.
pub struct Starting {
    env: Environment,
    scope: Scope,
    stop: watch::Receiver<bool>,
    watched: Vec<Arc<dyn Watched>>,
    measured: Vec<Arc<dyn Measured>>,
    runs: Vec<Job<()>>,
    decided: Vec<Job<WatchState>>,
}

impl Starting {
    /// None yet.
    pub fn new(env: Environment, scope: Scope, stop: watch::Receiver<bool>) -> Self {
        Self {
            env,
            scope,
            stop,
            watched: Vec::new(),
            measured: Vec::new(),
            runs: Vec::new(),
            decided: Vec::new(),
        }
    }

    /// Starts a kind of connection.
    pub fn connections<C: ConnectionKind>(&mut self) -> Arc<Connections<C>> {
        let connections = Arc::new(Connections::new(
            self.scope.clone(),
            self.env.privileges.clone(),
            self.env.namespaces.clone(),
            Place {
                cluster: self.env.cluster.as_deref().map(Arc::from),
                clock: self.env.clock.clone(),
            },
        ));
        let kind = watch_kind(&self.env, Connecting(connections.clone()), &self.scope);
        connections.find_in(kind.objects(), kind.watched());
        self.measured.push(connections.clone());
        self.add(kind);
        connections
    }

    /// Starts a kind whose objects use these connections.
    pub fn objects<M: Managed>(&mut self, connections: &Arc<Connections<M::Connection>>) {
        let keeping = Keeping::<M> {
            connections: connections.clone(),
        };
        let kind = watch_kind(&self.env, keeping, &self.scope);
        connections.add_dependents(kind.watched());
        self.add(kind);
    }

    /// Starts a kind of task whose objects use these connections.
    pub fn tasks<T: Task>(&mut self, connections: &Arc<Connections<T::Connection>>) {
        let kind = watch_kind(&self.env, Running::<T>::new(connections.clone()), &self.scope);
        connections.add_dependents(kind.watched());
        self.add(kind);
    }

    fn add<W: Work>(&mut self, kind: Kind<W>) {
        let objects = kind.objects();
        self.watched.push(kind.watched());
        self.decided.push(Box::pin(async move { objects.decided().await }));
        self.runs.push(Box::pin(kind.run(self.stop.clone())));
    }

    /// All of them.
    pub fn finish(self) -> Kinds {
        let Self {
            stop,
            watched,
            measured,
            runs,
            decided,
            ..
        } = self;
        Kinds {
            watched: watched.into(),
            measured: measured.into(),
            run: Box::pin(async move {
                // Each in a task of its own, so that a busy kind holds up no other.
                let mut tasks: JoinSet<()> = runs.into_iter().collect();
                while let Some(ended) = tasks.join_next().await {
                    if ended.is_err() {
                        // The panic hook has logged the place; what the panic says may quote a value.
                        tracing::error!("a kind panicked");
                    }
                    if !*stop.borrow() {
                        return;
                    }
                }
            }),
            decided: Box::pin(async move {
                join_all(decided).await;
            }),
        }
    }
}
