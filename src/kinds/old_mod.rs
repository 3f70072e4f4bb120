//! The kinds: one file each. [`start`] is the table of those that run.

pub mod connection;
pub mod dss_group;
pub mod dss_instance;
pub mod dss_user;
pub mod govern_instance;
pub mod govern_role_assignment;
pub mod launchpad_group;
pub mod launchpad_space;
pub mod node;
pub mod remote;
#[cfg(test)]
mod tests;

use std::{future::Future, pin::Pin, sync::Arc};

use futures::future::join_all;
use kube::ResourceExt;
use tokio::{
    sync::{broadcast, watch},
    task::JoinSet,
};

use crate::{
    crd::{DssGroup, DssInstance, DssUser, GovernInstance, GovernRoleAssignment, LaunchpadGroup, LaunchpadSpace},
    engine::{
        Managed,
        context::Surroundings,
        controller::{self, Controlled, PASSES},
        objects::Objects,
        source_watch::Touched,
    },
    kinds::connection::ConnectionKind,
    registry::{
        ConnectionKey, Connections, Dependent, Registry, connections::Lookup, connections::Terms, slots::SHARE,
    },
};

/// Four connections that are slow take all that a kind runs at once, and not fewer.
const _: () = assert!(4 * SHARE <= PASSES as usize);

type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// All kinds, running.
pub struct Running {
    /// Ends when every kind has stopped, or one of them without being told to.
    pub passes: Task<()>,
    /// Resolves with true when every kind has its first complete list.
    pub ready: Task<bool>,
}

/// Starts every kind.
pub fn start(
    around: Surroundings,
    registry: &Arc<Registry>,
    namespace: Option<&str>,
    touched: &broadcast::Sender<Touched>,
    stop: &watch::Receiver<bool>,
) -> Running {
    let mut starting = Starting {
        around,
        registry,
        namespace,
        touched,
        stop,
        passes: Vec::new(),
        ready: Vec::new(),
    };
    starting.connections::<DssInstance>();
    starting.connections::<GovernInstance>();
    starting.connections::<LaunchpadSpace>();
    starting.objects::<DssGroup, _>(&registry.dss, |_| false);
    starting.objects::<DssUser, _>(&registry.dss, DssUser::needs_settings);
    let assignments = starting.objects::<GovernRoleAssignment, _>(&registry.govern, |_| false);
    starting.objects::<LaunchpadGroup, _>(&registry.launchpad, |_| false);
    registry
        .role_assignments
        .look_up_in(move |connection, place| govern_role_assignment::claims(&assignments, connection, place));
    starting.running()
}

struct Starting<'a> {
    around: Surroundings,
    registry: &'a Arc<Registry>,
    namespace: Option<&'a str>,
    touched: &'a broadcast::Sender<Touched>,
    stop: &'a watch::Receiver<bool>,
    passes: Vec<Task<()>>,
    ready: Vec<Task<bool>>,
}

impl Starting<'_> {
    /// Starts a connection kind.
    fn connections<K: ConnectionKind>(&mut self) {
        let objects = self.start::<K>();
        look_up::<K>(
            K::connections(self.registry),
            objects,
            self.namespace.map(str::to_owned),
        );
    }

    /// Starts a kind whose objects use these connections; `needs_settings` says which of them have drift that shows only
    /// in lists with settings.
    fn objects<K, C>(&mut self, connections: &Connections<C>, needs_settings: fn(&K) -> bool) -> Objects<K>
    where
        K: Managed<World = Registry, ConnectionKey = ConnectionKey>,
    {
        let objects = self.start::<K>();
        add_dependents(connections, objects.clone(), needs_settings);
        objects
    }

    fn start<K: Managed<World = Registry>>(&mut self) -> Objects<K> {
        let kind: Controlled<K> = controller::watch_kind(
            self.around.clone(),
            self.registry.clone(),
            self.namespace,
            self.touched.subscribe(),
        );
        let (objects, listed) = (kind.objects(), kind.objects());
        self.ready.push(Box::pin(async move { listed.ready().await }));
        self.passes.push(Box::pin(kind.run(self.stop.clone())));
        objects
    }

    fn running(self) -> Running {
        let (passes, ready, stop) = (self.passes, self.ready, self.stop.clone());
        Running {
            passes: Box::pin(async move {
                // Each in a task of its own, so that a kind that is busy holds up no other.
                let mut tasks: JoinSet<()> = passes.into_iter().collect();
                while let Some(ended) = tasks.join_next().await {
                    if let Err(panic) = ended {
                        tracing::error!(%panic, "a kind panicked");
                    }
                    if !*stop.borrow() {
                        return;
                    }
                }
            }),
            ready: Box::pin(async move { join_all(ready).await.into_iter().all(|ready| ready) }),
        }
    }
}

fn look_up<K: ConnectionKind>(connections: &Connections<K::Connection>, objects: Objects<K>, watched: Option<String>) {
    connections.look_up_in(move |key| match objects.get(&key.namespace, &key.name) {
        Some(guard) => match &guard.0 {
            Ok(object) => Lookup::Present(Terms {
                allowed: object.terms().allowed_namespaces.cloned().unwrap_or_default(),
            }),
            // There, but unreadable: its own status says so.
            Err(_) => Lookup::Unknown,
        },
        None if watched.as_ref().is_some_and(|watched| *watched != key.namespace) => Lookup::Outside,
        None if objects.is_ready() => Lookup::Absent,
        None => Lookup::Unknown,
    });
}

fn add_dependents<K, C>(connections: &Connections<C>, objects: Objects<K>, needs_settings: fn(&K) -> bool)
where
    K: Managed<World = Registry, ConnectionKey = ConnectionKey>,
{
    connections.add_dependents(move |key| {
        objects.is_ready().then(|| {
            let guards = objects.all();
            let decoded = guards.iter().filter_map(|guard| guard.0.as_ref().ok());
            let using = decoded.filter(|object| object.connection().as_ref() == Some(key));
            using
                .map(|object| Dependent {
                    kind: K::KIND,
                    namespace: object.namespace().unwrap_or_default(),
                    name: object.name_any(),
                    key: object.key(),
                    needs_settings: needs_settings(object),
                })
                .collect()
        })
    });
}
